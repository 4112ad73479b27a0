"""The definitions channel: what the names around the hole mean, as definitions of other files without
bodies.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from indexer.packing import Seen
from indexer.resolve import Resolver
from indexer.types import FileFacts, Symbol
from retrieval.candidates import Candidate, Gatherer
from retrieval.leak import Guard
from retrieval.overlay import Outlines, Overlay
from retrieval.pending import Candidate as Found
from retrieval.pending import Pending, made
from retrieval.places import without_hidden
from retrieval.render import MAX_CHARACTERS, render_symbol
from retrieval.trace import Trace
from retrieval.types import Evidence, Hit, Query

if TYPE_CHECKING:
    from indexer.snapshot import Snapshot

SAME_FILE_LINES = 60
"""Definitions of the query's own file count only from this far: what is nearer is in the prompt anyway."""

CONSIDERED = 2
"""Candidates rendered for each place: those behind the first may still share a place with one of their
file.
"""

TRACED = 100
"""Candidates that `explain` tells of; those further down are imported names that nothing else speaks for."""

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
"""What each feature of a candidate counts. Set by hand: weights fitted (listwise, logistic) on 360 cursors of
three public repositories found no more of what 180 other cursors needed.
"""


@dataclass(slots=True)
class _Shown:
    """A rendered definition, with those of the same file that were put below it."""

    path: str
    text: str
    start_line: int
    end_line: int
    score: float
    why: str


class _Refusal(NamedTuple):
    """Why a candidate is not shown: a stage of `retrieval.types.Considered`, and words."""

    stage: str
    why: str


_NOTHING = _Refusal("channel", "there is nothing to show of it")
_VISIBLE = _Refusal("leak-guard", "in the file of the cursor: the prompt shows it anyway")
_LEAK = _Refusal("leak-guard", "would give away what is to be written")
_HIDDEN = _Refusal("excluded", "excluded by you")


class _Shelf:
    """Renderings, best first. Short ones of one file share a place, since a prompt pays for each place."""

    def __init__(self) -> None:
        self.shown: list[_Shown] = []
        self._open: dict[str, _Shown] = {}  # path -> the last of that file

    def put(self, new: _Shown, limit: int) -> bool:
        """Add a rendering if it may share a place, or if one of `limit` is free; whether it was added."""
        known = self._open.get(new.path)
        if known is not None and len(known.text) + len(new.text) + 1 <= MAX_CHARACTERS:
            known.text += "\n" + new.text
            known.why += f"; {new.why}"
        elif len(self.shown) < limit:
            self.shown.append(new)
            self._open[new.path] = new
        else:
            return False
        return True


