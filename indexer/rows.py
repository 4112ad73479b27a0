"""One file's rows: written from what was parsed, read back as the types of `indexer.types`."""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from indexer.errors import DamagedIndexError
from indexer.parse import Parsed
from indexer.resolve import interface
from indexer.resolvers.keys import pack_interface
from indexer.store import read_number, write_meta
from indexer.types import Binding, ChunkFact, FileFacts, Import, Reference, Span, Symbol

FACTS_LEVEL = 1  # of zlib: a fifth of the size at 150 MB a second



class Outline(msgspec.Struct, frozen=True, array_like=True):
    """`FileFacts` without what only the file itself needs, which is not decoded. Fields as there."""

    path: str
    language: str
    n_lines: int
    chunks: msgspec.Raw
    symbols: tuple[Symbol, ...]
    references: msgspec.Raw
    imports: tuple[Import, ...]
    bindings: tuple[Binding, ...]
    degraded: str = ""
    package: str = ""


_outline_decoder = msgspec.msgpack.Decoder(Outline)
_references_decoder = msgspec.msgpack.Decoder(tuple[Reference, ...])
_facts_decoder = msgspec.msgpack.Decoder(FileFacts)
_terms_decoder = msgspec.msgpack.Decoder(tuple[dict[str, int], ...])
_bases_decoder = msgspec.msgpack.Decoder(tuple[str, ...])
_encoder = msgspec.msgpack.Encoder()

SYMBOL_COLUMNS = (
    "id, name, qualname, kind, start_line, end_line, start_byte, end_byte, signature, doc, bases, file_id"
)
CHUNK_COLUMNS = "id, file_id, start_line, end_line, start_byte, end_byte, kind, name, signature"


class Fresh(NamedTuple):
    """A parsed file on its way into the index. `content_id` is 0 until its content is in the database."""

    parsed: Parsed
    read_ns: int
    content_id: int


class Change(NamedTuple):
    """What replacing one file did."""

    path: str
    file_id: int
    removed_chunks: tuple[int, ...]
    added_chunks: tuple[int, ...]
    old_interface: bytes  # packed, see `indexer.resolvers.keys`; b"" for a new file
    interface: bytes


