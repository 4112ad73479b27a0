"""Post-processing: each row is a place (`‸` is the cursor), what the model wrote, and what must be
inserted."""

from __future__ import annotations

import ast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from repocoder.hole import hole_of
from repocoder.postprocess import StopRule, finish
from retrieval.types import Query


def query_in(marked: str, path: str = "a.py", language: str = "python") -> Query:
    prefix, suffix = marked.split("‸")
    line = prefix.count("\n") + 1
    return Query(path, language, line, len(prefix.rpartition("\n")[2]), prefix, suffix, "", ())


CASES = {
    # the line
    "rest of the line": ("x = fo‸\ny = 2\n", "o(1)\nz = 3\nw = 4", "o(1)", "line"),
    "a bracket goes on over lines": (
        "x = foo(‸\ny = 2\n",
        "\n    1,\n    2,\n)\nz = 3",
        "\n    1,\n    2,\n)",
        "line",
    ),
    "text after the cursor wants one line": ("x = ‸ + 1\n", "foo(2)\ny = 3", "foo(2)", "line"),
    "a statement that opens a block brings it": (
        "def f(a):\n    if a‸\n    return 2\n",
        " > 1:\n        return 1\n    x = 3\n",
        " > 1:\n        return 1",
        "indent",
    ),
    "a comment brings the code after it": (
        "def f(a):\n    # the sum‸\n\n\ndef g():\n    pass\n",
        "\n    s = sum(a)\n    return s\n\n\ndef h():",
        "\n    s = sum(a)\n    return s",
        "indent",
    ),
    "a header brings its body": (
        "class A:\n    def f(self):‸\n\n    def g(self):\n        pass\n",
        "\n        x = 1\n        return x\n\n    def h(self):\n        pass",
        "\n        x = 1\n        return x",
        "indent",
    ),
    # the block
    "the block ends": (
        "def f(a):\n    ‸\n\n\ndef g():\n    pass\n",
        "x = a\n    return x\n\n\nclass B:\n    pass\n",
        "x = a\n    return x",
        "indent",
    ),
    "a block with an inner block": (
        "def f(a):\n    ‸\n",
        "for x in a:\n        yield x\n    return 3\nf()\n",
        "for x in a:\n        yield x\n    return 3",
        "indent",
    ),
    "a dedent at once leaves nothing": (
        "class A:\n    def f(self):\n        x = 1\n        ‸\n",
        "\n    def g(self):\n        pass",
        "",
        "empty",
    ),
    "one definition, not all that follow": (
        "class A:\n    x = 1\n\n‸\n",
        "    def f(self):\n        return 1\n\n    def g(self):\n        return 2\n",
        "    def f(self):\n        return 1",
        "indent",
    ),
    "a decorated definition": (
        "class A:\n    x = 1\n\n    ‸\n",
        "@property\n    def f(self):\n        return 1\n\n    def g(self):\n",
        "@property\n    def f(self):\n        return 1",
        "indent",
    ),
    "closing brackets at the block's depth": (
        "def f():\n    ‸\n",
        "x = [\n        1,\n    ]\n    return x\n",
        "x = [\n        1,\n    ]\n    return x",
        "end",
    ),
    "a string over lines has no depth": (
        "def f():\n    ‸\n",
        'x = """\nleft\n"""\n    return x',
        'x = """\nleft\n"""\n    return x',
        "end",
    ),
    # doubled suffix
    "the next line of the file": (
        "def f(a):\n    ‸\n    return x\n",
        "x = a\n    return x\n",
        "x = a",
        "suffix",
    ),
    "the next definition of the file": (
        "class A:\n    def f(self):\n        ‸\n\n    @property\n    def g(self):\n        pass\n",
        "return 1\n\n    @property\n    def g(self):\n        pass",
        "return 1",
        "indent",
    ),
    "the rest of the line": ("x = foo(‸) + bar(z)\n", "a) + bar(z)", "a", "suffix"),
    "the rest of the line without brackets": ("x = ‸ if a else b\n", "1 if a else b", "1", "suffix"),
    "a closing bracket": ("print(‸)\n", "x)", "x", "suffix"),
    "a closing bracket of its own": ("print(‸)\n", "foo(x)", "foo(x)", "end"),
    "two closing brackets, one is there": ("f(g(‸)\n", "x))", "x)", "suffix"),
    "two closing brackets, both are there": ("f(g(‸))\n", "x))", "x", "suffix"),
    "a closing bracket on the next line": ("f(\n    a,\n    ‸\n)\n", "b,\n)\n", "b,", "suffix"),
    "a bracket of a dict": ("x = {‸}\n", '"a": 1}', '"a": 1', "suffix"),
    "nothing closes it yet": ("print(‸\n", "x)", "x)", "end"),
    "a quote": ('x = "‸"\n', 'hello"', "hello", "suffix"),
    "a quote and a bracket": ('f("‸")\n', 'hello")', "hello", "suffix"),
    "an escaped quote": ('x = "‸"\n', 'say \\"a\\""', 'say \\"a\\"', "suffix"),
    "a quote of its own": ("f(‸)\n", '"a"', '"a"', "end"),
    "brackets in strings and comments do not count": ("f(‸)\n", '")", x', '")", x', "end"),
    # indentation
    "column 0 in a body": ("def f(a):\n‸\n", "return a\n", "    return a", "end"),
    "column 0 in a body, whole block": (
        "def f(a):\n‸\n",
        "x = 1\nreturn x",
        "    x = 1\n    return x",
        "end",
    ),
    "column 0, the model indents": (
        "def f(a):\n‸\n",
        "    x = 1\n    return x",
        "    x = 1\n    return x",
        "end",
    ),
    "half of the indentation": ("def f(a):\n  ‸\n", "return a", "  return a", "end"),
    "half of the indentation, whole from the model": (
        "def f(a):\n  ‸\n",
        "    return a",
        "  return a",
        "end",
    ),
    "all of the indentation twice": ("def f(a):\n    ‸\n", "    return a", "return a", "end"),
    "blank lines before the code": ("def f(a):\n    ‸\n", "\n    return a", "return a", "end"),
    "a dedent is allowed": (
        "def f(a):\n    for x in a:\n        print(x)\n‸\n",
        "    return a",
        "    return a",
        "end",
    ),
    # circles
    "the same line": ("def f():\n    ‸\n", "a = 1\n" + "    b = 2\n" * 5, "a = 1\n    b = 2", "repetition"),
    "the same line from the first on": (
        "x = [\n    ‸\n]\n",
        '"a",\n' + '    "a",\n' * 4,
        '"a",',
        "repetition",
    ),
    "two lines in turn": (
        "def f():\n    ‸\n",
        "a = 1\n" + "    b = 2\n    c = 3\n" * 4,
        "a = 1\n    b = 2\n    c = 3",
        "repetition",
    ),
    "within a line": ("x = ‸\n", "[" + "17: (356, " * 9, "[17: (356, 17: (356,", "repetition"),
    "a rule of dashes is no circle": ("‸\n", "# " + "-" * 80, "# " + "-" * 80, "end"),
    # white space
    "at the end": ("x = ‸\n", "1   \n\n", "1", "line"),
    "within": ("def f():\n    ‸\n", "a = 1   \n    b = 2\n", "a = 1\n    b = 2", "end"),
    "only that": ("x = 1‸\n", "   \n  ", "", "empty"),
}


