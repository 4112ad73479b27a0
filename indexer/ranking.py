"""What matters around a file: personalised PageRank (Brin and Page) over the arrays of the graph. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.adjacency import KINDS, Adjacency

# How likely a walk goes on instead of starting anew: Brin and Page's value, also networkx's default.
DAMPING = 0.85
# What is left of the error when the walk may stop; each round takes 15 % of it or more away.
TOLERANCE = 1e-5
ROUNDS = 80
# How much of a dependency each kind is. Containment only ties a file together, it says little about use; an
# override says that two methods answer the same call.
KIND_WEIGHTS = {
    "calls": 1.0,
    "inherits": 1.0,
    "imports": 0.6,
    "references": 0.6,
    "overrides": 0.5,
    "contains": 0.3,
}
# A definition is also relevant to what uses it, but less than what it uses itself.
BACKWARD = 0.3

Scores = NDArray[np.float64]


class Links(NamedTuple):
    """Weighted links between `n_nodes` nodes, ready to walk along: `share` of a source's score goes to a target."""

    n_nodes: int
    sources: NDArray[np.int64]  # (n_links,)
    targets: NDArray[np.int64]  # (n_links,)
    share: Scores  # (n_links,), 1 in sum for each source
    dangling: NDArray[np.bool_]  # (n_nodes,): no link goes out


def make_links(
    n_nodes: int, sources: NDArray[np.int64], targets: NDArray[np.int64], weights: Scores
) -> Links:
    """Links both ways, those back at `BACKWARD` of their weight. Equal pairs must have been added up.

    Many calls between two nodes say more than one, but not in proportion: hence the root of the weights.
    """
    flow = np.sqrt(weights)
    both = np.concatenate([flow, flow * BACKWARD])
    ahead, back = np.concatenate([sources, targets]), np.concatenate([targets, sources])
    outgoing = np.bincount(ahead, both, minlength=n_nodes)
    share = both / outgoing[ahead] if len(ahead) else both
    return Links(n_nodes, ahead, back, share, outgoing == 0)


def walk(links: Links, restart: Scores) -> Scores:
    """Personalised PageRank: (n_nodes,) float64, 1 in sum. `restart` (n_nodes,) is where walks begin, 1 in sum."""
    scores = restart
    for _ in range(ROUNDS):
        moved = np.bincount(links.targets, scores[links.sources] * links.share, minlength=links.n_nodes)
        after = DAMPING * (moved + scores[links.dangling].sum() * restart) + (1 - DAMPING) * restart
        change = float(np.abs(after - scores).sum())
        scores = after
        if change * DAMPING / (1 - DAMPING) < TOLERANCE:
            break
    return scores


def rank(
    nodes: Iterable[str], links: Mapping[tuple[str, str], float], start: Mapping[str, float]
) -> dict[str, float]:
    """Personalised PageRank of `nodes` by the weighted `links` (source, target), restarting at `start`.

    Links count backwards too, at `BACKWARD` of their weight. Order of the input does not matter.
    """
    names = sorted(set(nodes))
    index = {name: at for at, name in enumerate(names)}
    restart = _restart(index, start)
    if restart is None:
        return {}
    pairs = sorted(links.items())
    ends = np.array([(index[a], index[b]) for (a, b), _ in pairs], dtype=np.int64).reshape(-1, 2)
    weights = np.array([weight for _, weight in pairs], dtype=np.float64)
    scores = walk(make_links(len(names), ends[:, 0], ends[:, 1], weights), restart)
    return dict(zip(names, scores.tolist(), strict=True))


class Ranker:
    """Ranks around files of one graph; what all rankings need is made once, by the first."""

    def __init__(self, graph: Adjacency) -> None:
        self._graph = graph
        self._file_links: Links | None = None
        self._symbol_links: Links | None = None

    def files(self, start: Mapping[str, float]) -> dict[str, float]:
        """How close each file is to the files in `start` (path -> weight), 1 in sum over all files.

        Paths in `start` that are not in the graph are left out; {} if none is.
        """
        graph = self._graph
        restart = _restart({path: at for at, path in enumerate(graph.paths)}, start)
        if restart is None:
            return {}
        if self._file_links is None:
            self._file_links = _links_between(graph, graph.files.astype(np.int64), len(graph.paths))
        return dict(zip(graph.paths, walk(self._file_links, restart).tolist(), strict=True))

    def symbols(self, start: Mapping[str, float]) -> Scores:
        """The same for symbols: (n_symbols,) float64 by position, zeros where no path of `start` is known.

        A walk begins at a file's own symbol and, with equal parts, at those it holds.
        """
        graph = self._graph
        restart = np.zeros(len(graph))
        for path, weight in start.items():
            rows = graph.of_file(path)
            if len(rows):
                restart[rows] += weight / len(rows)
        if restart.sum() <= 0:
            return restart
        if self._symbol_links is None:
            self._symbol_links = _links_between(graph, np.arange(len(graph), dtype=np.int64), len(graph))
        return walk(self._symbol_links, restart / restart.sum())


def rank_files(graph: Adjacency, start: Mapping[str, float]) -> dict[str, float]:
    """`Ranker.files` for one ranking."""
    return Ranker(graph).files(start)


def _restart(index: Mapping[str, int], start: Mapping[str, float]) -> Scores | None:
    """Where walks begin, 1 in sum; None if nowhere."""
    restart = np.zeros(len(index))
    for name, weight in start.items():
        if name in index:
            restart[index[name]] += weight
    total = restart.sum()
    return restart / total if total > 0 else None


def _links_between(graph: Adjacency, group: NDArray[np.int64], n_groups: int) -> Links:
    """Links between groups of symbols, each with the sum of the edges from one to the other."""
    factors = np.array([KIND_WEIGHTS[kind] for kind in KINDS])
    weights = graph.weights * factors[graph.kinds]
    sources, targets = group[graph.sources], group[graph.targets]
    outside = sources != targets
    pairs, inverse = np.unique(sources[outside] * n_groups + targets[outside], return_inverse=True)
    summed = np.bincount(inverse, weights[outside], minlength=len(pairs)).astype(np.float64)
    return make_links(n_groups, pairs // n_groups, pairs % n_groups, summed)
