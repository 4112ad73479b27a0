"""The database of one index: opening it soundly, and its few single values."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from indexer import disk
from indexer.errors import DamagedIndexError, IndexFailedError
from indexer.fingerprint import fingerprint
from indexer.schema import APPLICATION_ID, SCHEMA_VERSION, TABLES
from indexer.seal import is_sealed

DATABASE = "index.sqlite"
FIRST_DATABASE = "first.sqlite"  # the first index of a repository while it is made: of no use to anybody else

CACHE_KIB = 64 * 1024  # of pages for a writer: a publish touches its B-trees at random
PAGE_BYTES = 2048  # each file's row leaves half a page empty: at 4096 that is a fourteenth of an index
# After a build a larger log is copied, which takes as long as reading the whole database (its sum is made again): at
# 12 MiB that is one of about fifty saved files. The log itself is summed after each build.
MAX_LOG_BYTES = 12 << 20
CHECKPOINT_PAGES = (
    16 << 20
) // PAGE_BYTES  # of log before SQLite copies it by itself: more than we let it grow
BUSY_TIMEOUT_S = 5.0  # for readers: recovery of a log after a crash holds them up shortly


def identity(root: Path) -> str:
    """What tells the index of one repository from another's: a digest of the real path."""
    return hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()


def open_reading(place: Path, root: Path, *, seal_known: bool = False) -> sqlite3.Connection:
    """A read-only connection to a sound index of this version and repository, with a transaction not begun.

    Raises DamagedIndexError where a rebuild helps, IndexFailedError for an index of a newer program,
    StorageError.
    A sealed database is trusted; one without a seal (its writer died, or works) gets SQLite's `quick_check`.
    """
    with disk.translated(place):
        sealed = seal_known or is_sealed(place.parent, place.name)
        _check_header(place)
        connection = _connect_reading(place)
        try:
            _check_identity(connection, place, root)
            if not sealed:
                check_structure(connection, place)
        except BaseException:
            connection.close()
            raise
        return connection


def open_writing(place: Path) -> sqlite3.Connection:
    """A connection that may write, to an index that `open_reading` found sound. Raises sqlite3.Error."""
    connection = _connect_writing(place)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_writing(place: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        _uri(place, "rw"), uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S
    )
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


def create(place: Path, root: Path) -> sqlite3.Connection:
    """Make an empty index of generation 0, within a transaction that `complete` ends; without its indexes.

    Nothing of it survives a crash, so it takes no log and no syncing: nobody looks at it before it is complete.
    Raises OSError, sqlite3.DatabaseError.
    """
    remove_database(place)
    disk.create_file(place)
    connection = _connect_writing(place)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        disk.begin(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        run_script(connection, TABLES)
        first = {
            "repository": identity(root),
            "fingerprint": fingerprint(),
            "generation": 0,
            "manifest": "",
            "next_chunk": 1,
            "next_symbol": 1,
            "born": os.urandom(8).hex(),  # ids mean the same in all generations of the index born then
        }
        connection.executemany("INSERT INTO meta VALUES (?, ?)", first.items())
    except BaseException:
        connection.close()
        raise
    return connection


def complete(connection: sqlite3.Connection, place: Path) -> Path:
    """Give a first index, whose transaction is committed, its name, durably; closes it. Returns the new place."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    disk.sync_path(place)
    final = place.with_name(DATABASE)
    disk.rename(place, final)
    return final


def run_script(connection: sqlite3.Connection, script: str) -> None:
    """Statements without `;` in comments or texts; `executescript` would commit."""
    lines = (line.partition("--")[0] for line in script.splitlines())
    for statement in "\n".join(lines).split(";"):
        if statement.strip():
            connection.execute(statement)


def remove_database(place: Path) -> None:
    """Remove a database with its log; readers that have it open keep what they see."""
    for name in (place.name, f"{place.name}-wal", f"{place.name}-shm"):
        disk.remove(place.parent / name)


def shorten_log(connection: sqlite3.Connection, place: Path) -> None:
    """Copy a long log as far as readers allow, without waiting for them."""
    log = place.with_name(f"{place.name}-wal")
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def read_number(connection: sqlite3.Connection, key: str) -> int:
    """A number of `meta`. Raises DamagedIndexError if it is not there."""
    value = _read_meta(connection, key)
    if not isinstance(value, int):
        raise DamagedIndexError(f"index: {key}: missing in the database")
    return value


def read_text(connection: sqlite3.Connection, key: str) -> str:
    """A text of `meta`. Raises DamagedIndexError if it is not there."""
    value = _read_meta(connection, key)
    if not isinstance(value, str):
        raise DamagedIndexError(f"index: {key}: missing in the database")
    return value


def write_meta(connection: sqlite3.Connection, **values: int | str) -> None:
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())


def count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Number of files, chunks, symbols and edges."""
    names = ("files", "chunks", "symbols", "edges")
    row = connection.execute(
        "SELECT (SELECT count(*) FROM files), (SELECT count(*) FROM chunks),"
        " (SELECT count(*) FROM symbols), (SELECT count(*) FROM edges)"
    ).fetchone()
    return dict(zip(names, row, strict=True))


def check_structure(connection: sqlite3.Connection, place: Path) -> None:
    """SQLite's own check of the whole file, about 0.3 s for 100 MB. Raises DamagedIndexError."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found is None or found[0] != "ok":
        raise DamagedIndexError(f"index: {place}: damaged ({found[0] if found else 'no answer'})")


def _connect_reading(place: Path) -> sqlite3.Connection:
    connection = _open_read_only(place, "")
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        log = place.with_name(f"{place.name}-wal")
        read_only = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if not read_only or (log.exists() and log.stat().st_size):
            raise
        # The folder cannot be written, so no log can appear: SQLite needs to be told.
        return _open_read_only(place, "&immutable=1")
    return connection


def _open_read_only(place: Path, more: str) -> sqlite3.Connection:
    return sqlite3.connect(
        _uri(place, "ro") + more,
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_TIMEOUT_S,
    )


def _uri(place: Path, mode: str) -> str:
    return f"file:{quote(os.fsencode(place.absolute()))}?mode={mode}"


def _check_header(place: Path) -> None:
    """Look at the first bytes ourselves: SQLite takes an empty file for an empty database."""
    try:
        with open(place, "rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        raise DamagedIndexError(f"index: {place}: missing") from None
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise DamagedIndexError(f"index: {place}: not a database")


def _check_identity(connection: sqlite3.Connection, place: Path, root: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise DamagedIndexError(f"index: {place}: not an index of repocoder")
    if version > SCHEMA_VERSION:
        raise IndexFailedError(
            f"index: {place}: version {version} is newer than {SCHEMA_VERSION}, the one of this program: "
            "update it or run `repocoder index --rebuild`"
        )
    if version < SCHEMA_VERSION:
        raise DamagedIndexError(f"index: {place}: version {version} is older than {SCHEMA_VERSION}")
    if read_text(connection, "repository") != identity(root):
        raise DamagedIndexError(f"index: {place}: belongs to another repository")
    if read_text(connection, "fingerprint") != fingerprint():
        raise DamagedIndexError(f"index: {place}: made by another version of the grammars or of the rules")


def _read_meta(connection: sqlite3.Connection, key: str) -> object:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None