@pytest.mark.parametrize("name", CASES)
def test_places(name: str) -> None:
    marked, written, wanted, reason = CASES[name]
    finished = finish(written, query_in(marked))
    assert (finished.text, finished.stop_reason) == (wanted, reason)


def test_line_ends_follow_the_file() -> None:
    query = query_in("def f():\r\n    ‸\r\n")
    assert finish("a = 1\n    b = 2\n", query).text == "a = 1\r\n    b = 2"
    assert finish("a = 1\r\n    b = 2\r\n", query).text == "a = 1\r\n    b = 2"


def test_other_languages_have_other_comments() -> None:
    query = query_in("x = f(‸);\n", "a.js", "javascript")
    assert finish("a) // )", query).text == "a"
    assert finish("'#', a", query).text == "'#', a"


@pytest.mark.parametrize("name", CASES)
def test_streaming_stops_where_the_whole_text_is_cut(name: str) -> None:
    marked, written, wanted, _ = CASES[name]
    query = query_in(marked)
    rule = StopRule(query)
    fed = ""
    for letter in written:
        fed += letter
        answer = rule.feed(letter)
        assert "\n" not in answer.text[len(fed) :] and fed.startswith(answer.text)
        if answer.stop is not None:
            break
    assert finish(fed, query).text == wanted


