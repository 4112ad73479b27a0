"""Whole builds of repositories that were made to harm: links, devices, programs, pickles, secrets, crashing files."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from indexer.build import Indexer
from indexer.snapshot import Snapshot
from retrieval.postings import PostingsBuilder

CANARY = "canary_4f1d_that_must_not_be_read"
SWITCHES = 50


def git(root: Path, *arguments: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "user.name=n", "-c", "user.email=e", "-c", "init.defaultBranch=main", *arguments]
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)


def bytes_of(directory: Path) -> bytes:
    """All that the index has on disk, contents uncompressed."""
    return b"\0".join(place.read_bytes() for place in sorted(directory.rglob("*")) if place.is_file())


def texts_of(snapshot: Snapshot) -> bytes:
    return b"\0".join(snapshot.content(path) for path in snapshot.paths())


def test_fifty_real_branch_switches_converge(make_bench: Callable[[int], Any]) -> None:
    """With git itself: files come, go and change, also while the build runs."""
    bench = make_bench(8)
    git(bench.root, "init")
    git(bench.root, "add", ".")
    git(bench.root, "commit", "-qm", "one")
    git(bench.root, "checkout", "-qb", "other")
    for _ in range(12):
        bench.repository.change()
    (bench.root / "pkg/mod1.py").unlink(missing_ok=True)
    bench.repository.write(
        "late/new.py", "from pkg.mod2 import Thing2\n\n\ndef made() -> Thing2:\n    return Thing2()\n"
    )
    git(bench.root, "add", "-A")
    git(bench.root, "commit", "-qm", "two")
    for switch in range(SWITCHES):
        running = subprocess.Popen(
            ["git", "checkout", "-q", "main" if switch % 2 == 0 else "other"],
            cwd=bench.root,
            stderr=subprocess.DEVNULL,
        )
        if switch % 3:  # else the build sees half of the switch
            assert running.wait(30) == 0
        bench.indexer().build()
        assert running.wait(30) == 0
    bench.indexer().build()
    assert bench.state() == bench.clean_state()


def test_links_pipes_sockets_and_devices_are_not_read(
    tmp_path: Path, make_bench: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(2)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text(f"{CANARY} = 1\n")
    (bench.root / "file.py").symlink_to(outside / "secret.py")
    (bench.root / "folder").symlink_to(outside, target_is_directory=True)
    (bench.root / "loop").symlink_to(bench.root, target_is_directory=True)
    (bench.root / "self").symlink_to("self")
    (bench.root / ".gitignore").symlink_to(outside / "secret.py")
    os.mkfifo(bench.root / "pipe.py")
    os.mkfifo(bench.root / "pkg/.gitignore")
    with contextlib.suppress(PermissionError):
        os.mknod(bench.root / "device.py", 0o20666, os.makedev(1, 5))  # /dev/zero: reading it never ends
    monkeypatch.chdir(bench.root)  # the name of a socket may have 107 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.py")
        list(bench.indexer().pool.parse(["README.md"]))  # the workers are there
        began = time.monotonic()
        report = bench.indexer().build()
        assert time.monotonic() - began < 10  # a second, on a machine with nothing else to do
    assert report.skipped["symlink"] == 5
    assert report.skipped["special-file"] >= 2
    with bench.open() as snapshot:
        assert CANARY.encode() not in texts_of(snapshot)
        assert not {"file.py", "folder/secret.py", "pipe.py", "socket.py", "device.py"} & set(
            snapshot.paths()
        )
    assert CANARY.encode() not in bytes_of(bench.directory)


def test_odd_names_are_exact_or_skipped(bench: Any) -> None:
    odd = [
        "new\nline.py",
        "esc\x1b[31m.py",
        "bidi\u202e.py",
        "spä ce.py",
        "-rf.py",
        "'quote\".py",
        "%s{0}.py",
        "a" * 240 + ".py",
    ]
    for name in odd:
        bench.repository.write(name, f"x = {len(name)}\n")
    (bench.root / os.fsdecode(b"bad\xff.py")).write_text(f"{CANARY} = 1\n")
    (bench.root / os.fsdecode(b"bad\xfe")).mkdir()
    (bench.root / os.fsdecode(b"bad\xfe") / "in.py").write_text(f"{CANARY} = 1\n")
    report = bench.indexer().build()
    assert report.skipped == {"not-utf8-name": 2}
    with bench.open() as snapshot:
        assert set(odd) <= set(snapshot.paths())
        assert all(snapshot.content(name) == f"x = {len(name)}\n".encode() for name in odd)
    assert bench.state() == bench.clean_state()


class Sentinel:
    """Unpickling it leaves a file behind."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.place),))


