"""The files of one generation, unpacked when they are asked for; what was used last is kept."""

from __future__ import annotations

import sqlite3

from indexer.errors import DamagedIndexError
from indexer.packing import (
    Layout,
    Outline,
    facts_from,
    unpack_chunks,
    unpack_content,
    unpack_layout,
    unpack_seen,
    unpack_uses,
)
from indexer.recall import Recall
from indexer.types import ChunkFact, FileFacts

FACTS_HELD = 64  # files whose facts are kept decoded, some 5 MB: those that a user works at
OUTLINES_HELD = 512  # files whose outlines are, some 20 MB
LAYOUTS_HELD = 512  # files whose chunks and symbols are, some 15 MB
CHUNKS_HELD = 2048  # files whose chunks are, some 15 MB
CONTENTS_HELD_BYTES = 32 << 20


class Unpacked:
    """Reads by the number of a file's row in `contents`. Not for several threads at once.

    Every method may raise sqlite3.Error, and DamagedIndexError.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._facts: Recall[str, FileFacts] = Recall(FACTS_HELD, lambda _: 1)
        self._outlines: Recall[str, Outline] = Recall(OUTLINES_HELD, lambda _: 1)
        self._layouts: Recall[str, Layout] = Recall(LAYOUTS_HELD, lambda _: 1)
        self._chunks: Recall[str, tuple[ChunkFact, ...]] = Recall(CHUNKS_HELD, lambda _: 1)
        self._contents: Recall[str, bytes] = Recall(CONTENTS_HELD_BYTES, len)

    def facts(self, path: str, number: int) -> FileFacts:
        """All that parsing gave."""
        return self._facts.get(
            path,
            lambda: facts_from(
                path, self.layout(path, number), unpack_uses(self._read(path, number, "uses")[0])
            ),
        )

    def outline(self, path: str, number: int) -> Outline:
        """The facts without what only the file itself needs."""

        def read() -> Outline:
            layout, uses = self._read(path, number, "layout, uses")
            return unpack_seen(path, layout, uses)

        return self._outlines.get(path, read)

    def layout(self, path: str, number: int) -> Layout:
        """Chunks and symbols."""
        return self._layouts.get(path, lambda: unpack_layout(self._read(path, number, "layout")[0]))

    def chunks(self, path: str, number: int) -> tuple[ChunkFact, ...]:
        """The tiles of the file."""
        return self._chunks.get(path, lambda: unpack_chunks(self._read(path, number, "layout")[0]))

    def content(self, path: str, number: int) -> bytes:
        """The bytes, with secrets masked."""
        return self._contents.get(path, lambda: unpack_content(self._read(path, number, "content")[0]))

    def _read(self, path: str, number: int, columns: str) -> tuple[bytes, ...]:
        row: tuple[bytes, ...] | None = self._connection.execute(
            f"SELECT {columns} FROM contents WHERE id = ?",  # noqa: S608
            (number,),
        ).fetchone()
        if row is None:
            raise DamagedIndexError(f"index: {path}: its content is missing")
        return row
