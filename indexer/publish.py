"""Publishing: one transaction that makes the next generation of an index out of what is parsed.

Files are written as they come from the workers, so that writing and parsing go side by side. The folder of derived
files is complete and durable under its final name before the COMMIT, which is the switch: readers see the old
generation before it and the new one after it, whatever happens in between.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from indexer import disk
from indexer.bags import BagBuilder
from indexer.delta import Delta
from indexer.derived import Derived
from indexer.generation import Draft, Part
from indexer.linking import Dependents, link
from indexer.links import link_first
from indexer.plan import SkipRow
from indexer.reading import Found
from indexer.rows import Change, Counters, add_file, remove_file, write_file
from indexer.schema import LINK_INDEXES, ROW_INDEXES
from indexer.staging import Fresh
from indexer.store import read_number, read_text, run_script, write_meta
from indexer.types import Skip

Step = Callable[[str, int, int, str], None]  # stage, done, total, path; raises to stop the build


class Previous(NamedTuple):
    """A derived structure of the generation before: verified and of the wanted version."""

    folder: Path
    part: Part


@dataclass(frozen=True, slots=True)
class Work:
    """What a publish brings in."""

    results: Iterator[Fresh | Skip]  # of the files to parse, while they are parsed
    removed: Sequence[str]
    touched: Mapping[str, Found]
    old_skips: Mapping[str, SkipRow]  # of the places that were looked at
    skips: dict[str, SkipRow]  # what they are now; those of `results` are added
    skip_row: Callable[[Skip], SkipRow]
    read_ns: int
    is_first: bool  # into an empty database that `store.create` made
    is_needed: bool  # publish even if no file changed
    workers: int = 1  # processes that may be used
    nice: int = 0  # of those


class _Outcome(NamedTuple):
    changes: list[Change]
    removed: list[str]  # paths
    removed_chunks: list[int]
    counts: dict[str, int]  # of the tables of rows after it
    dependents: Dependents
    words: BagBuilder


class Published(NamedTuple):
    generation: int
    changed: int  # files


def publish(
    connection: sqlite3.Connection,
    directory: Path,
    work: Work,
    derived: Sequence[Derived],
    previous: Mapping[str, Previous],
    step: Step,
) -> Published:
    """Write it all. On any error the index stays at the old generation and no folder is left.

    A first index is within a transaction already.
    """
    if not work.is_first:
        disk.begin(connection)
    draft = None
    try:
        generation = read_number(connection, "generation")
        outcome = _write_files(connection, work)
        changed = len(outcome.changes) + len(outcome.removed)
        write_states(connection, work)
        if changed or work.is_needed:
            generation += 1
            draft = Draft(directory, generation, read_text(connection, "repository"))
            _link(connection, work, outcome, step)
            _derive(connection, draft, outcome, derived, previous, step)
            step("publish", 0, 1, "")
            counted = {f"n_{name}": count for name, count in outcome.counts.items()}
            write_meta(connection, generation=generation, manifest=draft.finish(), **counted)
            step("publish", 1, 1, "")
        disk.commit(connection)
    except BaseException:
        disk.roll_back(connection)
        if draft is not None:
            draft.discard()
        raise
    return Published(generation, changed)


def write_states(connection: sqlite3.Connection, work: Work) -> None:
    """Write what changes no search result: states of files, skips."""
    connection.executemany(
        "UPDATE files SET size = ?, mtime_ns = ?, ctime_ns = ?, inode = ?, read_ns = ? WHERE path = ?",
        [
            (now.size, now.mtime_ns, now.ctime_ns, now.inode, work.read_ns, os.fsencode(path))
            for path, now in work.touched.items()
        ],
    )
    gone = [(os.fsencode(path),) for path in sorted(work.old_skips.keys() - work.skips.keys())]
    connection.executemany("DELETE FROM skips WHERE path = ?", gone)
    fresh = [(path, row) for path, row in sorted(work.skips.items()) if work.old_skips.get(path) != row]
    connection.executemany(
        "INSERT OR REPLACE INTO skips VALUES (?, ?, ?, ?, ?, ?, ?)", [_skip_values(*one) for one in fresh]
    )


def _skip_values(path: str, row: SkipRow) -> tuple[bytes, str, int, int, int, int, int]:
    found = row.found or Found(path, 0, 0, 0, 0)
    return os.fsencode(path), row.reason, found.size, found.mtime_ns, found.ctime_ns, found.inode, row.read_ns


def _write_files(connection: sqlite3.Connection, work: Work) -> _Outcome:
    """Write the rows of all changed files."""
    counters = Counters(connection)
    counts = {name: 0 if work.is_first else read_number(connection, f"n_{name}") for name in _COUNTED}
    outcome = _Outcome([], [], [], counts, Dependents(connection), BagBuilder())
    for path in work.removed:
        _remove(connection, path, outcome)
    for result in work.results:
        if isinstance(result, Skip):
            work.skips[result.path] = work.skip_row(result)
            if not work.is_first:
                _remove(connection, result.path, outcome)
            continue
        change = (
            add_file(connection, result, counters)
            if work.is_first
            else write_file(connection, result, counters)
        )
        _count(change, outcome)
        outcome.words.add(result.parsed.words, change.added_chunks)
    counters.save()
    if work.is_first:
        run_script(connection, ROW_INDEXES)
    return outcome


_COUNTED = ("files", "chunks", "symbols")


def _remove(connection: sqlite3.Connection, path: str, outcome: _Outcome) -> None:
    removal = remove_file(connection, path)
    if removal is not None:
        outcome.removed.append(path)
        outcome.removed_chunks.extend(removal.chunks)
        outcome.dependents.add(path, removal.interface, b"")
        for name, count in zip(_COUNTED, (1, len(removal.chunks), removal.symbols), strict=True):
            outcome.counts[name] -= count


def _count(change: Change, outcome: _Outcome) -> None:
    outcome.changes.append(change)
    outcome.dependents.add(change.path, change.old_interface, change.interface)
    outcome.removed_chunks.extend(change.removed_chunks)
    more = (
        change.is_new,
        sum(map(bool, change.added_chunks)) - len(change.removed_chunks),
        change.more_symbols,
    )
    for name, count in zip(_COUNTED, more, strict=True):
        outcome.counts[name] += count


def _link(connection: sqlite3.Connection, work: Work, outcome: _Outcome, step: Step) -> None:
    """Write the edges of the files that changed and of those that looked at what changed in them."""
    todo = outcome.dependents.find() | {change.path for change in outcome.changes}

    def on_file(done: int, path: str) -> None:
        step("resolve", done, len(todo), path)

    if work.is_first:
        link_first(connection, todo, on_file, workers=work.workers, nice=work.nice)
        run_script(connection, LINK_INDEXES)
    else:
        link(connection, todo, on_file)
    outcome.counts["edges"] = connection.execute("SELECT count(*) FROM edges").fetchone()[0]


def _derive(
    connection: sqlite3.Connection,
    draft: Draft,
    outcome: _Outcome,
    derived: Sequence[Derived],
    previous: Mapping[str, Previous],
    step: Step,
) -> None:
    draft.start()
    added = {change.file_id: change.added_chunks for change in outcome.changes}
    changes = Delta(
        connection, outcome.removed_chunks, added, outcome.words.finish(), outcome.counts["chunks"], step
    )
    for one in derived:
        step("derive", 0, len(changes.words.ids), "")
        target = draft.add_folder(one.name)
        before = previous.get(one.name)
        if before is None:
            one.build(target, None, changes.from_nothing())
            draft.add_part(one.name, one.version, None, None)
        else:
            one.build(target, before.folder, changes)
            draft.add_part(one.name, one.version, before.folder, before.part)
