"""Builds in a process of their own: the same index, and no harm from a build that is cancelled, fails or dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.lock import LOCK_FILE, writer_lock
from indexer.types import Progress
from repocoder.builds import BuildProcess
from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.errors import LockedError, RepocoderError, StorageError, WorkerError

SETTINGS = Settings(workers=1, embedder="none")
WAIT_S = 60.0  # far above what anything here takes, for busy machines


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    for number in range(120):
        (folder / f"m{number}.py").write_text(f"def wanted_{number}():\n    return {number}\n" * 5)
    return folder


@pytest.fixture
def builds(root: Path, tmp_path: Path) -> Iterator[BuildProcess]:
    made = BuildProcess(root, tmp_path / "index", SETTINGS)
    yield made
    made.close()


def is_gone(pid: int) -> bool:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_the_index_is_made_elsewhere_and_is_the_same(root: Path, tmp_path: Path) -> None:
    steps: list[Progress] = []
    with (
        Engine(root, SETTINGS, directory=tmp_path / "apart", builds_apart=True) as apart,
        Engine(root, SETTINGS, directory=tmp_path / "here") as here,
    ):
        report = apart.index(progress=steps.append)
        same = here.index()
        assert {**vars_of(report), "seconds": 0.0} == {**vars_of(same), "seconds": 0.0}
        assert {step.stage for step in steps} >= {"walk", "parse", "resolve", "derive", "publish"}
        owner = int((tmp_path / "apart" / LOCK_FILE).read_text())
        assert owner != os.getpid()
        assert int((tmp_path / "here" / LOCK_FILE).read_text()) == os.getpid()
        found, expected = (one.search("wanted_7").hits for one in (apart, here))
        assert [hit.chunk for hit in found] == [hit.chunk for hit in expected]
        assert found[0].path == "m7.py"
        (root / "m7.py").write_text("def entirely_other(): ...\n")
        assert apart.index().changed == 1
        assert int((tmp_path / "apart" / LOCK_FILE).read_text()) == owner  # the process is kept
        assert apart.search("entirely_other").hits[0].path == "m7.py"
    assert is_gone(owner)


def vars_of(report: object) -> dict[str, object]:
    return {name: getattr(report, name) for name in report.__struct_fields__}  # type: ignore[attr-defined]


def test_the_process_of_the_caller_holds_nothing_that_builds(root: Path, tmp_path: Path) -> None:
    """Neither the words nor the vectors of chunks are computed where keys are answered."""
    code = f"""
import sys
from pathlib import Path
from repocoder.builds import BuildProcess
from repocoder.config import Settings
with open({str(tmp_path / "out")!r}, "w") as out:
    builds = BuildProcess(Path({str(root)!r}), Path({str(tmp_path / "index")!r}), Settings(workers=1))
    print(builds.build().files, file=out)
    print(*sys.modules, file=out)
    builds.close()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=WAIT_S)
    files, loaded = (tmp_path / "out").read_text().splitlines()
    assert files == "120"
    heavy = {"numpy", "faiss", "tokenizers", "tree_sitter", "sqlite3", "indexer.publish", "retrieval.static"}
    assert heavy & set(loaded.split()) == set()


def test_only_named_paths_are_looked_at_even_those_that_are_no_text(root: Path, builds: BuildProcess) -> None:
    builds.build()
    odd = os.fsdecode(b"odd-\xff.py")
    for name in (odd, "m2.py", "m3.py"):
        (root / name).write_text("def unseen(): ...\n")
    steps: list[Progress] = []
    report = builds.build(changed=[odd, "m2.py"], progress=steps.append)
    assert report.changed == 1
    assert sum(report.skipped.values()) == 1  # the odd name, for its reason
    assert builds.build(progress=steps.append).changed == 1


def test_a_cancelled_build_is_gone_on_with(builds: BuildProcess) -> None:
    cancel = threading.Event()

    def stop_at_parsing(step: Progress) -> None:
        if step.stage == "parse":
            cancel.set()

    report = builds.build(progress=stop_at_parsing, cancel=cancel)
    assert report.generation == 0
    assert "cancelled" in report.notes[0]
    assert builds.build().files == 120


def test_a_process_that_does_not_hear_is_ended(builds: BuildProcess) -> None:
    cancel = threading.Event()
    pids: list[int] = []

    def stop(step: Progress) -> None:
        assert builds.pid is not None
        if not pids:
            pids.append(builds.pid)
            os.kill(builds.pid, signal.SIGSTOP)
            cancel.set()

    report = builds.build(progress=stop, cancel=cancel)
    assert "cancelled" in report.notes[0]
    assert is_gone(pids[0])
    assert builds.build().files == 120


@pytest.mark.parametrize("stage", ["parse", "publish"])
def test_a_process_that_dies_is_told_of_in_one_line_and_replaced(builds: BuildProcess, stage: str) -> None:
    def kill(step: Progress) -> None:
        if step.stage == stage:
            assert builds.pid is not None
            os.kill(builds.pid, signal.SIGKILL)

    with pytest.raises(WorkerError, match=r"ended with SIGKILL.*: refresh to go on") as caught:
        builds.build(progress=kill)
    assert "\n" not in str(caught.value)
    assert builds.build().files == 120


def test_one_that_died_idle_is_not_noticed(root: Path, builds: BuildProcess) -> None:
    builds.build()
    assert builds.pid is not None
    os.kill(builds.pid, signal.SIGKILL)
    assert is_gone(builds.pid)
    (root / "m1.py").unlink()
    assert builds.build().files == 119


def test_errors_keep_their_kind(root: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    for directory, kind in ((taken / "index", StorageError), (tmp_path / "locked", LockedError)):
        builds = BuildProcess(root, directory, SETTINGS)
        try:
            if kind is LockedError:
                directory.mkdir(mode=0o700)
                with writer_lock(directory), pytest.raises(LockedError, match=f"process {os.getpid()}"):
                    builds.build()
            else:
                with pytest.raises(StorageError):
                    builds.build()
        finally:
            builds.close()


def test_an_encoder_that_is_not_there_is_told_of(root: Path, tmp_path: Path) -> None:
    builds = BuildProcess(root, tmp_path / "index", Settings(embedder=str(tmp_path / "nothing")))
    for _ in range(2):
        with pytest.raises(RepocoderError, match=r"^embedder: "):
            builds.build()
    builds.close()


def test_an_error_of_who_listens_ends_the_build_and_not_the_next(builds: BuildProcess) -> None:
    def fail(step: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        builds.build(progress=fail)
    assert builds.build().files == 120


def test_close_ends_a_build_and_lets_none_begin(builds: BuildProcess) -> None:
    seen: list[int] = []
    closer = threading.Thread(target=builds.close)

    def close(step: Progress) -> None:
        if not seen:
            assert builds.pid is not None
            seen.append(builds.pid)
            closer.start()

    report = builds.build(progress=close)
    closer.join(WAIT_S)
    assert report.files in (0, 120)  # it may have been done already
    assert is_gone(seen[0])
    with pytest.raises(WorkerError, match="closed"):
        builds.build()
