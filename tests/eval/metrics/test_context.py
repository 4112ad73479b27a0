from __future__ import annotations

import time
from dataclasses import replace

import pytest

from eval.metrics.context import (
    MAX_DEFINITIONS,
    RepositoryNames,
    context_scores,
    cross_file_identifiers,
    gold_of,
    helped_or_harmed,
    holds_word,
)
from eval.metrics.definition_table import Definition, definitions_in, may_define
from eval.types import Task
from indexer.languages import language_named
from indexer.types import Chunk, Span
from retrieval.types import Hit

SHAPES = '''\
"""Shapes."""

LIMIT = 3


class Shape:
    sides: int = 0

    def area(self, scale):
        local_only = scale
        return local_only

    def close(self):
        self.done = True


def make_shape(kind):
    def inner():
        return Shape()

    return inner()
'''
USER = "from shapes import Shape\n\n\ndef use():\n    shape = "
TRUTH = 'make_shape("outline").area(Wide)  # like close\n'
OTHER = "from shapes import make_shape\n\nWide = 2\nprint(make_shape(1).area(2))\n"


def task(truth: str = TRUTH, prefix: str = USER, path: str = "user.py", language: str = "python") -> Task:
    return Task(
        id="t/0", benchmark="mined-t", kind="line", language=language, repository="t", path=path,
        prefix=prefix, truth=truth, suffix="", line=prefix.count("\n") + 1, column=0, origin="mined",
    )  # fmt: skip


def names(**more: str) -> RepositoryNames:
    files = {"shapes.py": SHAPES, "user.py": USER + TRUTH, "other.py": OTHER}
    return RepositoryNames({**files, **more}, "python")


def hit(path: str, text: str, start: int, end: int) -> Hit:
    return Hit(
        Chunk(-1, path, Span(start, end, 0, 0), "python", "window", "", "", text), 1.0, (), text, start, end
    )


def whole(path: str, text: str) -> Hit:
    return hit(path, text, 1, text.count("\n") + 1)


def test_cross_file_identifiers_are_what_only_other_files_tell() -> None:
    """`shape` is above the hole, `outline` is a string, `close` a comment; `Wide` and the calls are elsewhere."""
    assert cross_file_identifiers(task(), names()) == ["make_shape", "area", "Wide"]
    seen_above = task(prefix="make_shape = 1\n" + USER)
    assert cross_file_identifiers(seen_above, names()) == ["area", "Wide"]
    assert cross_file_identifiers(task(truth="nowhere_else(1)"), names()) == []
    assert cross_file_identifiers(task(truth="return None"), names()) == []


def test_a_part_of_a_word_is_not_the_word() -> None:
    assert holds_word("a = area(1)", "area")
    assert not holds_word("areal = my_area + area2", "area")
    assert holds_word("areal, area", "area")
    assert not holds_word("", "area")


def test_coverage_and_precision_are_shares() -> None:
    shown = [
        hit("other.py", "print(make_shape(1).area(2))", 4, 4),
        hit("shapes.py", "LIMIT = 3", 3, 3),
        hit("user.py", "from shapes import Shape", 1, 1),
    ]
    scores = context_scores(task(), shown, names(), context_tokens=40)
    assert scores["identifier_coverage"] == pytest.approx(100 * 2 / 3)
    assert scores["context_precision"] == pytest.approx(100 / 3)
    assert scores["context_snippets"] == 3
    assert scores["context_tokens"] == 40


def test_nothing_shown_covers_nothing_and_has_no_precision() -> None:
    scores = context_scores(task(), [], names())
    assert scores == {
        "identifier_coverage": 0.0,
        "gold_definition_hit": 0.0,
        "gold_definition_coverage": 0.0,
        "context_precision": None,
        "context_snippets": 0.0,
        "context_tokens": None,
    }


def test_a_truth_without_names_of_others_has_no_coverage() -> None:
    scores = context_scores(task(truth="return 1"), [whole("shapes.py", SHAPES)], names())
    assert scores["identifier_coverage"] is None
    assert scores["gold_definition_hit"] is None
    assert scores["gold_definition_coverage"] is None
    assert scores["context_precision"] is None