class Definitions:
    """The channel over one snapshot. Keeps what it resolved; may be used by several threads."""

    def __init__(self, snapshot: Snapshot | Overlay) -> None:
        self._snapshot = weakref.proxy(snapshot)
        self._resolver = Resolver(Outlines(self._snapshot))
        self._lock = threading.Lock()

    def find(self, query: Query, limit: int, guard: Guard, trace: Trace | None = None) -> list[Found]:
        """The definitions that the hole most likely needs, at most `limit`, best first. Their chunks are looked up when
        they are asked for.
        """
        if query.facts is None:
            return []
        with self._lock:
            gatherer = Gatherer(query, query.facts, self._resolver, self._snapshot.outline)
            ranked = self._rank(query, gatherer.gather())
            gatherer.hop(ranked)
            ranked = self._rank(query, list(gatherer.candidates.values()))
            shelf = _Shelf()
            for place, candidate in enumerate(ranked[: CONSIDERED * limit], 1):
                shown = self._show(query, candidate, gatherer.context, guard)
                told = shelf.put(shown, limit) if isinstance(shown, _Shown) else shown
                if trace is not None:
                    self._tell(trace, candidate, place, told)
            for place, candidate in enumerate(ranked[CONSIDERED * limit : TRACED] if trace else (), 1):
                self._tell(trace, candidate, CONSIDERED * limit + place, False)
        return [self._hit(shown, place) for place, shown in enumerate(shelf.shown, 1)]

    def imported(self, facts: FileFacts) -> frozenset[str]:
        """The paths of the files that the buffer imports."""
        with self._lock:
            return self._resolver.imported(facts)

    def _rank(self, query: Query, candidates: list[Candidate]) -> list[Candidate]:
        for candidate in candidates:
            if candidate.path == query.path:
                candidate.features["same_file"] = 1.0
        return sorted(candidates, key=lambda c: (-score(c), c.path, c.qualname))

    def _show(
        self, query: Query, candidate: Candidate, context: Mapping[str, float], guard: Guard
    ) -> _Shown | _Refusal:
        """The text of a candidate, or why it is not shown."""
        facts: Seen | None = self._snapshot.outline(candidate.path)
        symbol = _symbol(facts, candidate.qualname)
        if facts is None or symbol is None:
            return _NOTHING
        start, end = symbol.span.start_line, symbol.span.end_line
        if candidate.path == query.path:
            near = start - SAME_FILE_LINES <= query.line <= end + SAME_FILE_LINES
            if near or not candidate.qualname:
                return _VISIBLE
        for ban in query.exclusions:
            if ban.path == candidate.path and ban.start_line <= end and start <= ban.end_line:
                return _LEAK
        if guard.is_hidden(candidate.path, start):
            return _HIDDEN
        shown = without_hidden(facts, guard)
        text = render_symbol(shown, candidate.qualname, candidate.wanted, context)
        if not text:
            return _NOTHING
        if candidate.path == query.path and self._snapshot.chunk_at(candidate.path, start) is None:
            return _NOTHING  # a line that only the buffer has; those of other files are all in chunks
        return _Shown(candidate.path, text, start, end, score(candidate), explain(candidate))

    def _tell(self, trace: Trace | None, candidate: Candidate, place: int, told: bool | _Refusal) -> None:
        """Note what became of a candidate: shown, refused, or `told` False where no place was left."""
        facts: Seen | None = self._snapshot.outline(candidate.path)
        symbol = _symbol(facts, candidate.qualname)
        chunk = self._snapshot.chunk_at(candidate.path, symbol.span.start_line) if symbol else None
        if trace is None or symbol is None or chunk is None:
            return
        value = round(score(candidate), 4)
        lines = symbol.span.start_line, symbol.span.end_line
        hit = Hit(chunk, value, (Evidence("definitions", place, value, explain(candidate)),), "", *lines)
        parts = {name: WEIGHTS.get(name, 0.0) * part for name, part in candidate.features.items()}
        trace.note(hit, {f"definitions.{name}": part for name, part in parts.items() if part})
        if isinstance(told, _Refusal):
            trace.drop(hit, *told)
        elif not told:
            trace.drop(hit, "channel", "other definitions weigh more")

    def _hit(self, shown: _Shown, place: int) -> Found:
        value = round(shown.score, 4)
        evidence = (Evidence("definitions", place, value, shown.why),)
        lines = shown.start_line, shown.end_line
        chunk_at = self._snapshot.chunk_at

        def make() -> Hit | None:
            chunk = chunk_at(shown.path, shown.start_line)
            return Hit(chunk, value, evidence, shown.text, *lines) if chunk is not None else None

        return Pending(shown.path, value, evidence, lines, make)


_KNOWN: weakref.WeakKeyDictionary[Snapshot | Overlay, Definitions] = weakref.WeakKeyDictionary()


def definitions_pending(
    query: Query,
    snapshot: Snapshot | Overlay,
    *,
    limit: int,
    guard: Guard | None = None,
    trace: Trace | None = None,
) -> list[Found]:
    """The definitions channel for one query; what was resolved is kept as long as the snapshot lives.

    Of the guard only what the user excluded counts here; the caller applies the rest.
    """
    return _channel_of(snapshot).find(query, limit, guard or Guard({}, {}), trace)


def definitions(
    query: Query, snapshot: Snapshot | Overlay, *, limit: int, guard: Guard | None = None
) -> list[Hit]:
    """The same as hits."""
    return [made(found) for found in definitions_pending(query, snapshot, limit=limit, guard=guard)]


def imported_paths(query: Query, snapshot: Snapshot | Overlay) -> frozenset[str]:
    """The files that the buffer imports; empty where it has no grammar."""
    return frozenset() if query.facts is None else _channel_of(snapshot).imported(query.facts)


def _channel_of(snapshot: Snapshot | Overlay) -> Definitions:
    channel = _KNOWN.get(snapshot)
    if channel is None:
        channel = _KNOWN[snapshot] = Definitions(snapshot)
    return channel


def _symbol(facts: Seen | None, qualname: str) -> Symbol | None:
    return next((one for one in facts.symbols if one.qualname == qualname), None) if facts else None


def score(candidate: Candidate) -> float:
    """How much speaks for a candidate: the weighted sum of its features."""
    return sum(WEIGHTS.get(name, 0.0) * value for name, value in candidate.features.items())


def explain(candidate: Candidate) -> str:
    """The strongest reason for a candidate, in words."""
    reasons = sorted(candidate.why, key=lambda name: -WEIGHTS.get(name, 0.0) * candidate.features[name])
    return f"defines `{candidate.qualname or candidate.path}`, {candidate.why[reasons[0]]}"
