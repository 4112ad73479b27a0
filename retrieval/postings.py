"""An inverted index that ranks as `rank_bm25.BM25Okapi` does and follows changes in place of being built
anew.

BM25Okapi holds a dictionary for each document and walks all of them for each query term. Here a term leads
straight to the chunks that hold it, the figures of the corpus (size, mean length, mean inverse document
frequency) are those of the live chunks, and every float is computed by the same expression in the same order,
so that scores are equal to the last bit but for the rounding of one sum (the mean idf).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.derived import Changes
from retrieval import segments
from retrieval.inverted import MAX_ROWS, SUFFIX, Head, Rows, Segment, hash_term, invert, merge, narrow, split
from retrieval.pruning import Lists, Span, Wanted, best_rows
from retrieval.segments import Catalogue, Entry, Ids

K1, B, EPSILON = 1.5, 0.75, 0.25
"""The defaults of BM25Okapi: saturation of a term's count, effect of length, floor of a negative idf."""

FORMAT = "bm25/3"
LIVE = "live.npy"  # suffix of the file that has, for each term of a segment, how many live chunks hold it

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
    spans: tuple[Span, ...]


class Postings:
    """The postings of one generation, in memory. Several threads may use it."""

    def __init__(
        self, parts: Sequence[Segment], live: Sequence[Rows], dead: Ids, figures: Mapping[str, float]
    ) -> None:
        """`live`: of each segment, how many live chunks hold each of its terms."""
        # (rows,) ascending within a segment
        self.ids: Ids = np.concatenate([np.empty(0, dtype=np.int64), *(part.ids for part in parts)])
        self.chunks = int(figures.get("chunks", 0))
        self._frequencies = tuple(live)
        self._live = ~segments.among(self.ids, dead)
        self._dead_rows = np.flatnonzero(~self._live)
        self._mean_idf = float(figures.get("mean_idf", 0.0))
        lengths = np.concatenate([np.empty(0, dtype=np.int32), *(part.lengths for part in parts)])
        mean_length = figures.get("length", 0) / self.chunks if self.chunks else 0.0
        # (rows,) float64: what a count is weighed against, the same for all queries of a generation
        norms = K1 * (1 - B + B * lengths / mean_length) if mean_length else np.full(len(lengths), K1)
        self._lists = Lists(parts, norms, K1)
        self._rows = [part.rows.data for part in parts]  # for `bisect`
        self._places: dict[str, _Place] = {}
        # of the last query: the rows that it left out, and what its terms weighed
        self._last_idf: tuple[bytes, Mapping[str, float | None]] = (b"", {})

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
        without = rows.tobytes()
        last, known = self._last_idf
        if last != without or not places.keys() <= known.keys():
            chunks, runs = self.chunks - len(rows), self._runs(rows)
            known = {name: self._idf(chunks, place, runs) for name, place in places.items()}
            # of a query first all terms are asked for, then those that it keeps
            self._last_idf = without, known
        return {name: value for name in places if (value := known[name]) is not None}

    def scores(self, terms: Mapping[str, float], *, without: Sequence[int] = ()) -> NDArray[np.float64]:
        """Okapi's score of each row for a weighted query, dead rows and those left out 0. Shape (rows,), rows as in
        `ids`. What is left out is not counted in the frequencies of terms either; lengths and the floor of a negative
        idf stay those of the generation.
        """
        places, left_out = self._look_up(list(terms)), self._rows_of(without)
        idf = self._idf_of(places, left_out)
        wanted = [Wanted(terms[name] * idf[name], places[name].frequency, places[name].spans) for name in idf]
        scores = self._lists.scores(wanted)
        scores[self._dead_rows] = 0.0
        scores[left_out] = 0.0
        return scores

    def search(
        self, terms: Mapping[str, float], k: int, *, without: Sequence[int] = ()
    ) -> list[tuple[int, float]]:
        """The best k chunks with a score above 0, as (chunk id, score), ties by ascending id."""
        return self.best(terms, k, without=without)[0]

    def best(
        self, terms: Mapping[str, float], k: int, *, without: Sequence[int] = ()
    ) -> tuple[list[tuple[int, float]], NDArray[np.bool_]]:
        """`search`, and `shared` of the terms and what was found: to score a chunk exactly is to look its terms up."""
        places, left_out = self._look_up(list(terms)), self._rows_of(without)
        idf = self._idf_of(places, left_out)
        wanted = [Wanted(terms[name] * idf[name], places[name].frequency, places[name].spans) for name in idf]
        if k <= 0 or not wanted:
            return [], np.zeros((len(terms), 0), dtype=np.bool_)
        if any(term.mass <= 0 for term in wanted):  # in a small corpus: then nothing bounds the rest
            found = top(self.ids, self.scores(terms, without=without), k)
            return found, self.shared(list(terms), [number for number, _ in found])
        rows = best_rows(self._lists, wanted, k, np.concatenate([self._dead_rows, left_out]))
        counts = self._lists.counts([term.spans for term in wanted], rows)
        scores = np.zeros(len(rows))
        for term, share in zip(wanted, self._lists.shares(counts, rows), strict=True):
            scores += term.mass * share  # in the order of the query, as the reference does
        ids = self.ids[rows]
        found = top(ids, scores, k)
        columns = {number: column for column, number in enumerate(ids.tolist())}
        held = np.zeros((len(terms), len(found)), dtype=np.bool_)
        held[[name in idf for name in terms]] = counts[:, [columns[number] for number, _ in found]] > 0
        return found, held

    def shared(self, terms: Sequence[str], ids: Sequence[int]) -> NDArray[np.bool_]:
        """Which live chunk holds which term. Shape (len(terms), len(ids)) bool."""
        held = np.zeros((len(terms), len(ids)), dtype=np.bool_)
        columns = {number: column for column, number in enumerate(ids)}
        rows = self._rows_of(ids)
        where = [columns[number] for number in self.ids[rows].tolist()]
        found = self._look_up(terms)
        held[:, where] = (
            self._lists.counts([found[name].spans if name in found else () for name in terms], rows) > 0
        )
        return held

    def _look_up(self, names: Sequence[str]) -> dict[str, _Place]:
        """The terms that a live chunk holds, in the order asked."""
        known = self._places
        missing = [name for name in names if name not in known]
        if missing:
            if len(known) > KEPT_PLACES:
                known = self._places = {name: known[name] for name in names if name in known}
            known.update(self._find(missing))  # one step for other threads
        return {name: known[name] for name in names if known[name].frequency}

    def _find(self, names: Sequence[str]) -> dict[str, _Place]:
        hashes = np.fromiter(map(hash_term, names), dtype=np.uint64, count=len(names))
        frequencies = [0] * len(names)
        spans: list[list[Span]] = [[] for _ in names]
        for number, (part, live) in enumerate(zip(self._lists.segments, self._frequencies, strict=True)):
            places = np.searchsorted(part.terms, hashes)
            for index in np.flatnonzero(segments.among(hashes, part.terms)).tolist():
                place = places[index]
                span = slice(int(part.starts[place]), int(part.starts[place + 1]))
                spans[index].append(Span(number, span))
                frequencies[index] += int(live[place])
        return {
            name: _Place(frequency, tuple(span))
            for name, frequency, span in zip(names, frequencies, spans, strict=True)
        }

    def _idf(self, chunks: int, place: _Place, runs: Mapping[int, Sequence[tuple[int, int]]]) -> float | None:
        """None for what only the rows in the runs hold."""
        frequency = place.frequency - (self._holding(place, runs) if runs else 0)
        if not frequency:
            return None
        idf = math.log(chunks - frequency + 0.5) - math.log(frequency + 0.5)
        return EPSILON * self._mean_idf if idf < 0 else idf

    def _rows_of(self, ids: Sequence[int]) -> NDArray[np.int64]:
        """The live rows of these chunks, ascending."""
        wanted = np.unique(np.asarray(ids, dtype=np.int64))
        found = [np.empty(0, dtype=np.int64)]
        lists = self._lists
        for offset, part in zip(lists.offsets[:-1], lists.segments, strict=True) if len(wanted) else ():
            known = wanted[segments.among(wanted, part.ids)]
            found.append(np.searchsorted(part.ids, known) + offset)
        rows = np.concatenate(found)
        return rows[self._live[rows]]

    def _runs(self, rows: NDArray[np.int64]) -> dict[int, list[tuple[int, int]]]:
        """Rows, which ascend, as stretches without a gap: segment -> (first, after the last) within it."""
        runs: dict[int, list[tuple[int, int]]] = {}
        if len(rows):
            numbers = np.searchsorted(self._lists.offsets, rows, side="right") - 1
            begins = np.concatenate([[True], (np.diff(rows) > 1) | (np.diff(numbers) > 0)]).nonzero()[0]
            local = (rows - self._lists.offsets[numbers]).tolist()
            for first, end in zip(begins.tolist(), [*begins[1:].tolist(), len(rows)], strict=True):
                runs.setdefault(int(numbers[first]), []).append((local[first], local[end - 1] + 1))
        return runs

    def _holding(self, place: _Place, runs: Mapping[int, Sequence[tuple[int, int]]]) -> int:
        """How many of the rows in these runs hold the term."""
        held = 0
        for number, span in place.spans:
            for first, end in runs.get(number, ()):
                at = bisect_left(self._rows[number], first, span.start, span.stop)
                held += bisect_left(self._rows[number], end, at, min(span.stop, at + end - first)) - at
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
