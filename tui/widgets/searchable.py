"""An editor that marks what is searched in it, and goes from match to match."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.document._document import Location, Selection

from repocoder.edits import TextFile
from tui.widgets.editor import Editor
from tui.widgets.painted_by_rows import Look

MAX_MATCHES = 10_000
"""Matches that are marked and counted: more tells nobody more."""

Found = tuple[int, int, int]
"""Row, start column, end column (half-open)."""


class SearchableEditor(Editor):
    """One open file. Matches are drawn only; the one that is gone to is the selection."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"editor--match"}

    def __init__(self, file: TextFile, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        self.needle = ""
        self._matches: tuple[Found, ...] = ()
        self._by_row: dict[int, list[Found]] = {}
        super().__init__(file, id=id)

    @property
    def all_matches(self) -> tuple[Found, ...]:
        """The matches of the search, in their order."""
        return self._matches

    def find(self, needle: str) -> int:
        """Mark every match of a text and return their number. "" ends the search.

        Lower case finds both cases; a text with a capital letter is found as it is written.
        """
        self.needle = needle
        self._matches = tuple(matches(self.exact.lines, needle))
        rows: dict[int, list[Found]] = {}
        for match in self._matches:
            rows.setdefault(match[0], []).append(match)
        self._by_row = rows
        self._line_cache.clear()
        self.refresh()
        return len(self._matches)

    def find_again(self) -> int:
        """Search again, after the text has changed."""
        return self.find(self.needle) if self.needle else 0

    @property
    def match_number(self) -> int:
        """Which match is selected, 1-based; 0 if none is."""
        start, end = sorted(self.selection)
        at = bisect_left(self._matches, (*start, 0))
        if at < len(self._matches) and self._matches[at] == (*start, end[1]) and start[0] == end[0]:
            return at + 1
        return 0

    def go_to_match(self, step: int, start: Location | None = None) -> bool:
        """Select the next (1) or previous (-1) match, around the end of the file; False if there is none.

        `start`: look from there on, a match at this place included; without, from the selection.
        """
        if not self._matches:
            return False
        first, last = sorted(self.selection)
        if start is not None:
            at = bisect_left(self._matches, (*start, 0))
        elif step > 0:
            at = bisect_left(self._matches, (*last, 0))
        else:
            at = bisect_left(self._matches, (*first, 0)) - 1
        row, left, right = self._matches[at % len(self._matches)]
        self.selection = Selection((row, left), (row, right))
        self.scroll_cursor_visible(center=True)
        return True

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        ghost = self.ghost
        behind = ghost is not None and ghost.rest and ghost.anchor[0] == line_index
        limit = ghost.anchor[1] if ghost is not None and behind else len(line)
        style = self._match_style if line_index in self._by_row else None
        for _, left, right in self._by_row.get(line_index, ()):
            if right <= limit and style is not None:  # what is behind a suggestion stands elsewhere
                line.stylize(style, left, right)
        return line

    def look_of_line(self, row: int) -> Look:
        return (*super().look_of_line(row), *self._by_row.get(row, ()))

    def _has_marks(self, row: int) -> bool:
        return row in self._by_row or super()._has_marks(row)

    @property
    def _match_style(self) -> Style:
        return self.get_component_rich_style("editor--match", partial=True)


def matches(lines: list[str], needle: str) -> list[Found]:
    """The places of a text in lines, in their order, at most `MAX_MATCHES`; a text of several lines is in none."""
    if not needle:
        return []
    ignore_case = needle == needle.lower()
    pattern = re.compile(re.escape(needle), re.IGNORECASE if ignore_case else 0)
    found: list[Found] = []
    for row, line in enumerate(lines):
        for match in pattern.finditer(line):
            found.append((row, match.start(), match.end()))
            if len(found) == MAX_MATCHES:
                return found
    return found
