"""The *dense* channel: vectors of chunks in faiss, for questions and comments, and to break ties."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.derived import Changes, ChunkText
from indexer.snapshot import Snapshot
from retrieval import segments, vectorfile
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

FORMAT = "vectors/3"


Keys = NDArray[np.uint64]


def passage(text: str) -> str:
    """What is embedded for a chunk: nothing but its text, so that the vector outlives a renaming of the file."""
    return text[:MAX_CHARACTERS]


def key_of(text: str) -> int:
    """Tells passages apart: 64 bits of a hash. Two of a million are the same once in forty million repositories."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def hole_text(query: Query) -> str:
    """What is embedded for a hole: the lines before it, and the draft."""
    lines = [line for line in query.prefix[-4 * MAX_CHARACTERS :].split("\n") if line.strip()]
    return "\n".join([*lines[-QUERY_LINES:], query.draft])[-MAX_CHARACTERS:]


class _Part:
    """One segment: row i of the index is the vector of chunk ids[i], whose passage has the key keys[i].

    Its files are read when first asked for: an update of a few chunks needs no vector of the others.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._place = folder / name
        self.name = name

    @cached_property
    def ids(self) -> Ids:
        ids: Ids = np.load(f"{self._place}.ids.npy", allow_pickle=False)
        return ids

    @cached_property
    def keys(self) -> Keys:
        keys: Keys = np.load(f"{self._place}.keys.npy", allow_pickle=False)
        return keys

    @cached_property
    def index(self) -> faiss.Index:
        import faiss

        return faiss.read_index(f"{self._place}.faiss")

    def vectors(self) -> Matrix:
        """All of them, (n, dim) float32."""
        return vectorfile.rows_of(self.index, 0, self.index.ntotal)


class _Rows(NamedTuple):
    """Rows that are to be written: shapes (n,) int64, (n,) uint64, (n, dim) float32."""

    ids: Ids
    keys: Keys
    vectors: Matrix

    def plus(self, part: _Part, dead: Ids) -> _Rows:
        """With the live rows of a segment."""
        live = ~segments.among(part.ids, dead)
        return _Rows(
            np.concatenate([self.ids, part.ids[live]]),
            np.concatenate([self.keys, part.keys[live]]),
            np.concatenate([self.vectors, part.vectors()[live]]),
        )


class VectorsBuilder:
    """Writes the vectors of a generation (`indexer.derived.Derived`); embeds a text once, wherever it moves."""

    name = "vectors"

    def __init__(self, embedder: Embedder, storage: vectorfile.Storage = "float32") -> None:
        self._embedder = embedder
        self._storage: vectorfile.Storage = storage
        self.version = f"{FORMAT}:{storage}:{embedder.id}"

    def build(self, target: Path, previous: Path | None, changes: Changes) -> None:
        old = segments.read_catalogue(previous) if previous else Catalogue()
        before = segments.read_dead(previous) if previous else np.empty(0, dtype=np.int64)
        dead = np.union1d(before, np.asarray(changes.removed, dtype=np.int64))
        parts = {entry.name: _Part(previous, entry.name) for entry in old.entries} if previous else {}
        entries = [
            Entry(name, len(part.ids), int(segments.among(part.ids, dead).sum()))
            for name, part in parts.items()
        ]
        rows = self._embed(changes.added, list(parts.values()))
        todo = segments.plan(entries, len(rows.ids))
        listed = list(todo.keep)
        if previous:
            for entry in todo.keep:
                segments.link_segment(previous, target, entry)
        for entry in todo.merge:
            rows = rows.plus(parts[entry.name], dead)
        if len(rows.ids):
            _write(target, todo.name, rows, self._storage)
            listed.append(Entry(todo.name, len(rows.ids), 0))
        kept = [parts[entry.name].ids for entry in todo.keep]
        buried = [own[segments.among(own, dead)] for own in kept]
        segments.write_dead(target, np.sort(np.concatenate([np.empty(0, dtype=np.int64), *buried])))
        segments.write_catalogue(target, Catalogue(tuple(listed), {"dim": self._embedder.dim}))

    def _embed(self, chunks: Iterable[ChunkText], parts: Sequence[_Part]) -> _Rows:
        """The chunks with their vectors: those of equal passages in the segments, or new ones."""
        ids: list[int] = []
        keys: list[int] = []
        blocks: list[Matrix] = [np.empty((0, self._embedder.dim), dtype=np.float32)]
        for batch in _batches(chunks, BATCH):
            passages = [passage(chunk.text) for chunk in batch]
            own = [key_of(text) for text in passages]
            texts = dict(zip(own, passages, strict=True))
            vectors = _known(parts, texts.keys())
            new = [key for key in texts if key not in vectors]
            if new:
                vectors.update(zip(new, self._embedder.embed([texts[key] for key in new]), strict=True))
            ids.extend(chunk.id for chunk in batch)
            keys.extend(own)
            blocks.append(np.stack([vectors[key] for key in own]))
        return _Rows(
            np.asarray(ids, dtype=np.int64), np.asarray(keys, dtype=np.uint64), np.concatenate(blocks)
        )


def _known(parts: Sequence[_Part], keys: Iterable[int]) -> dict[int, Matrix]:
    """The vectors, (dim,) each, that the segments have for these passages; of dead chunks too."""
    wanted = np.sort(np.fromiter(keys, dtype=np.uint64))
    found: dict[int, Matrix] = {}
    for part in parts:
        for row in np.flatnonzero(segments.among(part.keys, wanted)).tolist():
            key = int(part.keys[row])
            if key not in found:
                found[key] = vectorfile.rows_of(part.index, row, 1)[0]
    return found


class Vectors:
    """The vectors of one generation in memory; every one is compared."""

    def __init__(self, parts: Sequence[_Part], dead: Ids) -> None:
        self._parts = [(part, ~segments.among(part.ids, dead)) for part in parts]

    @classmethod
    def open(cls, folder: Path) -> Vectors:
        """Open a folder whose manifest was checked: faiss answers wrongly from a damaged file, without a
        word.
        """
        catalogue = segments.read_catalogue(folder)
        return cls([_Part(folder, entry.name) for entry in catalogue.entries], segments.read_dead(folder))

    def __len__(self) -> int:
        return sum(int(live.sum()) for _, live in self._parts)

    def search(self, vector: Matrix, k: int) -> list[tuple[int, float]]:
        """The k nearest chunks as (chunk id, cosine), ties by ascending id. `vector` has shape (dim,)."""
        found = [
            (int(part.ids[row]), score)
            for part, live in self._parts
            for row, score in vectorfile.search(part.index, vector, min(k, len(part.ids)), live)
        ]
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


def _write(folder: Path, name: str, rows: _Rows, storage: vectorfile.Storage) -> None:
    """Write a segment in the order of its ids, so that equal chunks give equal files."""
    order = np.argsort(rows.ids)
    np.save(folder / f"{name}.ids.npy", rows.ids[order], allow_pickle=False)
    np.save(folder / f"{name}.keys.npy", rows.keys[order], allow_pickle=False)
    vectorfile.write(rows.vectors[order], folder / f"{name}.faiss", storage)
