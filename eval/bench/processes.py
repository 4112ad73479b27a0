"""Children of a benchmark: a fresh process for each run, its wall time, and what it held in memory at most."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLE_S = 0.02
"""Between two looks at the memory of a tree of processes: short against the seconds that one lives."""

PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


class ChildError(Exception):
    """A run failed. The message is the last line it wrote to stderr."""


@dataclass(frozen=True, slots=True)
class Run:
    """One child. `tree_bytes`: the largest sum of resident memory of it and its descendants, 0 if unknown."""

    seconds: float  # of the whole process, start of the interpreter included
    tree_bytes: int
    result: dict[str, Any]  # what the child said about itself


def run_child(
    module: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 1800,
) -> Run:
    """Run `python -m module`, which prints one JSON object as its last line. Raises ChildError."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as child:
        started = time.perf_counter()
        watch = _MemoryWatch(child.pid)
        try:
            out, err = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            raise ChildError(f"{module}: still running after {timeout_s:.0f} s") from None
        finally:
            peak = watch.stop()
        seconds = time.perf_counter() - started
    lines = out.strip().splitlines()
    if child.returncode != 0 or not lines:
        reason = (err.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
        raise ChildError(f"{module}: {reason[:300]}")
    result: dict[str, Any] = json.loads(lines[-1])
    return Run(seconds, peak, result)


def own_peak_bytes() -> int:
    """The most that this process held. Not from `getrusage` where there is a better source: a child inherits
    there what its parent held.
    """
    try:
        status = (_PROC / "self" / "status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def say(result: Mapping[str, Any]) -> None:
    """Print the result of a child."""
    print(json.dumps(result))


class _MemoryWatch:
    """Adds up the resident memory of a process and its descendants, again and again."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        self._ended.set()
        self._thread.join()
        return self._peak

    def _look(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            self._peak = max(self._peak, sum(_resident(pid) for pid in _family(self._pid)))


def _family(pid: int) -> list[int]:
    """A process and all its descendants; [] where the system does not tell."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        try:
            for task in (_PROC / str(one) / "task").iterdir():
                todo.extend(map(int, (task / "children").read_text().split()))
        except OSError:
            continue
    return found


def _resident(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
