"""The best rows of a weighted query without scoring all that hold one of its terms: MaxScore (Turtle and Flood, 1995).

A chunk that holds the rare terms of a query is scored by them first, all such chunks at once. What the frequent terms
could add at most is known, so most chunks are out of the race before a list of ten thousand is read; in those lists
only the few that are left are looked up. What is found has the same scores as if all were scored.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.inverted import Rows, Segment

BATCH = 32_768
"""Postings that are scored before it is looked who is still in the race. On 60,000 chunks the median query of 48 terms
has 205,000; after two batches 70 chunks are left.
"""

BLOCK = 16_384
"""Postings that are scored in one go: their numbers fit the processor's cache."""

FEW = 512
"""Rows that are looked up in the lists that are left, rather than reading those lists."""

HALVINGS = 4
"""Times that the leaders are looked for among the scores above half of the bound before."""

SLACK = 2.5e-7
"""Relative, for each term: two sums of float32 that ought to be equal differ by less."""

Places = NDArray[np.int64]
Scores = NDArray[np.float64]
Rough = NDArray[np.float32]


class Span(NamedTuple):
    """The postings of a term in one segment."""

    segment: int
    postings: slice


@dataclass(frozen=True, slots=True)
class Wanted:
    """A term of a query. `mass` is its weight times its idf, above 0."""

    mass: float
    frequency: int  # chunks that hold it
    spans: Sequence[Span]


class _Part(NamedTuple):
    """Some rows of one segment, which ascend."""

    segment: int
    columns: slice  # where they are among all rows that are asked for
    local: Rows  # their numbers within the segment, in its type


class _Scratch:
    """Room for the numbers of one query, used again by the next: to get fresh pages from the system took four times as
    long as all that is calculated in them.
    """

    def __init__(self, n_rows: int) -> None:
        self.scores = np.empty(n_rows, dtype=np.float32)
        self.rows = np.empty(BLOCK, dtype=np.int64)
        self.counts = np.empty(BLOCK, dtype=np.float32)
        self.norms = np.empty(BLOCK, dtype=np.float32)


class Lists:
    """The lists of postings of some segments. Row numbers run through all segments; they never change."""

    def __init__(self, segments: Sequence[Segment], norms: Scores, saturation: float) -> None:
        """`norms`: what the count of a term is weighed against, for each row; `saturation`: K1 of BM25.

        No count is worth more than `gain` times the idf of its term.
        """
        self.segments = tuple(segments)
        self.offsets: Places = np.cumsum([0, *(len(one.ids) for one in segments)])
        self._norms = norms
        self._rough_norms = norms.astype(np.float32)
        self.gain = saturation + 1
        self._local = threading.local()

    @property
    def scratch(self) -> _Scratch:
        """That of the calling thread."""
        found: _Scratch | None = getattr(self._local, "scratch", None)
        if found is None:
            found = self._local.scratch = _Scratch(int(self.offsets[-1]))
        return found

    def counts(self, terms: Sequence[Sequence[Span]], rows: Places) -> Scores:
        """How often each of the ascending rows holds each term. Shape (len(terms), len(rows)) float64."""
        found = np.zeros((len(terms), len(rows)))
        for number, columns, local in self._split(rows):
            segment = self.segments[number]
            spans = [
                (index, span) for index, term in enumerate(terms) for part, span in term if part == number
            ]
            at = np.empty((len(spans), len(local)), dtype=np.int64)
            for place, (_, span) in enumerate(spans):
                at[place] = segment.rows[span].searchsorted(local)
            at += np.array([[span.start] for _, span in spans], dtype=np.int64).reshape(-1, 1)
            is_inside = at < np.array([[span.stop] for _, span in spans], dtype=np.int64).reshape(-1, 1)
            held = (segment.rows.take(at, mode="clip") == local) & is_inside
            found[[index for index, _ in spans], columns] = held * segment.counts.take(at, mode="clip")
        return found

    def shares(self, counts: Scores, rows: Places) -> Scores:
        """Of `counts`, what BM25 multiplies with the idf. The same shape."""
        shares: Scores = counts * self.gain / (counts + self._norms[rows])
        return shares

    def scores(self, terms: Sequence[Wanted]) -> Scores:
        """The score of each row: each sums its terms in their order. Shape (rows,) float64."""
        total = np.zeros(int(self.offsets[-1]))
        for term in terms:
            for number, span in term.spans:
                rows = self.segments[number].rows[span].astype(np.int64) + self.offsets[number]
                counts = self.segments[number].counts[span].astype(np.float64)
                total[rows] += term.mass * self.shares(counts, rows)  # no row is there twice
        return total

    def score(self, terms: Sequence[Wanted], scores: Rough) -> None:
        """Add what the terms count to the score of each row. `scores` is (rows,) float32: it only says who is in the
        race, and takes two thirds of the time.
        """
        for number, segment in enumerate(self.segments):
            block: list[tuple[float, slice]] = []
            size = 0
            for term in terms:
                for start, stop in (
                    piece for span in term.spans if span.segment == number for piece in _pieces(span)
                ):
                    if size + stop - start > BLOCK:
                        self._score(number, segment, block, scores)
                        block, size = [], 0
                    block.append((term.mass, slice(start, stop)))
                    size += stop - start
            if block:
                self._score(number, segment, block, scores)

    def _score(
        self, number: int, segment: Segment, block: Sequence[tuple[float, slice]], scores: Rough
    ) -> None:
        """The same for at most BLOCK postings of one segment."""
        scratch = self.scratch
        end = 0
        for _, span in block:
            start, end = end, end + span.stop - span.start
            scratch.rows[start:end] = segment.rows[span]
            scratch.counts[start:end] = segment.counts[span]
        rows, counts, norms = scratch.rows[:end], scratch.counts[:end], scratch.norms[:end]
        first, last = self.offsets[number : number + 2]
        self._rough_norms[first:last].take(rows, out=norms, mode="clip")  # "raise" would make a copy
        norms += counts
        masses = np.array([mass * self.gain for mass, _ in block], dtype=np.float32)
        counts *= masses.repeat([span.stop - span.start for _, span in block])
        counts /= norms
        np.add.at(scores[first:last], rows, counts)

    def _split(self, rows: Places) -> list[_Part]:
        ends = np.searchsorted(rows, self.offsets).tolist()
        return [
            _Part(number, slice(first, end), (rows[first:end] - self.offsets[number]).astype(one.rows.dtype))
            for number, (one, first, end) in enumerate(zip(self.segments, ends, ends[1:], strict=False))
            if first < end
        ]


