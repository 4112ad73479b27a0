"""Edges of the files whose meaning may have changed, resolved over the state that is to be published."""

from __future__ import annotations

import gc
import os
import sqlite3
from array import array
from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from indexer.adjacency import KINDS
from indexer.errors import DamagedIndexError
from indexer.packing import Outline, unpack_content, unpack_references
from indexer.resolve import ASKED_BY_NAME, RawEdge, Resolver, Row, add_change
from indexer.resolvers.keys import Changed, unpack_interface
from indexer.rows import read_outline
from indexer.types import Reference

# Of source whose names and answers a resolver may hold before it is made anew: about 5 times as much in memory.
CACHED_SOURCE_BYTES = 96 << 20
MANY_FILES = 100  # to link: from here on all symbols are read at once, instead of those of each file
_KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
_VARIABLES = 500  # SQLite allows 32,766; this keeps statements short


class IndexedFiles:
    """The files of a transaction, as `indexer.resolve.SymbolTable`."""

    def __init__(self, connection: sqlite3.Connection, *, many: bool = False) -> None:
        self._connection = connection
        self._many = many
        rows = connection.execute("SELECT path, id, size FROM files")
        self._files: dict[str, tuple[int, int]] = {
            str(path, "utf-8", "surrogateescape"): (number, size) for path, number, size in rows
        }
        self._references: dict[str, bytes] = {}  # packed, of the files that are held
        self._named: dict[str, list[Row]] | None = None
        self.held_bytes = 0  # sizes of the files whose facts were read

    def paths(self) -> Collection[str]:
        return self._files.keys()

    def facts(self, path: str) -> Outline | None:
        known = self._files.get(path)
        if known is None:
            return None
        outline = read_outline(self._connection, path, known[0])
        self._references[path] = bytes(outline.references)
        self.held_bytes += known[1]
        return outline

    def references(self, path: str) -> tuple[Reference, ...]:
        """The references of a file whose facts were read. To be asked once."""
        return unpack_references(self._references.pop(path))

    def named(self, name: str) -> Sequence[Row]:
        if self._many:
            if self._named is None:
                self._named = {}
                asked = sorted(ASKED_BY_NAME)
                marks = ",".join("?" * len(asked))
                for row in self._rows(f"WHERE language IN ({marks}) AND symbols.name != ''", asked):
                    self._named.setdefault(row.qualname.rpartition(".")[2], []).append(row)
            return self._named.get(name, ())
        return self._rows("WHERE symbols.name = ?", (name,))

    def _rows(self, where: str, values: Sequence[str]) -> list[Row]:
        return [
            Row(os.fsdecode(path), *rest)
            for path, *rest in self._connection.execute(
                "SELECT path, language, package, qualname, kind"  # noqa: S608
                f" FROM symbols JOIN files ON file_id = files.id {where} ORDER BY path, position",
                values,
            )
        ]

    def packages(self) -> Iterable[tuple[str, str, str]]:
        rows = self._connection.execute("SELECT path, language, package FROM files ORDER BY path")
        return [(os.fsdecode(path), language, package) for path, language, package in rows]

    def content(self, path: str) -> bytes:
        row = self._connection.execute(
            "SELECT content FROM files JOIN contents ON content_id = contents.id WHERE files.id = ?",
            (self._files[path][0],),
        ).fetchone()
        return unpack_content(row[0])

    def file_id(self, path: str) -> int:
        return self._files[path][0]

    def forget(self) -> None:
        self._references.clear()
        self.held_bytes = 0


class FileLinks(msgspec.Struct, frozen=True, array_like=True):
    """What the resolution of one file gives: rows for the tables."""

    file_id: int
    keys: bytes
    closure: bytes
    edges: list[tuple[int, int, int, float, int]]  # sorted


