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
from indexer.packing import Layout, unpack_content, unpack_layout, unpack_uses
from indexer.seal import read_seal, verify_bytes

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
    ).fetchone()[0]
    if orphans:
        yield f"contents: {orphans} belong to no file"


def _check_generation(connection: sqlite3.Connection, directory: Path) -> Iterator[str]:
    generation = store.read_number(connection, "generation")
    repository, manifest = store.read_text(connection, "repository"), store.read_text(connection, "manifest")
    with contextlib.closing(hold(directory, generation, repository, manifest)) as held:
        for name, part in held.manifest.parts.items():
            verify_part(held.folder, name, part, anew=True)
    older = [
        place.name
        for place in (directory / FOLDER).iterdir()
        if place.name.isdigit() and int(place.name) <= generation - KEPT
    ]
    if len(older) > KEPT:
        yield f"{FOLDER}: {len(older)} old ones were not removed"


def _check_files(connection: sqlite3.Connection) -> Iterator[str]:
    rows = connection.execute(
        "SELECT files.id, path, size, language, n_lines, degraded, package, content, layout, uses"
        " FROM files JOIN contents ON content_id = contents.id"
    )
    for file_id, raw_path, size, *row, content, packed, uses in rows:
        path = os.fsdecode(raw_path)
        layout = unpack_layout(packed)
        if [layout.language, layout.n_lines, layout.degraded, layout.package] != row:
            yield f"{path}: its row is not that of its layout"
        if len(unpack_content(content)) != size:
            yield f"{path}: its content has another size than the file"
        unpack_uses(uses)
        yield from _check_tiles(path, layout, size)
        yield from _check_rows(connection, file_id, path, layout)


def _check_tiles(path: str, layout: Layout, size: int) -> Iterator[str]:
    position = 0
    for chunk in layout.chunks:
        if chunk.span.start_byte != position or chunk.span.end_byte <= position:
            yield f"{path}: chunks do not tile it at byte {position}"
        position = chunk.span.end_byte
    if position != size:
        yield f"{path}: chunks end at byte {position} of {size}"


def _check_rows(connection: sqlite3.Connection, file_id: int, path: str, layout: Layout) -> Iterator[str]:
    chunks = connection.execute(
        "SELECT position, start_line, end_line FROM chunks WHERE file_id = ? ORDER BY position", (file_id,)
    ).fetchall()
    if chunks != [(at, chunk.span.start_line, chunk.span.end_line) for at, chunk in enumerate(layout.chunks)]:
        yield f"{path}: its chunks are not those of its layout"
    symbols = connection.execute(
        "SELECT position, name, qualname, kind FROM symbols WHERE file_id = ? ORDER BY position", (file_id,)
    ).fetchall()
    if symbols != [(at, s.name, s.qualname, s.kind) for at, s in enumerate(layout.symbols)]:
        yield f"{path}: its symbols are not those of its layout"
