"""`watch` and what is said while an index is built: lines, signals, settings of the CPU."""

from __future__ import annotations

import json
import os
import pty
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from indexer.types import Progress
from repocoder.cli.progress import describe

PATIENCE_S = 30.0
Run = Callable[..., Any]


class Watching:
    """`repocoder watch` in a process of its own, line by line."""

    def __init__(self, arguments: list[str], root: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "repocoder", "watch", *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def line(self) -> str:
        return self._lines.get(timeout=PATIENCE_S)

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Exit code and stderr after a signal."""
        self.process.send_signal(number)
        return self.leave()

    def leave(self) -> tuple[int, str]:
        assert self.process.stderr is not None
        code = self.process.wait(PATIENCE_S)
        return code, self.process.stderr.read()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / ".git").mkdir(parents=True)
    (folder / "a.py").write_text("def first():\n    return 1\n")
    return folder


@contextmanager
def watching(root: Path, environment: dict[str, str], *arguments: str) -> Iterator[Watching]:
    started = Watching(list(arguments), root, environment)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()
        for stream in (started.process.stdout, started.process.stderr):
            assert stream is not None
            stream.close()


@pytest.mark.parametrize("arguments", [(), ("--polling",)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_line_for_each_build_until_a_signal(
    root: Path, environment: dict[str, str], run: Run, arguments: tuple[str, ...], number: signal.Signals
) -> None:
    with watching(root, environment, *arguments) as running:
        first = running.line()
        assert "1 files" in first
        (root / "b.py").write_text("def second():\n    return 2\n")
        second = running.line()
        assert "1 changed" in second
        assert "2 files" in second
        began = time.monotonic()
        code, errors = running.end(number)
        assert time.monotonic() - began < 10
    assert code == 128 + number
    assert errors == ""
    status = run("status", "--json", cwd=root).json
    assert (status["files"], status["stale"]) == (2, False)


def test_json_is_one_object_for_each_build(root: Path, environment: dict[str, str]) -> None:
    with watching(root, environment, "--json") as running:
        assert json.loads(running.line())["files"] == 1
        (root / "b.py").write_text("x = 1\n")
        report = json.loads(running.line())
        assert (report["files"], report["changed"]) == (2, 1)


def test_a_repository_that_goes_is_an_error(root: Path, environment: dict[str, str]) -> None:
    with watching(root, environment) as running:
        running.line()
        root.rename(root.with_name("moved"))
        code, errors = running.leave()
    assert code == 3
    assert errors.startswith(f"repocoder: repository: {root}")
    assert len(errors.splitlines()) == 1


def test_a_reader_that_leaves_ends_it(root: Path, environment: dict[str, str]) -> None:
    script = f"{sys.executable} -m repocoder watch | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.Popen(
        ["bash", "-c", script],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.stdout is not None
    assert "1 files" in done.stdout.readline()
    (root / "b.py").write_text("x = 1\n")
    output, errors = done.communicate(timeout=PATIENCE_S)
    assert (output, errors) == ("0\n", "")


def test_another_indexer_is_waited_for(root: Path, environment: dict[str, str], run: Run) -> None:
    import fcntl

    run("index", cwd=root)
    directory = Path(run("status", "--json", cwd=root).json["directory"])
    with open(directory / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with watching(root, environment) as running:
            assert running.process.stderr is not None
            told = running.process.stderr.readline()
            assert told.startswith("repocoder: note: index: ")
            assert "waiting" in told
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert "1 files" in running.line()


def test_progress_on_a_terminal_gives_way_to_the_lines(root: Path, environment: dict[str, str]) -> None:
    parent, terminal = pty.openpty()
    command = [sys.executable, "-m", "repocoder", "watch"]
    child = subprocess.Popen(
        command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    shown = b""
    while b"generation 1" not in shown:
        shown += os.read(parent, 65536)
    child.send_signal(signal.SIGINT)
    assert child.wait(PATIENCE_S) == 130
    os.close(parent)
    assert b"\rlooking for files" in shown
    last = shown.decode().rpartition("\r")[2] if shown.endswith(b"n") else shown.decode().split("\r")[-2]
    assert "1 changed in" in last


def test_progress_has_rates_and_the_time_that_is_left() -> None:
    assert describe(Progress("parse", 300, 1200, "a.py", 90_000), 3.0) == (
        "parsing 300/1200 25% 100/s 30k lines/s 9 s left a.py"
    )
    assert "15 min left" in describe(Progress("parse", 100, 1000), 100.0)
    assert "3 h left" in describe(Progress("parse", 100, 1200), 1000.0)


def test_elsewhere_progress_is_plain_lines(run: Run, root: Path) -> None:
    for number in range(40):
        (root / f"m{number}.py").write_text("def f(x):\n    return x\n")
    answer = run("index", "--progress", cwd=root)
    assert "\r" not in answer.err
    assert any(line.startswith("parsing") for line in answer.err.splitlines())


def test_parsing_gives_way_if_its_user_wants_it(root: Path, environment: dict[str, str]) -> None:
    """Seen from outside: the workers of a running watch, their number and their niceness."""
    extra = {"REPOCODER_NICE": "7", "REPOCODER_WORKERS": "1"}
    for number in range(60):
        (root / f"m{number}.py").write_text("def f(x):\n    return x\n")
    with watching(root, {**environment, **extra}) as running:
        running.line()
        workers = parse_workers_of(running.process.pid)
        assert [os.getpriority(os.PRIO_PROCESS, worker) for worker in workers] == [
            os.getpriority(os.PRIO_PROCESS, 0) + 7
        ]


def parse_workers_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return [child for child in children if b"parse_worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_a_repository_cannot_set_the_share_of_the_machine(run: Run, root: Path) -> None:
    (root / ".repocoder.toml").write_text("workers = 128\nnice = 0\nk = 3\n")
    answer = run("config", "show", cwd=root, REPOCODER_NICE="5")
    assert "workers ignored" in answer.err
    assert "nice ignored" in answer.err
