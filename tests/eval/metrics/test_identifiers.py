"""Names of a text and how they are compared."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.identifiers import identifier_exact_match, identifier_f1, identifiers, keywords_of

CODE = st.text(alphabet="ab_1é .(\"'\\\n", max_size=30)
NAMES = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=6)


def without_strings(text: str) -> str:
    """`text` without what stands in quotes, read character by character. A backslash takes the next character with it,
    but no line feed; a string without an end is none.
    """
    kept = ""
    at = 0
    while at < len(text):
        end = string_end(text, at) if text[at] in "\"'" else None
        if end is None:
            kept += text[at]
            at += 1
        else:
            at = end
    return kept


def string_end(text: str, start: int) -> int | None:
    at = start + 1
    while at < len(text):
        if text[at] == text[start]:
            return at + 1
        if text[at] == "\\":
            if at + 1 < len(text) and text[at + 1] == "\n":
                return None
            at += 1
        at += 1
    return None


def plain_words(text: str) -> list[str]:
    spaced = "".join(c if c.isalnum() or c == "_" else " " for c in text)
    return [word for word in spaced.split() if word[0] == "_" or (word[0].isascii() and word[0].isalpha())]


@given(CODE)
def test_identifiers_equal_a_plain_scanner(text: str) -> None:
    expected = [word for word in plain_words(without_strings(text)) if word not in keywords_of("python")]
    assert identifiers(text, "python") == expected


@pytest.mark.parametrize(
    ("language", "code", "expected"),
    [
        (
            "python",
            "for item in self.items: return None if True else x1",
            ["item", "self", "items", "True", "x1"],
        ),
        ("python", "f(\"a b\", 'c', key=1.5e3)", ["f", "key"]),
        ("python", "x = '''a\nb''' + c", ["x", "c"]),
        ("python", "print(match, type)", ["print", "match", "type"]),  # soft keywords are names
        ("python", r'f("a\"b", c)', ["f", "c"]),
        ("python", "don't = x", ["don", "t", "x"]),  # a quote without an end hides nothing
        ("python", "1abc _ __init__ 2", ["_", "__init__"]),
        ("python", "f(a, a)", ["f", "a", "a"]),
        ("java", "var x = this.next(null, true);", ["x", "next", "null", "true"]),
        ("java", "final String s = new Foo<>();", ["String", "s", "Foo"]),
        (
            "typescript",
            "const { a } = await this.get<string>(null);",
            ["a", "await", "get", "string", "null"],
        ),
        ("typescript", "let x: number = `${y}`;", ["x", "number", "y"]),  # backquotes are no quotes
        ("csharp", "var s = await base.Get(null, false) as string;", ["var", "s", "await", "Get", "false"]),
        (
            "go",
            "func (s *Server) Run() error { return nil }",
            ["s", "Server", "Run"],
        ),  # the list of the index
        ("no such language", "if a", ["if", "a"]),
    ],
)
def test_by_hand(language: str, code: str, expected: list[str]) -> None:
    assert identifiers(code, language) == expected


def test_keywords_of_python_are_the_reserved_words_but_two() -> None:
    assert keywords_of("python") == frozenset(keyword.kwlist) - {"True", "False"}


@pytest.mark.parametrize(
    ("language", "count"), [("java", 51), ("typescript", 42), ("csharp", 75), ("python", 33)]
)
def test_literals_are_names_and_the_lists_have_their_length(language: str, count: int) -> None:
    words = keywords_of(language)
    assert len(words) == count
    assert not words & {"true", "false", "True", "False"}
    assert ("null" in words) == (language == "csharp")


@given(NAMES, NAMES)
def test_f1_equals_precision_and_recall(predicted: list[str], wanted: list[str]) -> None:
    both = len([name for name in dict.fromkeys(predicted) if name in wanted])
    precision = both / len(dict.fromkeys(predicted)) if predicted else 0
    recall = both / len(dict.fromkeys(wanted)) if wanted else 0
    expected = 200 * precision * recall / (precision + recall) if both else 0
    assert identifier_f1(predicted, wanted) == pytest.approx(expected)
    assert (identifier_exact_match(predicted, wanted) == 100) == (predicted == wanted)


def test_order_and_repeats_count_for_the_match_only() -> None:
    assert identifier_exact_match(["a", "b"], ["b", "a"]) == 0.0
    assert identifier_exact_match(["a", "a"], ["a"]) == 0.0
    assert identifier_f1(["a", "b", "a"], ["b", "a"]) == 100.0
    assert identifier_f1(["a", "b"], ["b", "c", "d"]) == pytest.approx(40.0)


def test_texts_without_names_are_equal_but_have_no_f1() -> None:
    assert identifier_exact_match([], []) == 100.0
    assert identifier_f1([], []) == 0.0
