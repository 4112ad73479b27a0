"""Every write to the index's folder goes through here: one place for durability, and for faults in tests.

Callers use `disk.rename(...)`, never an imported name, so that a test can replace one operation.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from indexer.errors import DamagedIndexError, RepocoderError, StorageError

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600

_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_ERROR,  # "no such table": the schema page is not ours
        sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_MISMATCH,
    }
)

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FREE_SPACE = "free space on its disk and try again"
_MAKE_WRITABLE = "make it writable or set XDG_CACHE_HOME"


def prepare_folder(place: Path) -> None:
    """Make a folder that is ours alone. Raises StorageError if it belongs to another user, OSError."""
    place.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    status = place.stat()
    if status.st_uid != os.geteuid():
        raise StorageError(f"index folder: {place}: belongs to another user: remove it or set XDG_CACHE_HOME")
    if status.st_mode & 0o077:
        place.chmod(PRIVATE_FOLDER)


def make_folder(place: Path) -> None:
    place.mkdir(mode=PRIVATE_FOLDER)


def create_file(place: Path, data: bytes = b"") -> None:
    """Write a file that does not exist yet, through to the disk."""
    file = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        write(file, data)
        sync(file)
    finally:
        os.close(file)


def write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def sync(file: int) -> None:
    os.fsync(file)


def sync_path(place: Path) -> None:
    """Make a file's content, or the entries of a folder, durable."""
    file = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(file)
    finally:
        os.close(file)


def replace(old: Path, new: Path) -> None:
    """Rename within one folder."""
    old.replace(new)


def rename(old: Path, new: Path) -> None:
    """Rename within one folder, durably."""
    replace(old, new)
    sync_path(new.parent)


def remove(place: Path) -> None:
    place.unlink(missing_ok=True)


def remove_tree(place: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(place)


def begin(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")


def commit(connection: sqlite3.Connection) -> None:
    connection.execute("COMMIT")


def roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction that failed; SQLite may have ended it itself."""
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


@contextlib.contextmanager
def translated(place: Path) -> Iterator[None]:
    """Turn errors of the disk and of SQLite into StorageError and DamagedIndexError about `place`."""
    try:
        yield
    except sqlite3.ProgrammingError:  # misuse by us, not the disk's fault
        raise
    except sqlite3.DatabaseError as error:
        raise _translate(error, place) from error
    except OSError as error:
        what = error.strerror or str(error)
        raise StorageError(
            f"index: {error.filename or place}: {what}: free the disk and try again"
        ) from error


def _translate(error: sqlite3.DatabaseError, place: Path) -> RepocoderError:
    code = (
        getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    )  # the upper bits say more precisely
    if code in _DAMAGE:
        return DamagedIndexError(f"index: {place}: damaged ({error})")
    advice = _MAKE_WRITABLE if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) else _FREE_SPACE
    return StorageError(f"index: {place}: {error}: {advice}")