class Links:
    """Resolves files of a database, one after the other. `close` gives the memory back."""

    def __init__(self, connection: sqlite3.Connection, *, many: bool) -> None:
        self._connection = connection
        self._many = many
        # Path -> qualified name -> id of the first symbol called so.
        self._ids: dict[str, dict[str, int]] = {}
        self._files = IndexedFiles(connection, many=many)
        if many:
            self._read_all_ids()
        self._resolver = Resolver(self._files)
        self._was_enabled = gc.isenabled()
        gc.disable()  # nothing of what is made here is garbage until the end

    def of(self, path: str) -> FileLinks:
        resolved = self._resolver.resolve_path(path, self._files.references)
        links = FileLinks(
            self._files.file_id(path), _pack(resolved.consulted), _pack(resolved.closure),
            self._edges(path, resolved.edges),
        )  # fmt: skip
        if self._files.held_bytes > CACHED_SOURCE_BYTES:
            self._files.forget()
            self._resolver.forget()
            self._resolver = Resolver(self._files)
        return links

    def close(self) -> None:
        self._resolver.forget()
        if self._was_enabled:
            gc.enable()

    def _edges(self, path: str, edges: Iterable[RawEdge]) -> list[tuple[int, int, int, float, int]]:
        own = self._ids_of(path)
        found = []
        for source_name, target_path, target_name, kind, weight, line in edges:
            source = own.get(source_name)
            target = self._ids_of(target_path).get(target_name)
            if source is not None and target is not None:
                found.append((source, target, _KIND_NUMBERS[kind], weight, line))
        found.sort()
        return found

    def _ids_of(self, path: str) -> dict[str, int]:
        known = self._ids.get(path)
        if known is None:
            rows = self._connection.execute(
                "SELECT qualname, id FROM symbols WHERE file_id = ? ORDER BY position DESC",
                (self._files.file_id(path),),
            )
            known = self._ids[path] = dict(rows.fetchall())
        return known

    def _read_all_ids(self) -> None:
        paths = {
            number: os.fsdecode(path)
            for path, number in self._connection.execute("SELECT path, id FROM files")
        }
        rows = self._connection.execute(
            "SELECT file_id, qualname, id FROM symbols ORDER BY file_id, position"
        )
        self._ids = {path: {} for path in paths.values()}
        for file_id, qualname, number in rows:
            self._ids[paths[file_id]].setdefault(qualname, number)


def link(connection: sqlite3.Connection, paths: Collection[str], on_file: Callable[[int, str], None]) -> None:
    """Resolve each file and replace its edges. `on_file` gets the count so far; it may raise to stop."""
    is_first = connection.execute("SELECT 1 FROM edges LIMIT 1").fetchone() is None
    links = Links(connection, many=len(paths) >= MANY_FILES)
    try:
        for done, path in enumerate(sorted(paths)):
            on_file(done, path)
            write_links(connection, links.of(path), is_first=is_first)
    finally:
        links.close()


def write_links(connection: sqlite3.Connection, links: FileLinks, *, is_first: bool) -> None:
    """Write the edges of a file, and what they depend on, instead of those it had (unless it had none)."""
    connection.execute(
        "INSERT OR REPLACE INTO dependencies VALUES (?, ?, ?)", (links.file_id, links.keys, links.closure)
    )
    if not is_first:
        connection.execute(
            "DELETE FROM edges WHERE source IN (SELECT id FROM symbols WHERE file_id = ?)", (links.file_id,)
        )
    connection.executemany("INSERT OR IGNORE INTO edges VALUES (?, ?, ?, ?, ?)", links.edges)


class Dependents:
    """Finds the files whose resolution looked at what changes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._is_any = connection.execute("SELECT 1 FROM dependencies LIMIT 1").fetchone() is not None
        self._changed = Changed()

    def add(self, path: str, old: bytes, new: bytes) -> None:
        """A file with its packed interface before and now; b"" where it is not there."""
        if self._is_any and old != new:
            before, now = (unpack_interface(data) if data else None for data in (old, new))
            add_change(self._changed, path, before, now)

    def find(self) -> set[str]:
        """The paths of those files, as far as they are still there."""
        if not self._changed:
            return set()
        found: set[int] = set()
        for file_id, path, packed in self._connection.execute(
            "SELECT file_id, path, closure FROM dependencies JOIN files ON file_id = files.id"
            " WHERE closure != x''"
        ):
            if self._changed.add_closure(os.fsdecode(path), _unpack(packed)):
                found.add(file_id)
        for file_id, packed in self._connection.execute("SELECT file_id, keys FROM dependencies"):
            if self._changed.touches(_unpack(packed)):
                found.add(file_id)
        numbers = sorted(found)
        paths: set[str] = set()
        for start in range(0, len(numbers), _VARIABLES):
            some = numbers[start : start + _VARIABLES]
            marks = ",".join("?" * len(some))
            rows = self._connection.execute(f"SELECT path FROM files WHERE id IN ({marks})", some)  # noqa: S608
            paths.update(os.fsdecode(path) for (path,) in rows)
        return paths


def _pack(keys: Iterable[int]) -> bytes:
    return array("I", sorted(keys)).tobytes()


def _unpack(packed: bytes) -> frozenset[int]:
    keys = array("I")
    try:
        keys.frombytes(packed)
    except ValueError:
        raise DamagedIndexError("index: dependencies of a file: damaged") from None
    return frozenset(keys)
