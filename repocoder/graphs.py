"""Questions to the dependency graph: what is around a place, what matters to a file, what a change may touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.graph import find_symbols, neighbourhood
from indexer.ranking import Ranker
from indexer.snapshot import Snapshot
from indexer.types import Symbol
from repocoder.errors import UsageError

if TYPE_CHECKING:
    import networkx

NAMED = 5
"""Candidates that an error names: enough to see how to be exact."""


@dataclass(frozen=True, slots=True)
class RankedSymbol:
    symbol: Symbol
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """What matters around a file, best first. Scores are chances of a walk: 1 in sum over the whole graph."""

    path: str
    files: tuple[tuple[str, float], ...]  # other files
    symbols: tuple[RankedSymbol, ...]  # definitions of other files


@dataclass(frozen=True, slots=True)
class Touched:
    """A symbol that uses the changed one, `hops` uses away; `weight` is how sure that is."""

    symbol: Symbol
    hops: int
    weight: float


def around(snapshot: Snapshot, place: str, hops: int) -> networkx.MultiDiGraph:
    """The graph within so many hops of a file (all its symbols) or of a symbol. Raises UsageError."""
    rows = snapshot.adjacency().of_file(place)
    if len(rows):
        return neighbourhood(snapshot, snapshot.adjacency().ids[rows].tolist(), hops)
    return neighbourhood(snapshot, [symbol.id for symbol in named(snapshot, place)], hops)


def rank_around(snapshot: Snapshot, path: str, top: int) -> Ranking:
    """The files and definitions that matter most around a file, at most `top` of each. Raises UsageError."""
    graph = snapshot.adjacency()
    if not len(graph.of_file(path)):
        raise UsageError(f"not in the index: {path}: see `repocoder status --skipped`")
    ranker = Ranker(graph)
    files = sorted(ranker.files({path: 1.0}).items(), key=lambda item: (-item[1], item[0]))
    scores = ranker.symbols({path: 1.0})
    scores[graph.of_file(path)] = 0.0
    best = (-scores).argsort(kind="stable")[: 2 * top]  # some are files: those are listed above
    found = [
        RankedSymbol(symbol, float(scores[graph.position(symbol.id)]))
        for symbol in snapshot.symbols(graph.ids[best].tolist())
        if symbol.qualname
    ]
    return Ranking(
        path,
        tuple((name, score) for name, score in files if name != path and score > 0)[:top],
        tuple(one for one in found if one.score > 0)[:top],
    )


def impact(snapshot: Snapshot, place: str, hops: int) -> tuple[Touched, ...]:
    """What uses a symbol or a file, directly or through others, nearest first. Raises UsageError."""
    reached = snapshot.adjacency().users([symbol.id for symbol in named(snapshot, place)], hops)
    symbols = {symbol.id: symbol for symbol in snapshot.symbols([one.id for one in reached])}
    return tuple(Touched(symbols[one.id], one.hops, one.weight) for one in reached if one.id in symbols)


def named(snapshot: Snapshot, place: str) -> tuple[Symbol, ...]:
    """The one symbol that `NAME`, `CLASS.NAME` or `FILE:NAME` means; several if one file defines it again.

    Raises UsageError if there is none, or if several files have one.
    """
    found = find_symbols(snapshot, place)
    if not found:
        raise UsageError(f"no such file or symbol: {place}: give a path, NAME, CLASS.NAME or FILE:NAME")
    if len({(symbol.path, symbol.qualname) for symbol in found}) > 1:
        some = ", ".join(f"{symbol.path}:{symbol.qualname}" for symbol in found[:NAMED])
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise UsageError(f"several symbols: {place}: give one of {some}{more}")
    return found
