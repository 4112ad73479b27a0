"""Symbols, edges and chunks by the columns of their tables alone, where many are wanted: no layout is read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from indexer.adjacency import Adjacency

_VARIABLES = 500  # of one statement

T = TypeVar("T")


class NamedSymbol(NamedTuple):
    """A symbol as it is found by its name. `position` is that among the symbols of its file."""

    id: int
    path: str
    position: int
    name: str
    qualname: str
    kind: str


class ChunkLines(NamedTuple):
    """Which lines of which file a chunk is, 1-based and inclusive."""

    path: str
    start_line: int
    end_line: int


def read_lines(
    connection: sqlite3.Connection, ids: Iterable[int], paths: Mapping[int, str]
) -> dict[int, ChunkLines]:
    """Where chunks are; `paths`: of the files' numbers."""
    found: dict[int, ChunkLines] = {}
    for some in slices([int(number) for number in ids]):
        marks = ",".join("?" * len(some))
        rows = connection.execute(
            f"SELECT id, file_id, start_line, end_line FROM chunks WHERE id IN ({marks})",  # noqa: S608
            some,
        )
        found.update((number, ChunkLines(paths[file], start, end)) for number, file, start, end in rows)
    return found


def read_named(
    connection: sqlite3.Connection, names: Iterable[str], paths: Mapping[int, str]
) -> list[NamedSymbol]:
    """All symbols whose last part is one of `names`. `paths`: number of a file -> its path."""
    wanted = sorted(set(names))
    found: list[NamedSymbol] = []
    for some in slices(wanted):
        rows = connection.execute(
            "SELECT id, file_id, position, name, qualname, kind FROM symbols"  # noqa: S608
            f" WHERE name IN ({','.join('?' * len(some))}) ORDER BY name, id",
            some,
        )
        found.extend(NamedSymbol(number, paths[file_id], *rest) for number, file_id, *rest in rows)
    return found


def read_names(connection: sqlite3.Connection, since: int) -> tuple[str, ...]:
    """The names of all symbols with an id of at least `since`, each once."""
    if since:  # by the rows, which are few
        rows = connection.execute("SELECT name FROM symbols WHERE id >= ?", (since,))
    else:  # by the index alone
        rows = connection.execute("SELECT DISTINCT name FROM symbols")
    return tuple({name for (name,) in rows})


def read_adjacency(connection: sqlite3.Connection, paths: Mapping[int, str]) -> Adjacency:
    """All edges: about half a second for a million lines."""
    symbols = connection.execute("SELECT id, file_id FROM symbols").fetchall()
    edges = connection.execute("SELECT source, target, kind, weight, line FROM edges").fetchall()
    return Adjacency(
        np.array(symbols, dtype=np.int64).reshape(-1, 2),
        np.array(edges, dtype=np.float64).reshape(-1, 5),
        paths,
    )


def slices(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """The values in parts that one statement can take."""
    return (values[start : start + _VARIABLES] for start in range(0, len(values), _VARIABLES))
