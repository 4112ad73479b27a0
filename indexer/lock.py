"""One writer at a time: an advisory lock that ends with the process, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from indexer.disk import PRIVATE_FILE
from indexer.errors import LockedError

LOCK_FILE = "lock"


@contextlib.contextmanager
def writer_lock(directory: Path) -> Iterator[None]:
    """Hold the index in `directory` for writing. Raises LockedError at once if another does, OSError."""
    place = directory / LOCK_FILE
    file = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE)
    try:
        if not try_lock(file, exclusive=True):
            owner = os.pread(file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise LockedError(f"index: {directory}: process {owner} is writing it: wait until it is done")
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(file)


def try_lock(file: int, *, exclusive: bool) -> bool:
    """Take a lock on an open file without waiting; whether it was to be had."""
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
