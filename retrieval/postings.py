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
from retrieval.inverted import Segment, hash_term, invert, merge
from retrieval.segments import Catalogue, Entry, Ids

K1, B, EPSILON = 1.5, 0.75, 0.25
"""The defaults of BM25Okapi: saturation of a term's count, effect of length, floor of a negative idf."""

FORMAT = "bm25/1"

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
        parts = {entry.name: Segment.read(previous, entry.name) for entry in old.entries} if previous else {}
        entries = [
            Entry(name, len(part.ids), int(segments.among(part.ids, dead).sum()))
            for name, part in parts.items()
        ]
        fresh = invert(changes.added)
        todo = segments.plan(entries, len(fresh.ids))
        kept = [parts[entry.name] for entry in todo.keep]
        if previous:
            for entry in todo.keep:
                segments.link_segment(previous, target, entry)
        listed = list(todo.keep)
        if todo.merge:
            fresh = merge([*(parts[entry.name] for entry in todo.merge), fresh], dead)
        if len(fresh.ids):
            fresh.write(target, todo.name)
            kept.append(fresh)
            listed.append(Entry(todo.name, len(fresh.ids), 0))
        buried = [part.ids[segments.among(part.ids, dead)] for part in kept]
        dead = np.sort(np.concatenate(buried)) if buried else np.empty(0, dtype=np.int64)
        segments.write_dead(target, dead)
        segments.write_catalogue(target, Catalogue(tuple(listed), _figures(kept, dead)))


def _figures(parts: Sequence[Segment], dead: Ids) -> dict[str, float]:
    """Number of live chunks, their summed length, and the mean idf over all live terms, before the floor."""
    chunks = length = 0
    terms, frequencies = [], []
    for part in parts:
        live = ~segments.among(part.ids, dead)
        chunks += int(live.sum())
        length += int(part.lengths[live].sum())
        if len(part.terms):
            terms.append(part.terms)
            frequencies.append(np.add.reduceat(live[part.rows].astype(np.int64), part.starts[:-1]))
    mean = 0.0
    if terms:
        _, numbers = np.unique(np.concatenate(terms), return_inverse=True)
        total = np.bincount(numbers, weights=np.concatenate(frequencies))
        total = total[total > 0]
        if len(total):
            mean = float(np.sum(np.log(chunks - total + 0.5) - np.log(total + 0.5)) / len(total))
    return {"chunks": chunks, "length": length, "mean_idf": mean}


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

    def idf(self, terms: Iterable[str]) -> dict[str, float]:
        """Okapi's idf with its floor; what no live chunk holds has none and is left out."""
        return {name: term.idf for name, term in self._look_up(list(terms)).items()}

    def scores(self, terms: Mapping[str, float]) -> NDArray[np.float64]:
        """Okapi's score of each row for a weighted query, dead rows 0. Shape (rows,), rows as in `ids`."""
        found = self._look_up(list(terms))
        if not found:
            return np.zeros(len(self.ids), dtype=np.float64)
        rows = np.concatenate([term.rows for term in found.values()])
        shares = np.concatenate([terms[name] * term.idf * term.shares for name, term in found.items()])
        # adds in order, so each row sums its terms in the order of the query, as the reference does
        return np.bincount(rows, weights=shares, minlength=len(self.ids)).astype(np.float64, copy=False)

    def search(
        self, terms: Mapping[str, float], k: int, *, without: Sequence[int] = ()
    ) -> list[tuple[int, float]]:
        """The best k chunks with a score above 0, as (chunk id, score), ties by ascending id."""
        scores = self.scores(terms)
        if without:
            scores[segments.among(self.ids, np.sort(np.asarray(without, dtype=np.int64)))] = 0.0
        return top(self.ids, scores, k)

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
        counts: list[list[NDArray[np.int32]]] = [[] for _ in names]
        for offset, part in zip(self._offsets[:-1], self._parts, strict=True):
            places = np.searchsorted(part.terms, hashes)
            for index in np.flatnonzero(segments.among(hashes, part.terms)).tolist():
                span = slice(part.starts[places[index]], part.starts[places[index] + 1])
                held = part.rows[span] + offset
                live = self._live[held]
                rows[index].append(held[live])
                counts[index].append(part.counts[span][live])
        return [self._weigh(*pair) for pair in zip(rows, counts, strict=True)]

    def _weigh(self, rows: Sequence[NDArray[np.int64]], counts: Sequence[NDArray[np.int32]]) -> _Term:
        where = np.concatenate([np.empty(0, dtype=np.int64), *rows])
        count = np.concatenate([np.empty(0, dtype=np.int32), *counts])
        frequency = len(where)
        idf = math.log(self.chunks - frequency + 0.5) - math.log(frequency + 0.5)
        idf = EPSILON * self._mean_idf if idf < 0 else idf
        return _Term(idf, where, count * (K1 + 1) / (count + self._norms[where]))


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
