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

KEPT_PLACES = 50_000
"""Terms of past queries whose postings are found again without a search, some 20 MB."""


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
class _Place:
    """Where the postings of a term lie, and how many live chunks hold it."""

    frequency: int
    spans: tuple[tuple[int, slice], ...]  # segment, and its postings in there


@dataclass(frozen=True, slots=True)
class _Term:
    """What the scores of one term are made of."""

    rows: NDArray[np.int64]  # of the live chunks that hold it, ascending
    shares: NDArray[np.float64]  # of the count, weighed against the chunk's length; times idf it is the score


class Postings:
    """The postings of one generation, in memory. Several threads may use it."""

    def __init__(
        self, parts: Sequence[Segment], live: Sequence[Rows], dead: Ids, figures: Mapping[str, float]
    ) -> None:
        """`live`: of each segment, how many live chunks hold each of its terms."""
        self._parts = tuple(parts)
        self._frequencies = tuple(live)
        self._offsets = np.cumsum([0, *(len(part.ids) for part in parts)])
        # (rows,) ascending within a segment
        self.ids: Ids = np.concatenate([np.empty(0, dtype=np.int64), *(part.ids for part in parts)])
        self._live = ~segments.among(self.ids, dead)
        self._has_dead = not self._live.all()
        self.chunks = int(figures.get("chunks", 0))
        self._mean_idf = float(figures.get("mean_idf", 0.0))
        lengths = np.concatenate([np.empty(0, dtype=np.int32), *(part.lengths for part in parts)])
        mean_length = figures.get("length", 0) / self.chunks if self.chunks else 0.0
        # (rows,) float64: what a count is weighed against, the same for all queries of a generation
        self._norms = K1 * (1 - B + B * lengths / mean_length) if mean_length else np.full(len(lengths), K1)
        self._places: dict[str, _Place] = {}
        self._terms: dict[str, _Term] = {}
        self._held = 0  # postings in `_terms`

    @classmethod
    def open(cls, folder: Path) -> Postings:
        """Open a folder whose manifest was checked."""
        catalogue = segments.read_catalogue(folder)
        names = [entry.name for entry in catalogue.entries]
        parts = [Segment.read(folder, name) for name in names]
        live = [np.load(folder / f"{name}.{LIVE}", allow_pickle=False) for name in names]
        return cls(parts, live, segments.read_dead(folder), catalogue.figures)

    def idf(self, terms: Iterable[str], *, without: Sequence[int] = ()) -> dict[str, float]:
        """Okapi's idf with its floor; what no live chunk but those left out holds has none.

        No list of postings is read for it: most terms of a query weigh too little to be searched for.
        """
        return self._idf_of(self._look_up(list(terms)), self._rows_of(without))

    def _idf_of(self, places: Mapping[str, _Place], rows: NDArray[np.int64]) -> dict[str, float]:
        """The same; `rows` are left out."""
        chunks = self.chunks - len(rows)
        found: dict[str, float] = {}
        for name, place in places.items():
            frequency = place.frequency - (self._holding(place, rows) if len(rows) else 0)
            if frequency:
                found[name] = self._idf(chunks, frequency)
        return found

    def scores(self, terms: Mapping[str, float], *, without: Sequence[int] = ()) -> NDArray[np.float64]:
        """Okapi's score of each row for a weighted query, dead rows and those left out 0. Shape (rows,), rows as in
        `ids`. What is left out is not counted in the frequencies of terms either; lengths and the floor of a negative
        idf stay those of the generation.
        """
        places, left_out = self._look_up(list(terms)), self._rows_of(without)
        idf = self._idf_of(places, left_out)
        if not idf:
            return np.zeros(len(self.ids), dtype=np.float64)
        held = self._read({name: places[name] for name in idf})
        rows = np.concatenate([held[name].rows for name in idf])
        shares = np.concatenate([terms[name] * value * held[name].shares for name, value in idf.items()])
        # adds in order, so each row sums its terms in the order of the query, as the reference does
        scores = np.bincount(rows, weights=shares, minlength=len(self.ids)).astype(np.float64, copy=False)
        scores[left_out] = 0.0
        return scores

    def search(
        self, terms: Mapping[str, float], k: int, *, without: Sequence[int] = ()
    ) -> list[tuple[int, float]]:
        """The best k chunks with a score above 0, as (chunk id, score), ties by ascending id."""
        return top(self.ids, self.scores(terms, without=without), k)

    def shared(self, terms: Sequence[str], ids: Sequence[int]) -> NDArray[np.bool_]:
        """Which live chunk holds which term. Shape (len(terms), len(ids)) bool."""
        held = np.zeros((len(terms), len(ids)), dtype=np.bool_)
        columns = {number: column for column, number in enumerate(ids)}
        rows = self._rows_of(ids)
        where = np.array([columns[int(number)] for number in self.ids[rows]], dtype=np.int64)
        found = self._look_up(terms)
        for index, name in enumerate(terms):
            if name in found:
                held[index, where] = self._held_by(found[name], rows)
        return held

    def _look_up(self, names: Sequence[str]) -> dict[str, _Place]:
        """The terms that a live chunk holds, in the order asked."""
        known = self._places
        missing = [name for name in names if name not in known]
        if missing:
            if len(known) > KEPT_PLACES:
                known = {name: known[name] for name in names if name in known}
            known = {**known, **self._find(missing)}  # a new one: other threads may be reading
            self._places = known
        return {name: known[name] for name in names if known[name].frequency}

    def _find(self, names: Sequence[str]) -> dict[str, _Place]:
        hashes = np.fromiter(map(hash_term, names), dtype=np.uint64, count=len(names))
        frequencies = [0] * len(names)
        spans: list[list[tuple[int, slice]]] = [[] for _ in names]
        for number, (part, live) in enumerate(zip(self._parts, self._frequencies, strict=True)):
            places = np.searchsorted(part.terms, hashes)
            for index in np.flatnonzero(segments.among(hashes, part.terms)).tolist():
                place = places[index]
                spans[index].append((number, slice(int(part.starts[place]), int(part.starts[place + 1]))))
                frequencies[index] += int(live[place])
        return {
            name: _Place(frequency, tuple(span))
            for name, frequency, span in zip(names, frequencies, spans, strict=True)
        }

    def _read(self, places: Mapping[str, _Place]) -> dict[str, _Term]:
        """The postings of terms. They are kept for the next query."""
        known = self._terms
        fresh = {name: self._weigh(place) for name, place in places.items() if name not in known}
        found = {name: fresh[name] if name in fresh else known[name] for name in places}
        self._held += sum(len(term.rows) for term in fresh.values())
        if self._held > KEPT_POSTINGS:
            self._terms, self._held = {}, 0
        elif fresh:
            self._terms = {**known, **fresh}  # a new one: other threads may be reading
        return found

    def _weigh(self, place: _Place) -> _Term:
        rows: list[NDArray[np.int64]] = []
        counts: list[Rows] = []
        for number, span in place.spans:
            held = self._parts[number].rows[span] + self._offsets[number]
            count = self._parts[number].counts[span]
            if self._has_dead:
                live = self._live[held]
                held, count = held[live], count[live]
            rows.append(held)
            counts.append(count)
        where = rows[0] if len(rows) == 1 else np.concatenate(rows)
        count = counts[0] if len(counts) == 1 else np.concatenate([one.astype(np.int32) for one in counts])
        return _Term(where, count * (K1 + 1) / (count + self._norms[where]))

    def _idf(self, chunks: int, frequency: int) -> float:
        idf = math.log(chunks - frequency + 0.5) - math.log(frequency + 0.5)
        return EPSILON * self._mean_idf if idf < 0 else idf

    def _rows_of(self, ids: Sequence[int]) -> NDArray[np.int64]:
        """The live rows of these chunks, ascending."""
        wanted = np.unique(np.asarray(ids, dtype=np.int64))
        found = [np.empty(0, dtype=np.int64)]
        for offset, part in zip(self._offsets[:-1], self._parts, strict=True) if len(wanted) else ():
            known = wanted[segments.among(wanted, part.ids)]
            found.append(np.searchsorted(part.ids, known) + offset)
        rows = np.concatenate(found)
        return rows[self._live[rows]]

    def _holding(self, place: _Place, rows: NDArray[np.int64]) -> int:
        """How many of these rows, which ascend, hold the term."""
        return int(self._held_by(place, rows).sum())

    def _held_by(self, place: _Place, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these rows, which ascend, hold the term."""
        held = np.zeros(len(rows), dtype=np.bool_)
        for number, span in place.spans:
            first, end = np.searchsorted(rows, self._offsets[number : number + 2])
            if first < end:
                postings = self._parts[number].rows[span]
                local = (rows[first:end] - self._offsets[number]).astype(postings.dtype)
                held[first:end] = segments.among(local, postings)
        return held


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
