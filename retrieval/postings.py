"""An inverted index that ranks as `rank_bm25.BM25Okapi` does and follows changes in place of being built
anew.

BM25Okapi holds a dictionary for each document and walks all of them for each query term. Here a term leads
straight to the chunks that hold it, the figures of the corpus (size, mean length, mean inverse document
frequency) are those of the live chunks, and every float is computed by the same expression in the same order,
so that scores are equal to the last bit but for the rounding of one sum (the mean idf).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.derived import Changes
from retrieval import segments
from retrieval.inverted import MAX_ROWS, SUFFIX, Head, Rows, Segment, hash_term, invert, merge, narrow, split
from retrieval.segments import Catalogue, Entry, Ids

K1, B, EPSILON = 1.5, 0.75, 0.25
"""The defaults of BM25Okapi: saturation of a term's count, effect of length, floor of a negative idf."""

FORMAT = "bm25/3"
LIVE = "live.npy"  # suffix of the file that has, for each term of a segment, how many live chunks hold it

KEPT_POSTINGS = 2_000_000
"""Of the terms of past queries, 32 MB: while one types, the next query has nearly the same terms."""


class PostingsBuilder:
    """Writes the postings of a generation (`indexer.derived.Derived`): changes, and what must be merged."""

    name = "postings"
    version = FORMAT

    def build(self, target: Path, previous: Path | None, changes: Changes) -> None:
        old = segments.read_catalogue(previous) if previous else Catalogue()
        before = segments.read_dead(previous) if previous else np.empty(0, dtype=np.int64)
        dead = np.union1d(before, np.asarray(changes.removed, dtype=np.int64))
        kept = [_Kept(previous, entry.name, before, dead) for entry in old.entries] if previous else []
        fresh = invert(changes.words)
        todo = segments.plan([one.entry for one in kept], len(fresh.ids), MAX_ROWS)
        staying = [one for one in kept if one.entry in todo.keep]
        if previous and todo.merge:
            fresh = merge([*(Segment.read(previous, entry.name) for entry in todo.merge), fresh], dead)
        for one in staying:
            one.keep(target)
        frequencies = [(one.head.terms, one.live) for one in staying]
        listed = [one.entry for one in staying]
        for number, part in enumerate(split(fresh) if len(fresh.ids) else (), int(todo.name)):
            name = f"{number:06d}"
            part.write(target, name)
            live = np.diff(part.starts)
            np.save(target / f"{name}.{LIVE}", narrow(live), allow_pickle=False)
            frequencies.append((part.terms, live))
            listed.append(Entry(name, len(part.ids), 0))
        buried = [one.head.ids[one.is_dead] for one in staying]
        segments.write_dead(target, np.sort(np.concatenate([np.empty(0, dtype=np.int64), *buried])))
        chunks = len(fresh.ids) + sum(one.entry.rows - one.entry.dead for one in staying)
        length = int(fresh.lengths.sum()) + sum(int(one.head.lengths[~one.is_dead].sum()) for one in staying)
        figures = {"chunks": chunks, "length": length, "mean_idf": _mean_idf(chunks, frequencies)}
        segments.write_catalogue(target, Catalogue(tuple(listed), figures))


class _Kept:
    """A segment of the generation before. Of its postings no more is read than the newly dead rows ask for."""

    def __init__(self, folder: Path, name: str, before: Ids, dead: Ids) -> None:
        self._folder = folder
        self.head = Head.read(folder, name)
        self.is_dead = segments.among(self.head.ids, dead)
        self._newly = self.is_dead & ~segments.among(self.head.ids, before)
        self.entry = Entry(name, len(self.head.ids), int(self.is_dead.sum()))
        # (t,) chunks
        self.live: NDArray[np.int64] = np.load(folder / f"{name}.{LIVE}", allow_pickle=False).astype(np.int64)

    def keep(self, target: Path) -> None:
        """Take it into the next generation, and take the newly dead from `live`."""
        name = self.entry.name
        segments.link_file(self._folder, target, f"{name}.{SUFFIX}")
        if not self._newly.any():
            segments.link_file(self._folder, target, f"{name}.{LIVE}")
            return
        gone = np.flatnonzero(self._newly[Segment.read(self._folder, name).rows])
        terms = np.searchsorted(self.head.starts, gone, side="right") - 1
        self.live = self.live - np.bincount(terms, minlength=len(self.live))
        np.save(target / f"{name}.{LIVE}", narrow(self.live), allow_pickle=False)


