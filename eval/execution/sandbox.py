"""Runs one command that nobody trusts: own namespaces, own root, no network, limits; see `namespaces` and `jail`.

Works for root and, where the system lets ordinary users make user namespaces, for them. Where it cannot be had it is
refused (`UsageError`), never replaced by something weaker.

Limits: processor time, address space, open files, file size and processes by the kernel; resident memory of all
processes together and wall time by process 1 of the sandbox; all that it can write is one memory file system with a
quota; of its output the first bytes are kept and the rest is thrown away.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import selectors
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from repocoder.errors import UsageError

Ended = Literal["exit", "timeout", "memory", "flood", "lost"]
"""lost: the command was never started, or process 1 did not live to answer."""

_ROOT = Path(__file__).resolve().parents[2]  # where the package `eval` lies
_START = "import sys; sys.path.insert(0, {!r}); from eval.execution.jail import main; main()"
_GRACE_S = 15.0  # beyond the wall limit, for making the root and for the answer; then everything is killed
_CHUNK = 1 << 16
_ANSWER_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a command may use."""

    wall_s: float = 120.0
    cpu_s: float = 240.0  # of each process
    memory_bytes: int = 6 << 30  # resident, all processes together
    address_bytes: int = 32 << 30  # of each process; numerical libraries reserve far more than they use
    processes: int = 256  # threads count
    open_files: int = 1024
    file_bytes: int = 256 << 20
    scratch_bytes: int = 512 << 20  # all that can be written
    output_bytes: int = 1 << 20  # kept of stdout and of stderr


@dataclass(frozen=True, slots=True)
class Expected:
    """Tests that must pass and decoys that must fail for the nonce to be given."""

    passing: frozenset[str]
    failing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Job:
    """A command and the little world that it sees. Paths inside are absolute."""

    command: Sequence[str]
    visible: Iterable[Path] = ()  # of the host, at the same place inside, read-only
    copies: Mapping[str, Path] = field(default_factory=dict)  # inside -> tree of the host
    files: Mapping[str, str] = field(default_factory=dict)  # inside -> text, over the copies
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/repository"
    limits: Limits = field(default_factory=Limits)
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """How it went. Only `proven` is evidence of a pass; status and output come from untrusted code."""

    ended: Ended
    status: int | None  # exit status, negative for a signal, None if it was killed
    seconds: float
    peak_bytes: int
    out: str
    err: str
    proven: bool = False  # the nonce came back
    why: str = ""  # not proven: the reason
    signed: bool = False  # the three below are what the test runner said
    outcomes: Mapping[str, str] = field(default_factory=dict)
    durations: Mapping[str, float] = field(default_factory=dict)
    calls: Mapping[str, Sequence[int]] = field(default_factory=dict)


@functools.cache
def refusal() -> str:
    """Why commands cannot be run safely on this machine, "" if they can."""
    if not sys.platform.startswith("linux"):
        return "namespaces: only Linux has them"
    try:
        done = run(Job(["/bin/sh", "-c", "exit 7"], directory="/tmp", limits=Limits(wall_s=20)))  # noqa: S108
    except UsageError as error:
        return str(error)
    return "" if done.status == 7 else "sandbox: trial: a trivial command did not run in it"


def run(job: Job) -> Finished:
    """Run the command to its end or a limit; when this returns, nothing of it is alive.

    Raises UsageError where the namespaces cannot be had.
    """
    nonce = secrets.token_hex(32)
    answer_end, answer_start = os.pipe()
    order = {
        "command": list(job.command),
        "visible": sorted({str(path) for path in job.visible}),
        "copies": {inside: str(host.resolve()) for inside, host in job.copies.items()},
        "files": dict(job.files),
        "environment": {
            "PATH": "/usr/bin:/bin",
            "HOME": "/home/tester",
            "LANG": "C.UTF-8",
            **job.environment,
        },
        "directory": job.directory,
        "limits": asdict(job.limits),
        "expected": None
        if job.expected is None
        else {"passing": sorted(job.expected.passing), "failing": sorted(job.expected.failing)},
        "nonce": nonce,
        "answer_fd": answer_start,
        "parent": os.getpid(),
    }
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _START.format(str(_ROOT))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[answer_start],
        env={},
        cwd="/",
    ) as child:
        os.close(answer_start)
        try:
            out, err, answer = _converse(child, json.dumps(order).encode(), answer_end, job.limits)
        finally:
            child.kill()
            os.close(answer_end)
    return _finished(answer, out, err, nonce)


def _converse(
    child: subprocess.Popen[bytes], order: bytes, answer_end: int, limits: Limits
) -> tuple[bytes, bytes, bytes]:
    """Hand over the order, read what comes until all ends are closed or the time is over."""
    assert child.stdin and child.stdout and child.stderr
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(order)
        child.stdin.close()
    ends = {child.stdout.fileno(): bytearray(), child.stderr.fileno(): bytearray(), answer_end: bytearray()}
    deadline = time.monotonic() + limits.wall_s + _GRACE_S
    with selectors.DefaultSelector() as selector:
        for end in ends:
            selector.register(end, selectors.EVENT_READ)
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for ready, _ in selector.select(left):
                data = os.read(ready.fd, _CHUNK)
                kept = ends[ready.fd]
                room = (_ANSWER_BYTES if ready.fd == answer_end else limits.output_bytes) - len(kept)
                kept += data[: max(room, 0)]
                if not data:
                    selector.unregister(ready.fd)
    out, err, answer = ends.values()
    return bytes(out), bytes(err), bytes(answer)


def _finished(answer: bytes, out: bytes, err: bytes, nonce: str) -> Finished:
    texts = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
    if not answer.endswith(b"\n"):  # process 1 did not live to answer
        return Finished("lost", None, 0.0, 0, *texts, why="the sandbox gave no answer")
    words: dict[str, Any] = json.loads(answer)
    if "lost" in words:
        return Finished("lost", None, 0.0, 0, *texts, why=words["lost"])
    if "refused" in words:
        raise UsageError(
            f"sandbox: {words['refused']}: allow user namespaces (and mounts in them) to this user; "
            "generated code is not run without them"
        )
    return Finished(
        ended=words["ended"],
        status=words["status"],
        seconds=words["seconds"],
        peak_bytes=words["peak_bytes"],
        out=texts[0],
        err=texts[1],
        proven=secrets.compare_digest(words.get("nonce", ""), nonce),
        why=words["why"],
        signed=words["signed"],
        outcomes=words["outcomes"],
        durations=words["durations"],
        calls=words["calls"],
    )
