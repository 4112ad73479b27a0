"""The definitions channel: what the names around the hole mean, as definitions of other files without
bodies.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING

from indexer.resolve import Resolver
from indexer.types import Chunk, FileFacts
from retrieval.candidates import Candidate, Gatherer
from retrieval.render import render_symbol
from retrieval.types import Evidence, Hit, Query

if TYPE_CHECKING:
    from indexer.snapshot import Snapshot

SAME_FILE_LINES = 60
"""Definitions of the query's own file count only from this far: what is nearer is in the prompt anyway."""

WEIGHTS: Mapping[str, float] = {
    "receiver": 4.0,
    "here": 2.5,
    "named": 1.0,
    "near": 2.0,
    "used": 1.0,
    "uses": 0.5,
    "parameter": 1.2,
    "variable": 1.2,
    "field": 0.5,
    "returned": 1.0,
    "base": 0.8,
    "imported": 0.3,
    "alike": 1.0,
    "hop": 0.1,
    "unused": 2.0,
    "brought": 1.0,
    "annotated": 1.0,
    "same_file": -1.5,
}


class Definitions:
    """The channel over one snapshot. Keeps what it resolved; may be used by several threads."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = weakref.proxy(snapshot)
        self._resolver = Resolver(self._snapshot)
        self._lock = threading.Lock()

    def find(self, query: Query, limit: int) -> list[Hit]:
        """The definitions that the hole most likely needs, at most `limit`, best first."""
        if query.facts is None:
            return []
        with self._lock:
            gatherer = Gatherer(query, query.facts, self._resolver, self._snapshot.facts)
            ranked = self._rank(query, gatherer.gather())
            gatherer.hop(ranked)
            ranked = self._rank(query, list(gatherer.candidates.values()))
            hits: list[Hit] = []
            for candidate in ranked:
                if len(hits) >= limit:
                    break
                hit = self._hit(query, candidate, gatherer.context, len(hits) + 1)
                if hit is not None:
                    hits.append(hit)
        return hits

    def _rank(self, query: Query, candidates: list[Candidate]) -> list[Candidate]:
        for candidate in candidates:
            if candidate.path == query.path:
                candidate.features["same_file"] = 1.0
        return sorted(candidates, key=lambda c: (-score(c), c.path, c.qualname))

    def _hit(
        self, query: Query, candidate: Candidate, context: Mapping[str, float], place: int
    ) -> Hit | None:
        facts: FileFacts | None = self._snapshot.facts(candidate.path)
        symbol = next((s for s in facts.symbols if s.qualname == candidate.qualname), None) if facts else None
        if facts is None or symbol is None:
            return None
        start, end = symbol.span.start_line, symbol.span.end_line
        if candidate.path == query.path:
            near = start - SAME_FILE_LINES <= query.line <= end + SAME_FILE_LINES
            if near or not candidate.qualname:
                return None
        text = render_symbol(facts, candidate.qualname, set(candidate.wanted), context)
        chunk = self._chunk_at(candidate.path, start)
        if not text or chunk is None:
            return None
        value = round(score(candidate), 4)
        evidence = Evidence("definitions", place, value, explain(candidate))
        return Hit(chunk, value, (evidence,), text, start, end)

    def _chunk_at(self, path: str, line: int) -> Chunk | None:
        chunks: tuple[Chunk, ...] = self._snapshot.chunks_of(path)
        return next((c for c in chunks if c.span.start_line <= line <= c.span.end_line), None)


_KNOWN: weakref.WeakKeyDictionary[Snapshot, Definitions] = weakref.WeakKeyDictionary()


def definitions(query: Query, snapshot: Snapshot, *, limit: int) -> list[Hit]:
    """The definitions channel for one query; what was resolved is kept as long as the snapshot lives."""
    channel = _KNOWN.get(snapshot)
    if channel is None:
        channel = _KNOWN[snapshot] = Definitions(snapshot)
    return channel.find(query, limit)


def score(candidate: Candidate) -> float:
    """How much speaks for a candidate: the weighted sum of its features."""
    return sum(WEIGHTS.get(name, 0.0) * value for name, value in candidate.features.items())


def explain(candidate: Candidate) -> str:
    """The strongest reason for a candidate, in words."""
    reasons = sorted(candidate.why, key=lambda name: -WEIGHTS.get(name, 0.0) * candidate.features[name])
    return f"defines `{candidate.qualname or candidate.path}`, {candidate.why[reasons[0]]}"