def _mean_idf(chunks: int, frequencies: Sequence[tuple[NDArray[np.uint64], NDArray[np.int64]]]) -> float:
    """The mean idf over all live terms, before the floor, of (terms, in how many live chunks) of each segment."""
    if not frequencies:
        return 0.0
    # All terms into those of the largest segment: the others are small, so that nothing large is sorted
    (terms, counts), *others = sorted(frequencies, key=lambda pair: -len(pair[0]))
    counts = counts.copy()
    rest: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []
    for some, some_counts in others:
        known = segments.among(some, terms)
        counts[np.searchsorted(terms, some[known])] += some_counts[known]
        rest.append((some[~known], some_counts[~known]))
    if rest:
        _, numbers = np.unique(np.concatenate([some for some, _ in rest]), return_inverse=True)
        more = np.bincount(numbers, weights=np.concatenate([some for _, some in rest])).astype(np.int64)
        counts = np.concatenate([counts, more])
    counts = counts[counts > 0]
    if not len(counts):
        return 0.0
    return float(np.sum(np.log(chunks - counts + 0.5) - np.log(counts + 0.5)) / len(counts))


@dataclass(frozen=True, slots=True)
class _Term:
    """What a query needs of one term: the live chunks that hold it and what it adds to their scores."""

    idf: float
    rows: NDArray[np.int64]  # ascending
    shares: NDArray[np.float64]  # of the count, weighed against the chunk's length; times idf it is the score


