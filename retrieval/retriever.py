"""The facade of retrieval: channels, fusion, gate, for a cursor; and search for a person."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from indexer.errors import DamagedIndexError
from indexer.snapshot import Snapshot
from retrieval import finder, places
from retrieval.dense import Vectors, dense, hole_text
from retrieval.embed import Embedder
from retrieval.fuse import fuse
from retrieval.gate import SIMILAR_THRESHOLD, Mode, decide
from retrieval.leak import Guard, guard_for
from retrieval.lexical import Lexical, similar, similar_pending, weigh
from retrieval.neighbors import definitions_pending, imported_paths
from retrieval.overlay import Overlay
from retrieval.pending import Candidate, NothingToShowError, Pending, made
from retrieval.postings import Postings
from retrieval.recent import Recent
from retrieval.trace import Trace
from retrieval.types import GateDecision, Hit, Query
from retrieval.worktree import Changes

DEPTH = 16
"""Candidates each channel gives to fusion: twice what a prompt holds, so dedupe and caps leave enough."""


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """What is on. Each channel can be left out, so that its worth can be measured."""

    channels: tuple[str, ...] = ("definitions", "similar", "dense")
    lexical_backend: str = "postings"  # or "rank-bm25", the slow reference


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Hits best first, whether they are worth a prompt, and milliseconds of each part ("similar_ms")."""

    hits: tuple[Hit, ...]
    gate: GateDecision
    timings: dict[str, float]
    pins: int = 0  # so many of the first hits are what the user pinned
    notes: tuple[str, ...] = ()  # for the user: pins that show nothing


@dataclass(frozen=True, slots=True)
class Found:
    """What `search` gives: hits best first and milliseconds of each part."""

    hits: tuple[Hit, ...]
    timings: dict[str, float]


class Retriever:
    """Retrieves from one snapshot; loads structures when first used. Several threads may use it."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        embedder: Embedder | None = None,
        settings: RetrievalSettings | None = None,
        changes: Callable[[], Changes] = Changes,
    ) -> None:
        """`changes`: tells the recent channel what git sees; by default nothing."""
        self._snapshot = snapshot
        self._embedder = embedder
        self._settings = settings or RetrievalSettings()
        self._recent = Recent(snapshot, changes)
        self._lexical: Lexical | None = None
        self._vectors: Vectors | None = None
        self._loading = threading.Lock()

    def retrieve(self, query: Query, *, k: int, mode: Mode = "auto", trace: Trace | None = None) -> Retrieved:
        """What helps at the cursor: what is pinned, then others up to k hits. Mode "never" looks at nothing.

        The hits are given even where the gate says no, so that a user can see what was turned down. `trace` collects
        every candidate.
        """
        if mode == "never":
            return Retrieved((), decide(query, (), mode), {})
        timings: dict[str, float] = {}
        hidden = places.resolve(query.hidden, self._snapshot)
        guard = guard_for(query, self._snapshot.n_lines(query.path), hidden.lines)
        pins = places.pinned(query, self._snapshot, self.lexical(), guard) if query.pins else places.NO_PINS
        table = self._table(query)
        found = self._channels(query, table, guard, timings, trace)
        asked = _Asked(query, k, mode, guard, table, pins.hits, trace)
        try:
            hits, gate = _choose(asked, found, timings)
        except NothingToShowError:  # of a candidate, so that those behind it rank higher
            hits, gate = _choose(asked, {name: _shown(listed) for name, listed in found.items()}, timings)
        missing = (f"excluded: {place}: {why}" for place, why in hidden.missing)
        return decided(Retrieved(hits, gate, timings, len(pins.hits), (*pins.notes, *missing)), gate, trace)

    def search(self, text: str, k: int) -> Found:
        """Symbols, code and text for words in plain language or code, at most k hits."""
        timings: dict[str, float] = {}
        channels: dict[str, Sequence[Hit]] = {}
        depth = max(DEPTH, k)
        with _timed(timings, "symbols_ms"):
            channels["symbols"] = finder.by_name(text, self._snapshot, limit=k)
        with _timed(timings, "lexical_ms"):
            channels["lexical"] = finder.by_text(text, self._snapshot, self.lexical(), limit=depth)
        if self._embedder is not None and (vectors := self._open_vectors()) is not None:
            with _timed(timings, "dense_ms"):
                channels["dense"] = dense(text, self._snapshot, vectors, self._embedder, limit=depth)
        with _timed(timings, "fuse_ms"):
            hits = finder.merge(channels, k)
        return Found(hits, timings)

    def lexical(self) -> Lexical:
        """The lexical scorer that the settings name, loaded on first use."""
        with self._loading:
            if self._lexical is None:
                self._lexical = self._open_lexical()
            return self._lexical

    def _table(self, query: Query) -> Snapshot | Overlay:
        """What names are looked up in: without the query's file as indexed, where the query excludes lines of it."""
        if query.facts is None or all(ban.path != query.path for ban in query.exclusions):
            return self._snapshot
        return Overlay(self._snapshot, query.facts, query.prefix + query.suffix)

    def _channels(
        self,
        query: Query,
        table: Snapshot | Overlay,
        guard: Guard,
        timings: dict[str, float],
        trace: Trace | None,
    ) -> dict[str, Sequence[Candidate]]:
        """The hits of each channel that is on; those of some are made when fusion asks for them."""
        on = self._settings.channels
        found: dict[str, Sequence[Candidate]] = {}
        weights: dict[str, float] | None = None
        if "definitions" in on:
            with _timed(timings, "definitions_ms"):
                found["definitions"] = definitions_pending(
                    query, table, limit=DEPTH, guard=guard, trace=trace
                )
        if "similar" in on:
            with _timed(timings, "similar_ms"):
                lexical, weights = self.lexical(), weigh(query)
                look = similar_pending if trace is None else partial(similar, trace=trace)
                found["similar"] = look(
                    query, self._snapshot, lexical, guard=guard, limit=DEPTH, weights=weights
                )
        if "dense" in on and self._embedder is not None and (vectors := self._open_vectors()) is not None:
            with _timed(timings, "dense_ms"):
                found["dense"] = dense(hole_text(query), self._snapshot, vectors, self._embedder, limit=DEPTH)
        if "recent" in on:
            with _timed(timings, "recent_ms"):
                found["recent"] = self._recent.find(
                    query, self.lexical(), guard=guard, weights=weights, trace=trace
                )
        return found

    def _open_lexical(self) -> Lexical:
        if self._settings.lexical_backend == "rank-bm25":
            from retrieval.okapi import OkapiBackend  # pulls in a second scorer that is seldom wanted

            return OkapiBackend(self._snapshot.chunks(self._snapshot.all_chunk_ids()))
        folder = self._snapshot.derived_dir("postings")
        if folder is None:
            raise DamagedIndexError(
                "index: postings: not in this generation, run `repocoder index --rebuild`"
            )
        return Postings.open(folder)

    def _open_vectors(self) -> Vectors | None:
        with self._loading:
            if self._vectors is None:
                folder = self._snapshot.derived_dir("vectors")
                self._vectors = Vectors.open(folder) if folder is not None else None
            return self._vectors


