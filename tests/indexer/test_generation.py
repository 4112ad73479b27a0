"""Damage to any file of an index is found before anything is read from it, and repaired by the next build."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from indexer import generation, store
from indexer.check import check
from indexer.errors import DamagedIndexError, IndexFailedError
from indexer.generation import MANIFEST, Draft, FileEntry, Part, hold, remove_others, verify_part
from indexer.schema import SCHEMA_VERSION
from indexer.seal import SEAL_FILE, put_seal, take_seal

Damage = Callable[[Path, Path], None]


def truncate(place: Path, _: Path) -> None:
    place.write_bytes(place.read_bytes()[: place.stat().st_size // 2])


def empty(place: Path, _: Path) -> None:
    place.write_bytes(b"")


def remove(place: Path, _: Path) -> None:
    place.unlink()


def swap(place: Path, other: Path) -> None:
    """Put another repository's file in its place."""
    shutil.copyfile(other, place)


def flip(at: float) -> Damage:
    def damage(place: Path, _: Path) -> None:
        data = bytearray(place.read_bytes())
        data[int(at * (len(data) - 1))] ^= 0x10
        place.write_bytes(data)

    return damage


DAMAGES: dict[str, Damage] = {
    "truncated": truncate,
    "emptied": empty,
    "removed": remove,
    "swapped": swap,
    "first byte flipped": flip(0.0),
    "flipped at a third": flip(1 / 3),
    "flipped near the end": flip(0.9),
}


def index_files(directory: Path) -> list[str]:
    harmless = ("lock", SEAL_FILE, "index.sqlite-shm")
    return [
        str(place.relative_to(directory))
        for place in sorted(directory.rglob("*"))
        if place.is_file() and place.name not in harmless and place.stat().st_size
    ]


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_found_and_repaired(make_bench: Callable[[int], Any], kind: str) -> None:
    other = make_bench(5)
    other.indexer().build()
    bench = make_bench(4)
    bench.indexer().build()
    new = bench.state()
    copy = bench.directory.with_name("copy")
    shutil.copytree(bench.directory, copy)
    names = index_files(bench.directory)
    assert len(names) >= 6
    for name in names:
        shutil.rmtree(bench.directory)
        shutil.copytree(copy, bench.directory)
        DAMAGES[kind](bench.directory / name, other.directory / name)
        if (bench.directory / name).exists() and (bench.directory / name).read_bytes() == (
            copy / name
        ).read_bytes():
            continue  # the same in both repositories
        with pytest.raises(DamagedIndexError):
            bench.open()
        assert check(bench.directory, bench.root)
        report = bench.indexer().build()
        assert report.notes or name == "index.sqlite", name
        assert bench.state() == new, name


def test_lock_and_seal_hold_nothing_that_matters(bench: Any) -> None:
    state = bench.state()
    for name in ("lock", SEAL_FILE, "index.sqlite-shm"):
        for damage in (empty, truncate, flip(0.5)):
            if (bench.directory / name).exists() and (bench.directory / name).stat().st_size:
                damage(bench.directory / name, bench.directory)
                assert bench.state() == state


def test_a_copied_index_is_compared_and_used(bench: Any, tmp_path: Path) -> None:
    shutil.copytree(bench.directory, tmp_path / "restored")
    assert bench.state(tmp_path / "restored") == bench.state()


def test_index_of_another_repository(make_bench: Callable[[int], Any]) -> None:
    one, other = make_bench(3), make_bench(4)
    other.indexer().build()
    shutil.copytree(other.directory, one.directory)
    with pytest.raises(DamagedIndexError, match="another repository"):
        one.open()
    assert one.indexer().build().notes
    assert set(one.state()["files"]) == {
        "README.md",
        "pkg/__init__.py",
        *(f"pkg/mod{n}.py" for n in range(3)),
    }


def set_version(directory: Path, version: int) -> None:
    """As a program of another version would leave it."""
    seal = take_seal(directory)
    connection = sqlite3.connect(directory / store.DATABASE)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    put_seal(directory, store.DATABASE, seal)


def test_older_version_is_built_anew(bench: Any) -> None:
    state = bench.state()
    set_version(bench.directory, SCHEMA_VERSION - 1)
    assert bench.indexer().is_stale()
    with pytest.raises(DamagedIndexError, match="older"):
        bench.open()
    assert "older" in bench.indexer().build().notes[0]
    assert bench.state() == state