def test_all_files_shown_cover_everything() -> None:
    shown = [whole("shapes.py", SHAPES), whole("other.py", OTHER)]
    scores = context_scores(task(), shown, names())
    kinds = ("identifier_coverage", "gold_definition_hit", "gold_definition_coverage", "context_precision")
    assert [scores[kind] for kind in kinds] == [100.0] * 4


def test_a_use_of_a_name_shows_no_definition() -> None:
    use = context_scores(task(), [hit("other.py", "print(make_shape(1).area(2))", 4, 4)], names())
    assert use["gold_definition_hit"] == 0.0
    line = SHAPES[: SHAPES.index("def make_shape")].count("\n") + 1
    definition = context_scores(task(), [hit("shapes.py", "def make_shape(kind): ...", line, line)], names())
    assert definition["gold_definition_hit"] == 100.0
    assert definition["gold_definition_coverage"] == pytest.approx(100 / 3)


def test_an_outline_shows_the_members_that_it_names() -> None:
    with_area = hit("shapes.py", "class Shape:\n    def area(self, scale): ...", 6, 14)
    without = replace(with_area, text="class Shape:\n    sides: int = 0")
    gold = "gold_definition_coverage"
    assert context_scores(task(), [with_area], names())[gold] == pytest.approx(100 / 3)
    assert context_scores(task(), [without], names())[gold] == 0.0


def test_gold_is_found_by_name_in_other_files_only() -> None:
    gold = gold_of(task(), names())
    assert {name: [tuple(place) for place in places] for name, places in gold.items()} == {
        "make_shape": [("shapes.py", 17)],
        "area": [("shapes.py", 9)],
        "Wide": [("other.py", 3)],
    }
    own = RepositoryNames(
        {"shapes.py": SHAPES, "user.py": "def make_shape(): ...\n" + USER + TRUTH}, "python"
    )
    assert set(gold_of(task(), own)) == {"area"}


def test_names_defined_too_often_are_no_gold() -> None:
    copies = {f"copy{number}.py": "def make_shape(): ...\n" for number in range(MAX_DEFINITIONS)}
    assert len(gold_of(task(), names(**dict(list(copies.items())[:-1])))["make_shape"]) == MAX_DEFINITIONS
    assert "make_shape" not in gold_of(task(), names(**copies))


def test_a_bare_name_is_no_member_where_members_need_a_receiver() -> None:
    assert set(gold_of(task(truth="area = sides"), names())) == set()
    assert set(gold_of(task(truth="x.area = y.sides"), names())) == {"area", "sides"}
    assert set(gold_of(task(truth="area", prefix="x = shape."), names())) == {"area"}
    java = {
        "A.java": "class A { int area() { return 1; } }\n",
        "B.java": "class B extends A { int x = area(); }",
    }
    one = task(truth="area();", prefix="class B extends A { int x = ", path="B.java", language="java")
    assert set(gold_of(one, RepositoryNames(java, "java"))) == {"area"}


def test_locals_of_functions_are_no_definitions() -> None:
    found = {(one.name, one.is_member) for one in definitions_in(SHAPES, language_named("python"))}
    assert found == {
        ("LIMIT", False), ("Shape", False), ("sides", True), ("area", True), ("close", True), ("done", True),
        ("make_shape", False),
    }  # fmt: skip


DEFINITIONS = {
    "java": ("class A {\n  int size;\n  int area() { int inner = 1; return inner; }\n}\n", "A size area"),
    "typescript": ("export const top = 1\nclass A {\n  side = 1\n  area() { const inner = 1; return inner }\n}\n",
                   "top A side area"),
    "csharp": ("namespace N { class A {\n  int Size { get; }\n  int Area() { var inner = 1; return 1; }\n} }\n",
               "N A Size Area"),
    "go": ("package a\ntype T struct {\n\tSize int\n}\nfunc (t *T) Area() int {\n\tinner := 1\n\treturn inner\n}\n",
           "T Size Area"),
    "rust": ("struct T { size: i32 }\nimpl T {\n  fn area(&self) -> i32 { let inner = 1; inner }\n}\n", "T size area"),
    "kotlin": ("class A(val size: Int) {\n  fun area(): Int { val inner = 1; return inner }\n}\n", "A size area"),
    "ruby": ("class A\n  LIMIT = 1\n  def self.area\n    inner = 1\n    inner\n  end\nend\n", "A LIMIT area"),
}  # fmt: skip


