"""An unchanging view of one generation of an index, for readers."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import update_wrapper
from pathlib import Path
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar, cast

from indexer import disk, store, symbol_rows
from indexer.adjacency import KINDS, Adjacency
from indexer.errors import DamagedIndexError
from indexer.generation import Verified, hold, verify_part, wanted_parts
from indexer.packing import Outline
from indexer.resolve import Row
from indexer.symbol_rows import ChunkLines, NamedSymbol, slices
from indexer.types import Chunk, Edge, FileFacts, Skip, Symbol
from indexer.unpacked import Unpacked

OPEN_TRIES = 5  # a writer that publishes twice while we open takes the folder away that we are about to hold

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class _File(NamedTuple):
    id: int
    language: str
    mtime_ns: int
    n_lines: int
    content: int  # of its row in `contents`


def _locked(method: Callable[Concatenate[Snapshot, P], R]) -> Callable[Concatenate[Snapshot, P], R]:
    """One thread at a time; errors of SQLite as ours."""

    def call(self: Snapshot, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock, disk.translated(self.directory):
            return method(self, *args, **kwargs)

    return update_wrapper(cast("Callable[Concatenate[Snapshot, P], R]", call), method)


class Snapshot:
    """One generation. Any thread may call it; calls wait for each other.

    Every method may raise DamagedIndexError when it meets damage that could not be seen at opening.
    """

    def __init__(self, connection: sqlite3.Connection, held: Verified, directory: Path) -> None:
        """Use `open`."""
        self.directory = directory
        self.generation: int = held.manifest.generation
        self._connection = connection
        self._held = held
        self._parts: dict[str, Path] = {}
        self._lock = threading.RLock()
        self._files: dict[str, _File] | None = None
        self._paths: dict[int, str] = {}
        self._path_set: frozenset[str] = frozenset()
        self._unpacked = Unpacked(connection)
        self._adjacency: Adjacency | None = None

    @classmethod
    def open(cls, directory: Path, root: Path, *, derived_versions: Mapping[str, str]) -> Snapshot:
        """Open the current generation; all files of the wanted derived structures are verified.

        Raises DamagedIndexError where a build helps (it is also raised where there is no index),
        IndexFailedError for an index of a newer program, StorageError.
        """
        place = directory / store.DATABASE
        with disk.translated(place):
            for _ in range(OPEN_TRIES):
                connection = store.open_reading(place, root)
                try:
                    snapshot = cls._begin(connection, directory)
                    snapshot._verify(derived_versions)
                    return snapshot
                except FileNotFoundError:
                    connection.close()
                except BaseException:
                    connection.close()
                    raise
        raise DamagedIndexError(f"index: {directory}: its generation is missing")

    @classmethod
    def _begin(cls, connection: sqlite3.Connection, directory: Path) -> Snapshot:
        connection.execute("BEGIN")
        generation = store.read_number(connection, "generation")  # from here on the view stands still
        repository, manifest = (
            store.read_text(connection, "repository"),
            store.read_text(connection, "manifest"),
        )
        return cls(connection, hold(directory, generation, repository, manifest), directory)

    def _verify(self, versions: Mapping[str, str]) -> None:
        try:
            for name, part in wanted_parts(self._held.manifest, versions).items():
                verify_part(self._held.folder, name, part)
                self._parts[name] = self._held.folder / name
        except BaseException:
            self._held.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            self._held.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- files

    def paths(self) -> frozenset[str]:
        """All indexed paths."""
        self._file_table()
        return self._path_set

    def language(self, path: str) -> str:
        """The name of the file's language. Raises KeyError for a path that is not indexed."""
        return self._file_table()[path].language

    def modified(self) -> dict[str, int]:
        """When each file was changed last, as the build saw it: nanoseconds since the epoch."""
        return {path: file.mtime_ns for path, file in self._file_table().items()}

    @_locked
    def facts(self, path: str) -> FileFacts | None:
        """What parsing the file gave; None for a path that is not indexed."""
        known = self._file_table().get(path)
        return self._unpacked.facts(path, known.content) if known else None

    @_locked
    def outline(self, path: str) -> Outline | None:
        """The part of it that other files can see, read in half the time."""
        known = self._file_table().get(path)
        return self._unpacked.outline(path, known.content) if known else None

    def n_lines(self, path: str) -> int:
        """Lines of the file; 0 for a path that is not indexed."""
        known = self._file_table().get(path)
        return known.n_lines if known else 0

    @_locked
    def content(self, path: str) -> bytes:
        """The file's bytes with secrets masked; offsets are those of the file. Raises KeyError."""
        return self._unpacked.content(path, self._file_table()[path].content)

    @_locked
    def digest(self, path: str) -> bytes:
        """SHA-256 of the file's true bytes. Raises KeyError."""
        number = self._file_table()[path].id
        digest: bytes = self._connection.execute(
            "SELECT digest FROM files WHERE id = ?", (number,)
        ).fetchone()[0]
        return digest

    @_locked
    def skips(self) -> tuple[Skip, ...]:
        """Files that are not indexed, or only as text, by path."""
        rows = self._connection.execute(
            "SELECT path, reason FROM skips UNION ALL SELECT path, degraded FROM files WHERE degraded != ''"
            " ORDER BY path"
        )
        return tuple(Skip(os.fsdecode(path), reason) for path, reason in rows)

    @_locked
    def counts(self) -> dict[str, int]:
        """Number of files, chunks, symbols and edges."""
        names = ("files", "chunks", "symbols", "edges")
        return {name: store.read_number(self._connection, f"n_{name}") for name in names}

    def derived_dir(self, name: str) -> Path | None:
        """The folder of a derived structure that was verified at opening."""
        return self._parts.get(name)

    # ---- chunks

    def chunk(self, number: int) -> Chunk:
        """Raises KeyError for an id that is not in this generation."""
        return self.chunks([number])[0]

    @_locked
    def chunks(self, ids: Iterable[int]) -> list[Chunk]:
        """In the order of the ids. Raises KeyError."""
        wanted = [int(number) for number in ids]
        found: dict[int, Chunk] = {}
        for some in slices(wanted):
            marks = ",".join("?" * len(some))
            found.update((c.id, c) for c in self._read_chunks(f"WHERE id IN ({marks})", some))
        return [found[number] for number in wanted]

    @_locked
    def lines_of(self, ids: Iterable[int]) -> dict[int, ChunkLines]:
        """Where chunks are; those that are not in this generation are left out."""
        self._file_table()
        return symbol_rows.read_lines(self._connection, ids, self._paths)

    @_locked
    def chunks_of(self, path: str) -> tuple[Chunk, ...]:
        """The chunks of a file in their order; () for a path that is not indexed."""
        known = self._file_table().get(path)
        if known is None:
            return ()
        return tuple(self._read_chunks("WHERE file_id = ? ORDER BY position", (known.id,)))

    @_locked
    def chunk_at(self, path: str, line: int) -> Chunk | None:
        """The first chunk of a file that holds a line (1-based); None where there is none."""
        known = self._file_table().get(path)
        if known is None:
            return None
        where = "WHERE file_id = ? AND start_line <= ? AND end_line >= ? ORDER BY position LIMIT 1"
        return next(iter(self._read_chunks(where, (known.id, line, line))), None)

    @_locked
    def all_chunk_ids(self) -> tuple[int, ...]:
        """Ascending."""
        return tuple(number for (number,) in self._connection.execute("SELECT id FROM chunks ORDER BY id"))

    # ---- symbols and edges

    @_locked
    def symbol(self, number: int) -> Symbol:
        """Raises KeyError for an id that is not in this generation."""
        found = self._read_symbols("WHERE id = ?", (number,))
        if not found:
            raise KeyError(number)
        return found[0]

    @_locked
    def symbols_of(self, path: str) -> tuple[Symbol, ...]:
        """The symbols of a file in their order, its own first; () for a path that is not indexed."""
        known = self._file_table().get(path)
        return self._read_symbols("WHERE file_id = ? ORDER BY position", (known.id,)) if known else ()

    @_locked
    def symbols_named(self, name: str) -> tuple[Symbol, ...]:
        """All symbols whose last part is `name`."""
        return self._read_symbols("WHERE name = ? ORDER BY id", (name,))

    @_locked
    def defines(self, name: str) -> bool:
        """Whether there is a symbol whose last part is `name`."""
        row = self._connection.execute("SELECT 1 FROM symbols WHERE name = ? LIMIT 1", (name,)).fetchone()
        return row is not None

    @_locked
    def symbols(self, ids: Iterable[int]) -> list[Symbol]:
        """In the order of the ids; those that are not in this generation are left out."""
        wanted = [int(number) for number in ids]
        found: dict[int, Symbol] = {}
        for some in slices(wanted):
            marks = ",".join("?" * len(some))
            found.update((one.id, one) for one in self._read_symbols(f"WHERE id IN ({marks})", some))
        return [found[number] for number in wanted if number in found]

    @_locked
    def named(self, name: str) -> tuple[Row, ...]:
        """The same as the resolver wants it, by path and position."""
        rows = self._connection.execute(
            "SELECT path, language, package, qualname, kind FROM symbols JOIN files ON file_id = files.id"
            " WHERE symbols.name = ? ORDER BY path, position",
            (name,),
        )
        return tuple(Row(os.fsdecode(path), *rest) for path, *rest in rows)

    @_locked
    def packages(self) -> tuple[tuple[str, str, str], ...]:
        """Path, language and stated package of each file, by path."""
        rows = self._connection.execute("SELECT path, language, package FROM files ORDER BY path")
        return tuple((os.fsdecode(path), language, package) for path, language, package in rows)

    @_locked
    def all_symbols(self) -> tuple[Symbol, ...]:
        """Every symbol, by id. Slow and large where there are many: see `adjacency` and `symbol_names`."""
        return self._read_symbols("ORDER BY id", ())

    @_locked
    def symbol_names(self, since: int = 0) -> tuple[str, ...]:
        """The names of all symbols with an id of at least `since`, each once, in no promised order."""
        return symbol_rows.read_names(self._connection, since)

    @_locked
    def symbols_with_names(self, names: Iterable[str]) -> list[NamedSymbol]:
        """All symbols whose last part is one of `names`, in a fixed order."""
        self._file_table()
        return symbol_rows.read_named(self._connection, names, self._paths)

    @_locked
    def next_symbol(self) -> int:
        """The id that the next new symbol of the index gets: all there are have smaller ones."""
        return store.read_number(self._connection, "next_symbol")

    @_locked
    def born(self) -> str:
        """Which index this is a generation of: within it, an id never means another symbol or chunk."""
        return store.read_text(self._connection, "born")

    @_locked
    def adjacency(self) -> Adjacency:
        """The whole graph as arrays, read at the first call."""
        if self._adjacency is None:
            self._file_table()
            self._adjacency = symbol_rows.read_adjacency(self._connection, self._paths)
        return self._adjacency

    @_locked
    def edges_from(self, number: int) -> tuple[Edge, ...]:
        """The edges that start at a symbol."""
        return self._read_edges("WHERE source = ? ORDER BY target, kind", (number,))

    @_locked
    def edges_to(self, number: int) -> tuple[Edge, ...]:
        """The edges that end at a symbol."""
        return self._read_edges("WHERE target = ? ORDER BY source, kind", (number,))

    @_locked
    def all_edges(self) -> tuple[Edge, ...]:
        return self._read_edges("ORDER BY source, target, kind", ())

    # ---- reading rows

    @_locked
    def _file_table(self) -> dict[str, _File]:
        if self._files is None:
            rows = self._connection.execute(
                "SELECT path, id, language, mtime_ns, n_lines, content_id FROM files ORDER BY path"
            )
            self._files = {os.fsdecode(path): _File(*rest) for path, *rest in rows}
            self._paths = {file.id: path for path, file in self._files.items()}
            self._path_set = frozenset(self._files)
        return self._files

    def _read_chunks(self, where: str, values: Sequence[int]) -> list[Chunk]:
        rows = self._connection.execute(
            f"SELECT id, file_id, position FROM chunks {where}",  # noqa: S608
            values,
        ).fetchall()
        files = self._file_table()
        return [self._chunk_of(files, *row) for row in rows]

    def _chunk_of(self, files: dict[str, _File], number: int, file_id: int, position: int) -> Chunk:
        path = self._path(file_id)
        fact = _at(self._unpacked.chunks(path, files[path].content), position, path)
        text = self.content(path)[fact.span.start_byte : fact.span.end_byte].decode("utf-8", "replace")
        return Chunk(
            number, path, fact.span, files[path].language, fact.kind, fact.name, fact.signature, text
        )

    def _read_symbols(self, where: str, values: Sequence[int | str]) -> tuple[Symbol, ...]:
        rows = self._connection.execute(
            f"SELECT id, file_id, position FROM symbols {where}",  # noqa: S608
            values,
        ).fetchall()
        files = self._file_table()
        return tuple([self._symbol_of(files, *row) for row in rows])

    def _symbol_of(self, files: dict[str, _File], number: int, file_id: int, position: int) -> Symbol:
        path = self._path(file_id)
        known = _at(self._unpacked.layout(path, files[path].content).symbols, position, path)
        return Symbol(
            known.name, known.qualname, known.kind, known.span, known.signature, known.doc, known.bases,
            known.decorators, known.visibility, number, path,
        )  # fmt: skip

    def _read_edges(self, where: str, values: Sequence[int]) -> tuple[Edge, ...]:
        rows = self._connection.execute(
            f"SELECT source, target, kind, weight, line FROM edges {where}",  # noqa: S608
            values,
        )
        try:
            return tuple([Edge(source, target, KINDS[kind], *rest) for source, target, kind, *rest in rows])
        except (IndexError, TypeError):
            raise DamagedIndexError("index: an edge is of no known kind") from None

    def _path(self, file_id: int) -> str:
        try:
            return self._paths[file_id]
        except KeyError:
            raise DamagedIndexError(f"index: file {file_id}: missing in the database") from None


def _at(facts: Sequence[T], position: int, path: str) -> T:
    try:
        return facts[position]
    except IndexError:
        raise DamagedIndexError(f"index: {path}: its rows are not those of its layout") from None
