"""The graph of one generation as arrays: neighbours in microseconds, many at once without a query for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.types import Edge, Symbol

KINDS = ("contains", "imports", "calls", "inherits", "overrides", "references")
"""Kinds of edges; an array of kinds holds positions in this tuple."""

CONTAINS, OVERRIDES = KINDS.index("contains"), KINDS.index("overrides")

Positions = NDArray[np.int64]
Numbers = NDArray[np.float64]


class Side(NamedTuple):
    """One direction of the edges, compressed by rows: those of symbol i are `start[i]` to `start[i + 1]`."""

    start: Positions  # (n_symbols + 1,) int64
    others: NDArray[np.int32]  # (n_edges,) int32: position of the symbol at the other end
    edges: NDArray[np.int32] | None  # (n_edges,) int32: position of the edge; None: the same


class Reach(NamedTuple):
    """A symbol that a walk came to."""

    id: int
    hops: int
    weight: float  # product of the confidences along the best way of so few hops


class Adjacency:
    """All edges of a snapshot in memory: 21 bytes an edge and 28 a symbol. Positions are those of ascending ids.

    It never changes and may be used by any thread.
    """

    def __init__(self, symbols: Positions, edges: Numbers, paths: Mapping[int, str]) -> None:
        """`symbols` (n, 2): id and file's number; `edges` (m, 5): source, target, kind, weight, line; `paths`: of
        the files' numbers. Edges of symbols that are not there are left out.
        """
        symbols = symbols[np.argsort(symbols[:, 0], kind="stable")]
        self.ids: Positions = np.ascontiguousarray(symbols[:, 0])
        numbers = sorted({int(number) for number in np.unique(symbols[:, 1])}, key=lambda n: paths[n])
        self.paths: tuple[str, ...] = tuple(paths[number] for number in numbers)
        order = np.argsort(np.array(numbers, dtype=np.int64))
        known = np.array(numbers, dtype=np.int64)[order]
        self.files: NDArray[np.int32] = order[np.searchsorted(known, symbols[:, 1])].astype(np.int32)
        ends = self._positions(edges[:, :2].astype(np.int64))
        fine = (ends >= 0).all(axis=1)
        ends, edges = ends[fine], edges[fine]
        by_source = np.lexsort((edges[:, 2], ends[:, 1], ends[:, 0]))
        ends, edges = ends[by_source], edges[by_source]
        self.kinds: NDArray[np.uint8] = edges[:, 2].astype(np.uint8)
        self.weights: NDArray[np.float32] = edges[:, 3].astype(np.float32)
        self.lines: NDArray[np.int32] = edges[:, 4].astype(np.int32)
        self.out = Side(self._starts(ends[:, 0]), ends[:, 1].astype(np.int32), None)
        by_target = np.lexsort((self.kinds, ends[:, 0], ends[:, 1])).astype(np.int32)
        sources = ends[by_target, 0].astype(np.int32)
        self.into = Side(self._starts(ends[:, 1]), sources, by_target)
        self._file_of: dict[str, int] | None = None

    @classmethod
    def of(cls, symbols: Iterable[Symbol], edges: Iterable[Edge]) -> Adjacency:
        """From records instead of columns."""
        listed = list(symbols)
        paths = dict(enumerate(sorted({symbol.path for symbol in listed})))
        numbers = {path: number for number, path in paths.items()}
        rows = [(symbol.id, numbers[symbol.path]) for symbol in listed]
        links = [(e.source, e.target, KINDS.index(e.kind), e.weight, e.line) for e in edges]
        return cls(
            np.array(rows, dtype=np.int64).reshape(-1, 2),
            np.array(links, dtype=np.float64).reshape(-1, 5),
            paths,
        )

    def __len__(self) -> int:
        """Number of symbols."""
        return len(self.ids)

    @property
    def n_edges(self) -> int:
        return len(self.kinds)

    @property
    def n_bytes(self) -> int:
        """Memory of the arrays."""
        arrays = (self.ids, self.files, self.kinds, self.weights, self.lines, self.out.start, self.out.others)
        back = (self.into.start, self.into.others, self.into.edges)
        return sum(array.nbytes for array in (*arrays, *back) if array is not None)

    @property
    def sources(self) -> NDArray[np.int32]:
        """Position of the source of each edge, (n_edges,) int32."""
        return np.repeat(np.arange(len(self.ids), dtype=np.int32), np.diff(self.out.start))

    @property
    def targets(self) -> NDArray[np.int32]:
        """Position of the target of each edge, (n_edges,) int32."""
        return self.out.others

    # ---- one symbol

    def edges_from(self, number: int) -> tuple[Edge, ...]:
        """The edges that start at a symbol, by target and kind; () for an id that is not there."""
        at = self.position(number)
        return () if at < 0 else self._edges(range(int(self.out.start[at]), int(self.out.start[at + 1])), at)

    def edges_to(self, number: int) -> tuple[Edge, ...]:
        """The edges that end at a symbol, by source and kind; () for an id that is not there."""
        at = self.position(number)
        if at < 0 or self.into.edges is None:
            return ()
        row = slice(int(self.into.start[at]), int(self.into.start[at + 1]))
        ends = zip(self.into.edges[row].tolist(), self.into.others[row].tolist(), strict=True)
        return tuple(edge for number, source in ends for edge in self._edges((number,), source))

    def position(self, number: int) -> int:
        """Where a symbol is in the arrays, -1 for an id that is not there."""
        at = int(np.searchsorted(self.ids, number))
        return at if at < len(self.ids) and int(self.ids[at]) == number else -1

    # ---- many symbols

    def of_file(self, path: str) -> Positions:
        """Positions of the symbols of a file."""
        if self._file_of is None:
            self._file_of = {name: number for number, name in enumerate(self.paths)}
        number = self._file_of.get(path)
        return np.flatnonzero(self.files == number) if number is not None else np.empty(0, dtype=np.int64)

    def below(self, folder: str) -> Positions:
        """Positions of the symbols of a file, or of all files of a folder."""
        inside = folder.rstrip("/") + "/"
        chosen = np.array([path == folder or path.startswith(inside) for path in self.paths], dtype=bool)
        return np.flatnonzero(chosen[self.files]) if len(chosen) else np.empty(0, dtype=np.int64)

    def step(self, side: Side, rows: Positions) -> tuple[Positions, Positions, Positions]:
        """All edges of many symbols: (index into `rows`, other end, edge) of each."""
        starts, counts = side.start[rows], side.start[rows + 1] - side.start[rows]
        owner = np.repeat(np.arange(len(rows)), counts)
        offsets = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        found = starts[owner] + offsets
        edges = found if side.edges is None else side.edges[found].astype(np.int64)
        return owner, side.others[found].astype(np.int64), edges

    def around(self, start: Positions, hops: int) -> dict[int, int]:
        """Positions of all symbols within so many hops either way -> hops.

        Containment is followed from the start to its members, and from a symbol to what holds it, but not down
        again: else every symbol would be two hops from all others of its file.
        """
        reached = dict.fromkeys(start.tolist(), 0)
        rows = np.unique(start)
        for hop in range(1, hops + 1):
            _, ahead, edges = self.step(self.out, rows)
            if hop > 1:
                ahead = ahead[self.kinds[edges] != CONTAINS]
            _, back, _ = self.step(self.into, rows)
            fresh = [at for at in np.unique(np.concatenate([ahead, back])).tolist() if at not in reached]
            reached.update(dict.fromkeys(fresh, hop))
            rows = np.array(fresh, dtype=np.int64)
            if not fresh:
                break
        return reached

    def users(self, start: Collection[int], hops: int) -> list[Reach]:
        """What uses the symbols with these ids, directly or through others: what a change of them may touch.

        The members of a class count as itself, and so does a method that one overrides: who calls that may come
        here. Nearest first, then the surest.
        """
        rows = np.array([at for at in map(self.position, start) if at >= 0], dtype=np.int64)
        best = np.zeros(len(self.ids))  # (n_symbols,) float64
        seen: dict[int, int] = {}
        while len(rows):  # down into members, members of members; up to what they override
            seen.update(dict.fromkeys(rows.tolist(), 0))
            _, ahead, edges = self.step(self.out, rows)
            ahead = ahead[np.isin(self.kinds[edges], (CONTAINS, OVERRIDES))]
            rows = np.array([at for at in np.unique(ahead).tolist() if at not in seen], dtype=np.int64)
        rows = np.array(sorted(seen), dtype=np.int64)
        best[rows] = 1.0
        for hop in range(1, hops + 1):
            owner, back, edges = self.step(self.into, rows)
            used = self.kinds[edges] != CONTAINS
            weights = best[rows[owner[used]]] * self.weights[edges[used]]
            back = back[used]
            fresh = np.array([at for at in np.unique(back).tolist() if at not in seen], dtype=np.int64)
            known = np.isin(back, fresh)
            np.maximum.at(best, back[known], weights[known])
            seen.update(dict.fromkeys(fresh.tolist(), hop))
            rows = fresh
            if not len(fresh):
                break
        reached = [Reach(int(self.ids[at]), hop, float(best[at])) for at, hop in seen.items() if hop]
        return sorted(reached, key=lambda one: (one.hops, -one.weight, one.id))

    # ---- inside

    def _positions(self, numbers: Positions) -> Positions:
        """Positions of ids, -1 for those that are not there."""
        if not len(self.ids):
            return np.full(numbers.shape, -1, dtype=np.int64)
        found = np.searchsorted(self.ids, numbers).clip(max=len(self.ids) - 1)
        return np.where(self.ids[found] == numbers, found, -1)

    def _starts(self, ends: Positions) -> Positions:
        counts = np.bincount(ends, minlength=len(self.ids))
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])

    def _edges(self, numbers: Sequence[int] | range, source: int) -> tuple[Edge, ...]:
        own = int(self.ids[source])
        return tuple(
            Edge(
                own,
                int(self.ids[self.out.others[number]]),
                KINDS[self.kinds[number]],
                float(self.weights[number]),
                int(self.lines[number]),
            )
            for number in numbers
        )