class Counters:
    """The next free ids, kept in `meta` so that none is given twice in the life of an index."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._chunk = read_number(connection, "next_chunk")
        self._symbol = read_number(connection, "next_symbol")

    def chunk(self) -> int:
        self._chunk += 1
        return self._chunk - 1

    def symbol(self) -> int:
        self._symbol += 1
        return self._symbol - 1

    def save(self) -> None:
        write_meta(self._connection, next_chunk=self._chunk, next_symbol=self._symbol)


# ---- contents


def pack_facts(facts: FileFacts) -> bytes:
    return zlib.compress(_encoder.encode(facts), FACTS_LEVEL)


def unpack_facts(data: bytes) -> FileFacts:
    try:
        return _facts_decoder.decode(zlib.decompress(data))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise DamagedIndexError(f"index: facts of a file: damaged ({error})") from None


def unpack_references(data: bytes) -> tuple[Reference, ...]:
    """The references of an `Outline`."""
    try:
        return _references_decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise DamagedIndexError(f"index: references of a file: damaged ({error})") from None


def unpack_content(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise DamagedIndexError(f"index: content of a file: damaged ({error})") from None


def pack_terms(terms: Sequence[dict[str, int]]) -> bytes:
    return zlib.compress(_encoder.encode(terms), FACTS_LEVEL)


def unpack_terms(data: bytes) -> tuple[dict[str, int], ...]:
    try:
        return _terms_decoder.decode(zlib.decompress(data))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise DamagedIndexError(f"index: terms of a file: damaged ({error})") from None


def insert_content(connection: sqlite3.Connection, parsed: Parsed) -> int:
    """Store a file's content and facts; returns their id."""
    cursor = connection.execute(
        "INSERT INTO contents(content, facts) VALUES (?, ?)", (parsed.content, pack_facts(parsed.facts))
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def read_facts(connection: sqlite3.Connection, path: str) -> FileFacts | None:
    row = connection.execute(
        "SELECT facts FROM contents JOIN files ON content_id = contents.id WHERE path = ?",
        (os.fsencode(path),),
    ).fetchone()
    return unpack_facts(row[0]) if row else None


def read_outline(connection: sqlite3.Connection, file_id: int) -> Outline:
    row = connection.execute(
        "SELECT facts FROM files JOIN contents ON content_id = contents.id WHERE files.id = ?", (file_id,)
    ).fetchone()
    try:
        return _outline_decoder.decode(zlib.decompress(row[0]))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise DamagedIndexError(f"index: facts of a file: damaged ({error})") from None


def read_interface(connection: sqlite3.Connection, path: str) -> bytes:
    """What others can see of a file, packed; b"" for an unknown path."""
    row = connection.execute("SELECT interface FROM files WHERE path = ?", (os.fsencode(path),)).fetchone()
    return row[0] if row else b""


# ---- writing


def remove_file(connection: sqlite3.Connection, path: str) -> list[int]:
    """Remove a file with all that hangs from it; returns the ids of its chunks."""
    row = connection.execute(
        "SELECT id, content_id FROM files WHERE path = ?", (os.fsencode(path),)
    ).fetchone()
    if row is None:
        return []
    chunks = [number for (number,) in connection.execute("SELECT id FROM chunks WHERE file_id = ?", row[:1])]
    connection.execute("DELETE FROM files WHERE id = ?", row[:1])
    connection.execute("DELETE FROM contents WHERE id = ?", row[1:])
    return chunks


def write_file(connection: sqlite3.Connection, fresh: Fresh, counters: Counters) -> Change:
    """Add a file or replace it. Chunks of the same text and symbols of the same qualified name keep their
    ids.
    """
    parsed = fresh.parsed
    content_id = fresh.content_id or insert_content(connection, parsed)
    seen = pack_interface(interface(parsed.facts, parsed.digest))
    row = connection.execute(
        "SELECT files.id, interface, content_id, content FROM files JOIN contents ON content_id = contents.id"
        " WHERE path = ?",
        (os.fsencode(parsed.path),),
    ).fetchone()
    values = _file_values(fresh, seen, content_id)
    if row is None:
        cursor = connection.execute(_INSERT_FILE, values)
        assert cursor.lastrowid is not None
        _insert_symbols(connection, cursor.lastrowid, parsed.facts.symbols, counters)
        ids = [counters.chunk() for _ in parsed.facts.chunks]
        _insert_chunks(connection, cursor.lastrowid, parsed.facts.chunks, ids)
        return Change(parsed.path, cursor.lastrowid, (), tuple(ids), b"", seen)
    file_id, old_interface, old_content_id, old_content = row
    connection.execute(_UPDATE_FILE, (*values[1:], file_id))
    connection.execute("DELETE FROM contents WHERE id = ?", (old_content_id,))
    old_ids = _ids_by_text(connection, file_id, unpack_content(old_content))
    removed, added = _replace_chunks(connection, file_id, parsed, old_ids, counters)
    _replace_symbols(connection, file_id, parsed.facts.symbols, counters)
    return Change(parsed.path, file_id, removed, added, old_interface, seen)


_FILE_COLUMNS = (
    "path", "language", "digest", "size", "mtime_ns", "ctime_ns", "inode", "read_ns", "n_lines", "degraded",
    "package", "interface", "content_id",
)  # fmt: skip
_INSERT_FILE = f"INSERT INTO files({', '.join(_FILE_COLUMNS)}) VALUES ({', '.join('?' * len(_FILE_COLUMNS))})"  # noqa: S608
_UPDATE_FILE = f"UPDATE files SET {', '.join(f'{column} = ?' for column in _FILE_COLUMNS[1:])} WHERE id = ?"  # noqa: S608


def _file_values(fresh: Fresh, seen: bytes, content_id: int) -> tuple[Any, ...]:
    facts, found = fresh.parsed.facts, fresh.parsed.found
    return (
        os.fsencode(facts.path), facts.language, fresh.parsed.digest,
        found.size, found.mtime_ns, found.ctime_ns, found.inode, fresh.read_ns,
        facts.n_lines, facts.degraded, facts.package, seen, content_id,
    )  # fmt: skip


def _insert_chunks(
    connection: sqlite3.Connection, file_id: int, chunks: Sequence[ChunkFact], ids: Iterable[int]
) -> None:
    connection.executemany(
        "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (number, file_id, position, *_span(fact.span), fact.kind, fact.name, fact.signature)
            for position, (number, fact) in enumerate(zip(ids, chunks, strict=True))
        ],
    )


