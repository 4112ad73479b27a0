"""A file's bytes with quick answers: which line, which text, which scope."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from indexer.types import Span


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A class or function and the bytes that it covers."""

    start: int
    end: int
    outer_start: int  # where its first decorator starts
    name: str
    qualname: str
    kind: str  # class | function | method
    parent: Scope | None
    signature: str


class Source:
    """The (masked) bytes of one file. Lines end at a line feed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.ascii = data.decode("ascii") if data.isascii() else None  # then bytes are characters
        self.starts = line_starts(data)  # of each line, and at last the size
        self.n_lines = len(self.starts) - 1
        self._scope_starts: list[int] = []

    def text(self, start: int, end: int) -> str:
        """The characters of a stretch of bytes; what is not UTF-8 is replaced."""
        if self.ascii is not None:
            return self.ascii[start:end]
        return self.data[start:end].decode("utf-8", "replace")

    def line(self, position: int) -> int:
        """1-based line of a byte."""
        line = bisect_right(self.starts, position)
        return line if 0 < line <= self.n_lines else max(1, self.n_lines)

    def column(self, line: int, position: int) -> int:
        """0-based characters between the start of the line and a byte."""
        start = self.starts[line - 1]
        return position - start if self.ascii is not None else len(self.text(start, position))

    def line_text(self, line: int) -> str:
        return self.text(self.starts[line - 1], self.starts[line])

    def span(self, start: int, end: int) -> Span:
        return Span(self.line(start), self.line(max(start, end - 1)), start, end)

    def scope_at(self, scopes: Sequence[Scope], position: int) -> Scope | None:
        """The innermost scope around a byte. `scopes` are sorted by start, the same list in each call."""
        starts = self._scope_starts
        if len(starts) != len(scopes):
            starts = self._scope_starts = [scope.start for scope in scopes]
        index = bisect_right(starts, position) - 1
        scope = scopes[index] if index >= 0 else None
        while scope is not None and scope.end <= position:
            scope = scope.parent
        return scope


def line_starts(data: bytes) -> list[int]:
    """Byte offset of each line's start, and at last the size of the data. Lines end at a line feed."""
    starts = [0]
    position = data.find(b"\n")
    while position >= 0:
        starts.append(position + 1)
        position = data.find(b"\n", position + 1)
    if starts[-1] != len(data):
        starts.append(len(data))
    return starts
