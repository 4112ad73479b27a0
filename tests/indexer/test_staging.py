"""The log of parsed files: what a killed build leaves is used as far as it is sound and true."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.parse import Parsed, ParsePool
from indexer.reading import Found, read_file
from indexer.staging import LOG_FILE, Fresh, StagingLog, in_order
from indexer.types import Skip

KEY = "some key"


@pytest.fixture
def parsed(tmp_path: Path) -> list[Parsed]:
    """Three files that were parsed where they lie."""
    root = tmp_path / "repository"
    root.mkdir()
    found = []
    with ParsePool(root, 1) as pool:
        for name in ("a.py", "b.py", "c.py"):
            (root / name).write_text(f"name = {name!r}\n")
        time.sleep(0.1)  # older than the clock's tick, so that states alone tell
        found = [one for one in pool.parse(["a.py", "b.py", "c.py"]) if isinstance(one, Parsed)]
    return sorted(found, key=lambda one: one.path)


def states(parsed: list[Parsed]) -> dict[str, Found]:
    return {one.path: one.found for one in parsed}


def note(directory: Path, parsed: list[Parsed], key: str = KEY) -> Path:
    log = StagingLog(directory, key, time.time_ns())
    for one in parsed:
        log.add(one)
    log.flush()
    log.close()
    return directory / LOG_FILE


def useful(directory: Path, parsed: list[Parsed], key: str = KEY) -> set[str]:
    log = StagingLog(directory, key, time.time_ns())
    try:
        paths = log.useful(directory / "repository", states(parsed))
        for one in parsed:
            if one.path in paths:
                assert log.read(one.path).parsed == one
        return set(paths)
    finally:
        log.close()


def test_what_was_noted_is_read_again(tmp_path: Path, parsed: list[Parsed]) -> None:
    place = note(tmp_path, parsed[:1])
    note(tmp_path, parsed[1:])
    assert place.stat().st_mode & 0o777 == 0o600
    assert useful(tmp_path, parsed) == {"a.py", "b.py", "c.py"}


def test_a_torn_end_costs_one_record(tmp_path: Path, parsed: list[Parsed]) -> None:
    place = note(tmp_path, parsed)
    data = place.read_bytes()
    for cut in (1, 20, 100):
        place.write_bytes(data[:-cut])
        assert useful(tmp_path, parsed) == {"a.py", "b.py"}
        note(tmp_path, parsed[2:])
        assert useful(tmp_path, parsed) == {"a.py", "b.py", "c.py"}


def test_every_flipped_byte_is_found(tmp_path: Path, parsed: list[Parsed]) -> None:
    place = note(tmp_path, parsed[:2])
    data = place.read_bytes()
    for at in range(0, len(data), 13):
        place.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        assert useful(tmp_path, parsed) <= {"a.py", "b.py"}  # and what it gives back is what was noted


def test_another_program_or_repository(tmp_path: Path, parsed: list[Parsed]) -> None:
    note(tmp_path, parsed)
    assert useful(tmp_path, parsed, "another key") == set()
    assert useful(tmp_path, parsed) == set()


def test_changed_and_rewritten_files_are_parsed_again(tmp_path: Path, parsed: list[Parsed]) -> None:
    note(tmp_path, parsed)
    root = tmp_path / "repository"
    (root / "a.py").write_text("name = 'b.py'\n")
    now = states(parsed) | {"a.py": read_file(root, "a.py", 1000)[1]}
    log = StagingLog(tmp_path, KEY, time.time_ns())
    assert log.useful(root, now) == {"b.py", "c.py"}
    log.remove()
    assert not StagingLog.exists(tmp_path)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("do not touch")
    (tmp_path / LOG_FILE).symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        StagingLog(tmp_path, KEY, 1)
    assert target.read_text() == "do not touch"


def test_results_are_put_in_order() -> None:
    taken: list[str] = []

    def results() -> Iterator[Parsed | Skip]:
        for path in ("d", "b", "a", "e"):
            taken.append(path)
            yield Skip(path, "binary")

    def noted(path: str) -> Fresh | None:
        return Fresh(None, 7) if path == "c" else None  # type: ignore[arg-type]

    ordered = in_order("abcde", results(), noted, 1)
    assert next(ordered) == Skip("a", "binary")
    assert taken == ["d", "b", "a"]  # no more than needed
    rest = list(ordered)
    assert [one.path if isinstance(one, Skip) else "noted" for one in rest] == ["b", "noted", "d", "e"]


def test_the_log_is_private_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        StagingLog(tmp_path, KEY, 1).close()
    finally:
        os.umask(before)
    assert (tmp_path / LOG_FILE).stat().st_mode & 0o777 == 0o600
