"""The *similar code* channel: BM25 over identifier sub-tokens with a query that is centred on the hole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.snapshot import Snapshot
from indexer.tokens import terms as terms_of
from indexer.types import Chunk
from retrieval import snippet
from retrieval.leak import Guard, Lines
from retrieval.pending import Candidate, Pending
from retrieval.trace import Trace
from retrieval.types import Evidence, Hit, Query

LINES_BEFORE, LINES_AFTER = 24, 8
"""Non-blank lines of the buffer that make the query."""

DECAY_BEFORE = 0.75
"""Weight of a line against the one below it. On 900 holes of httpx, scrapy and mypy five snippets held 46 % of the
names that the true line needs and its file does not show with 0.7, and 44 % with 0.88; this lies between.
"""

AFTER_WEIGHT, DECAY_AFTER = 0.5, 0.8
"""The first line after the hole, and each further one against the one above it; flat between 0.25 and 1."""

SIGNATURE_WEIGHT = 0.5
"""The signature of the enclosing definition, which may lie far above."""

DRAFT_WEIGHT = 1.0
"""Each line of the draft of an earlier pass."""

MAX_WEIGHT = 2.0
"""A term that is on every line near the hole says less than its count."""

MAX_TERMS = 48
"""Terms of a query, those with most weight times idf: the rest costs time and changes few ranks."""

NAMED_TERMS = 3
"""Shared terms that the evidence names."""


class Lexical(Protocol):
    """A scorer of chunks: `retrieval.postings.Postings`, or `retrieval.okapi.OkapiBackend`."""

    def search(
        self, terms: Mapping[str, float], k: int, *, without: Sequence[int] = ()
    ) -> list[tuple[int, float]]: ...

    def best(
        self, terms: Mapping[str, float], k: int, *, without: Sequence[int] = ()
    ) -> tuple[list[tuple[int, float]], NDArray[np.bool_]]: ...

    def idf(self, terms: Iterable[str], *, without: Sequence[int] = ()) -> dict[str, float]: ...

    def shared(self, terms: Sequence[str], ids: Sequence[int]) -> NDArray[np.bool_]: ...


@dataclass(frozen=True, slots=True)
class Ranked:
    """A chunk that BM25 found. `coverage` is the share of the query's idf mass that it holds, 0 to 1."""

    id: int
    score: float
    coverage: float
    why: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a query n texts hold: `shares` is (n,) float64, 0 to 1, `held` is (terms, n) bool."""

    shares: NDArray[np.float64]
    held: NDArray[np.bool_]
    idf: Mapping[str, float]
    terms: tuple[str, ...]

    def why(self, column: int) -> str:
        """The rarest terms that a text shares with the query, in words."""
        return _why(self.terms, self.held[:, column], self.idf)


def similar(
    query: Query,
    snapshot: Snapshot,
    lexical: Lexical,
    *,
    guard: Guard,
    limit: int,
    weights: Mapping[str, float] | None = None,
    trace: Trace | None = None,
) -> list[Hit]:
    """Code like that around the hole, best first. `weights` are those of `weigh`, where they are known already.
    `trace` is told of what was found and is not shown.

    Without a draft a hit shows what follows the matched lines, with one the matched lines themselves
    (RepoCoder). The evidence's score is the coverage, which does not depend on the repository's size.
    """
    weights = weigh(query) if weights is None else weights
    search = _Search(query, snapshot, lexical, guard, limit, weights)
    hits: list[Hit] = []
    if trace is not None:
        _trace_banned(trace, rank(weights, lexical, limit=limit), set(search.banned), snapshot, guard)
    for found in search.ranked:
        hit = search.show(found, len(hits) + 1)
        if hit is not None:
            hits.append(hit)
        elif trace is not None:
            chunk = snapshot.chunk(found.id)
            trace.drop(_whole(chunk, found, len(hits) + 1), *guard.ban_on(chunk.path, *_lines(chunk)))
    return hits


def similar_pending(
    query: Query,
    snapshot: Snapshot,
    lexical: Lexical,
    *,
    guard: Guard,
    limit: int,
    weights: Mapping[str, float],
) -> list[Candidate]:
    """The same hits, but a text is read when it is asked for. What the guard may clip is read at once."""
    search = _Search(query, snapshot, lexical, guard, limit, weights)
    places = snapshot.lines_of([found.id for found in search.ranked])
    margin = max(snippet.LEAD, snippet.FOLLOW, snippet.AROUND)
    hits: list[Candidate] = []
    clipped = guard.paths
    for found in search.ranked:
        place = places[found.id]
        rank = len(hits) + 1
        if place.path in clipped:
            hit = search.show(found, rank)
            hits += [hit] if hit is not None else []
            continue
        evidence = Evidence("similar", rank, found.coverage, found.why)
        reach = place.start_line - margin, place.end_line + margin
        hits.append(Pending(place.path, found.score, (evidence,), reach, partial(search.show, found, rank)))
    return hits


class _Search:
    """The chunks that are like the hole of one query, and what to show of each."""

    def __init__(
        self,
        query: Query,
        snapshot: Snapshot,
        lexical: Lexical,
        guard: Guard,
        limit: int,
        weights: Mapping[str, float],
    ) -> None:
        self.banned = [
            chunk.id
            for path in guard.paths
            for chunk in snapshot.chunks_of(path)
            if not guard.allows(path, chunk.span.start_line, chunk.span.end_line)
        ]
        selected = select(weights, lexical, without=self.banned)
        self.ranked = _ranked(selected, weights, lexical, limit, self.banned)
        self._target = snippet.target(compared_lines(query), selected.idf)
        self._snapshot, self._guard, self._continuation = snapshot, guard, not query.draft

    def show(self, found: Ranked, rank: int) -> Hit | None:
        """The lines of a chunk that are to be shown; None where the guard allows none."""
        chunk = self._snapshot.chunk(found.id)
        around = snippet.excerpt(self._snapshot.content(chunk.path), chunk.span)
        shown = shown_lines(chunk, around, self._target, self._guard, continuation=self._continuation)
        if shown is None:
            return None
        evidence = Evidence("similar", rank, found.coverage, found.why)
        return Hit(chunk, found.score, (evidence,), around.text(*shown), *shown)


def weigh(query: Query) -> dict[str, float]:
    """The weighted terms of a hole: lines near it count most."""
    weights: dict[str, float] = {}

    def add(text: str, weight: float) -> None:
        for term in dict.fromkeys(terms_of(text)):
            weights[term] = min(MAX_WEIGHT, weights.get(term, 0.0) + weight)

    for line in query.draft.split("\n"):
        add(line, DRAFT_WEIGHT)
    for distance, line in enumerate(reversed(_filled(query.prefix.split("\n"))[-LINES_BEFORE:])):
        add(line, DECAY_BEFORE**distance)
    for distance, line in enumerate(_filled(query.suffix.split("\n"))[:LINES_AFTER]):
        add(line, AFTER_WEIGHT * DECAY_AFTER**distance)
    add(_signature(query), SIGNATURE_WEIGHT)
    return weights


def rank(
    weights: Mapping[str, float], lexical: Lexical, *, limit: int, without: Sequence[int] = ()
) -> list[Ranked]:
    """The best chunks for weighted terms, each with its coverage and the rarest terms that it shares."""
    return _ranked(select(weights, lexical, without=without), weights, lexical, limit, without)


def _ranked(
    wanted: Selected, weights: Mapping[str, float], lexical: Lexical, limit: int, without: Sequence[int]
) -> list[Ranked]:
    if not wanted.masses:
        return []
    found, held = lexical.best({term: weights[term] for term in wanted.masses}, limit, without=without)
    covered = wanted.cover(held)
    return [
        Ranked(number, score, float(covered.shares[column]), covered.why(column))
        for column, (number, score) in enumerate(found)
    ]


@dataclass(frozen=True, slots=True)
class Selected:
    """The terms that a query is made of, those with most mass first. `masses` are weight times idf."""

    masses: Mapping[str, float]
    idf: Mapping[str, float]

    def cover(self, held: NDArray[np.bool_]) -> Coverage:
        """What texts cover that hold these terms. `held` is (terms, texts) bool."""
        masses = np.array(list(self.masses.values()))
        shares = masses @ held / masses.sum() if len(masses) else np.zeros(held.shape[1])
        return Coverage(shares, held, self.idf, tuple(self.masses))


def select(weights: Mapping[str, float], lexical: Lexical, *, without: Sequence[int] = ()) -> Selected:
    """The terms of a query that say most."""
    idf = lexical.idf(weights, without=without)
    mass = {term: weights[term] * idf[term] for term in idf if idf[term] > 0}
    terms = sorted(mass, key=lambda term: (-mass[term], term))[:MAX_TERMS]
    return Selected({term: mass[term] for term in terms}, idf)


def coverage(weights: Mapping[str, float], lexical: Lexical, ids: Sequence[int]) -> Coverage:
    """How much of weighted terms these chunks hold."""
    wanted = select(weights, lexical)
    return wanted.cover(lexical.shared(list(wanted.masses), ids))


def _trace_banned(
    trace: Trace, ranked: Sequence[Ranked], banned: set[int], snapshot: Snapshot, guard: Guard
) -> None:
    """Tell of the chunks that would have been found if they were not banned."""
    for place, found in enumerate(ranked, 1):
        if found.id in banned:
            chunk = snapshot.chunk(found.id)
            trace.drop(_whole(chunk, found, place), *guard.ban_on(chunk.path, *_lines(chunk)))


def _whole(chunk: Chunk, found: Ranked, place: int) -> Hit:
    evidence = Evidence("similar", place, found.coverage, found.why)
    return Hit(chunk, found.score, (evidence,), chunk.text, *_lines(chunk))


def _lines(chunk: Chunk) -> Lines:
    return chunk.span.start_line, chunk.span.end_line


def _why(terms: Sequence[str], held: NDArray[np.bool_], idf: Mapping[str, float]) -> str:
    """Name the rarest shared terms; a part is left out where the whole name is there."""
    named: list[str] = []
    for term in sorted(
        (term for term, shared in zip(terms, held.tolist(), strict=True) if shared),
        key=lambda term: (-idf[term], -len(term)),
    ):
        if not any(term in other for other in named):
            named.append(term)
        if len(named) == NAMED_TERMS:
            break
    return "shares " + ", ".join(named)


def shown_lines(
    chunk: Chunk,
    around: snippet.Excerpt,
    wanted: snippet.Target,
    guard: Guard,
    *,
    continuation: bool,
    among: Sequence[Lines] = (),
) -> Lines | None:
    """The lines to show for a matched chunk, None where the guard allows nothing around the match.

    `among`: the stretches of the chunk of which one must hold the match; the whole chunk if left out.
    """
    stretches = among or ((chunk.span.start_line, chunk.span.end_line),)
    line, best = stretches[0][0], -1.0
    for first, last in stretches:
        inside = around.lines[first - around.first : last - around.first + 1]
        place, score = snippet.best_place(inside, wanted)
        if score > best:
            line, best = first + place, score
    start, end = snippet.window(line, continuation=continuation)
    allowed = guard.clip(chunk.path, start, end, line)
    return around.trim(*allowed) if allowed is not None else None


def compared_lines(query: Query) -> list[str]:
    """The lines whose like is looked for inside a chunk: those before the hole, then the draft."""
    text = query.prefix[-_COMPARED_CHARACTERS:] + query.draft
    return text.split("\n")


_COMPARED_CHARACTERS = 4000  # more than the few lines that are compared


def _signature(query: Query) -> str:
    for symbol in query.facts.symbols if query.facts and query.scope else ():
        if symbol.qualname == query.scope:
            return symbol.signature
    return ""


def _filled(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.strip()]
