"""A pass cannot be had by any way but the tests' passing."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.execution.environments import Prepared
from eval.execution.proof import KEY_BYTES, draw_decoys, read_report, why_no_pass
from eval.execution.sandbox import Finished, Limits
from eval.execution.suite import Suite, run_suite
from tests.eval.execution.conftest import ANSWER, SOURCE

KEY = bytes(range(KEY_BYTES))


def try_body(prepared: Prepared, toy: Path, body: str, wall_s: float = 120.0) -> Finished:
    """Run the two tests of `answer` with this body."""
    text = SOURCE.replace("    return 42\n", "".join(f"    {line}\n" for line in body.strip().splitlines()))
    limits = Limits(wall_s=wall_s, processes=64)
    return run_suite(Suite(prepared, toy, ANSWER, {"toy.py": text}, limits))


def test_the_truth_passes(prepared: Prepared, toy: Path) -> None:
    done = try_body(prepared, toy, "return 42")
    assert (done.proven, done.why, done.ended) == (True, "", "exit")


FORGERIES = {
    "wrong": "return 41",
    "nothing": "pass",
    "exit 0": "import sys; sys.exit(0)",
    "exit 1": "import sys; sys.exit(1)",
    "leave 0": "import os; os._exit(0)",
    "leave 1": "import os; os._exit(1)",
    "interrupt": "raise KeyboardInterrupt",
    "pytest.exit": "import pytest; pytest.exit('done', 1)",
    "skip": "import pytest; pytest.skip('no')",
    "expected failure": "import pytest; pytest.xfail('no')",
    "unittest skip": "import unittest; raise unittest.SkipTest('no')",
    "crash": "import ctypes; ctypes.string_at(0)",
    "kill ourselves": "import os; os.kill(os.getpid(), 9)",
    "kill the parent": "import os; os.kill(os.getppid(), 9)",
    "kill all": "import os; os.kill(-1, 9)",
    "another program": "import os; os.execv('/bin/false', ['false'])",
    "forged nonce": "import secrets; print('nonce', secrets.token_hex(32)); return 41",
    "forged answer": """
import json, os
words = {"ended": "exit", "status": 1, "seconds": 0, "peak_bytes": 0, "signed": True, "why": "", "nonce": "0" * 64}
for number in range(3, 256):
    try:
        os.write(number, json.dumps(words).encode() + b"\\n")
    except OSError:
        pass
os._exit(1)""",
    "forged report": f"""
import os
for test in {ANSWER!r}:
    os.write(3, b"passed " + test.encode().hex().encode() + b" 0.1\\n")
os.write(3, b"end " + b"0" * 64 + b"\\n")
os._exit(1)""",
    "no report": "import os; os.closerange(3, 256); return 42",
    "fork": "import os; os.fork(); return 42",
    "child goes on": "import os\nif os.fork(): os._exit(1)\nreturn 42",
    "reports say passed": """
from _pytest import reports
true = reports.TestReport.from_item_and_call
def lie(item, call):
    report = true(item, call)
    report.outcome = "passed"
    return report
reports.TestReport.from_item_and_call = lie
return 41""",
    "tests do nothing": """
import unittest
from _pytest import python, unittest as plugin
python.Function.runtest = plugin.TestCaseFunction.runtest = lambda self: None
return 41""",
    "assertions do nothing": """
import unittest
for name in dir(unittest.TestCase):
    if name.startswith("assert"):
        setattr(unittest.TestCase, name, lambda *a, **k: None)
class Same(int):
    def __eq__(self, other):
        return True
    __hash__ = int.__hash__
return Same(1)""",
    "calls never fail": """
from _pytest import runner
true = runner.CallInfo.from_call.__func__
def lie(cls, function, when, reraise=None):
    call = true(cls, function, when, reraise)
    call.excinfo = None
    return call
runner.CallInfo.from_call = classmethod(lie)
return 41""",
    "the runner lies": """
