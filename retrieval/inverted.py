"""One inverted segment: the words of chunks, split into terms and turned round so that a term leads to its chunks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.bags import Bags
from indexer.tokens import split_word
from retrieval.segments import Ids, among

SUFFIX = "postings"  # of the file of a segment
MAX_ROWS = 1 << 16  # of a segment that is written: rows then take two bytes each
PIECE = 1 << 19  # pairs of chunk and word that are split at a time, some 40 MB of arrays
_ARRAYS = ("ids", "lengths", "terms", "starts", "rows", "counts")
_HEAD = 4  # of them are small
_STARTS = _ARRAYS.index("starts")  # narrow in the file only: sums with them must not wrap around

Rows = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Segment:
    """The postings of some chunks: n chunks, t terms, p postings. Row i is the chunk `ids[i]`."""

    ids: Ids  # (n,) ascending chunk ids
    lengths: NDArray[np.int32]  # (n,) terms in the chunk, repetitions counted
    terms: NDArray[np.uint64]  # (t,) ascending hashes
    starts: NDArray[np.int64]  # (t + 1,) where the postings of each term begin
    rows: Rows  # (p,) ascending within a term, in the smallest unsigned type that holds them
    counts: Rows  # (p,) likewise

    def write(self, folder: Path, name: str) -> None:
        """As one file: every file of a generation costs a sync."""
        with open(folder / f"{name}.{SUFFIX}", "wb") as file:
            for array in _ARRAYS:
                values = getattr(self, array)
                np.save(file, narrow(values) if array == "starts" else values, allow_pickle=False)

    @classmethod
    def read(cls, folder: Path, name: str) -> Segment:
        return cls(*_read(folder, name, len(_ARRAYS)))


@dataclass(frozen=True, slots=True)
class Head:
    """The small part of a segment. See `Segment`."""

    ids: Ids
    lengths: NDArray[np.int32]
    terms: NDArray[np.uint64]
    starts: NDArray[np.int64]

    @classmethod
    def read(cls, folder: Path, name: str) -> Head:
        return cls(*_read(folder, name, _HEAD))


def split(segment: Segment) -> Iterator[Segment]:
    """The same in segments of MAX_ROWS rows."""
    if len(segment.ids) <= MAX_ROWS:
        yield segment
        return
    lengths = segment.starts[1:] - segment.starts[:-1]  # of the lists of the terms
    numbers = np.repeat(np.arange(len(segment.terms)), lengths)
    for first in range(0, len(segment.ids), MAX_ROWS):
        held = (segment.rows >= first) & (segment.rows < first + MAX_ROWS)
        rows = segment.rows[held].astype(np.int64) - first
        frequencies = np.bincount(numbers[held], minlength=len(segment.terms))
        yield Segment(
            segment.ids[first : first + MAX_ROWS],
            segment.lengths[first : first + MAX_ROWS],
            segment.terms[frequencies > 0],
            _starts(frequencies[frequencies > 0]),
            narrow(rows),
            narrow(segment.counts[held]),
        )


def _read(folder: Path, name: str, count: int) -> list[Any]:
    with open(folder / f"{name}.{SUFFIX}", "rb") as file:
        arrays = [np.load(file, allow_pickle=False) for _ in range(count)]
    arrays[_STARTS] = arrays[_STARTS].astype(np.int64)
    return arrays


def hash_term(term: str) -> int:
    """64 bits: among a million terms two meet with a probability of 3e-8."""
    return int.from_bytes(blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def invert(bags: Bags) -> Segment:
    """Turn chunks into a segment."""
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    split = [split_word(word) for word in bags.vocabulary]
    terms = np.fromiter(map(numbers.__getitem__, chain.from_iterable(split)), dtype=np.int64)
    widths = np.fromiter(map(len, split), dtype=np.int64, count=len(split))  # terms of each word
    begins = np.cumsum(widths) - widths
    hashes, ranks = np.unique(
        np.fromiter(map(hash_term, numbers), dtype=np.uint64, count=len(numbers)), return_inverse=True
    )
    terms = ranks[terms]
    lengths = np.bincount(bags.rows, weights=bags.counts * widths[bags.words], minlength=len(bags.ids))
    order, place = _ascending(bags.ids)
    packing = _Packing(len(hashes), len(bags.ids), int(bags.counts.max(initial=0)))
    keys = []
    for start in range(0, len(bags.rows), PIECE):
        words = bags.words[start : start + PIECE]
        times = widths[words]
        within = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
        rows, counts = (np.repeat(array[start : start + PIECE], times) for array in (bags.rows, bags.counts))
        keys.append(packing.pack(terms[np.repeat(begins[words], times) + within], place[rows], counts))
    return _arrange(bags.ids[order], lengths[order].astype(np.int32), hashes, keys, packing)


def merge(parts: Sequence[Segment], dead: Ids) -> Segment:
    """One segment of the chunks of all parts that are not in the ascending `dead`."""
    terms = np.unique(np.concatenate([part.terms for part in parts]))
    live = [~among(part.ids, dead) for part in parts]
    largest = max((int(part.counts.max(initial=0)) for part in parts), default=0)
    packing = _Packing(len(terms), sum(int(alive.sum()) for alive in live), largest)
    ids = np.concatenate([part.ids[alive] for part, alive in zip(parts, live, strict=True)])
    lengths = np.concatenate([part.lengths[alive] for part, alive in zip(parts, live, strict=True)])
    order, place = _ascending(ids)
    keys = []
    offset = 0
    for part, alive in zip(parts, live, strict=True):
        renumbered = np.cumsum(alive) - 1 + offset
        held = alive[part.rows]
        ranks = np.repeat(np.searchsorted(terms, part.terms), np.diff(part.starts))[held]
        keys.append(packing.pack(ranks, place[renumbered[part.rows[held]]], part.counts[held]))
        offset += int(alive.sum())
    return _arrange(ids[order], lengths[order], terms, keys, packing)


def _ascending(ids: Ids) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order in which `ids` ascend, and for each of them its place in that."""
    order = np.argsort(ids, kind="stable")
    place = np.empty(len(ids), dtype=np.int64)
    place[order] = np.arange(len(ids))
    return order, place


