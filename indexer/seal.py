"""Whether the database is as its last writer left it, told without reading it.

A writer takes the seal away before its first write and puts a new one when it is done. The seal holds the
states of the database's files and their CRC-32: SQLite has no checksums of its own, so a flipped bit in a row
would be believed. Unchanged states are trusted; other states (a copy, a restored backup, damage) are compared
byte for byte with the CRC; without a seal the last writer died or works, and SQLite's own check must do.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path

import msgspec

from indexer import disk
from indexer.errors import DamagedIndexError

SEAL_FILE = "seal.json"
MAX_SEAL_BYTES = 1 << 16
_FORMAT = 1
_BLOCK = 1 << 20


class _State(msgspec.Struct, frozen=True, array_like=True):
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    crc: int

    def is_state_of(self, status: os.stat_result) -> bool:
        seen = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        return seen == (self.size, self.mtime_ns, self.ctime_ns, self.inode)


class Seal(msgspec.Struct, frozen=True):
    """`files` has the name and state of each file of the database that is not empty."""

    format: int
    files: dict[str, _State]


def read_seal(directory: Path) -> Seal | None:
    """The seal, None if there is no readable one."""
    try:
        with open(directory / SEAL_FILE, "rb") as file:
            seal = msgspec.json.decode(file.read(MAX_SEAL_BYTES), type=Seal)
    except (OSError, msgspec.MsgspecError):
        return None
    return seal if seal.format == _FORMAT else None


def is_sealed(directory: Path, database: str) -> bool:
    """Whether the database is what its last writer left. Raises DamagedIndexError if it is not, OSError.

    False: there is no seal, which says nothing.
    """
    for _ in range(3):
        seal = read_seal(directory)
        if seal is None or database not in seal.files:
            return False
        differing = [name for name in _names(database) if not _is_as_sealed(directory / name, seal)]
        if not differing:
            return True
        if read_seal(directory) == seal:  # else a writer has begun meanwhile
            raise DamagedIndexError(f"index: {directory / differing[0]}: not as it was written")
    return False


def verify_bytes(directory: Path, database: str, seal: Seal) -> list[str]:
    """Compare every byte with the seal, whatever the states say; one line for each file that differs."""
    return [
        f"index: {directory / name}: not as it was written"
        for name, known in seal.files.items()
        if name in _names(database) and _crc(directory / name) != known.crc
    ]


def take_seal(directory: Path) -> Seal | None:
    """Remove the seal, durably, before a write; returns what it was."""
    seal = read_seal(directory)
    if (directory / SEAL_FILE).exists():
        disk.remove(directory / SEAL_FILE)
        disk.sync_path(directory)
    return seal


def put_seal(directory: Path, database: str, before: Seal | None) -> None:
    """Seal the database as it is. `before` saves reading files that did not change since. Raises OSError.

    The folder is not synced: a seal that is lost in a crash only costs a check.
    """
    known = before.files if before else {}
    files: dict[str, _State] = {}
    for name in _names(database):
        place = directory / name
        with contextlib.suppress(FileNotFoundError):
            status = place.stat()
            if status.st_size:
                old = known.get(name)
                fresh = old if old is not None and old.is_state_of(status) else _measure(place, status)
                files[name] = fresh
    temporary = directory / f"{SEAL_FILE}.new"
    disk.remove(temporary)
    try:
        disk.create_file(temporary, msgspec.json.encode(Seal(_FORMAT, files)))
        disk.replace(temporary, directory / SEAL_FILE)
    except BaseException:
        with contextlib.suppress(OSError):
            disk.remove(temporary)
        raise


def _names(database: str) -> tuple[str, str]:
    return database, f"{database}-wal"


def _is_as_sealed(place: Path, seal: Seal) -> bool:
    known = seal.files.get(place.name)
    try:
        status = place.stat()
    except FileNotFoundError:
        return known is None
    if known is None or status.st_size != known.size:
        return known is None and status.st_size == 0
    return known.is_state_of(status) or _crc(place) == known.crc


def _measure(place: Path, status: os.stat_result) -> _State:
    return _State(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, _crc(place))


def _crc(place: Path) -> int:
    crc = 0
    with open(place, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            crc = zlib.crc32(block, crc)
    return crc