import __main__
__main__.Witness.pytest_runtest_logreport = lambda self, report: self._outcome.setdefault(report.nodeid, "passed")
return 41""",
    "exit is success": "import os, _pytest.config, builtins\nos._exit = lambda status: None\nreturn 41",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_never_a_pass(name: str, prepared: Prepared, toy: Path) -> None:
    done = try_body(prepared, toy, FORGERIES[name])
    assert not done.proven
    assert done.why


@pytest.mark.parametrize(
    "body", ["import time; time.sleep(1000)", "while True: pass", "import os\nwhile True: os.fork()"]
)
def test_never_a_pass_nor_an_end(body: str, prepared: Prepared, toy: Path) -> None:
    done = try_body(prepared, toy, body, wall_s=2.0)
    assert not done.proven
    assert done.ended == "timeout" or done.why


def test_all_tests_that_were_asked_for_must_exist(prepared: Prepared, toy: Path) -> None:
    done = run_suite(Suite(prepared, toy, [*ANSWER, "tests/test_toy.py::test_gone"]))
    assert not done.proven
    assert done.why == "tests/test_toy.py::test_gone did not run"


def test_the_repository_is_not_touched(prepared: Prepared, toy: Path) -> None:
    before = {path: path.read_bytes() for path in toy.rglob("*") if path.is_file()}
    try_body(
        prepared,
        toy,
        "open('/repository/toy.py', 'w').write('x'); open('/repository/new', 'w').write('x'); return 42",
    )
    assert {path: path.read_bytes() for path in toy.rglob("*") if path.is_file()} == before


def signed(*lines: bytes) -> bytes:
    body = b"".join(lines)
    return body + b"end " + hashlib.blake2b(body, key=KEY, digest_size=KEY_BYTES).hexdigest().encode() + b"\n"


def line(outcome: str, test: str) -> bytes:
    return f"{outcome} {test.encode().hex()} 0.5\n".encode()


def test_a_report_is_read() -> None:
    report = read_report(
        signed(line("passed", "a::b c"), b"calls  1,2\n", b"calls 61 \n", line("failed", "d")), KEY
    )
    assert report.signed
    assert report.outcomes == {"a::b c": "passed", "d": "failed"}
    assert report.seconds == {"a::b c": 0.5, "d": 0.5}
    assert report.calls == {"": (1, 2), "a": ()}


@given(data=st.data())
def test_a_changed_report_is_not_believed(data: st.DataObject) -> None:
    whole = signed(line("passed", "a"), line("failed", "b"))
    place = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    for changed in (
        whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :],
        whole[:place],
        whole[:place] + bytes([change]) + whole[place:],
        whole[place + 1 :],
    ):
        assert not read_report(changed, KEY).signed
    assert not read_report(whole, os.urandom(KEY_BYTES)).signed


@pytest.mark.parametrize(
    ("lines", "status", "why"),
    [
        ([line("passed", "t"), line("failed", "d")], 1, ""),
        ([line("passed", "t"), line("error", "d")], 1, ""),
        ([line("passed", "t"), line("failed", "d")], 0, "ended with status 0, the decoys give 1"),
        ([line("passed", "t"), line("passed", "d")], 1, "a decoy passed"),
        ([line("passed", "t")], 1, "a decoy did not run"),
        ([line("failed", "t"), line("failed", "d")], 1, "t failed"),
        ([line("skipped", "t"), line("failed", "d")], 1, "t skipped"),
        ([line("passed", "t"), line("passed", "t"), line("failed", "d")], 1, "t twice"),
        ([line("passed", "t"), line("failed", "d"), line("passed", "x")], 1, "x was not asked for"),
        ([line("failed", "d")], 1, "t did not run"),
    ],
)
def test_what_a_report_proves(lines: list[bytes], status: int, why: str) -> None:
    assert why_no_pass(read_report(signed(*lines), KEY), status, ["t"], ["d"]) == why


def test_unsigned_proves_nothing() -> None:
    data = line("passed", "t") + line("failed", "d")
    assert (
        why_no_pass(read_report(data, KEY), 1, ["t"], ["d"]) == "the tests ended before their last assertion"
    )


def test_decoys_are_never_the_same() -> None:
    first, second = draw_decoys(with_numpy=True), draw_decoys(with_numpy=False)
    assert not first.failing & second.failing
    assert (len(first.failing), len(second.failing)) == (7, 6)
    assert "numpy" in first.text
    assert "numpy" not in second.text
