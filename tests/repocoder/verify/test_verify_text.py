"""Names that nothing defines, and brackets out of order."""

from __future__ import annotations

from typing import Any

import pytest

from repocoder.verify import ARITY, MEMBERS, NAMES, Fault, check, faults, unclosed, unknown_names
from retrieval.types import Query


class Index:
    """The one question that verify asks of a snapshot."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def defines(self, name: str) -> bool:
        return name in self._names


def query(prefix: str, suffix: str = "", language: str = "python") -> Query:
    return Query("a.py", language, 1, 0, prefix, suffix, "", ())


def names(text: str, prefix: str = "", suffix: str = "", *known: str) -> tuple[str, ...]:
    index: Any = Index(*known)
    return unknown_names(query(prefix, suffix), text, index)


@pytest.mark.parametrize(
    "text",
    [
        "return len(items)",
        "return parser.feed(text)",
        "for item, other in items:\n    print(item, other)",
        "total = 0\ntotal += 1",
        "with open(path) as handle:\n    handle.read()",
        "f = lambda left: left",
        "items.sort(key=str, reverse=True)",
        "print(\"unheard_of words\", 'more unheard_of')  # and unheard_of",
        "from nowhere import thing\nthing()",
        "if (found := len(items)):\n    return found",
        "except ValueError as error:\n    raise error",
        "print(f'{1}', rb\"raw\")",
        "def inner(left, *args, **kwargs):\n    return left, args, kwargs",
        "left, *right = items\nprint(left, right)",
        "left: int = 1\nprint(left)",
    ],
)
def test_what_is_bound_near_by_is_known(text: str) -> None:
    assert names(text, "items = path = parser = text = 1\n") == ()


def test_a_name_of_nowhere_is_unknown() -> None:
    assert names("return frobnicate(len(x), blurb.y)", "x = 1\n") == ("frobnicate", "blurb")


@pytest.mark.parametrize(
    "text", ["print(ghost, end='')", "if ghost: x = 1", "f = ghost", "x: int = ghost", "if ghost == 1:"]
)
def test_a_use_before_an_equals_sign_binds_nothing(text: str) -> None:
    assert names(text) == ("ghost",)


def test_attributes_are_not_heads() -> None:
    assert names("x.anything.at_all()", "x = 1\n") == ()


def test_a_definition_of_the_index_is_known() -> None:
    assert names("frobnicate()", "", "", "frobnicate") == ()


def test_names_after_the_hole_are_known() -> None:
    assert names("return later()", "", "def later(): ...\n") == ()


def test_the_rest_of_a_word_is_not_a_name() -> None:
    assert names("nicate(1)", "frob") == ()
    assert names("feed()", "parser = 1\nparser.") == ()


def test_other_languages_are_not_judged() -> None:
    index: Any = Index()
    assert unknown_names(query("", language="text"), "whatever(there is)", index) == ()


def test_brackets() -> None:
    assert unclosed("f(x[1], {2: 3})") == ()
    assert unclosed("x)") == ()  # closes what the prefix opened
    assert unclosed("f(x]") == ("]",)
    assert unclosed("f(')')") == ()


def test_a_double_slash_divides_in_python_and_begins_a_comment_elsewhere() -> None:
    assert names("x = 7 // ghost", "x = 1\n") == ("ghost",)
    assert unclosed("x = f(1) // ]", "typescript") == ()
    assert unclosed("x = (1 // ]", "python") == ("]",)


def test_checks_say_what_is_wrong() -> None:
    wrong = [Fault(NAMES, "f", "nothing here defines `f`"), Fault(ARITY, "g", "`g` needs `x`")]
    known, members, arity, brackets = check(query(""), "f(x]", wrong)
    assert (known.name, known.passed, known.detail) == (NAMES, False, "nothing here defines `f`")
    assert (members.name, members.passed) == (MEMBERS, True)
    assert (arity.name, arity.passed, arity.detail) == (ARITY, False, "`g` needs `x`")
    assert (brackets.name, brackets.passed) == ("brackets", False)
    assert check(query(""), "  ", ()) == ()


def test_a_language_is_not_told_to_pass_what_is_not_looked_at() -> None:
    assert [one.name for one in check(query("", language="javascript"), "f()", ())] == [
        NAMES,
        MEMBERS,
        "brackets",
    ]
    assert [one.name for one in check(query("", language="rust"), "f()", ())] == ["brackets"]


def test_without_a_parser_the_text_alone_is_looked_at() -> None:
    index: Any = Index("known")
    found = faults(query("x = 1\n"), "ghost(known(x).anything)", index, None)
    assert [(fault.check, fault.name) for fault in found] == [(NAMES, "ghost")]