@pytest.mark.parametrize("language", sorted(DEFINITIONS))
def test_definitions_of_each_language(language: str) -> None:
    text, expected = DEFINITIONS[language]
    row = language_named(language)
    found = definitions_in(text, row)
    assert [one.name for one in found] == expected.split()
    lines = text.split("\n")
    assert all(one.name in lines[one.line - 1] for one in found)
    assert all(may_define(text, one.name, row) for one in found)


def test_what_cannot_define_is_not_parsed() -> None:
    python = language_named("python")
    uses = "x = area(1)\nreturn area\nshape.area(2)\nf(b=area + 1)\nimport area\nmy_area = 1\n"
    assert not may_define(uses, "area", python)
    for text in (
        "def area(): ...",
        "class area:",
        "area = 1",
        "a, area = 1, 2",
        "    area: int",
        "self.area = 1",
    ):
        assert may_define(text, "area", python), text


def test_broken_and_foreign_files_define_what_can_be_read() -> None:
    broken = RepositoryNames(
        {"a.py": "def good(): ...\ndef (((\n", "b.py": "\udcff\x00" + "(" * 3000}, "python"
    )
    assert broken.definitions("good") == (("a.py", Definition("good", 1, False)),)
    assert definitions_in("plain words", language_named("text")) == []
    assert RepositoryNames({}, "python").definitions("x") == ()


def test_strings_and_comments_are_those_of_the_language() -> None:
    files = {"A.java": "Foo bar baz Qux", "b.go": "Foo bar baz Qux"}
    everything = RepositoryNames(files)
    java = task(truth='f("Foo"); /* bar\n */ // baz\nQux();', path="B.java", language="java")
    assert cross_file_identifiers(java, everything) == ["Qux"]
    go = task(truth='f("Foo", `bar`, `\nbaz`) // baz\nQux()', path="c.go", language="go")
    assert cross_file_identifiers(go, everything) == ["Qux"]
    rust = task(truth="f::<'Foo>(&'Foo bar, '\\'') // baz", path="d.rs", language="rust")
    assert cross_file_identifiers(rust, everything) == ["bar"]
    python = task(truth='f("""Foo\n"bar" """, 7 // Qux)  # baz', path="e.py")
    assert cross_file_identifiers(python, everything) == ["Qux"]


def test_helped_or_harmed_is_strict() -> None:
    low, high = {"edit_similarity_levenshtein": 40.0}, {"edit_similarity_levenshtein": 40.5}
    assert helped_or_harmed(low, high) == "helped"
    assert helped_or_harmed(high, low) == "harmed"
    assert helped_or_harmed(low, dict(low)) == "same"
    assert helped_or_harmed(low, {"edit_similarity_levenshtein": None}) is None
    assert helped_or_harmed({}, high) is None
    assert helped_or_harmed({"other": 1.0}, {"other": 2.0}, metric="other") == "helped"


def test_a_task_costs_little() -> None:
    """Two milliseconds are the contract; the bound is wide because other tests keep the machine busy."""
    body = "".join(
        f"def function_{number}(value):\n    return value + {number}\n\n\n" for number in range(100)
    )
    files = {f"m{number}.py": body.replace("function", f"f{number}") for number in range(60)}
    repository = RepositoryNames(files, "python")
    one = task(truth="return f3_7(f4_9(result), other.f5_11)", path="m1.py")
    shown = [whole(path, text[:1500]) for path, text in list(files.items())[:20]]
    context_scores(one, shown, repository)
    started = time.thread_time()
    for _ in range(20):
        context_scores(one, shown, repository)
    assert (time.thread_time() - started) / 20 < 0.02
