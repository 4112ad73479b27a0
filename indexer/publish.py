"""Publishing: one transaction that makes the next generation of an index out of what was parsed.

The folder of derived files is complete and durable under its final name before the COMMIT, which is the
switch: readers see the old generation before it and the new one after it, whatever happens in between.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer import disk
from indexer.derived import ChunkText, Derived
from indexer.generation import Draft, Part
from indexer.linking import Dependents, Linker
from indexer.plan import SkipRow
from indexer.reading import Found
from indexer.rows import Change, Counters, read_interface, remove_file, unpack_content, write_file
from indexer.staging import Batch
from indexer.store import count_rows, read_number, read_text, write_meta

Step = Callable[[str, int, int, str], None]  # stage, done, total, path; raises to stop the build


class Previous(NamedTuple):
    """A derived structure of the generation before: verified and of the wanted version."""

    folder: Path
    part: Part


class Work(NamedTuple):
    """What a publish brings in."""

    batch: Batch
    removed: Sequence[str]
    touched: Mapping[str, Found]
    skips: Mapping[str, SkipRow] | None  # None: as they are
    read_ns: int


class _Outcome(NamedTuple):
    removed_chunks: list[int]
    changes: list[Change]


def publish(
    connection: sqlite3.Connection,
    directory: Path,
    work: Work,
    derived: Sequence[Derived],
    previous: Mapping[str, Previous],
    step: Step,
) -> int:
    """Returns the new generation. On any error the index stays at the old one and no folder is left."""
    disk.begin(connection)
    draft = None
    try:
        generation = read_number(connection, "generation") + 1
        draft = Draft(directory, generation, read_text(connection, "repository"))
        outcome = _write_files(connection, work, step)
        write_states(connection, work)
        connection.execute("DELETE FROM skips WHERE path IN (SELECT path FROM files)")
        counts = count_rows(connection)
        draft.start()
        for one in derived:
            changes = _changes(connection, work.batch, outcome, counts["chunks"], step)
            _derive(draft, one, previous.get(one.name), changes)
        step("publish", 0, 1, "")
        manifest = draft.finish()
        connection.execute("DELETE FROM staged")
        counted = {f"n_{name}": count for name, count in counts.items()}
        write_meta(connection, generation=generation, manifest=manifest, **counted)
        disk.commit(connection)
    except BaseException:
        disk.roll_back(connection)
        if draft is not None:
            draft.discard()
        raise
    step("publish", 1, 1, "")
    return generation


def write_states(connection: sqlite3.Connection, work: Work) -> None:
    """Write what changes no search result, within a transaction: states of files, skips."""
    connection.executemany(
        "UPDATE files SET size = ?, mtime_ns = ?, ctime_ns = ?, inode = ?, read_ns = ? WHERE path = ?",
        [
            (now.size, now.mtime_ns, now.ctime_ns, now.inode, work.read_ns, os.fsencode(path))
            for path, now in work.touched.items()
        ],
    )
    if work.skips is not None:
        connection.execute("DELETE FROM skips")
        connection.executemany(
            "INSERT INTO skips VALUES (?, ?, ?, ?, ?, ?, ?)",
            [_skip_values(path, row) for path, row in sorted(work.skips.items())],
        )


def _skip_values(path: str, row: SkipRow) -> tuple[bytes, str, int, int, int, int, int]:
    found = row.found or Found(path, 0, 0, 0, 0)
    return os.fsencode(path), row.reason, found.size, found.mtime_ns, found.ctime_ns, found.inode, row.read_ns


def _write_files(connection: sqlite3.Connection, work: Work, step: Step) -> _Outcome:
    """Write the rows of all changed files and the edges of those and of the files that look at them."""
    counters = Counters(connection)
    dependents = Dependents(connection)
    for path in work.removed:
        dependents.add(path, read_interface(connection, path), b"")
    removed_chunks = [number for path in work.removed for number in remove_file(connection, path)]
    changes: list[Change] = []
    total = len(work.batch)
    for fresh in work.batch:
        step("publish", len(changes), total, fresh.parsed.path)
        changes.append(write_file(connection, fresh, counters))
        removed_chunks.extend(changes[-1].removed_chunks)
        dependents.add(changes[-1].path, changes[-1].old_interface, changes[-1].interface)
    counters.save()
    todo = dependents.find() | {change.path for change in changes}
    Linker(connection).link(todo, lambda done, path: step("resolve", done, len(todo), path))
    return _Outcome(removed_chunks, changes)


# ---- derived structures


class Delta:
    """`indexer.derived.Changes` over the rows of the running transaction."""

    def __init__(
        self,
        removed: NDArray[np.int64],
        added: Callable[[], Iterator[ChunkText]],
        everything: Callable[[], Iterator[ChunkText]],
        total: int,
    ) -> None:
        self.removed = removed
        self.added: Texts = Texts(added)
        self.everything: Texts = Texts(everything)
        self.total_chunks = total

    def from_nothing(self) -> Delta:
        """The same state, told to a structure that has no previous one."""
        return Delta(np.empty(0, np.int64), self.everything.read, self.everything.read, self.total_chunks)


class Texts:
    """Texts that are read whenever they are iterated."""

    def __init__(self, read: Callable[[], Iterator[ChunkText]]) -> None:
        self.read = read

    def __iter__(self) -> Iterator[ChunkText]:
        return self.read()


def _changes(
    connection: sqlite3.Connection, batch: Batch, outcome: _Outcome, total: int, step: Step
) -> Delta:
    added = {
        change.file_id: frozenset(change.added_chunks) for change in outcome.changes if change.added_chunks
    }
    n_added = sum(map(len, added.values()))
    removed = np.array(sorted(outcome.removed_chunks), dtype=np.int64)  # (n_removed,)

    def read_added() -> Iterator[ChunkText]:
        return _read_texts(connection, batch, added, lambda done: step("derive", done, n_added, ""))

    def read_all() -> Iterator[ChunkText]:
        everything = dict.fromkeys(
            number for (number,) in connection.execute("SELECT id FROM files").fetchall()
        )
        return _read_texts(connection, batch, everything, lambda done: step("derive", done, total, ""))

    return Delta(removed, read_added, read_all, total)


def _read_texts(
    connection: sqlite3.Connection,
    batch: Batch,
    wanted: Mapping[int, frozenset[int] | None],
    on_file: Callable[[int], None],
) -> Iterator[ChunkText]:
    """The chunks of the files: those with the ids, or all where there are none."""
    done = 0
    for file_id, ids in wanted.items():
        on_file(done)
        raw_path, packed = connection.execute(
            "SELECT path, content FROM files JOIN contents ON content_id = contents.id WHERE files.id = ?",
            (file_id,),
        ).fetchone()
        path, content = os.fsdecode(raw_path), unpack_content(packed)
        terms = batch.terms(path)
        rows = connection.execute(
            "SELECT id, position, start_byte, end_byte FROM chunks WHERE file_id = ? ORDER BY position",
            (file_id,),
        ).fetchall()
        for number, position, start, end in rows:
            if ids is None or number in ids:
                text = content[start:end].decode("utf-8", "replace")
                yield ChunkText(number, path, text, terms[position] if terms else None)
                done += 1


def _derive(draft: Draft, one: Derived, previous: Previous | None, changes: Delta) -> None:
    target = draft.add_folder(one.name)
    if previous is None:
        one.build(target, None, changes.from_nothing())
        draft.add_part(one.name, one.version, None, None)
    else:
        one.build(target, previous.folder, changes)
        draft.add_part(one.name, one.version, previous.folder, previous.part)
