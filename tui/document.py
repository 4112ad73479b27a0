"""The document under the editor: the exact text of the file, whatever its line ends are.

Textual's own `Document` splits at form feeds and Unicode separators and joins with one line end for all, so
that saving a file would change it. This one splits at \\n, \\r\\n and \\r only, as the engine counts lines,
and keeps each end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import cast

from rich.cells import cell_len
from rich.text import Text
from textual.document._document import Document, EditResult, Location, Newline
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Size

from tui.display import visible

_LINE_END = re.compile("(\r\n|\n|\r)")

OnChange = Callable[[int, int, int], None]
"""Called after a change with (first row, last row before, last row after)."""


class ExactDocument(Document):
    """Lines with their own ends; `text` is byte for byte what was loaded until it is edited."""

    def __init__(self, text: str, on_change: OnChange | None = None) -> None:
        self._lines, self._ends = split(text)
        self._newline = cast(Newline, _usual_end(self._ends))
        self._on_change = on_change
        self._text: str | None = text
        self.revision = 0  # changes so far
        self._tab_width = 0
        self._widths: list[int] = []

    @property
    def text(self) -> str:
        """The whole text; joined once after each change, because it is asked for on every painted line."""
        if self._text is None:
            ends = [*self._ends, ""]
            self._text = "".join(part for pair in zip(self._lines, ends, strict=True) for part in pair)
        return self._text

    def with_own_ends(self, text: str) -> str:
        """`text`, typed or pasted, with the line ends that this document uses."""
        return self._newline.join(split(text)[0])

    def get_line(self, index: int) -> str:
        """The line as it is displayed: one harmless character for each of its own."""
        return visible(self._lines[index])

    def get_size(self, tab_width: int) -> Size:
        """Widest line and number of lines; widths are kept, so that a key costs one line and not all."""
        if tab_width != self._tab_width:
            self._tab_width = tab_width
            self._widths = [self._width(line) for line in self._lines]
        return Size(max(self._widths), len(self._lines))

    def get_text_range(self, start: Location, end: Location) -> str:
        """The text between two places, with the line ends that are there."""
        (top, left), (bottom, right) = sorted((self._clamp(start), self._clamp(end)))
        if top == bottom:
            return self._lines[top][left:right]
        parts = [self._lines[top][left:]]
        for row in range(top + 1, bottom + 1):
            parts += [self._ends[row - 1], self._lines[row] if row < bottom else self._lines[row][:right]]
        return "".join(parts)

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """Replace the text between two places; line ends in `text` are kept as they are."""
        (top, left), (bottom, right) = sorted((self._clamp(start), self._clamp(end)))
        replaced = self.get_text_range((top, left), (bottom, right))
        lines, ends = split(text)
        column = len(lines[-1]) + (left if len(lines) == 1 else 0)
        lines[0] = self._lines[top][:left] + lines[0]
        lines[-1] += self._lines[bottom][right:]
        self._lines[top : bottom + 1] = lines
        self._ends[top:bottom] = ends
        self._text = None
        self.revision += 1
        if self._tab_width:
            self._widths[top : bottom + 1] = map(self._width, lines)
        last = top + len(lines) - 1
        if self._on_change is not None:
            self._on_change(top, bottom, last)
        return EditResult((last, column), replaced)

    def _clamp(self, place: Location) -> Location:
        row, column = place
        if row >= len(self._lines):
            return self.end
        return max(0, row), max(0, min(column, len(self._lines[row])))

    def _width(self, line: str) -> int:
        return cell_len(visible(line).expandtabs(self._tab_width))


class DisplayedDocument(WrappedDocument):
    """The view of an `ExactDocument` that measures what is displayed, so that the cursor is where it
    looks."""

    def wrap(self, width: int, tab_width: int | None = None) -> None:
        """Lay out all rows; without wrapping, which is how code is shown, a row is a line and nothing is
        measured."""
        if width:
            super().wrap(width, tab_width)
            return
        self._width = 0
        self._tab_width = tab_width or self._tab_width
        rows = range(self.document.line_count)
        self._wrap_offsets = [[] for _ in rows]
        self._tab_width_cache = [[] for _ in rows]
        self._offset_to_line_info = [(row, 0) for row in rows]
        self._line_index_to_offsets = [[row] for row in rows]

    @property
    def height(self) -> int:
        """Number of rows; Textual's counts them all for every painted line."""
        return len(self._offset_to_line_info)

    def get_sections(self, line_index: int) -> list[str]:
        text = Text(self.document.get_line(line_index), end="")
        return [section.plain for section in text.divide(self._wrap_offsets[line_index])]


def split(text: str) -> tuple[list[str], list[str]]:
    """Lines, at least one, and the ends between them, one fewer."""
    parts = _LINE_END.split(text)
    return parts[0::2], parts[1::2]


def _usual_end(ends: list[str]) -> str:
    return Counter(ends).most_common(1)[0][0] if ends else "\n"