class _Packing:
    """(term, row, count) in the bits of one number, so that postings are sorted by value: ten times faster than by
    indices. A count that is too large for its bits is given in several numbers, which are summed later.
    """

    def __init__(self, n_terms: int, n_rows: int, max_count: int) -> None:
        self.row_bits = max(1, n_rows).bit_length()
        self.count_bits = min(
            64 - self.row_bits - max(1, n_terms).bit_length(), max(1, max_count).bit_length()
        )
        if self.count_bits < 1:
            raise OverflowError(f"{n_terms} terms in {n_rows} chunks are too many for one segment")
        self.max_count = (1 << self.count_bits) - 1

    def pack(self, terms: Rows, rows: Rows, counts: Rows) -> NDArray[np.uint64]:
        pieces = -(-counts.astype(np.int64) // self.max_count)
        if int(pieces.max(initial=1)) > 1:
            rest = counts.astype(np.int64) - (pieces - 1) * self.max_count
            terms, rows = np.repeat(terms, pieces), np.repeat(rows, pieces)
            counts = np.full(len(rows), self.max_count, dtype=np.int64)
            counts[np.cumsum(pieces) - 1] = rest
        packed = (terms.astype(np.uint64) << np.uint64(self.row_bits)) | rows.astype(np.uint64)
        packed <<= np.uint64(self.count_bits)
        packed |= counts.astype(np.uint64)
        return packed


def _arrange(
    ids: Ids,
    lengths: NDArray[np.int32],
    terms: NDArray[np.uint64],
    keys: Sequence[NDArray[np.uint64]],
    packing: _Packing,
) -> Segment:
    """Sort packed postings, given in any order, by term and row; equal ones are summed. Terms that no posting has are
    dropped. `ids` ascend.
    """
    postings = np.concatenate([np.empty(0, np.uint64), *keys])
    postings.sort()
    pairs = postings >> np.uint64(packing.count_bits)
    firsts = np.flatnonzero(np.concatenate([pairs[:1] == pairs[:1], pairs[1:] != pairs[:-1]]))
    counts = (postings & np.uint64(packing.max_count)).astype(np.int64)
    counts = np.add.reduceat(counts, firsts) if len(firsts) else counts
    pairs = pairs[firsts]
    rows = (pairs & np.uint64((1 << packing.row_bits) - 1)).astype(np.int64)
    numbers = (pairs >> np.uint64(packing.row_bits)).astype(np.int64)
    frequencies = np.bincount(numbers, minlength=len(terms))
    starts = _starts(frequencies[frequencies > 0])
    return Segment(ids, lengths, terms[frequencies > 0], starts, narrow(rows), narrow(counts))


def _starts(frequencies: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the postings of each term begin, and where the last ones end."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(frequencies)])


def narrow(values: Rows) -> Rows:
    """The same numbers in the smallest unsigned type that holds them."""
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))