def _ids_by_text(connection: sqlite3.Connection, file_id: int, content: bytes) -> dict[bytes, list[int]]:
    """The chunks of a file by their text; those of equal text in reverse order."""
    ids: dict[bytes, list[int]] = defaultdict(list)
    rows = connection.execute(
        "SELECT id, start_byte, end_byte FROM chunks WHERE file_id = ? ORDER BY position DESC", (file_id,)
    )
    for number, start, end in rows:
        ids[content[start:end]].append(number)
    return ids


def _replace_chunks(
    connection: sqlite3.Connection,
    file_id: int,
    parsed: Parsed,
    old: dict[bytes, list[int]],
    counters: Counters,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the ids removed and the ids added."""
    content = unpack_content(parsed.content)
    ids: list[int] = []
    added: list[int] = []
    for fact in parsed.facts.chunks:
        known = old.get(content[fact.span.start_byte : fact.span.end_byte])
        if known:
            ids.append(known.pop())
        else:
            ids.append(counters.chunk())
            added.append(ids[-1])
    connection.execute("DELETE FROM chunks WHERE file_id = ?", (file_id,))
    _insert_chunks(connection, file_id, parsed.facts.chunks, ids)
    removed = tuple(number for rest in old.values() for number in rest)
    return removed, tuple(added)


def _insert_symbols(
    connection: sqlite3.Connection, file_id: int, symbols: Iterable[Symbol], counters: Counters
) -> None:
    connection.executemany(
        "INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(counters.symbol(), *_symbol_values(file_id, position, s)) for position, s in enumerate(symbols)],
    )


def _replace_symbols(
    connection: sqlite3.Connection, file_id: int, symbols: Iterable[Symbol], counters: Counters
) -> None:
    """The n-th symbol of a qualified name stays the n-th."""
    old: dict[str, list[int]] = defaultdict(list)
    rows = connection.execute(
        "SELECT id, qualname FROM symbols WHERE file_id = ? ORDER BY position DESC", (file_id,)
    )
    for number, qualname in rows:
        old[qualname].append(number)
    for position, symbol in enumerate(symbols):
        known = old[symbol.qualname]
        values = _symbol_values(file_id, position, symbol)
        connection.execute(_WRITE_SYMBOL, (known.pop() if known else counters.symbol(), *values))
    gone = [(number,) for rest in old.values() for number in rest]
    connection.executemany("DELETE FROM symbols WHERE id = ?", gone)


_WRITE_SYMBOL = """
INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET
    position = excluded.position, name = excluded.name, kind = excluded.kind,
    start_line = excluded.start_line, end_line = excluded.end_line,
    start_byte = excluded.start_byte, end_byte = excluded.end_byte,
    signature = excluded.signature, doc = excluded.doc, bases = excluded.bases
"""


def _symbol_values(file_id: int, position: int, symbol: Symbol) -> tuple[Any, ...]:
    return (
        file_id, position, symbol.name, symbol.qualname, symbol.kind, *_span(symbol.span),
        symbol.signature, symbol.doc, _encoder.encode(symbol.bases),
    )  # fmt: skip


def _span(span: Span) -> tuple[int, int, int, int]:
    return span.start_line, span.end_line, span.start_byte, span.end_byte


# ---- reading


def symbol_of(row: tuple[Any, ...], path: str) -> Symbol:
    """A row of SYMBOL_COLUMNS."""
    number, name, qualname, kind, start_line, end_line, start_byte, end_byte, signature, doc, bases, _ = row
    span = Span(start_line, end_line, start_byte, end_byte)
    return Symbol(name, qualname, kind, span, signature, doc, _unpack_bases(bases), id=number, path=path)


def _unpack_bases(data: bytes) -> tuple[str, ...]:
    try:
        return _bases_decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise DamagedIndexError(f"index: a symbol: damaged ({error})") from None
