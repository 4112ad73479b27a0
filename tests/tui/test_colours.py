"""The lexer is the one that Pygments would choose."""

from __future__ import annotations

import re

import pytest
from pygments.lexers import find_lexer_class_for_filename  # type: ignore[import-untyped]
from pygments.lexers._mapping import LEXERS  # type: ignore[import-untyped]

from tui.colours import Colours, NamedLexer, colour, lexer_for

PATTERNS = sorted({pattern for _, _, _, patterns, _ in LEXERS.values() for pattern in patterns})
NAMES = [re.sub(r"\[(.).*?\]", r"\1", pattern.replace("*", "some").replace("?", "x")) for pattern in PATTERNS]


@pytest.mark.parametrize("first", "abcdefghijklmnopqrstuvwxyz")
def test_it_is_that_of_pygments(first: str) -> None:
    """For a name of every pattern that it has; by letters, so that no test takes long."""
    names = [name for name in NAMES if first in name.rpartition(".")[2].lower()[:1]]
    for name in names:
        expected = find_lexer_class_for_filename(name)
        found = lexer_for(f"folder/{name}")
        assert found is not None
        assert type(found.load()) is expected, name


@pytest.mark.parametrize("name", ["LICENSE-of-nothing", "a.unknown", "", "folder/"])
def test_other_names_have_none(name: str) -> None:
    assert lexer_for(name) is None


def test_the_first_file_of_a_language_is_shown_before_its_lexer_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(NamedLexer, "_loaded", set())
    lines = ["def first():", "    return 1"]
    colours = Colours("a.py", lines)
    colours.lex(lines, 0, 1)
    assert colours.runs(0) == ()
    assert colours.lexer is not None
    rows = colour(colours.lexer, lines)  # as the thread does
    assert rows is not None
    assert colours.replace(rows, colours.revision)
    assert colours.runs(0)
    second = Colours("b.py", lines)  # from now on at once
    second.lex(lines, 0, 1)
    assert second.runs(0) == colours.runs(0)
