"""The program inside: it makes the namespaces, runs one command as an untrusted child, and judges its report.

Started by `eval.execution.sandbox` with an order (JSON) on its standard input; answers with one JSON line on the file
descriptor that the order names. Two processes: the *launcher* leaves the namespaces of the host; its child is process 1
of the new process namespace, so everything in there dies with it, whatever it forked or detached. Process 1 keeps its
rights and the nonce; the command has neither, and may not signal, trace or read it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import secrets
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from eval.execution.namespaces import (
    die_with_parent,
    drop_all_rights,
    enter_new_root,
    hide_memory,
    unshare_all,
)
from eval.execution.proof import KEY_BYTES, KEY_FD, REPORT_FD, read_report, why_no_pass

_LOOK_S = 0.05  # between two looks at memory and time
_REPORT_BYTES = 16 << 20
_CHUNK = 1 << 16
_TROUBLE_FD = KEY_FD + 1
_PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Read the order, obey, answer, exit. Exit status 0 means only that there is an answer."""
    order: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    answer_fd: int = order["answer_fd"]
    os.set_inheritable(answer_fd, False)
    try:
        die_with_parent(order["parent"])
        os.setsid()
        unshare_all()
    except OSError as error:
        _answer(answer_fd, {"refused": str(error)})
        return
    launcher_lives, keep = os.pipe()  # process ids of the outside mean nothing inside: end of file does
    child = os.fork()
    if child == 0:
        os.close(keep)
        try:
            _process_one(order, answer_fd, launcher_lives)
        finally:
            os._exit(1)
    os.close(launcher_lives)
    os.waitpid(child, 0)


def _answer(descriptor: int, words: dict[str, Any]) -> None:
    data = json.dumps(words).encode() + b"\n"
    while data:
        data = data[os.write(descriptor, data) :]
    os.close(descriptor)


def _process_one(order: dict[str, Any], answer_fd: int, launcher_lives: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    try:
        hide_memory()
        enter_new_root(order["visible"], order["copies"], order["files"], order["limits"]["scratch_bytes"])
    except (OSError, ValueError) as error:
        _answer(answer_fd, {"refused": str(error)})
        os._exit(0)
    _answer(answer_fd, _supervise(order, launcher_lives))
    os._exit(0)


def _supervise(order: dict[str, Any], launcher_lives: int) -> dict[str, Any]:
    """Run the command to its end or to a limit, kill all that is left of it, judge what it reported."""
    key = secrets.token_bytes(KEY_BYTES)
    report_end, report_start = os.pipe()
    key_end, key_start = os.pipe()
    trouble_end, trouble_start = os.pipe()  # closed by a successful exec
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            _become_command(order, report_start, key_end, trouble_start)
        finally:
            os._exit(1)
    os.close(report_start)
    os.close(key_end)
    os.close(trouble_start)
    os.write(key_start, key)
    os.close(key_start)
    if trouble := os.read(trouble_end, _CHUNK):
        os.waitpid(child, 0)
        return {"lost": trouble.decode("utf-8", "replace")}
    watch = _Watch(child, report_end, launcher_lives, order["limits"])
    ended = watch.until_the_end(started)
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)  # everything in this process namespace but ourselves
    watch.reap_all()
    report = read_report(bytes(watch.report), key)
    words: dict[str, Any] = {
        "ended": ended,
        "status": watch.status,
        "seconds": time.monotonic() - started,
        "peak_bytes": watch.peak_bytes,
        "signed": report.signed,
        "outcomes": report.outcomes,
        "durations": report.seconds,
        "calls": report.calls,
        "why": "",
    }
    if order["expected"] is not None:
        status = -1 if watch.status is None else watch.status
        why = ended if ended != "exit" else why_no_pass(report, status, **order["expected"])
        words["why"] = why
        if not why:
            words["nonce"] = order["nonce"]
    return words


class _Watch:
    """Process 1 while the command runs: collects its report, reaps orphans, looks at memory and time."""

    def __init__(self, child: int, report: int, launcher_lives: int, limits: dict[str, Any]) -> None:
        self.child, self.status = child, None
        self.report, self.peak_bytes = bytearray(), 0
        self._pipe, self._launcher, self._limits = report, launcher_lives, limits

    child: int
    status: int | None

    def until_the_end(self, started: float) -> str:
        """ "exit", or the limit that was hit: "timeout", "memory", "flood"."""
        open_ends = [self._pipe, self._launcher]
        while self.status is None:
            ready, _, _ = select.select(open_ends, [], [], _LOOK_S)
            if self._launcher in ready:
                os._exit(1)  # nobody waits for an answer any more
            if self._pipe in ready and not self._collect():
                open_ends.remove(self._pipe)
            self._reap()
            self.peak_bytes = max(self.peak_bytes, _resident_bytes())
            if self.status is not None:
                break
            if time.monotonic() - started > self._limits["wall_s"]:
                return "timeout"
            if self.peak_bytes > self._limits["memory_bytes"]:
                return "memory"
            if len(self.report) > _REPORT_BYTES:
                return "flood"
        while self._pipe in open_ends and select.select([self._pipe], [], [], 0)[0] and self._collect():
            if len(self.report) > _REPORT_BYTES:
                return "flood"
        return "exit"

    def _collect(self) -> bool:
        data = os.read(self._pipe, _CHUNK)
        self.report += data
        return bool(data)

    def _reap(self) -> None:
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            if process == self.child:
                self.status = os.waitstatus_to_exitcode(status)

    def reap_all(self) -> None:
        """Wait for all that was killed."""
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)


def _resident_bytes() -> int:
    """Memory of all processes in here but ourselves, pages shared with files left out."""
    total = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit() and entry != "1":
            with contextlib.suppress(OSError, ValueError, IndexError):
                words = Path("/proc", entry, "statm").read_text().split()
                total += int(words[1]) - int(words[2])
    return total * _PAGE


def _become_command(order: dict[str, Any], report_start: int, key_end: int, trouble_start: int) -> None:
    """The untrusted child: its descriptors, limits and user; then the command. Comes back only with an exception."""
    wanted = {
        0: os.open("/dev/null", os.O_RDONLY),
        REPORT_FD: report_start,
        KEY_FD: key_end,
        _TROUBLE_FD: trouble_start,
    }
    spare = {target: os.dup(source) for target, source in wanted.items()}
    while min(spare.values()) <= _TROUBLE_FD:  # out of the way of the targets
        spare = {target: os.dup(source) for target, source in spare.items()}
    for target, source in spare.items():
        os.dup2(source, target, inheritable=target != _TROUBLE_FD)
    os.closerange(_TROUBLE_FD + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    try:
        _exec(order)
    except (OSError, ValueError) as error:
        os.write(_TROUBLE_FD, f"{order['command'][0]}: {error}".encode("utf-8", "replace"))


def _exec(order: dict[str, Any]) -> None:
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    hide_memory(False)  # its own /proc files are root's otherwise; nothing untrusted runs before `exec`
    Path("/proc/self/oom_score_adj").write_text("1000")  # if the machine runs out, this goes first
    limits = order["limits"]
    for kind, value in (
        (resource.RLIMIT_CPU, int(limits["cpu_s"])),
        (resource.RLIMIT_AS, limits["address_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    drop_all_rights()
    os.chdir(order["directory"])
    os.execve(order["command"][0], order["command"], order["environment"])  # noqa: S606


if __name__ == "__main__":
    main()