def test_a_reset_rule_begins_again() -> None:
    rule = StopRule(query_in("x = ‸\n"))
    assert rule.feed("1\n2").stop == "line"
    rule.reset()
    assert rule.feed("1").stop is None


CODE = st.lists(
    st.sampled_from(
        [
            "x = 1",
            "return x",
            "if a:",
            "    y = 2",
            "foo(",
            ")",
            "]",
            "'",
            '"',
            '"""',
            "def f():",
            "",
            "  ",
            "\t",
            "a",
        ]
    ),
    max_size=10,
).map("\n".join)
MARKS = st.text(alphabet="ab1 \n\t()[]{}'\"#:,=\\\r", max_size=60)
PLACES = st.tuples(st.one_of(CODE, MARKS), st.one_of(CODE, MARKS))


@settings(max_examples=300, deadline=None)
@given(PLACES, st.one_of(CODE, MARKS))
def test_it_never_fails_and_finishing_twice_changes_nothing(place: tuple[str, str], written: str) -> None:
    query = query_in("‸".join(place))
    once = finish(written, query)
    assert finish(once.text, query).text == once.text
    assert once.text.strip() or once.text == ""
    assert not once.text.endswith("\n")


@settings(max_examples=300, deadline=None)
@given(PLACES, st.one_of(CODE, MARKS), st.integers(1, 7))
@example(("", ""), "x = 1\nx = 1\nx = 1\nreturn x\nreturn x\nreturn x", 1)
def test_streaming_loses_nothing_that_finish_keeps(place: tuple[str, str], written: str, step: int) -> None:
    """Stopping early gives the same text as letting the model run on."""
    query = query_in("‸".join(place))
    rule = StopRule(query)
    fed = ""
    for start in range(0, len(written), step):
        fed += written[start : start + step]
        if rule.feed(written[start : start + step]).stop is not None:
            break
    assert finish(fed, query).text == finish(written, query).text


SOURCE = '''class Store:
    """Keeps things."""

    def __init__(self, path: str, limit: int = 3) -> None:
        self.path = path
        self.items = {"a": [1, 2], "b": (3, 4)}
        if limit > 2 and path:
            self.limit = max(
                limit,
                len(path),
            )

    def add(self, name: str, *values: int) -> list[int]:
        for value in values:
            self.items.setdefault(name, []).append(value)
        return [v for v in self.items[name] if v != 0]


def main() -> None:
    store = Store("here")
    print(store.add("c", 1, 2), "done")
'''


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(SOURCE)), st.integers(0, 60))
def test_a_perfect_model_is_left_alone_and_its_excess_is_cut(start: int, length: int) -> None:
    """Punch a hole into sound code, let the model write exactly it and then all that follows: the file
    must come out as it was, or cut at a line end within the hole, never with something doubled."""
    end = min(len(SOURCE), start + length)
    prefix, hole, suffix = SOURCE[:start], SOURCE[start:end], SOURCE[end:]
    query = query_in(f"{prefix}‸{suffix}")
    exact = finish(hole, query).text
    assert hole.rstrip().startswith(exact.rstrip()) or not prefix.rpartition("\n")[2].strip()
    excess = finish(hole + suffix, query).text
    if hole.strip() and "\n" not in hole and suffix.partition("\n")[0].strip():
        assert len(excess) <= len(hole) + len(suffix.partition("\n")[0])
    if exact.strip() == hole.strip() and not hole.endswith("\n"):
        ast.parse(prefix + exact + suffix if exact == hole else SOURCE)


@pytest.mark.parametrize(
    ("marked", "wanted"),
    [
        ("def f():\n    ‸\n", True),
        ("total = ‸", True),
        ("f(a, ‸)", True),
        ("    return‸", True),
        ("total = f(a)‸", False),
        ("def f():\n    pass‸\n", False),
    ],
)
def test_where_nothing_is_no_answer(marked: str, wanted: bool) -> None:
    assert hole_of(query_in(marked)).wants_text is wanted
