"""Builds that are killed, that cannot write, or that die between two writes: the index stays sound."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer import disk
from indexer.check import check
from indexer.errors import LockedError, StorageError

KILLS = 20
CHILD = """
import sys
from pathlib import Path
from indexer.build import Indexer
from indexer.errors import RepocoderError
from retrieval.postings import PostingsBuilder
indexer = Indexer(Path(sys.argv[1]), Path(sys.argv[2]), derived=(PostingsBuilder(),), workers=1)
print("ready", flush=True)
sys.stdin.readline()
try:
    print(indexer.build().generation)
except RepocoderError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
finally:
    indexer.close()
"""
OPERATIONS = ("write", "sync", "replace", "make_folder", "remove", "remove_tree", "begin", "commit")


def start(bench: Any, **options: Any) -> subprocess.Popen[str]:
    """A process that builds once it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(bench.root), str(bench.directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def stumps(directory: Path) -> list[str]:
    """What no build should leave behind."""
    return [str(place) for place in directory.rglob("*.new")]


def test_twenty_kills(make_bench: Callable[[int], Any]) -> None:
    """The first kills hit the first index, the later ones updates of many files."""
    bench = make_bench(70)
    chance = random.Random(5)
    process = start(bench)
    began = time.monotonic()
    go(process)
    assert end(process)[0] == 0
    longest = time.monotonic() - began
    shutil.rmtree(bench.directory)
    old = None
    for kill in range(KILLS):
        if kill == KILLS // 3:
            bench.indexer().build()
            old = bench.state()
        if kill >= KILLS // 3:
            bench.repository.chance.seed(kill)
            for _ in range(90 if kill % 2 else 3):
                bench.repository.change()
        process = start(bench)
        go(process)
        time.sleep(chance.uniform(0, longest))
        process.send_signal(signal.SIGKILL)
        end(process)
        if (bench.directory / "index.sqlite").exists():
            state = bench.state()
            assert old is None or state == old or state == bench.clean_state()
            old = state if kill >= KILLS // 3 else None
        else:
            assert old is None
    began = time.monotonic()
    bench.indexer().build()
    assert time.monotonic() - began < longest + 10  # 2 s is promised on a machine that is not overloaded
    assert bench.state() == bench.clean_state()
    assert stumps(bench.directory) == []


class Fault:
    """Counts the operations of `indexer.disk` and fails the n-th."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, *, fatal: bool) -> None:
        self.count = 0
        self._at = at
        self._fatal = fatal
        for name in OPERATIONS:
            monkeypatch.setattr(disk, name, self._wrap(name, getattr(disk, name)))

    def _wrap(self, name: str, real: Callable[..., None]) -> Callable[..., None]:
        def operation(*args: Any) -> None:
            self.count += 1
            if self.count == self._at:
                if self._fatal:
                    os._exit(9)
                if name in ("begin", "commit"):
                    error = sqlite3.OperationalError("database or disk is full")
                    error.sqlite_errorcode = sqlite3.SQLITE_FULL  # type: ignore[attr-defined]
                    raise error
                raise OSError(28, "No space left on device")
            real(*args)

        return operation


@pytest.fixture
def changed(bench: Any) -> Iterator[tuple[Any, Path, dict[str, Any]]]:
    """An indexed repository with changes that are not indexed, a copy of its index, and what that says."""
    copy = bench.directory.with_name("copy")
    (bench.root / "pkg/mod4.py").unlink()
    bench.repository.write("pkg/mod5.py", "class Thing5:\n    pass\n")
    shutil.copytree(bench.directory, copy)
    yield bench, copy, bench.state()


def restore(bench: Any, copy: Path) -> None:
    shutil.rmtree(bench.directory)
    shutil.copytree(copy, bench.directory)


def test_every_operation_of_an_update_fails_once(
    changed: tuple[Any, Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, copy, old = changed
    new = bench.clean_state()
    outcomes = set()
    for at in range(1, 1000):
        restore(bench, copy)
        with monkeypatch.context() as patches:
            fault = Fault(patches, at, fatal=False)
            try:
                bench.indexer().build()
                outcomes.add("done")
            except StorageError as error:
                assert "\n" not in str(error)
                outcomes.add("failed")
        if fault.count < at:
            break
        state = bench.state()
        assert state in (old, new), at
        assert state == new or stumps(bench.directory / "generations") == [], at
        bench.indexer().build()
        assert bench.state() == new, at
    assert at > 15
    assert "failed" in outcomes


def test_every_operation_of_a_first_build_fails_once(
    make_bench: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(3)
    new = bench.clean_state()
    for at in range(1, 1000):
        shutil.rmtree(bench.directory, ignore_errors=True)
        with monkeypatch.context() as patches:
            fault = Fault(patches, at, fatal=False)
            with contextlib.suppress(StorageError):
                bench.indexer().build()
        if fault.count < at:
            break
        bench.indexer().build()
        assert bench.state() == new, at
        assert stumps(bench.directory) == [], at
    assert at > 15


def test_process_dies_at_every_operation(
    changed: tuple[Any, Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change needs no parsing here, so that a forked child can do all of it."""
    bench, copy, _ = changed
    bench.indexer().build()
    (bench.root / "pkg/mod6.py").unlink()
    old, new = bench.state(), bench.clean_state()
    shutil.rmtree(copy)
    shutil.copytree(bench.directory, copy)
    for at in range(1, 1000):
        restore(bench, copy)
        child = os.fork()
        if not child:
            with monkeypatch.context() as patches:
                Fault(patches, at, fatal=True)
                try:
                    bench.indexer().build()
                finally:
                    os._exit(0)
        _, status = os.waitpid(child, 0)
        state = bench.state()
        assert state in (old, new), at
        if os.waitstatus_to_exitcode(status) == 0:
            assert state == new
            break
        bench.indexer().build()
        assert bench.state() == new, at
        assert stumps(bench.directory) == [], at
    assert at > 15


def test_file_size_limit(changed: tuple[Any, Path, dict[str, Any]]) -> None:
    bench, _, old = changed
    for number in range(20):
        text = "".join(f"name_{number}_{line * 7919} = {line}\n" for line in range(500))
        bench.repository.write(f"pkg/large{number}.py", text)
    limit = 200_000

    def set_limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = start(bench, preexec_fn=set_limit)
    go(process)
    code, _, errors = end(process)
    assert code == 6, errors
    assert len(errors.splitlines()) == 1
    assert bench.state() == old
    assert stumps(bench.directory) == []
    bench.indexer().build()
    assert bench.state() == bench.clean_state()


def test_a_file_in_place_of_the_folder(bench: Any, tmp_path: Path) -> None:
    place = tmp_path / "taken"
    place.write_text("")
    with pytest.raises(StorageError, match="taken"):
        bench.indexer(place).build()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights for a child")
def test_folder_that_cannot_be_written(bench: Any) -> None:
    """An index that cannot be written answers; a build of it says why it cannot."""
    state = bench.state()
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        directory = Path(name) / "index"
        shutil.copytree(bench.directory, directory, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
        for place in [directory, *directory.rglob("*")]:
            place.chmod(0o755 if place.is_dir() else 0o644)
        child = os.fork()
        if not child:
            code = 1
            try:
                os.setuid(65534)
                with bench.open(directory) as snapshot:
                    code = 0 if snapshot.counts()["files"] == len(state["files"]) else 2
                bench.indexer(directory).build()
                code = 3
            except StorageError:
                pass
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not list(directory.glob("*-wal"))


def test_four_at_once(make_bench: Callable[[int], Any]) -> None:
    bench = make_bench(60)
    processes = [start(bench) for _ in range(4)]
    began = time.monotonic()
    for process in processes:
        go(process)
    codes, waits = [], []
    for process in processes:
        code, _, _ = end(process)
        codes.append(code)
        waits.append(time.monotonic() - began)
    assert sorted(codes) == [0, 5, 5, 5]
    assert bench.state() == bench.clean_state()


def test_locked_at_once(bench: Any) -> None:
    from indexer.lock import writer_lock

    with writer_lock(bench.directory):
        began = time.monotonic()
        with pytest.raises(LockedError, match=str(os.getpid())):
            bench.indexer().build()
        assert time.monotonic() - began < 5  # it does not wait for the other
    assert check(bench.directory, bench.root) == []