def test_no_program_and_no_pickle_of_the_repository_runs(bench: Any, tmp_path: Path) -> None:
    """Programs named in `.git/config`, committed caches, modules that shadow those of the workers."""
    ran, unpickled, imported = tmp_path / "ran", tmp_path / "unpickled", tmp_path / "imported"
    git(bench.root, "init")
    program = bench.root / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external"):
        git(bench.root, "config", key, str(program))
    payload = pickle.dumps(Sentinel(unpickled))
    for name in (
        "index.sqlite",
        "manifest.json",
        "vectors.npy",
        ".repocoder/index.sqlite",
        ".cache/x.pkl",
        "generations/1/x.npy",
    ):
        place = bench.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(payload)
    for name in (
        "indexer.py",
        "json.py",
        "msgspec.py",
        "sitecustomize.py",
        "tree_sitter.py",
        "indexer/__init__.py",
    ):
        bench.repository.write(name, f"import os\nos.mkdir({str(imported)!r})\n")
    command = [sys.executable, "-P", "-c", CHILD, str(bench.root), str(tmp_path / "index")]
    done = subprocess.run(command, cwd=bench.root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10
    assert not any(place.exists() for place in (ran, unpickled, imported))
    subprocess.run(["git", "status"], cwd=bench.root, capture_output=True, timeout=60)
    assert ran.exists(), "the control: plain git does run it"
    pickle.loads(payload)
    assert unpickled.exists()


CHILD = """
import sys
from pathlib import Path
from indexer.build import Indexer
from retrieval.postings import PostingsBuilder
with Indexer(Path(sys.argv[1]), Path(sys.argv[2]), derived=(PostingsBuilder(),), workers=1) as indexer:
    indexer.build()
    print(indexer.build().files)
"""


@pytest.fixture
def crashing_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Real workers that die of `crash.py` as long as the file that is returned exists."""
    modules, armed = tmp_path / "modules", tmp_path / "armed"
    modules.mkdir()
    armed.touch()
    (modules / "crashing_worker.py").write_text(
        "import os, signal\nfrom indexer import parse_worker\n"
        "answer = parse_worker.answer\n"
        "def crash(batch, job, *more):\n"
        f"    if job.path == 'crash.py' and os.path.exists({str(armed)!r}): os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    return answer(batch, job, *more)\n"
        "parse_worker.answer = crash\nparse_worker.main()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{modules}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr("indexer.parse.WORKER_MODULE", "crashing_worker")
    return armed


def test_a_file_that_ends_its_worker_is_left_out_until_it_is_tried_again(
    tmp_path: Path, crashing_worker: Path
) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    for number in range(10):
        (root / f"m{number}.py").write_text(f"x = {number}\n")
    (root / "crash.py").write_text("x = 1\n")
    time.sleep(0.1)  # older than the clock's tick
    directory = tmp_path / "index"
    with Indexer(root, directory, derived=(PostingsBuilder(),), workers=1) as indexer:
        report = indexer.build()
        assert (report.files, report.skipped) == (10, {"poison": 1})
        crashing_worker.unlink()  # as a new version of a grammar would
        assert not indexer.is_stale()
        assert indexer.build().skipped == {"poison": 1}, "not tried again by itself"
        report = indexer.build(retry_skipped=True)
        assert (report.files, report.skipped, report.changed) == (11, {}, 1)
        crashing_worker.touch()
        (root / "crash.py").write_text("x = 2\n")
        assert indexer.build().skipped == {"poison": 1}
        crashing_worker.unlink()
        (root / "crash.py").write_text("x = 3\n")
        assert indexer.build().skipped == {}, "a changed file is tried"


def test_a_file_that_was_too_costly_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "a.py").write_text("def f():\n    return 1\n" * 3000)
    (root / "b.py").write_text("x = 1\n")
    with Indexer(root, tmp_path / "index", derived=(PostingsBuilder(),), workers=1) as indexer:
        indexer.pool._budget_s = 0.0
        assert indexer.build().skipped.get("parse-timeout")
        indexer.pool._budget_s = 60.0
        assert indexer.build().skipped.get("parse-timeout")
        report = indexer.build(retry_skipped=True)
        assert report.skipped == {}
        assert report.symbols > 3000
        assert indexer.build(retry_skipped=True).changed == 0