class Postings:
    """The postings of one generation, in memory. Several threads may use it."""

    def __init__(self, parts: Sequence[Segment], dead: Ids, figures: Mapping[str, float]) -> None:
        self._parts = tuple(parts)
        self._offsets = np.cumsum([0, *(len(part.ids) for part in parts)])
        # (rows,) ascending within a segment
        self.ids: Ids = np.concatenate([np.empty(0, dtype=np.int64), *(part.ids for part in parts)])
        self._live = ~segments.among(self.ids, dead)
        self.chunks = int(figures.get("chunks", 0))
        self._mean_idf = float(figures.get("mean_idf", 0.0))
        lengths = np.concatenate([np.empty(0, dtype=np.int32), *(part.lengths for part in parts)])
        mean_length = figures.get("length", 0) / self.chunks if self.chunks else 0.0
        # (rows,) float64: what a count is weighed against, the same for all queries of a generation
        self._norms = K1 * (1 - B + B * lengths / mean_length) if mean_length else np.full(len(lengths), K1)
        self._terms: dict[str, _Term] = {}
        self._held = 0  # postings in `_terms`

    @classmethod
    def open(cls, folder: Path) -> Postings:
        """Open a folder whose manifest was checked."""
        catalogue = segments.read_catalogue(folder)
        parts = [Segment.read(folder, entry.name) for entry in catalogue.entries]
        return cls(parts, segments.read_dead(folder), catalogue.figures)

    def idf(self, terms: Iterable[str], *, without: Sequence[int] = ()) -> dict[str, float]:
        """Okapi's idf with its floor; what no live chunk but those left out holds has none."""
        found = self._look_up(list(terms))
        if not without:
            return {name: term.idf for name, term in found.items()}
        rows = self._rows_of(without)
        chunks = self.chunks - len(rows)
        held = {name: len(term.rows) - _common(term.rows, rows) for name, term in found.items()}
        return {name: self._idf(chunks, count) for name, count in held.items() if count}

    def scores(self, terms: Mapping[str, float], *, without: Sequence[int] = ()) -> NDArray[np.float64]:
        """Okapi's score of each row for a weighted query, dead rows and those left out 0. Shape (rows,), rows as in
        `ids`. What is left out is not counted in the frequencies of terms either; lengths and the floor of a negative
        idf stay those of the generation.
        """
        found = self._look_up(list(terms))
        idf = self.idf(terms, without=without)
        if not idf:
            return np.zeros(len(self.ids), dtype=np.float64)
        rows = np.concatenate([found[name].rows for name in idf])
        shares = np.concatenate([terms[name] * value * found[name].shares for name, value in idf.items()])
        # adds in order, so each row sums its terms in the order of the query, as the reference does
        scores = np.bincount(rows, weights=shares, minlength=len(self.ids)).astype(np.float64, copy=False)
        if without:
            scores[self._rows_of(without)] = 0.0
        return scores

    def search(
        self, terms: Mapping[str, float], k: int, *, without: Sequence[int] = ()
    ) -> list[tuple[int, float]]:
        """The best k chunks with a score above 0, as (chunk id, score), ties by ascending id."""
        return top(self.ids, self.scores(terms, without=without), k)

    def shared(self, terms: Sequence[str], ids: Sequence[int]) -> NDArray[np.bool_]:
        """Which live chunk holds which term. Shape (len(terms), len(ids)) bool."""
        wanted = np.asarray(ids, dtype=np.int64)
        rows = np.full(len(wanted), -1, dtype=np.int64)
        for offset, part in zip(self._offsets[:-1], self._parts, strict=True):
            present = segments.among(wanted, part.ids)
            rows[present] = np.searchsorted(part.ids, wanted[present]) + offset
        found = self._look_up(terms)
        held = np.zeros((len(terms), len(wanted)), dtype=np.bool_)
        for index, name in enumerate(terms):
            if name in found:
                held[index] = segments.among(rows, found[name].rows)
        return held

    def _look_up(self, names: Sequence[str]) -> dict[str, _Term]:
        """The terms that a live chunk holds, in the order asked. They are kept for the next query."""
        known = self._terms
        missing = [name for name in names if name not in known]
        fresh = dict(zip(missing, self._read(missing), strict=True)) if missing else {}
        found = {name: fresh[name] if name in fresh else known[name] for name in names}
        self._held += sum(len(term.rows) for term in fresh.values())
        if self._held > KEPT_POSTINGS:
            self._terms, self._held = {}, 0
        else:
            self._terms = {**known, **fresh}  # a new one: other threads may be reading
        return {name: term for name, term in found.items() if len(term.rows)}

    def _read(self, names: Sequence[str]) -> list[_Term]:
        """The terms from the segments; of a term that no live chunk holds the rows are empty."""
        hashes = np.fromiter(map(hash_term, names), dtype=np.uint64, count=len(names))
        rows: list[list[NDArray[np.int64]]] = [[] for _ in names]
        counts: list[list[Rows]] = [[] for _ in names]
        for offset, part in zip(self._offsets[:-1], self._parts, strict=True):
            places = np.searchsorted(part.terms, hashes)
            for index in np.flatnonzero(segments.among(hashes, part.terms)).tolist():
                span = slice(part.starts[places[index]], part.starts[places[index] + 1])
                held = part.rows[span] + offset
                live = self._live[held]
                rows[index].append(held[live])
                counts[index].append(part.counts[span][live])
        return [self._weigh(*pair) for pair in zip(rows, counts, strict=True)]

    def _weigh(self, rows: Sequence[NDArray[np.int64]], counts: Sequence[Rows]) -> _Term:
        where = np.concatenate([np.empty(0, dtype=np.int64), *rows])
        count = np.concatenate([np.empty(0, dtype=np.int32), *counts])
        idf = self._idf(self.chunks, len(where))
        return _Term(idf, where, count * (K1 + 1) / (count + self._norms[where]))

    def _idf(self, chunks: int, frequency: int) -> float:
        idf = math.log(chunks - frequency + 0.5) - math.log(frequency + 0.5)
        return EPSILON * self._mean_idf if idf < 0 else idf

    def _rows_of(self, ids: Sequence[int]) -> NDArray[np.int64]:
        """The live rows of these chunks."""
        wanted = np.sort(np.asarray(ids, dtype=np.int64))
        return np.flatnonzero(segments.among(self.ids, wanted) & self._live)


def _common(rows: NDArray[np.int64], others: NDArray[np.int64]) -> int:
    """How many of `others` are among `rows`, which are sorted."""
    return int(segments.among(others, rows).sum())


def top(ids: Ids, scores: NDArray[np.float64], k: int) -> list[tuple[int, float]]:
    """The k best of the scores above 0, as (id, score), ties by ascending id."""
    if k <= 0 or not len(scores):
        return []
    if k < len(scores):
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        chosen = np.flatnonzero((scores >= threshold) & (scores > 0))
    else:
        chosen = np.flatnonzero(scores > 0)
    order = np.lexsort((ids[chosen], -scores[chosen]))[:k]
    return [(int(ids[row]), float(scores[row])) for row in chosen[order]]
