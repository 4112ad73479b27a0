"""Parsed files on their way into the index.

A few are kept in memory until they are published. Many go to the database in batches, each in its own
transaction, so that a build that is killed or cancelled goes on where it was, and memory holds one batch.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from indexer import disk
from indexer.parse import Parsed
from indexer.plan import is_racy, same_bytes
from indexer.reading import Found
from indexer.rows import Fresh, insert_content, pack_terms, unpack_facts, unpack_terms

SMALL = 64  # files: up to here parsing again costs less than staging
BATCH_BYTES = 4 << 20  # of packed content and facts: a transaction costs some milliseconds for syncing
BATCH_FILES = 256


class Batch(Protocol):
    """Files that were parsed and are to be published. May be iterated more than once."""

    def __iter__(self) -> Iterator[Fresh]: ...

    def __len__(self) -> int: ...

    def terms(self, path: str) -> tuple[dict[str, int], ...] | None:
        """The terms of each chunk of the file; None if it is not in the batch."""
        ...


class InMemory:
    """A few files."""

    def __init__(self, fresh: Iterable[Fresh]) -> None:
        self._fresh = {one.parsed.path: one for one in fresh}

    def __iter__(self) -> Iterator[Fresh]:
        return iter(self._fresh.values())

    def __len__(self) -> int:
        return len(self._fresh)

    def terms(self, path: str) -> tuple[dict[str, int], ...] | None:
        one = self._fresh.get(path)
        return one.parsed.terms if one else None


class Staged:
    """All files of the `staged` table, in the order of their paths; `terms` are not loaded with the files."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[Fresh]:
        paths = self._connection.execute("SELECT path FROM staged ORDER BY path").fetchall()
        for (path,) in paths:
            row = self._connection.execute(_SELECT_STAGED, (path,)).fetchone()
            found = Found(os.fsdecode(path), *row[1:5])
            parsed = Parsed(found.path, found, row[0], row[7], unpack_facts(row[8]), ())
            yield Fresh(parsed, row[5], row[6])

    def __len__(self) -> int:
        count: int = self._connection.execute("SELECT count(*) FROM staged").fetchone()[0]
        return count

    def terms(self, path: str) -> tuple[dict[str, int], ...] | None:
        row = self._connection.execute(
            "SELECT terms FROM staged WHERE path = ?", (os.fsencode(path),)
        ).fetchone()
        return unpack_terms(row[0]) if row else None


_SELECT_STAGED = """
SELECT digest, size, mtime_ns, ctime_ns, inode, read_ns, content_id, content, facts
FROM staged JOIN contents ON contents.id = content_id WHERE path = ?
"""


class Stager:
    """Collects results and writes them in batches."""

    def __init__(self, connection: sqlite3.Connection, read_ns: int) -> None:
        self._connection = connection
        self._read_ns = read_ns
        self._waiting: list[Parsed] = []
        self._bytes = 0

    def add(self, parsed: Parsed) -> None:
        self._waiting.append(parsed)
        self._bytes += len(parsed.content) + parsed.found.size
        if self._bytes >= BATCH_BYTES or len(self._waiting) >= BATCH_FILES:
            self.flush()

    def flush(self) -> None:
        """Write what waits in one transaction. Raises sqlite3.DatabaseError."""
        if not self._waiting:
            return
        disk.begin(self._connection)
        try:
            for parsed in self._waiting:
                self._write(parsed)
            disk.commit(self._connection)
        finally:
            disk.roll_back(self._connection)
        self._waiting.clear()
        self._bytes = 0

    def _write(self, parsed: Parsed) -> None:
        path, found = os.fsencode(parsed.path), parsed.found
        drop(self._connection, [parsed.path])
        content_id = insert_content(self._connection, parsed)
        self._connection.execute(
            "INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                path, parsed.digest, found.size, found.mtime_ns, found.ctime_ns, found.inode, self._read_ns,
                content_id, pack_terms(parsed.terms),
            ),
        )  # fmt: skip


def sort_staged(
    connection: sqlite3.Connection, root: Path, wanted: Mapping[str, Found]
) -> tuple[frozenset[str], frozenset[str]]:
    """What an earlier build left: the paths that it saves parsing, and those that are of no use any more."""
    useful: set[str] = set()
    stale: set[str] = set()
    rows = connection.execute("SELECT path, size, mtime_ns, ctime_ns, inode, read_ns, digest FROM staged")
    for row in rows:
        before = Found(os.fsdecode(row[0]), *row[1:5])
        now = wanted.get(before.path)
        is_useful = now == before and (
            not is_racy(before, row[5]) or same_bytes(root, before, row[6]) == before
        )
        (useful if is_useful else stale).add(before.path)
    return frozenset(useful), frozenset(stale)


def drop(connection: sqlite3.Connection, paths: Iterable[str]) -> None:
    """Forget staged files and their contents, within the caller's transaction."""
    for path in paths:
        row = connection.execute(
            "DELETE FROM staged WHERE path = ? RETURNING content_id", (os.fsencode(path),)
        ).fetchone()
        if row is not None:
            connection.execute("DELETE FROM contents WHERE id = ?", row)
