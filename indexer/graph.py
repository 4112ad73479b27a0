"""The dependency graph as users get it: networkx, one node for each symbol; and symbols as users name them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from indexer.adjacency import Adjacency, Positions
from indexer.types import Symbol

if TYPE_CHECKING:
    import networkx


class GraphSource(Protocol):
    """Where symbols and edges come from; `indexer.snapshot.Snapshot` is one."""

    def adjacency(self) -> Adjacency: ...

    def symbols(self, ids: Iterable[int]) -> list[Symbol]: ...

    def symbols_named(self, name: str) -> tuple[Symbol, ...]: ...


def to_networkx(source: GraphSource, path: str | None = None) -> networkx.MultiDiGraph:
    """The graph of all symbols; with `path` those of that file or folder, their neighbours, and what is between.

    Nodes are symbol ids with `path`, `qualname`, `kind`, `start_line`, `end_line`; edges have the kind as
    key, and `kind`, `weight`, `line`.
    """
    graph = source.adjacency()
    if path is None:
        everything = np.arange(len(graph), dtype=np.int64)
        return _draw(source, everything, everything)
    inside = graph.below(path)
    shown = np.array(sorted(graph.around(inside, 1)), dtype=np.int64)
    return _draw(source, shown, inside)


def neighbourhood(source: GraphSource, start: Iterable[int], hops: int) -> networkx.MultiDiGraph:
    """The graph of all symbols within so many hops of those with the ids in `start`; nodes have `hops`, too."""
    graph = source.adjacency()
    rows = np.array([at for at in map(graph.position, start) if at >= 0], dtype=np.int64)
    reached = graph.around(rows, hops)
    inner = np.array(sorted(at for at, hop in reached.items() if hop < hops or not hops), dtype=np.int64)
    drawn = _draw(source, np.array(sorted(reached), dtype=np.int64), inner)
    for at, hop in reached.items():
        drawn.nodes[int(graph.ids[at])]["hops"] = hop
    return drawn


def find_symbols(source: GraphSource, text: str) -> tuple[Symbol, ...]:
    """The symbols that a user may mean by `name`, `Class.name` or `FILE:Class.name`, () if there is none.

    Names are matched from their end; if one is matched as a whole, only such ones are given. For the name of a
    file that is the file's own symbol.
    """
    own = source.adjacency().of_file(text)
    if len(own):
        return tuple(one for one in source.symbols(source.adjacency().ids[own].tolist()) if not one.qualname)
    path, colon, name = text.rpartition(":")
    path = path.removesuffix(":") if colon else ""
    named = [
        symbol
        for symbol in source.symbols_named(name.rpartition(".")[2])
        if symbol.qualname and ("." + symbol.qualname).endswith("." + name) and path in ("", symbol.path)
    ]
    return tuple([symbol for symbol in named if symbol.qualname == name] or named)


def _draw(source: GraphSource, shown: Positions, inside: Positions) -> networkx.MultiDiGraph:
    """The symbols at the positions `shown`, and those edges between them that touch `inside`."""
    import networkx

    graph = source.adjacency()
    drawn = networkx.MultiDiGraph()
    for symbol in source.symbols(graph.ids[shown].tolist()):
        drawn.add_node(
            symbol.id,
            path=symbol.path,
            qualname=symbol.qualname,
            kind=symbol.kind,
            start_line=symbol.span.start_line,
            end_line=symbol.span.end_line,
        )
    touches = np.zeros(len(graph), dtype=bool)
    touches[inside] = True
    is_shown = np.zeros(len(graph), dtype=bool)
    is_shown[shown] = True
    for at in shown.tolist():
        for edge in graph.edges_from(int(graph.ids[at])):
            target = graph.position(edge.target)
            if is_shown[target] and (touches[at] or touches[target]):
                drawn.add_edge(
                    edge.source,
                    edge.target,
                    key=edge.kind,
                    kind=edge.kind,
                    weight=edge.weight,
                    line=edge.line,
                )
    return drawn
