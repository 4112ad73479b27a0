"""Reading a file of a repository that is not trusted: no link is followed, nothing but a regular file is
opened.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

MAX_FILE_BYTES = 1 << 20  # none of 2,572 real source files was larger
READ_TRIES = 3  # a file that changes during three reads in a row is left to the next build
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = (
    os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
)  # NONBLOCK: a FIFO must not hang


class Found(msgspec.Struct, frozen=True, array_like=True):
    """A regular file, as its directory entry shows it. Times in nanoseconds, size in bytes."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class UnreadableError(Exception):
    """The file cannot be indexed. `reason` is one of `indexer.walk.REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def found_from_stat(path: str, status: os.stat_result) -> Found:
    return Found(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def read_file(root: Path, path: str, max_bytes: int) -> tuple[bytes, Found]:
    """The bytes of `root/path` and the state they had. Raises UnreadableError.

    Each component is opened relative to the one before without following links, so the result is inside
    `root`
    whatever is renamed meanwhile.
    """
    try:
        file = _open_inside(root, path)
    except FileNotFoundError:
        raise UnreadableError("vanished") from None
    except OSError as error:
        raise UnreadableError(_reason_of(root, path, error)) from None
    try:
        return _read_stable(file, path, max_bytes)
    except OSError:
        raise UnreadableError("unreadable") from None
    finally:
        os.close(file)


def _open_inside(root: Path, path: str) -> int:
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise UnreadableError("unreadable")
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _reason_of(root: Path, path: str, error: OSError) -> str:
    try:
        mode = (root / path).lstat().st_mode
    except OSError:
        return "unreadable"
    if stat.S_ISLNK(mode):
        return "symlink"
    return "unreadable" if stat.S_ISREG(mode) or isinstance(error, PermissionError) else "special-file"


def _read_stable(file: int, path: str, max_bytes: int) -> tuple[bytes, Found]:
    for _ in range(READ_TRIES):
        before = os.fstat(file)
        if not stat.S_ISREG(before.st_mode):
            raise UnreadableError("special-file")
        if before.st_size > max_bytes:
            raise UnreadableError("too-large")
        data = _read_all(file, before.st_size + 1)
        after = os.fstat(file)
        if _state(before) == _state(after) and len(data) == after.st_size:
            return data, found_from_stat(path, after)
    raise UnreadableError("changing")


def _read_all(file: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    position = 0
    while position < limit and (piece := os.pread(file, limit - position, position)):
        pieces.append(piece)
        position += len(piece)
    return b"".join(pieces)


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
