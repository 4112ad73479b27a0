"""Runs the tests inside the sandbox and reports on them; started as a program by the Python of the environment.

It stands alone (standard library and pytest), because nothing of ours is installed there. What it needs is bound
before any module of the repository is imported, so that patching `os`, `json` or pytest later does not change what it
says. See `eval.execution.proof` for the format, and for what a process cannot prove about itself.

Argument: a JSON file with `paths` (for `sys.path`), `files` (test files), `select` (tests to run, null: all),
`last` (the decoys' file, "" if none), `prelude` (Python to run first), `stop` (end at the first test that does not
pass), `trace` ({file: [[first line, last line, number], …]}: which tests call which functions).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

REPORT_FD, KEY_FD, KEY_BYTES = 3, 4, 32  # as in `proof`
Tell = Callable[[str, str, str], None]


def open_report(key: bytes) -> tuple[Tell, Callable[[], None]]:
    """A function that reports a line, and one that signs all of it. The key lives on in the hash object only."""
    state, send, encode = hashlib.blake2b(key=key, digest_size=KEY_BYTES), os.write, str.encode

    def emit(data: bytes) -> None:
        while data:
            data = data[send(REPORT_FD, data) :]

    def tell(word: str, test: str, value: str) -> None:
        line = encode(f"{word} {encode(test, 'utf-8', 'surrogateescape').hex()} {value}\n")
        state.update(line)
        emit(line)

    def sign() -> None:
        emit(encode(f"end {state.hexdigest()}\n"))

    return tell, sign


class Calls:
    """Which of the traced functions are called, by the place where their code begins."""

    def __init__(self, trace: dict[str, list[list[int]]]) -> None:
        self._places = {
            (file, line): number
            for file, functions in trace.items()
            for first, last, number in functions
            for line in range(first, last + 1)
        }
        self._known: dict[int, tuple[CodeType, int | None]] = {}  # keeps the code alive: its id is the key
        self.seen: set[int] = set()

    def start(self) -> None:
        """From now on, in this thread and in new ones."""
        threading.setprofile(self._look)
        sys.setprofile(self._look)

    def stop(self) -> None:
        """Calls are no longer looked at."""
        sys.setprofile(None)
        threading.setprofile(None)

    def take(self) -> str:
        """The numbers since the last time, as text."""
        text = ",".join(map(str, sorted(self.seen)))
        self.seen.clear()
        return text

    def _look(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        known = self._known.get(id(code))
        if known is None:
            known = code, self._places.get((code.co_filename, code.co_firstlineno))
            self._known[id(code)] = known
        if known[1] is not None:
            self.seen.add(known[1])


class Witness:
    """The pytest plugin: picks the tests and reports each when it is over, teardown included."""

    def __init__(self, order: dict[str, Any], tell: Tell, calls: Calls | None) -> None:
        self._select = None if order["select"] is None else frozenset(order["select"])
        self._last, self._stop = order["last"], order["stop"]
        self._tell, self._calls = tell, calls
        self._outcome: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        self._session: pytest.Session | None = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Keep the session: it is what can be stopped."""
        self._session = session

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """The wanted tests, then the decoys."""
        decoys = [item for item in items if self._is_decoy(item.nodeid)]
        wanted = [item for item in items if not self._is_decoy(item.nodeid)]
        if self._select is not None:
            wanted = [item for item in wanted if item.nodeid in self._select]
        items[:] = [*wanted, *decoys]

    def _is_decoy(self, test: str) -> bool:
        return bool(self._last) and test.startswith(self._last + "::")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """What was called by mere imports belongs to no test."""
        if self._calls is not None:
            self._calls.stop()
            self._tell("calls", "", self._calls.take())

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None]:
        """Trace one test."""
        if self._calls is not None:
            self._calls.start()
        yield
        if self._calls is not None:
            self._calls.stop()
            self._tell("calls", item.nodeid, self._calls.take())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One of setup, call and teardown is over; the worst of them counts."""
        test, before = report.nodeid, self._outcome.get(report.nodeid)
        self._seconds[test] = self._seconds.get(test, 0.0) + report.duration
        if report.outcome == "failed":
            self._outcome[test] = "failed" if report.when == "call" else "error"
        elif report.outcome == "skipped" and before is None:
            self._outcome[test] = "skipped"
        elif report.outcome == "passed" and report.when == "call" and before is None:
            self._outcome[test] = "xpassed" if hasattr(report, "wasxfail") else "passed"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """The test is over with its teardown."""
        outcome = self._outcome.get(nodeid, "none")
        self._tell(outcome, nodeid, f"{self._seconds.get(nodeid, 0.0):.4f}")
        if self._stop and outcome != "passed" and self._session and not self._is_decoy(nodeid):
            self._session.shouldstop = "a test did not pass"


def main() -> None:
    """Run the tests of the order and end the process at once, before anything left behind can run."""
    leave = os._exit
    key = os.read(KEY_FD, KEY_BYTES)
    os.close(KEY_FD)
    tell, sign = open_report(key)
    del key
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8", errors="surrogateescape"))
    sys.path[:1] = order["paths"]  # instead of this file's own folder
    sys.argv = ["pytest"]
    calls = Calls(order["trace"]) if order["trace"] else None
    if order["prelude"]:
        exec(compile(order["prelude"], "<prelude>", "exec"), {})  # noqa: S102 (ours, and inside the sandbox)
    files = [*order["files"], *filter(None, [order["last"]])]
    options = [
        "-q",
        "--tb=short",
        "-o",
        "addopts=",
        "--rootdir=/repository",
        "--continue-on-collection-errors",
    ]
    options += ["-p", "no:cacheprovider", "-p", "no:faulthandler", "--no-header", "-W", "ignore"]
    if calls is not None:
        calls.start()
    status = int(pytest.main([*options, *files], plugins=[Witness(order, tell, calls)]))
    if calls is not None:
        calls.stop()
    sys.stdout.flush()
    sys.stderr.flush()
    sign()
    leave(status)


if __name__ == "__main__":
    main()
