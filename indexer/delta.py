"""What a running build changed, told to derived structures: `indexer.derived.Changes` over its transaction."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.bags import Bags, bags_of_texts
from indexer.derived import Changes, ChunkText
from indexer.packing import unpack_content, unpack_layout

Step = Callable[[str, int, int, str], None]  # stage, done, total, path; raises to stop the build


class Delta:
    """The changes as they are."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        removed: Iterable[int],
        added: Mapping[int, Sequence[int]],
        words: Bags,
        total: int,
        step: Step,
    ) -> None:
        """`added`: by file the ids of its chunks in order, 0 for those that are not new. `total`: of chunks."""
        self._connection = connection
        self._step = step
        self.removed: NDArray[np.int64] = np.array(sorted(removed), dtype=np.int64)
        self.words = words
        self.total_chunks = total
        self.added: Iterable[ChunkText] = _Texts(lambda: self._read(added, len(words.ids)))

    def from_nothing(self) -> Changes:
        """The same state, told to a structure that has no previous one."""
        if len(self.words.ids) == self.total_chunks:  # all chunks are new
            return self._of_all(self.added, self.words)
        texts = _Texts(self._read_all)
        return self._of_all(texts, bags_of_texts((chunk.id, chunk.text) for chunk in texts))

    def _of_all(self, texts: Iterable[ChunkText], words: Bags) -> Delta:
        whole = Delta(self._connection, (), {}, words, self.total_chunks, self._step)
        whole.added = texts
        return whole

    def _read_all(self) -> Iterator[ChunkText]:
        rows = self._connection.execute("SELECT file_id, id FROM chunks ORDER BY file_id, position")
        ids: dict[int, list[int]] = {}
        for file_id, number in rows:
            ids.setdefault(file_id, []).append(number)
        return self._read(ids, self.total_chunks)

    def _read(self, wanted: Mapping[int, Sequence[int]], total: int) -> Iterator[ChunkText]:
        """The chunks of files, those with an id other than 0."""
        done = 0
        for file_id, ids in wanted.items():
            self._step("derive", done, total, "")
            if not any(ids):
                continue
            raw_path, packed, layout = self._connection.execute(
                "SELECT path, content, layout FROM files JOIN contents ON content_id = contents.id WHERE files.id = ?",
                (file_id,),
            ).fetchone()
            path, content = os.fsdecode(raw_path), unpack_content(packed)
            for number, fact in zip(ids, unpack_layout(layout).chunks, strict=True):
                if number:
                    text = content[fact.span.start_byte : fact.span.end_byte].decode("utf-8", "replace")
                    yield ChunkText(number, path, text)
                    done += 1


class _Texts:
    """Texts that are read whenever they are iterated."""

    def __init__(self, read: Callable[[], Iterator[ChunkText]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[ChunkText]:
        return self._read()
