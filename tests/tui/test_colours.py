"""The lexer is the one that Pygments would choose."""

from __future__ import annotations

import re

import pytest
from pygments.lexers import find_lexer_class_for_filename  # type: ignore[import-untyped]
from pygments.lexers._mapping import LEXERS  # type: ignore[import-untyped]

from tui.colours import lexer_for

PATTERNS = sorted({pattern for _, _, _, patterns, _ in LEXERS.values() for pattern in patterns})
NAMES = [re.sub(r"\[(.).*?\]", r"\1", pattern.replace("*", "some").replace("?", "x")) for pattern in PATTERNS]


@pytest.mark.parametrize("first", "abcdefghijklmnopqrstuvwxyz")
def test_it_is_that_of_pygments(first: str) -> None:
    """For a name of every pattern that it has; by letters, so that no test takes long."""
    names = [name for name in NAMES if first in name.rpartition(".")[2].lower()[:1]]
    for name in names:
        expected = find_lexer_class_for_filename(name)
        assert type(lexer_for(f"folder/{name}")) is expected, name


@pytest.mark.parametrize("name", ["LICENSE-of-nothing", "a.unknown", "", "folder/"])
def test_other_names_have_none(name: str) -> None:
    assert lexer_for(name) is None