def decided(found: Retrieved, gate: GateDecision, trace: Trace | None = None) -> Retrieved:
    """What was found, under the decision of a gate: where it says no, what the user pinned is shown all the same."""
    if gate.retrieve or not found.pins:
        return replace(found, gate=gate)
    if trace is not None:
        for hit in found.hits[found.pins :]:
            trace.drop(hit, "gate", gate.reason)
    opened = replace(gate, retrieve=True, reason=f"only what you pinned: {gate.reason}")
    return replace(found, hits=found.hits[: found.pins], gate=opened)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request."""

    query: Query
    k: int
    mode: Mode
    guard: Guard
    table: Snapshot | Overlay
    pins: Sequence[Hit]
    trace: Trace | None


def _choose(
    asked: _Asked, found: Mapping[str, Sequence[Candidate]], timings: dict[str, float]
) -> tuple[tuple[Hit, ...], GateDecision]:
    """The hits that are shown, and whether they are worth a prompt. Raises NothingToShowError."""
    query, trace = asked.query, asked.trace
    channels = {name: _guarded(hits, asked.guard, trace) for name, hits in found.items()}
    with _timed(timings, "gate_ms"):
        gate = decide(query, (hit for hits in channels.values() for hit in hits), asked.mode)
    if asked.mode == "auto" and gate.retrieve:  # what would not open the gate does not walk through it
        channels["similar"] = _above(channels.get("similar", ()), SIMILAR_THRESHOLD, trace)
    with _timed(timings, "fuse_ms"):
        imported = imported_paths(query, asked.table)
        hits = fuse(channels, query.path, k=asked.k, imported=imported, pins=asked.pins, trace=trace)
    return hits, gate


def _shown(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that show something, with the ranks that they have among themselves."""
    hits: list[Candidate] = []
    for candidate in candidates:
        try:
            hit = made(candidate)
        except NothingToShowError:
            continue
        if isinstance(candidate, Pending):
            (evidence,) = hit.evidence
            hit = replace(hit, evidence=(replace(evidence, rank=len(hits) + 1),))
        hits.append(hit)
    return hits


def _guarded(candidates: Sequence[Candidate], guard: Guard, trace: Trace | None) -> list[Candidate]:
    """The hits that the leak guard lets through, whatever channel they come from."""
    allowed: list[Candidate] = []
    guarded = guard.paths
    for candidate in candidates:
        if candidate.path not in guarded:
            allowed.append(candidate)
            continue
        hit = made(candidate)
        outline = hit.evidence[0].source == "definitions"
        if guard.allows(hit.path, hit.start_line, hit.end_line, outline=outline):
            allowed.append(candidate)
        elif trace is not None:
            trace.drop(hit, *guard.ban_on(hit.path, hit.start_line, hit.end_line))
    return allowed


def _above(hits: Sequence[Candidate], threshold: float, trace: Trace | None) -> list[Candidate]:
    """The hits whose channel gives them at least so much."""
    kept: list[Candidate] = []
    for hit in hits:
        if hit.evidence[0].score >= threshold:
            kept.append(hit)
        elif trace is not None:
            covered = hit.evidence[0].score
            why = f"covers {covered:.2f} of what is near the cursor, less than {threshold}"
            trace.drop(made(hit), "threshold", why)
    return kept


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    timings[name] = (time.perf_counter() - started) * 1000