def best_rows(lists: Lists, terms: Sequence[Wanted], k: int, without: Places) -> Places:
    """Rows, ascending, among which the k best for the terms are, and few others. `without` are left out."""
    # What a posting may bring at most, those first that say most: a rare term's list is short
    left = sorted(terms, key=lambda term: -term.mass / term.frequency)
    slack = 1 - SLACK * (len(terms) + 8)
    scores = lists.scratch.scores
    scores.fill(0.0)
    while True:
        batch = _next_batch(left)
        left = left[len(batch) :]
        lists.score(batch, scores)
        scores[without] = 0.0
        rest = lists.gain * sum(term.mass for term in left)
        leaders = _leaders(scores, k)
        if len(leaders) < k:
            if not left:
                return leaders
            continue
        least = float(_completed(lists, scores, left, leaders).min()) * slack
        if rest < least:
            rows = (scores >= least - rest).nonzero()[0]
            if len(rows) <= FEW or not left:
                return _leading(rows, _completed(lists, scores, left, rows), k, slack)


def _leaders(scores: Rough, k: int) -> Places:
    """The rows of the k best of the scores above 0, ascending; of equal ones any."""
    rows: Places
    least = float(scores.max(initial=0.0))
    if not least:
        return np.empty(0, dtype=np.int64)
    for _ in range(HALVINGS):  # of 60,000 scores all but some hundred are far below the best
        least /= 2
        rows = (scores >= least).nonzero()[0]
        if len(rows) >= k:
            break
    else:
        rows = (scores > 0).nonzero()[0]
    if len(rows) <= k:
        return rows
    best: Places = rows[np.argpartition(scores[rows], len(rows) - k)[len(rows) - k :]]
    best.sort()
    return best


def _next_batch(terms: Sequence[Wanted]) -> Sequence[Wanted]:
    size = 0
    for number, term in enumerate(terms, 1):
        size += term.frequency
        if size >= BATCH:
            return terms[:number]
    return terms


def _pieces(span: Span) -> Iterator[tuple[int, int]]:
    """Where the parts of a list begin and end of which each fits a block."""
    start, stop = span.postings.start, span.postings.stop
    for first in range(start, stop, BLOCK):
        yield first, min(first + BLOCK, stop)


def _completed(lists: Lists, scores: Rough, left: Sequence[Wanted], rows: Places) -> Scores:
    """The scores of these ascending rows with what is left added."""
    counts = lists.counts([term.spans for term in left], rows)
    masses = np.array([term.mass for term in left])
    total: Scores = scores[rows] + masses @ lists.shares(counts, rows)
    return total


def _leading(rows: Places, scores: Scores, k: int, slack: float) -> Places:
    """The rows of which the score may be one of the k best."""
    if len(rows) > k:
        least = np.partition(scores, len(scores) - k)[len(scores) - k] * slack
        rows = rows[scores >= least]
    return rows
