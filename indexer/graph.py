"""The dependency graph as users get it: networkx, one node for each symbol, and ranking around a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

from indexer.types import Edge, Symbol

if TYPE_CHECKING:
    import networkx

# How likely a walk goes on instead of starting anew: Brin and Page's value, also networkx's default.
DAMPING = 0.85
# The walk halves its error about every four rounds at this damping; 60 leave less than 1e-4 of it.
ROUNDS = 60
# How much of a dependency each kind is. Containment only ties a file together, it says little about use.
KIND_WEIGHTS = {"calls": 1.0, "inherits": 1.0, "imports": 0.6, "references": 0.6, "contains": 0.3}
# A definition is also relevant to what uses it, but less than what it uses itself.
BACKWARD = 0.3


class GraphSource(Protocol):
    """Where symbols and edges come from; `indexer.snapshot.Snapshot` is one."""

    def all_symbols(self) -> Iterable[Symbol]: ...

    def all_edges(self) -> Iterable[Edge]: ...


def to_networkx(source: GraphSource, path: str | None = None) -> networkx.MultiDiGraph:
    """The graph of all symbols; with `path` those of that file and their neighbours.

    Nodes are symbol ids with `path`, `qualname`, `kind`, `start_line`, `end_line`; edges have the kind as
    key, and `kind`, `weight`, `line`. `path` may also be a folder.
    """
    import networkx

    symbols = {symbol.id: symbol for symbol in source.all_symbols()}
    edges: Iterable[Edge] = source.all_edges()
    shown = set(symbols)
    if path is not None:
        folder = path.rstrip("/") + "/"
        inside = {i for i, symbol in symbols.items() if symbol.path == path or symbol.path.startswith(folder)}
        edges = [edge for edge in edges if edge.source in inside or edge.target in inside]
        shown = inside | {edge.source for edge in edges} | {edge.target for edge in edges}
    graph = networkx.MultiDiGraph()
    for number in sorted(shown):
        symbol = symbols[number]
        span = symbol.span
        graph.add_node(
            number,
            path=symbol.path,
            qualname=symbol.qualname,
            kind=symbol.kind,
            start_line=span.start_line,
            end_line=span.end_line,
        )
    for edge in edges:
        graph.add_edge(
            edge.source, edge.target, key=edge.kind, kind=edge.kind, weight=edge.weight, line=edge.line
        )
    return graph


def rank_files(source: GraphSource, start: Mapping[str, float]) -> dict[str, float]:
    """How close each file is to the files in `start` (path -> weight): personalised PageRank over all edges.

    Pure; the values sum to 1 over all files. Paths in `start` that are not in the graph are left out; {} if
    none is.
    """
    symbols = {symbol.id: symbol.path for symbol in source.all_symbols()}
    links: dict[tuple[str, str], float] = {}
    for edge in source.all_edges():
        pair = (symbols[edge.source], symbols[edge.target])
        if pair[0] != pair[1]:
            links[pair] = links.get(pair, 0.0) + edge.weight * KIND_WEIGHTS.get(edge.kind, 1.0)
    return rank(set(symbols.values()), links, start)


def rank(
    nodes: Iterable[str], links: Mapping[tuple[str, str], float], start: Mapping[str, float]
) -> dict[str, float]:
    """Personalised PageRank of `nodes` by the weighted `links` (source, target), restarting at `start`.

    Links count backwards too, at `BACKWARD` of their weight. Order of the input does not matter.
    """
    names = sorted(set(nodes))
    index = {name: at for at, name in enumerate(names)}
    restart = np.zeros(len(names))  # (n_nodes,) float64
    for name, weight in start.items():
        if name in index:
            restart[index[name]] += weight
    if not names or restart.sum() <= 0:
        return {}
    restart /= restart.sum()
    pairs = sorted(links.items())
    forward = np.array([(index[a], index[b]) for (a, b), _ in pairs], dtype=np.int64).reshape(-1, 2)
    # Many calls between two files say more than one, but not in proportion.
    weights = np.sqrt(np.array([weight for _, weight in pairs], dtype=np.float64))
    sources = np.concatenate([forward[:, 0], forward[:, 1]])
    targets = np.concatenate([forward[:, 1], forward[:, 0]])
    flow = np.concatenate([weights, weights * BACKWARD])
    outgoing = np.bincount(sources, flow, minlength=len(names))
    dangling = outgoing == 0
    share = flow / outgoing[sources] if len(sources) else flow
    scores = restart
    for _ in range(ROUNDS):
        moved = np.bincount(targets, scores[sources] * share, minlength=len(names))
        moved += scores[dangling].sum() * restart
        scores = DAMPING * moved + (1 - DAMPING) * restart
    return dict(zip(names, scores.tolist(), strict=True))
