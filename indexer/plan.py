"""What a build has to do: the files as they are against the files as they were indexed."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from indexer.reading import Found, UnreadableError, read_file
from indexer.types import Skip

# A file that was written this shortly before it was read may be written again without another time stamp.
# Kernel clocks tick every 1 to 10 ms; some file systems keep whole seconds, or two.
TICK_NS = 50_000_000
COARSE_TICK_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000

PROGRESS_EVERY = 256  # files between two reports of the walk


class Stored(NamedTuple):
    """A file in the index, and when the build that read it began."""

    found: Found
    digest: bytes
    read_ns: int


class SkipRow(NamedTuple):
    """A row of `skips`. `found` is None where the directory entry was enough to judge."""

    reason: str
    found: Found | None
    read_ns: int


class Plan(NamedTuple):
    """`parse` and `verify` have the states that the walk saw."""

    parse: dict[str, Found]
    removed: tuple[str, ...]
    touched: dict[str, Found]  # other state, same bytes
    skips: dict[str, SkipRow]
    n_found: int


def read_stored(connection: sqlite3.Connection, places: Collection[str] | None = None) -> dict[str, Stored]:
    """The files at these places and below them; None: all."""
    rows = _read(
        connection, "SELECT path, size, mtime_ns, ctime_ns, inode, digest, read_ns FROM files", places
    )
    return {(path := os.fsdecode(row[0])): Stored(Found(path, *row[1:5]), row[5], row[6]) for row in rows}


def read_skips(connection: sqlite3.Connection, places: Collection[str] | None = None) -> dict[str, SkipRow]:
    """The skips at these places and below them; None: all."""
    rows = _read(
        connection, "SELECT path, size, mtime_ns, ctime_ns, inode, reason, read_ns FROM skips", places
    )
    return {
        (path := os.fsdecode(row[0])): SkipRow(row[5], Found(path, *row[1:5]) if row[6] else None, row[6])
        for row in rows
    }


def _read(
    connection: sqlite3.Connection, select: str, places: Collection[str] | None
) -> Iterator[tuple[Any, ...]]:
    if places is None:
        yield from connection.execute(select)
        return
    for place in places:
        path = os.fsencode(place)
        yield from connection.execute(
            f"{select} WHERE path = ? OR (path > ? AND path < ?)", (path, path + b"/", path + b"0")
        )


def read_degraded(connection: sqlite3.Connection) -> list[str]:
    """The files that were given up as too costly, and are indexed as lines."""
    return [
        os.fsdecode(path) for (path,) in connection.execute("SELECT path FROM files WHERE degraded != ''")
    ]


def is_same(now: Found, before: Found, read_ns: int) -> bool:
    """Whether the file cannot have changed since it was read.

    The inode and the change time count too: anyone can set a modification time back.
    """
    return now == before and not is_racy(now, read_ns)


def is_racy(found: Found, read_ns: int) -> bool:
    """Whether a change after the reading could have left the same times."""
    changed = max(found.mtime_ns, found.ctime_ns)
    return changed + (COARSE_TICK_NS if changed % _SECOND_NS == 0 else TICK_NS) >= read_ns


def make_plan(
    root: Path,
    entries: Iterable[Found | Skip],
    stored: dict[str, Stored],
    skips: dict[str, SkipRow],
    on_walk: Callable[[int, str], None] | None = None,
) -> Plan:
    """Compare. Reads files only whose times say that they may have changed and that were indexed before."""
    parse: dict[str, Found] = {}
    touched: dict[str, Found] = {}
    kept: dict[str, SkipRow] = {}
    here: set[str] = set()
    n_found = 0
    for entry in entries:
        if isinstance(entry, Skip):
            kept[entry.path] = SkipRow(entry.reason, None, 0)
            continue
        n_found += 1
        if on_walk is not None and n_found % PROGRESS_EVERY == 0:
            on_walk(n_found, entry.path)
        here.add(entry.path)
        old, skip = stored.get(entry.path), skips.get(entry.path)
        if old is not None:
            if is_same(entry, old.found, old.read_ns):
                continue
            now = same_bytes(root, entry, old.digest)
            if now is not None:
                touched[entry.path] = now
            else:
                parse[entry.path] = entry
        elif skip is not None and skip.found is not None and is_same(entry, skip.found, skip.read_ns):
            kept[entry.path] = skip
        else:
            parse[entry.path] = entry
    removed = tuple(path for path in stored if path not in here)
    return Plan(parse, removed, touched, kept, n_found)


def is_up_to_date(
    root: Path, entries: Iterable[Found | Skip], stored: dict[str, Stored], skips: dict[str, SkipRow]
) -> bool:
    """Whether a build would change what is indexed; stops at the first difference."""
    here = 0
    for entry in entries:
        if isinstance(entry, Skip):
            continue
        old, skip = stored.get(entry.path), skips.get(entry.path)
        if old is not None:
            here += 1
            same = is_same(entry, old.found, old.read_ns)
            if not same and same_bytes(root, entry, old.digest) is None:
                return False
        elif skip is None or skip.found != entry:
            return False
    return here == len(stored)


def start_time() -> int:
    """The clock that file times are compared with, in nanoseconds."""
    return time.time_ns()


def same_bytes(root: Path, found: Found, digest: bytes) -> Found | None:
    """The state in which the file still has the bytes of the digest; None if it has not."""
    try:
        data, now = read_file(root, found.path, found.size)
    except UnreadableError:
        return None
    return now if hashlib.sha256(data).digest() == digest else None
