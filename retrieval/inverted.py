"""One inverted segment: the terms of chunks, turned round so that a term leads to its chunks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.derived import ChunkText
from indexer.tokens import count_terms
from retrieval.segments import Ids, among

_ARRAYS = ("ids", "lengths", "terms", "starts", "rows", "counts")


@dataclass(frozen=True, slots=True)
class Segment:
    """The postings of some chunks: n chunks, t terms, p postings. Row i is the chunk `ids[i]`."""

    ids: Ids  # (n,) ascending chunk ids
    lengths: NDArray[np.int32]  # (n,) terms in the chunk, repetitions counted
    terms: NDArray[np.uint64]  # (t,) ascending hashes
    starts: NDArray[np.int64]  # (t + 1,) where the postings of each term begin
    rows: NDArray[np.int32]  # (p,) ascending within a term
    counts: NDArray[np.int32]  # (p,)

    def write(self, folder: Path, name: str) -> None:
        for array in _ARRAYS:
            np.save(folder / f"{name}.{array}.npy", getattr(self, array), allow_pickle=False)

    @classmethod
    def read(cls, folder: Path, name: str) -> Segment:
        return cls(*(np.load(folder / f"{name}.{array}.npy", allow_pickle=False) for array in _ARRAYS))


def hash_term(term: str) -> int:
    """64 bits: among a million terms two meet with a probability of 3e-8."""
    return int.from_bytes(blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def invert(chunks: Iterable[ChunkText]) -> Segment:
    """Turn chunks into a segment; terms that the worker did not count are counted here."""
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    ids: list[int] = []
    lengths: list[int] = []
    sizes: list[int] = []
    terms: list[int] = []
    counts: list[int] = []
    for chunk in chunks:
        found = count_terms(chunk.text) if chunk.terms is None else chunk.terms
        ids.append(chunk.id)
        lengths.append(sum(found.values()))
        sizes.append(len(found))
        terms.extend([numbers[term] for term in found])
        counts.extend(found.values())
    hashes = np.fromiter(map(hash_term, numbers), dtype=np.uint64, count=len(numbers))
    rows = np.repeat(np.arange(len(ids), dtype=np.int64), np.asarray(sizes, dtype=np.int64))
    return _arrange(
        np.asarray(ids, dtype=np.int64),
        np.asarray(lengths, dtype=np.int32),
        hashes[np.asarray(terms, dtype=np.int64)],
        rows,
        np.asarray(counts, dtype=np.int32),
    )


def merge(parts: Sequence[Segment], dead: Ids) -> Segment:
    """One segment of the chunks of all parts that are not in the ascending `dead`."""
    ids, lengths, terms, rows, counts = [], [], [], [], []
    offset = 0
    for part in parts:
        live = ~among(part.ids, dead)
        renumbered = np.cumsum(live) - 1 + offset
        held = live[part.rows]
        ids.append(part.ids[live])
        lengths.append(part.lengths[live])
        terms.append(np.repeat(part.terms, np.diff(part.starts))[held])
        rows.append(renumbered[part.rows[held]])
        counts.append(part.counts[held])
        offset += int(live.sum())
    return _arrange(*(np.concatenate(pieces) for pieces in (ids, lengths, terms, rows, counts)))


def _arrange(
    ids: Ids,
    lengths: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    rows: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> Segment:
    """Sort postings (hash, row, count), given in any order, by term and chunk id."""
    by_id = np.argsort(ids, kind="stable")
    place = np.empty(len(ids), dtype=np.int64)
    place[by_id] = np.arange(len(ids))
    terms, numbers = np.unique(hashes, return_inverse=True)
    order = np.argsort(numbers.astype(np.int64) * max(1, len(ids)) + place[rows])
    starts = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum(np.bincount(numbers, minlength=len(terms)), out=starts[1:])
    return Segment(
        ids[by_id], lengths[by_id], terms, starts, place[rows][order].astype(np.int32), counts[order]
    )
