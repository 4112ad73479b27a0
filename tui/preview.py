"""What a suggestion would change in its file, as the rows of a diff."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

CONTEXT = 4  # unchanged lines shown on both sides


@dataclass(frozen=True, slots=True)
class Preview:
    """A text that would go in at a place of a file. `row` and `column` are 0-based."""

    path: str
    lines: tuple[str, ...]  # of the document
    row: int
    column: int
    text: str


def diff(preview: Preview) -> list[tuple[str, int, str]]:
    """Rows (mark, line number, text): " " is unchanged, "-" goes, "+" comes. Numbers of "+" are those after it."""
    first = max(0, preview.row - CONTEXT)
    before = list(preview.lines[first : preview.row + 1 + CONTEXT])
    at = preview.row - first
    line = before[at]
    changed = (line[: preview.column] + preview.text + line[preview.column :]).split("\n")
    after = [*before[:at], *changed, *before[at + 1 :]]
    rows: list[tuple[str, int, str]] = []
    for kind, i, j, k, m in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if kind == "equal":
            rows += _rows(" ", first + k, after[k:m])
            continue
        rows += _rows("-", first + i, before[i:j])
        rows += _rows("+", first + k, after[k:m])
    return rows


def _rows(mark: str, first: int, lines: Sequence[str]) -> list[tuple[str, int, str]]:
    return [(mark, number, line) for number, line in enumerate(lines, first + 1)]
