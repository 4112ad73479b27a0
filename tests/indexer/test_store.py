"""The database and its folder: private, of this program, and changed files are told from unchanged ones."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from indexer import disk, fingerprint, store
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


def make_database(folder: Path, root: Path) -> Path:
    """An empty index in a folder; returns its place."""
    first = folder / store.FIRST_DATABASE
    connection = store.create(first, root)
    disk.commit(connection)
    return store.complete(connection, first)


def test_created_database_is_marked(tmp_path: Path) -> None:
    place = make_database(tmp_path, tmp_path)
    with contextlib.closing(store.open_reading(place, tmp_path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM meta")
    assert {entry.name.partition("-")[0] for entry in tmp_path.iterdir()} == {"index.sqlite"}


def test_other_rules_or_grammars_make_an_index_of_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_database(tmp_path, tmp_path)
    store.open_reading(place, tmp_path).close()
    monkeypatch.setattr(store, "fingerprint", lambda: "of another program")
    with pytest.raises(DamagedIndexError, match="another version"):
        store.open_reading(place, tmp_path)


def test_fingerprint_follows_rules_and_grammars(tmp_path: Path) -> None:
    folder = tmp_path / "indexer"
    shutil.copytree(Path(fingerprint.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = fingerprint.program_texts(folder)
    names = [name for name, _ in before]
    assert {"chunk.py", "types.py", "queries/python.scm", "resolvers/names.py"} <= set(names)
    assert fingerprint.NEUTRAL & {name.removesuffix(".py") for name in names} == set()
    (folder / "store.py").write_text("# only keeps things\n")
    assert fingerprint.program_texts(folder) == before
    (folder / "queries" / "python.scm").write_text("(module) @x\n")
    assert fingerprint.program_texts(folder) != before
    grammars = fingerprint.installed_grammars([str(tmp_path / "missing"), *sys.path])
    assert any(name.startswith("tree_sitter_python-") for name in grammars)


def test_neutral_modules_exist() -> None:
    """A module that was renamed must not stay in the list under its old name."""
    folder = Path(fingerprint.__file__).parent
    assert {name for name in fingerprint.NEUTRAL if not (folder / f"{name}.py").exists()} == set()


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
    store.open_reading(make_database(folder, tmp_path), tmp_path).close()
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
