"""Edges of the files whose meaning may have changed, resolved over the state that is to be published."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable

from indexer.resolve import RawEdge, Resolver, module_keys
from indexer.rows import read_facts
from indexer.types import FileFacts

# Of source whose facts and answers a resolver may hold before it is made anew: about 25 times as much in
# memory. On 633,000 lines: without a limit 556 MB, so 316 MB in the same time; 6 MiB take a third more.
CACHED_FACTS_BYTES = 12 << 20
# Up to here it is left to Python to free; collecting more stopped some later build for 0.8 s.
LEFT_FACTS_BYTES = 256 << 10
_VARIABLES = 500  # SQLite allows 32,766; this keeps statements short


class IndexedFiles:
    """The files of a transaction, as `indexer.resolve.SymbolTable`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        rows = connection.execute("SELECT path, id, size FROM files")
        self._files: dict[str, tuple[int, int]] = {
            os.fsdecode(path): (number, size) for path, number, size in rows
        }
        self._facts: dict[str, FileFacts | None] = {}
        self.held_bytes = 0  # sizes of the files whose facts are held

    def paths(self) -> Collection[str]:
        return self._files.keys()

    def facts(self, path: str) -> FileFacts | None:
        if path not in self._facts:
            known = self._files.get(path)
            self._facts[path] = read_facts(self._connection, path) if known else None
            self.held_bytes += known[1] if known else 0
        return self._facts[path]

    def file_id(self, path: str) -> int:
        return self._files[path][0]

    def forget(self) -> None:
        self._facts.clear()
        self.held_bytes = 0


class Linker:
    """Writes the edges of files, and what they depend on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._files = IndexedFiles(connection)
        self._resolver = Resolver(self._files)
        self._symbols: dict[str, dict[str, int]] = {}

    def link(self, paths: Iterable[str], on_file: Callable[[int, str], None]) -> None:
        """Resolve each file and replace its edges. `on_file` gets the count so far; it may raise to stop."""
        for done, path in enumerate(sorted(paths)):
            on_file(done, path)
            facts = self._files.facts(path)
            assert facts is not None, path
            resolved = self._resolver.resolve_file(facts)
            file_id = self._files.file_id(path)
            self._write_edges(path, file_id, resolved.edges)
            self._connection.execute("DELETE FROM dependencies WHERE file_id = ?", (file_id,))
            self._connection.executemany(
                "INSERT INTO dependencies VALUES (?, ?)",
                [(file_id, key) for key in sorted(resolved.consulted)],
            )
            if self._files.held_bytes > CACHED_FACTS_BYTES:
                self._forget()
        if self._files.held_bytes > LEFT_FACTS_BYTES:
            self._forget()

    def _forget(self) -> None:
        self._files.forget()
        self._resolver = Resolver(self._files)
        gc.collect()  # what a resolver remembers refers to itself

    def _write_edges(self, path: str, file_id: int, edges: Iterable[RawEdge]) -> None:
        self._connection.execute(
            "DELETE FROM edges WHERE source IN (SELECT id FROM symbols WHERE file_id = ?)", (file_id,)
        )
        own = self._ids(path)
        rows = []
        for edge in edges:
            source = own.get(edge.source_qualname)
            target = self._ids(edge.target_path).get(edge.target_qualname)
            if source is not None and target is not None:
                rows.append((source, target, edge.kind, edge.weight, edge.line))
        rows.sort()
        self._connection.executemany("INSERT OR IGNORE INTO edges VALUES (?, ?, ?, ?, ?)", rows)

    def _ids(self, path: str) -> dict[str, int]:
        """The symbols of a file by qualified name; of several the first."""
        known = self._symbols.get(path)
        if known is None:
            rows = self._connection.execute(
                "SELECT qualname, id FROM symbols WHERE file_id = ? ORDER BY position DESC",
                (self._files.file_id(path),),
            )
            known = self._symbols[path] = dict(rows.fetchall())
        return known


def find_dependents(connection: sqlite3.Connection, changed: Iterable[str]) -> set[str]:
    """The files whose resolution looked up one of the changed ones, by any of its names."""
    keys = sorted({key for path in changed for key in module_keys(path)})
    found: set[str] = set()
    for start in range(0, len(keys), _VARIABLES):
        some = keys[start : start + _VARIABLES]
        marks = ",".join("?" * len(some))
        query = f"SELECT DISTINCT file_id FROM dependencies WHERE module IN ({marks})"  # noqa: S608
        rows = connection.execute(f"SELECT path FROM files WHERE id IN ({query})", some)  # noqa: S608
        found.update(os.fsdecode(path) for (path,) in rows)
    return found
