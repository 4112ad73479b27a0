"""Whether an index is sound in every respect that can be told without the repository.

For `repocoder doctor`, and the oracle of the tests.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from indexer import disk, store
from indexer.errors import RepocoderError
from indexer.generation import FOLDER, KEPT, hold, verify_part
from indexer.rows import unpack_content, unpack_facts
from indexer.seal import read_seal, verify_bytes
from indexer.types import FileFacts

MAX_FINDINGS = 50  # more say nothing new


def check(directory: Path, root: Path) -> list[str]:
    """What is wrong, one line each; [] for a sound index. Reads all of it: seconds for a large one."""
    findings: list[str] = []
    try:
        with disk.translated(directory):
            for finding in _findings(directory, root):
                findings.append(finding)
                if len(findings) >= MAX_FINDINGS:
                    break
    except RepocoderError as error:
        findings.append(str(error))
    return findings


def _findings(directory: Path, root: Path) -> Iterator[str]:
    place = directory / store.DATABASE
    seal = read_seal(directory)
    if seal is not None:
        yield from verify_bytes(directory, place.name, seal)
    with contextlib.closing(store.open_reading(place, root)) as connection:
        connection.execute("BEGIN")
        for (line,) in connection.execute("PRAGMA integrity_check").fetchall():
            if line != "ok":
                yield f"{place}: {line}"
        for table, row, *_ in connection.execute("PRAGMA foreign_key_check").fetchall():
            yield f"{place}: row {row} of {table} points nowhere"
        yield from _check_counts(connection)
        yield from _check_generation(connection, directory)
        yield from _check_files(connection)


def _check_counts(connection: sqlite3.Connection) -> Iterator[str]:
    for name, count in store.count_rows(connection).items():
        if store.read_number(connection, f"n_{name}") != count:
            yield f"meta: the number of {name} is not {count}"
    for counter, table in (("next_chunk", "chunks"), ("next_symbol", "symbols")):
        highest = connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0] or 0  # noqa: S608
        if store.read_number(connection, counter) <= highest:
            yield f"meta: {counter} would give an id again"
    orphans = connection.execute(
        "SELECT count(*) FROM contents WHERE id NOT IN (SELECT content_id FROM files)"
        " AND id NOT IN (SELECT content_id FROM staged)"
    ).fetchone()[0]
    if orphans:
        yield f"contents: {orphans} belong to no file"


def _check_generation(connection: sqlite3.Connection, directory: Path) -> Iterator[str]:
    generation = store.read_number(connection, "generation")
    repository, manifest = store.read_text(connection, "repository"), store.read_text(connection, "manifest")
    with contextlib.closing(hold(directory, generation, repository, manifest)) as held:
        for name, part in held.manifest.parts.items():
            verify_part(held.folder, name, part)
    older = [
        place.name
        for place in (directory / FOLDER).iterdir()
        if place.name.isdigit() and int(place.name) <= generation - KEPT
    ]
    if len(older) > KEPT:
        yield f"{FOLDER}: {len(older)} old ones were not removed"


def _check_files(connection: sqlite3.Connection) -> Iterator[str]:
    rows = connection.execute(
        "SELECT files.id, path, size, n_lines, language, degraded, content, facts"
        " FROM files JOIN contents ON content_id = contents.id"
    )
    for file_id, raw_path, size, n_lines, language, degraded, content, packed in rows:
        path = os.fsdecode(raw_path)
        facts = unpack_facts(packed)
        if (facts.path, facts.n_lines, facts.language, facts.degraded) != (path, n_lines, language, degraded):
            yield f"{path}: its row is not that of its facts"
        if len(unpack_content(content)) != size:
            yield f"{path}: its content has another size than the file"
        yield from _check_tiles(facts, size)
        yield from _check_rows(connection, file_id, facts)


def _check_tiles(facts: FileFacts, size: int) -> Iterator[str]:
    position = 0
    for chunk in facts.chunks:
        if chunk.span.start_byte != position or chunk.span.end_byte <= position:
            yield f"{facts.path}: chunks do not tile it at byte {position}"
        position = chunk.span.end_byte
    if position != size:
        yield f"{facts.path}: chunks end at byte {position} of {size}"


def _check_rows(connection: sqlite3.Connection, file_id: int, facts: FileFacts) -> Iterator[str]:
    chunks = connection.execute(
        "SELECT position, start_line, end_line, start_byte, end_byte, kind, name, signature FROM chunks"
        " WHERE file_id = ? ORDER BY position",
        (file_id,),
    ).fetchall()
    wanted = [
        (at, s.start_line, s.end_line, s.start_byte, s.end_byte, chunk.kind, chunk.name, chunk.signature)
        for at, chunk in enumerate(facts.chunks)
        for s in (chunk.span,)
    ]
    if chunks != wanted:
        yield f"{facts.path}: its chunks are not those of its facts"
    symbols = connection.execute(
        "SELECT position, name, qualname, kind, start_byte, end_byte, signature, doc FROM symbols"
        " WHERE file_id = ? ORDER BY position",
        (file_id,),
    ).fetchall()
    expected = [
        (at, s.name, s.qualname, s.kind, s.span.start_byte, s.span.end_byte, s.signature, s.doc)
        for at, s in enumerate(facts.symbols)
    ]
    if symbols != expected:
        yield f"{facts.path}: its symbols are not those of its facts"
