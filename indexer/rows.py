"""One file's rows: written from what was parsed, read back as the types of `indexer.types`."""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from indexer.packing import Layout, Outline, unpack_content, unpack_layout, unpack_outline
from indexer.parse import Head, Parsed
from indexer.staging import Fresh
from indexer.store import read_number, write_meta


class Change(NamedTuple):
    """What replacing one file did. Chunks that are neither removed nor added are as they were."""

    path: str
    file_id: int
    removed_chunks: tuple[int, ...]
    added_chunks: tuple[int, ...]  # for each chunk of the file its id, 0 for one that is not new
    old_interface: bytes  # packed, see `indexer.resolvers.keys`; b"" for a new file
    interface: bytes
    is_new: bool  # the file was not there
    more_symbols: int  # may be negative


class Removal(NamedTuple):
    """What went with a file."""

    interface: bytes
    chunks: tuple[int, ...]
    symbols: int


class Counters:
    """The next free ids, kept in `meta` so that none is given twice in the life of an index."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._chunk = read_number(connection, "next_chunk")
        self._symbol = read_number(connection, "next_symbol")

    def chunks(self, count: int) -> range:
        self._chunk += count
        return range(self._chunk - count, self._chunk)

    def symbols(self, count: int) -> range:
        self._symbol += count
        return range(self._symbol - count, self._symbol)

    def save(self) -> None:
        write_meta(self._connection, next_chunk=self._chunk, next_symbol=self._symbol)


# ---- reading


def read_outline(connection: sqlite3.Connection, path: str, file_id: int) -> Outline:
    row = connection.execute(
        "SELECT layout, uses FROM files JOIN contents ON content_id = contents.id WHERE files.id = ?",
        (file_id,),
    ).fetchone()
    return unpack_outline(path, *row)


# ---- writing


def remove_file(connection: sqlite3.Connection, path: str) -> Removal | None:
    """Remove a file with all that hangs from it; None if it is not there."""
    row = connection.execute(
        "SELECT files.id, content_id, interface FROM files JOIN contents ON content_id = contents.id WHERE path = ?",
        (os.fsencode(path),),
    ).fetchone()
    if row is None:
        return None
    file_id, content_id, interface = row
    chunks = [
        number for (number,) in connection.execute("SELECT id FROM chunks WHERE file_id = ?", (file_id,))
    ]
    symbols = connection.execute("SELECT count(*) FROM symbols WHERE file_id = ?", (file_id,)).fetchone()[0]
    connection.execute("DELETE FROM files WHERE id = ?", (file_id,))
    connection.execute("DELETE FROM contents WHERE id = ?", (content_id,))
    return Removal(interface, tuple(chunks), symbols)


def write_file(connection: sqlite3.Connection, fresh: Fresh, counters: Counters) -> Change:
    """Add a file or replace it. Chunks of the same text and symbols of the same qualified name keep their ids."""
    parsed = fresh.parsed
    row = connection.execute(
        "SELECT files.id, interface, content_id, content, layout"
        " FROM files JOIN contents ON content_id = contents.id WHERE path = ?",
        (os.fsencode(parsed.path),),
    ).fetchone()
    if row is None:
        return add_file(connection, fresh, counters)
    file_id, interface, old_content_id, old_content, old_layout = row
    values = _file_values(fresh, _insert_content(connection, parsed))
    connection.execute(_UPDATE_FILE, (*values[1:], file_id))
    connection.execute("DELETE FROM contents WHERE id = ?", (old_content_id,))
    old = _ids_by_text(connection, file_id, unpack_content(old_content), unpack_layout(old_layout))
    removed, added = _replace_chunks(connection, file_id, parsed, old, counters)
    more = _replace_symbols(connection, file_id, parsed.head, counters)
    return Change(parsed.path, file_id, removed, added, interface, parsed.head.interface, False, more)


def add_file(connection: sqlite3.Connection, fresh: Fresh, counters: Counters) -> Change:
    """Add a file that is not there."""
    parsed = fresh.parsed
    head = parsed.head
    cursor = connection.execute(_INSERT_FILE, _file_values(fresh, _insert_content(connection, parsed)))
    file_id = cursor.lastrowid
    assert file_id is not None
    ids = counters.chunks(len(head.chunks))
    _insert_chunks(connection, file_id, head, ids)
    _insert_symbols(connection, file_id, head, counters.symbols(len(head.symbols)))
    return Change(parsed.path, file_id, (), tuple(ids), b"", head.interface, True, len(head.symbols))


_FILE_COLUMNS = (
    "path", "language", "digest", "size", "mtime_ns", "ctime_ns", "inode", "read_ns", "n_lines", "degraded",
    "package", "content_id",
)  # fmt: skip
_INSERT_FILE = f"INSERT INTO files({', '.join(_FILE_COLUMNS)}) VALUES ({', '.join('?' * len(_FILE_COLUMNS))})"  # noqa: S608
_UPDATE_FILE = f"UPDATE files SET {', '.join(f'{column} = ?' for column in _FILE_COLUMNS[1:])} WHERE id = ?"  # noqa: S608


def _file_values(fresh: Fresh, content_id: int) -> tuple[Any, ...]:
    parsed = fresh.parsed
    head, found = parsed.head, parsed.found
    return (
        os.fsencode(parsed.path), head.language, parsed.digest,
        found.size, found.mtime_ns, found.ctime_ns, found.inode, fresh.read_ns,
        head.n_lines, head.degraded, head.package, content_id,
    )  # fmt: skip


def _insert_content(connection: sqlite3.Connection, parsed: Parsed) -> int:
    cursor = connection.execute(
        "INSERT INTO contents(interface, layout, uses, content) VALUES (?, ?, ?, ?)",
        (parsed.head.interface, parsed.layout, parsed.uses, parsed.content),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _insert_chunks(connection: sqlite3.Connection, file_id: int, head: Head, ids: Iterable[int]) -> None:
    connection.executemany(
        "INSERT INTO chunks VALUES (?, ?, ?, ?, ?)",
        [
            (number, file_id, at, *lines)
            for at, (number, lines) in enumerate(zip(ids, head.chunks, strict=True))
        ],
    )


def _insert_symbols(connection: sqlite3.Connection, file_id: int, head: Head, ids: Iterable[int]) -> None:
    connection.executemany(
        "INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?)",
        [
            (number, file_id, at, *names)
            for at, (number, names) in enumerate(zip(ids, head.symbols, strict=True))
        ],
    )


def _ids_by_text(
    connection: sqlite3.Connection, file_id: int, content: bytes, layout: Layout
) -> dict[bytes, list[int]]:
    """The chunks of a file by their text; those of equal text in reverse order."""
    ids: dict[bytes, list[int]] = defaultdict(list)
    rows = connection.execute(
        "SELECT id, position FROM chunks WHERE file_id = ? ORDER BY position DESC", (file_id,)
    )
    for number, position in rows:
        span = layout.chunks[position].span
        ids[content[span.start_byte : span.end_byte]].append(number)
    return ids


def _replace_chunks(
    connection: sqlite3.Connection,
    file_id: int,
    parsed: Parsed,
    old: dict[bytes, list[int]],
    counters: Counters,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the ids removed, and for each chunk the id added or 0."""
    content = unpack_content(parsed.content)
    ids: list[int] = []
    added: list[int] = []
    for fact in unpack_layout(parsed.layout).chunks:
        known = old.get(content[fact.span.start_byte : fact.span.end_byte])
        is_kept = bool(known)
        ids.append(known.pop() if known else counters.chunks(1)[0])
        added.append(0 if is_kept else ids[-1])
    connection.execute("DELETE FROM chunks WHERE file_id = ?", (file_id,))
    _insert_chunks(connection, file_id, parsed.head, ids)
    removed = tuple(number for rest in old.values() for number in rest)
    return removed, tuple(added)


def _replace_symbols(connection: sqlite3.Connection, file_id: int, head: Head, counters: Counters) -> int:
    """The n-th symbol of a qualified name stays the n-th. Returns how many more there are now."""
    old: dict[str, list[int]] = defaultdict(list)
    rows = connection.execute(
        "SELECT id, qualname FROM symbols WHERE file_id = ? ORDER BY position DESC", (file_id,)
    ).fetchall()
    for number, qualname in rows:
        old[qualname].append(number)
    values: list[tuple[Any, ...]] = []
    for position, names in enumerate(head.symbols):
        known = old[names[1]]
        values.append((known.pop() if known else counters.symbols(1)[0], file_id, position, *names))
    connection.executemany(_WRITE_SYMBOL, values)
    gone = [(number,) for rest in old.values() for number in rest]
    connection.executemany("DELETE FROM symbols WHERE id = ?", gone)
    return len(head.symbols) - len(rows)


# Not INSERT OR REPLACE, which would delete the row and the edges at it.
_WRITE_SYMBOL = """
INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET
    position = excluded.position, name = excluded.name, kind = excluded.kind
"""