def test_newer_version_is_left_alone(bench: Any) -> None:
    set_version(bench.directory, SCHEMA_VERSION + 1)
    for action in (bench.open, bench.indexer().build, bench.indexer().is_stale):
        with pytest.raises(IndexFailedError, match="newer") as caught:
            action()
        assert not isinstance(caught.value, DamagedIndexError)
        assert caught.value.exit_code == 3
    bench.indexer().build(rebuild=True)
    assert bench.state() == bench.clean_state()


def test_other_version_of_a_derived_structure_is_not_opened(bench: Any) -> None:
    from indexer.snapshot import Snapshot

    with pytest.raises(DamagedIndexError, match="bm25/next"):
        Snapshot.open(bench.directory, bench.root, derived_versions={"postings": "bm25/next"})
    with pytest.raises(DamagedIndexError, match="nothing"):
        Snapshot.open(bench.directory, bench.root, derived_versions={"vectors": "1"})


def test_unsealed_database_is_checked_by_sqlite(bench: Any) -> None:
    take_seal(bench.directory)
    bench.open().close()
    place = bench.directory / store.DATABASE
    data = bytearray(place.read_bytes())
    data[4096 * 3 : 4096 * 5] = bytes(2 * 4096)
    place.write_bytes(data)
    with pytest.raises(DamagedIndexError):
        bench.open()
    assert bench.indexer().build().notes
    assert bench.state() == bench.clean_state()


# ---- the folders


def write_generation(directory: Path, number: int) -> str:
    draft = Draft(directory, number, "r")
    draft.start()
    (draft.add_folder("part") / "data").write_bytes(b"x" * number)
    draft.add_part("part", "1", None, None)
    return draft.finish()


def test_manifest_names_every_file(tmp_path: Path) -> None:
    digest = write_generation(tmp_path, 3)
    held = hold(tmp_path, 3, "r", digest)
    part = held.manifest.parts["part"]
    verify_part(held.folder, "part", part)
    (held.folder / "part" / "more").write_bytes(b"")
    with pytest.raises(DamagedIndexError):
        verify_part(held.folder, "part", part)
    held.close()
    with pytest.raises(DamagedIndexError):
        hold(tmp_path, 3, "another", digest)


def test_old_generations_go_unless_a_reader_holds_them(tmp_path: Path) -> None:
    digests = {number: write_generation(tmp_path, number) for number in range(1, 7)}
    held = hold(tmp_path, 2, "r", digests[2])
    (tmp_path / "generations" / "9.new").mkdir()
    remove_others(tmp_path, 5)
    assert sorted(place.name for place in (tmp_path / "generations").iterdir()) == ["2", "4", "5"]
    held.close()
    remove_others(tmp_path, 5)
    assert sorted(place.name for place in (tmp_path / "generations").iterdir()) == ["4", "5"]


def test_unfinished_generation_is_not_seen(tmp_path: Path) -> None:
    draft = Draft(tmp_path, 1, "r")
    draft.start()
    with pytest.raises(FileNotFoundError):
        hold(tmp_path, 1, "r", "")
    assert not (draft.folder / MANIFEST).exists()
    draft.discard()
    assert list((tmp_path / "generations").iterdir()) == []


def test_a_sound_file_is_read_once_until_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "part" / "numbers.npy"
    place.parent.mkdir()
    place.write_bytes(b"one" * 1000)
    long_ago = time.time_ns() - 10**12
    os.utime(place, ns=(long_ago, long_ago))
    part = Part("1", {"numbers.npy": FileEntry(3000, hashlib.sha256(b"one" * 1000).hexdigest())})
    read: list[Path] = []
    monkeypatch.setattr(generation, "_sha256", lambda file: read.append(file) or digest_of(file))
    for _ in range(3):
        verify_part(tmp_path, "part", part)
    assert read == [place]
    verify_part(tmp_path, "part", part, anew=True)
    assert read == [place, place]
    place.write_bytes(b"two" * 1000)
    with pytest.raises(DamagedIndexError):
        verify_part(tmp_path, "part", part)
    place.write_bytes(b"one" * 1000)  # sound, but just written: its time of change may stand still
    for _ in range(2):
        verify_part(tmp_path, "part", part)
    assert len(read) == 5


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
