"""The cut to one statement, by hand and against a parse after each character."""

from __future__ import annotations

import time

import pytest
import tree_sitter_python
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Language, Node, Parser

from eval.metrics import syntax
from eval.metrics.statements import first_statement
from eval.metrics.syntax import GrowingFile

PARSER = Parser(Language(tree_sitter_python.language()))
PROMPTS = st.sampled_from(
    [
        "",
        "import os\n\nx = ",
        "def f(a):\n    return ",
        "class A:\n    def f(self):\n        self.items = [\n            ",
        "def f(:\n    x = ",  # does not parse, and never will
        "é = 'ü'\nif é:\n    print(",
        's = """',
    ]
)
PIECES = st.lists(
    st.sampled_from(
        [
            "a",
            "f(",
            ")",
            "[",
            "]",
            "\n",
            "\n    ",
            " = ",
            ".b",
            "1",
            '"',
            '"""',
            ":",
            "# é",
            "else",
            "if ",
            ",",
            "\\\n",
        ]
    ),
    max_size=14,
).map("".join)


def error_in(node: Node) -> bool:
    return node.type == "ERROR" or any(error_in(child) for child in node.children)


def parses(text: str) -> bool:
    return not error_in(PARSER.parse(text.encode()).root_node)


def slow_statement(prompt: str, prediction: str) -> str:
    """As published: a parse of the whole file after each character."""
    for end in range(1, len(prediction)):
        if parses(prompt + prediction[:end]) and prediction[end] == "\n":
            return prediction[:end].rstrip()
    return prediction


@settings(max_examples=150)
@given(PROMPTS, PIECES)
def test_python_equals_a_parse_after_each_character(prompt: str, prediction: str) -> None:
    assert first_statement(prompt, prediction, "python") == slow_statement(prompt, prediction)


@settings(max_examples=100)
@given(PROMPTS, st.lists(PIECES, min_size=1, max_size=4))
def test_a_file_that_changes_is_read_like_a_new_one(prompt: str, tails: list[str]) -> None:
    file = GrowingFile("python", prompt)
    for tail in (part for whole in tails for part in (whole, whole[: len(whole) // 2], whole + "\n")):
        assert file.parses(tail) == parses(prompt + tail)
        root = file.root(tail)
        assert root is not None
        assert str(root) == str(PARSER.parse((prompt + tail).encode()).root_node)


@pytest.mark.parametrize(
    ("prompt", "prediction", "cut"),
    [
        ("x = ", "f(a)\ny = 2\n", "f(a)"),
        ("x = ", "f(\n    a,\n)\ny = 2\n", "f(\n    a,\n)"),
        ("x = ", "f(a)", "f(a)"),  # no line feed: nothing is cut
        ("x = ", "f(a)   \ny", "f(a)"),
        ("x = ", "f(\n    a,\n", "f(\n    a,\n"),  # never parses: stays whole, with its end
        ("", "\nx = 1\ny = 2", "\nx = 1"),  # the empty beginning is not tried
        ("", "\n\nx = 1\n", ""),  # a line feed alone parses
        ("class (((\n", "x = 1\ny = 2\n", "x = 1\ny = 2\n"),  # the prompt does not parse
        ("def f(:\n    ", "x = 1\ny = 2\n", "x = 1"),  # here the parser imagines a name: no error node
        ("x = (\n", "1)\ny = 2\n", "1)"),
        ("x = ", "", ""),
        ("x = ", "1\r\ny = 2\n", "1"),
    ],
)
def test_python_by_hand(prompt: str, prediction: str, cut: str) -> None:
    assert first_statement(prompt, prediction, "python") == cut


@pytest.mark.parametrize(
    ("prediction", "cut"),
    [
        ("a.b(c); d();", "a.b(c);"),
        ("if (a) { b(); }", "if (a) {"),
        ("a }\nb;", "a }"),
        ("; a; b", "; a; b"),  # an end as the very first character cuts nothing
        ("{ a; b }", "{ a; b }"),
        (" ; a", " ;"),
        ("a.b(c)", "a.b(c)"),
        ('f("a;b");', 'f("a;'),  # also in strings
        ("f({ a: 1 });", "f({"),  # so some truths of TypeScript can never be matched: see test_identity
        ("", ""),
    ],
)
@pytest.mark.parametrize("language", ["java", "csharp", "typescript"])
def test_brackets_by_hand(prediction: str, cut: str, language: str) -> None:
    assert first_statement("class A {", prediction, language) == cut


@given(st.text(alphabet="ab;{} \n", max_size=12))
def test_brackets_equal_a_plain_loop(prediction: str) -> None:
    expected = prediction
    for at, character in enumerate(prediction):
        if character in ";{}":
            expected = prediction[: at + 1] if at else prediction
            break
    assert first_statement("", prediction, "java") == expected


def test_other_languages_are_not_cut() -> None:
    assert first_statement("", "a; b;\nc", "go") == "a; b;\nc"


def test_half_a_surrogate_pair_never_parses() -> None:
    assert first_statement("x = ", "'\ud800'\ny = 1\n", "python") == "'\ud800'\ny = 1\n"
    assert first_statement("x = ", "1\n'\ud800'\n", "python") == "1"


def test_a_token_that_is_only_missing_is_no_error() -> None:
    file = GrowingFile("java", "class A { int a = 1")
    root = file.root(" }")
    assert root is not None
    assert root.has_error
    assert file.parses(" }")
    assert not file.parses(" ) }")


def test_a_hostile_prediction_stays_whole_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "BUDGET_SECONDS", 0.2)
    for text in ("(\n" * 20_000, "f(a<\n" * 10_000):
        start = time.process_time()
        assert first_statement("x = 1 +", text, "python") == text
        assert time.process_time() - start < 3


def test_a_text_over_the_limit_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "MAX_BYTES", 20)
    assert first_statement("x = ", "1\ny = 2\n", "python") == "1"
    assert first_statement("x" * 20 + " = ", "1\ny = 2\n", "python") == "1\ny = 2\n"


def test_deep_trees_are_walked_without_recursion() -> None:
    assert not GrowingFile("python", "x = ").parses("(" * 5000 + "$" + ")" * 5000)
