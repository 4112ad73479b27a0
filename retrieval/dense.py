"""The *dense* channel: vectors of chunks in faiss, for questions and comments, and to break ties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.derived import Changes, ChunkText
from indexer.snapshot import Snapshot
from retrieval import segments
from retrieval.embed import Embedder, Matrix
from retrieval.segments import Catalogue, Entry, Ids
from retrieval.types import Evidence, Hit, Query

if TYPE_CHECKING:
    import faiss

BATCH = 256
"""Chunks embedded at once, so that a first build holds no more texts than that."""

MAX_CHARACTERS = 2000
"""Of a chunk that are embedded: usual encoders read 256 to 512 tokens."""

QUERY_LINES = 10
"""Non-blank lines before the hole that are embedded: RepoCoder's second-pass query has as many."""

FORMAT = "vectors/1"


def passage(path: str, text: str) -> str:
    """What is embedded for a chunk: its path carries words that the code may not."""
    return f"{path}\n{text}"[:MAX_CHARACTERS]


def hole_text(query: Query) -> str:
    """What is embedded for a hole: the lines before it, and the draft."""
    lines = [line for line in query.prefix[-4 * MAX_CHARACTERS :].split("\n") if line.strip()]
    return "\n".join([*lines[-QUERY_LINES:], query.draft])[-MAX_CHARACTERS:]


@dataclass(frozen=True, slots=True)
class _Part:
    """One segment: row i of the index is the vector of chunk ids[i]."""

    ids: Ids
    index: faiss.Index


class VectorsBuilder:
    """Writes the vectors of a generation (`indexer.derived.Derived`); embeds a chunk once in its life."""

    name = "vectors"

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.version = f"{FORMAT}:{embedder.id}"

    def build(self, target: Path, previous: Path | None, changes: Changes) -> None:
        old = segments.read_catalogue(previous) if previous else Catalogue()
        before = segments.read_dead(previous) if previous else np.empty(0, dtype=np.int64)
        dead = np.union1d(before, np.asarray(changes.removed, dtype=np.int64))
        parts = {entry.name: _read(previous, entry.name) for entry in old.entries} if previous else {}
        entries = [
            Entry(name, len(part.ids), int(segments.among(part.ids, dead).sum()))
            for name, part in parts.items()
        ]
        ids, vectors = self._embed(changes.added)
        todo = segments.plan(entries, len(ids))
        listed = list(todo.keep)
        if previous:
            for entry in todo.keep:
                segments.link_segment(previous, target, entry)
        for entry in todo.merge:
            part = parts[entry.name]
            live = ~segments.among(part.ids, dead)
            ids = np.concatenate([ids, part.ids[live]])
            vectors = np.concatenate([vectors, _vectors(part)[live]])
        if len(ids):
            _write(target, todo.name, ids, vectors)
            listed.append(Entry(todo.name, len(ids), 0))
        kept = [parts[entry.name].ids for entry in todo.keep]
        buried = [own[segments.among(own, dead)] for own in kept]
        segments.write_dead(target, np.sort(np.concatenate([np.empty(0, dtype=np.int64), *buried])))
        segments.write_catalogue(target, Catalogue(tuple(listed), {"dim": self._embedder.dim}))

    def _embed(self, chunks: Iterable[ChunkText]) -> tuple[Ids, Matrix]:
        """Ids (n,) int64 and vectors (n, dim) float32 of the chunks."""
        ids: list[int] = []
        blocks: list[Matrix] = [np.empty((0, self._embedder.dim), dtype=np.float32)]
        for batch in _batches(chunks, BATCH):
            ids.extend(chunk.id for chunk in batch)
            blocks.append(self._embedder.embed([passage(chunk.path, chunk.text) for chunk in batch]))
        return np.asarray(ids, dtype=np.int64), np.concatenate(blocks)


class Vectors:
    """The vectors of one generation in memory; exact inner-product search."""

    def __init__(self, parts: Sequence[_Part], dead: Ids) -> None:
        self._parts = [(part, ~segments.among(part.ids, dead)) for part in parts]

    @classmethod
    def open(cls, folder: Path) -> Vectors:
        """Open a folder whose manifest was checked: faiss answers wrongly from a damaged file, without a
        word.
        """
        catalogue = segments.read_catalogue(folder)
        return cls([_read(folder, entry.name) for entry in catalogue.entries], segments.read_dead(folder))

    def __len__(self) -> int:
        return sum(int(live.sum()) for _, live in self._parts)

    def search(self, vector: Matrix, k: int) -> list[tuple[int, float]]:
        """The k nearest chunks as (chunk id, cosine), ties by ascending id. `vector` has shape (dim,)."""
        import faiss

        native: Any = faiss  # its stubs do not know what its Python layer accepts
        found: list[tuple[int, float]] = []
        asked = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
        for part, live in self._parts:
            bitmap = np.packbits(live, bitorder="little")
            chosen = native.SearchParameters(sel=native.IDSelectorBitmap(bitmap))
            scores, rows = part.index.search(asked, min(k, len(part.ids)), params=chosen)
            found.extend(
                (int(part.ids[row]), float(score))
                for score, row in zip(scores[0], rows[0], strict=True)
                if row >= 0
            )
        return sorted(found, key=lambda item: (-item[1], item[0]))[:k]


def dense(text: str, snapshot: Snapshot, vectors: Vectors, embedder: Embedder, *, limit: int) -> list[Hit]:
    """Whole chunks whose vectors are nearest to that of the text."""
    if not text.strip():
        return []
    found = vectors.search(embedder.embed([text])[0], limit)
    chunks = {chunk.id: chunk for chunk in snapshot.chunks([number for number, _ in found])}
    hits: list[Hit] = []
    for rank, (number, score) in enumerate(found, 1):
        chunk = chunks[number]
        evidence = Evidence("dense", rank, score, f"means much the same, cosine {score:.2f}")
        hits.append(Hit(chunk, score, (evidence,), chunk.text, chunk.span.start_line, chunk.span.end_line))
    return hits


def _batches(chunks: Iterable[ChunkText], size: int) -> Iterator[list[ChunkText]]:
    source = iter(chunks)
    while batch := list(islice(source, size)):
        yield batch


def _read(folder: Path, name: str) -> _Part:
    import faiss

    ids: Ids = np.load(folder / f"{name}.ids.npy", allow_pickle=False)
    return _Part(ids, faiss.read_index(str(folder / f"{name}.faiss")))


def _write(folder: Path, name: str, ids: Ids, vectors: Matrix) -> None:
    """Write a segment in the order of its ids, so that equal chunks give equal files."""
    import faiss

    order = np.argsort(ids)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors[order]))
    np.save(folder / f"{name}.ids.npy", ids[order], allow_pickle=False)
    faiss.write_index(index, str(folder / f"{name}.faiss"))


def _vectors(part: _Part) -> Matrix:
    """All vectors of a segment, (n, dim) float32."""
    rows: Matrix = part.index.reconstruct_n(0, part.index.ntotal)
    return rows
