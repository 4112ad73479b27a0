"""A snapshot in which one file is the buffer: what the index knows of that file is not looked at.

Under the rules of a benchmark nothing at or behind the hole is known. The index holds the whole file, so without this a
name that another file imports from it could lead to a definition that the buffer does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from indexer.packing import Seen
from indexer.resolve import Row
from indexer.types import Chunk, FileFacts

if TYPE_CHECKING:
    from indexer.snapshot import Snapshot


class Outlines:
    """`indexer.resolve.SymbolTable` of a snapshot or an overlay. Of a file only what others can see of it is read."""

    def __init__(self, table: Snapshot | Overlay) -> None:
        self._table = table  # maybe a weak proxy: no method of it may be kept

    def paths(self) -> frozenset[str]:
        return self._table.paths()

    def facts(self, path: str) -> Seen | None:
        return self._table.outline(path)

    def named(self, name: str) -> Sequence[Row]:
        return self._table.named(name)

    def packages(self) -> Iterable[tuple[str, str, str]]:
        return self._table.packages()

    def content(self, path: str) -> bytes:
        return self._table.content(path)


class Overlay:
    """A snapshot as channels see it, with the facts and the text of one buffer in place of its file."""

    def __init__(self, snapshot: Snapshot, facts: FileFacts, text: str) -> None:
        self._snapshot = snapshot
        self._own = facts
        self._text = text

    def paths(self) -> frozenset[str]:
        return self._snapshot.paths()

    def outline(self, path: str) -> Seen | None:
        return self._own if path == self._own.path else self._snapshot.outline(path)

    def named(self, name: str) -> Sequence[Row]:
        others = [row for row in self._snapshot.named(name) if row.path != self._own.path]
        own = [
            Row(self._own.path, self._own.language, self._own.package, symbol.qualname, symbol.kind)
            for symbol in self._own.symbols
            if symbol.name == name
        ]
        return sorted([*others, *own], key=lambda row: row.path)

    def packages(self) -> Iterable[tuple[str, str, str]]:
        for path, language, package in self._snapshot.packages():
            yield path, language, self._own.package if path == self._own.path else package

    def content(self, path: str) -> bytes:
        if path == self._own.path:
            return self._text.encode("utf-8", "surrogateescape")
        return self._snapshot.content(path)

    def chunk_at(self, path: str, line: int) -> Chunk | None:
        return self._snapshot.chunk_at(path, line)
