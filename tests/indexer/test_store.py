"""The database and its folder: private, of this program, and changed files are told from unchanged ones."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from indexer import disk, store
from indexer.errors import DamagedIndexError, StorageError
from indexer.plan import COARSE_TICK_NS, TICK_NS, is_racy
from indexer.reading import Found
from indexer.recall import Recall
from indexer.schema import APPLICATION_ID


def test_everything_is_private(bench: Any) -> None:
    bench.directory.chmod(0o755)
    bench.indexer().build()
    assert bench.directory.stat().st_mode & 0o777 == 0o700
    for place in bench.directory.rglob("*"):
        assert place.stat().st_mode & 0o077 == 0, place


def test_created_database_is_marked(tmp_path: Path) -> None:
    place = tmp_path / "index.sqlite"
    store.create(place, tmp_path)
    with contextlib.closing(store.open_reading(place, tmp_path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM meta")
    assert [entry.name for entry in tmp_path.glob("*.new*")] == []


def test_someone_elses_database(tmp_path: Path) -> None:
    place = tmp_path / "index.sqlite"
    connection = sqlite3.connect(place)
    connection.execute("CREATE TABLE notes(text)")
    connection.commit()
    connection.close()
    with pytest.raises(DamagedIndexError, match="not an index"):
        store.open_reading(place, tmp_path)


def test_odd_names_in_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "a?b#c%20d e"
    folder.mkdir()
    store.create(folder / "index.sqlite", tmp_path)
    store.open_reading(folder / "index.sqlite", tmp_path).close()
    assert [place.name for place in folder.glob("*.sqlite")] == ["index.sqlite"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_CORRUPT, DamagedIndexError),
        (sqlite3.SQLITE_NOTADB, DamagedIndexError),
        (sqlite3.SQLITE_FULL, StorageError),
        (sqlite3.SQLITE_IOERR_WRITE, StorageError),
        (sqlite3.SQLITE_READONLY, StorageError),
    ],
)
def test_errors_of_sqlite_are_sorted(tmp_path: Path, code: int, expected: type[Exception]) -> None:
    error = sqlite3.OperationalError("it says why")
    error.sqlite_errorcode = code
    with pytest.raises(expected, match="it says why"), disk.translated(tmp_path):
        raise error


@pytest.mark.parametrize(
    ("age_ns", "tick_ns", "racy"),
    [
        (TICK_NS - 1, 1, True),
        (TICK_NS + 1, 1, False),
        (COARSE_TICK_NS - 1, 1_000_000_000, True),
        (COARSE_TICK_NS + 1, 1_000_000_000, False),
        (-1, 1, True),
    ],
)
def test_files_read_just_after_they_were_written_are_read_again(
    age_ns: int, tick_ns: int, racy: bool
) -> None:
    changed = 1_700_000_000 * 1_000_000_000 + (123_456_789 if tick_ns == 1 else 0)
    assert is_racy(Found("a.py", 1, 0, changed, 1), changed + age_ns) is racy


def test_recall_forgets_what_was_used_longest_ago() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key

    recall: Recall[str, str] = Recall(4, len)
    for key in ("aa", "bb", "aa", "cc", "aa", "bb", "much too long"):
        assert recall.get(key, lambda key=key: make(key)) == key
    assert made == ["aa", "bb", "cc", "bb", "much too long"]


def test_folder_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(StorageError, match="another user"):
        disk.prepare_folder(tmp_path)
