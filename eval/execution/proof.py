"""What counts as a pass, and the proof of it.

Three processes share the work: the *tests* (untrusted: they run the generated body), the *supervisor* (process 1 of the
sandbox, `eval.execution.jail`) and the *caller* outside. The caller draws a nonce and gives it to the supervisor, never
to the tests. The tests' runner (`eval.execution.witness`) reports each finished test over a pipe and, after the last
one, a keyed hash of all that it said. The supervisor hands out the nonce only if

- the report ends with the right hash: the runner lived until after the last assertion, and nobody wrote in between;
- exactly the expected tests passed;
- exactly the *decoys* failed: tests with random names, run last, whose assertions are false. Code that makes every
  assertion or report succeed (a patched pytest, `unittest`, `numpy.testing`) makes these pass too;
- the process ended with pytest's status for failing tests, which `sys.exit(0)` and `os._exit(0)` are not.

What remains: test and tested code share one interpreter, so code that was written against this very file could search
the heap for the runner's closures and speak in its name. It gains one false pass and nothing else: the sandbox does
not depend on it. No completion of a function body does that by accident.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

KEY_BYTES = 32
TESTS_FAILED = 1  # pytest's exit status; the decoys always fail
REPORT_FD, KEY_FD = 3, 4  # of the tests' process

_DECOYS = """\
import sys
import unittest

import pytest

def test_{0}():
    assert sum([1, 1]) == 2

def test_{1}():
    assert sum([1, 1]) == 3

def test_{2}():
    raise ValueError("decoy")

def test_{3}():
    with pytest.raises(ValueError):
        sum([1, 1])

@pytest.fixture
def broken():
    raise ValueError("decoy")

def test_{5}(broken):
    pass

class Test{6}(unittest.TestCase):
    def test_equal(self):
        self.assertEqual(2, 2)

    def test_unequal(self):
        self.assertEqual(2, 3)

    def test_true(self):
        self.assertTrue(2 == 3)
"""
_NUMPY_DECOY = """
import numpy

def test_{4}():
    numpy.testing.assert_array_equal(numpy.asarray([1.0, 2.0]), numpy.asarray([1.0, 3.0]))
"""


@dataclass(frozen=True, slots=True)
class Decoys:
    """A test file that nobody knows beforehand: its path in the repository, its text and what must come of it."""

    path: str
    text: str
    passing: frozenset[str]
    failing: frozenset[str]


def draw_decoys(with_numpy: bool) -> Decoys:
    """Fresh decoys; only their caller knows which of them must fail. `with_numpy`: numpy can be imported."""
    words = [f"c{secrets.token_hex(6)}" for _ in range(8)]
    path = f"{words[7]}/test_{words[7]}.py"
    plain = [f"{path}::test_{word}" for number, word in enumerate(words[:6]) if number != 4 or with_numpy]
    case = f"{path}::Test{words[6]}"
    return Decoys(
        path=path,
        text=(_DECOYS + _NUMPY_DECOY * with_numpy).format(*words[:7]),
        passing=frozenset({plain[0], f"{case}::test_equal"}),
        failing=frozenset({*plain[1:], f"{case}::test_unequal", f"{case}::test_true"}),
    )


@dataclass(frozen=True, slots=True)
class Report:
    """What a run of tests said. `signed`: the hash at its end is right; without it nothing else may be believed."""

    signed: bool
    outcomes: Mapping[str, str] = field(
        default_factory=dict
    )  # test -> passed | failed | error | skipped | xpassed
    seconds: Mapping[str, float] = field(default_factory=dict)  # test -> duration
    calls: Mapping[str, tuple[int, ...]] = field(
        default_factory=dict
    )  # test ("" = imports) -> traced functions


def read_report(data: bytes, key: bytes) -> Report:
    """The lines `outcome hex(test) seconds`, `calls hex(test) numbers`, and at the end `end hash`."""
    body, separator, last = data.rpartition(b"end ")
    right = hashlib.blake2b(body, key=key, digest_size=KEY_BYTES).hexdigest().encode() + b"\n"
    if not separator or not hmac.compare_digest(right, last):
        return Report(signed=False)
    outcomes: dict[str, str] = {}
    seconds: dict[str, float] = {}
    calls: dict[str, tuple[int, ...]] = {}
    for line in body.decode("ascii").splitlines():
        word, test_hex, value = line.split(" ")
        test = bytes.fromhex(test_hex).decode("utf-8", "surrogateescape")
        if word == "calls":
            calls[test] = tuple(int(number) for number in value.split(",") if number)
        else:
            outcomes[test] = word if test not in outcomes else "twice"
            seconds[test] = float(value)
    return Report(True, outcomes, seconds, calls)


def why_no_pass(report: Report, status: int, passing: Iterable[str], failing: Iterable[str]) -> str:
    """ "" if the report proves a pass, else the reason in a few words."""
    if not report.signed:
        return "the tests ended before their last assertion"
    expected = {test: {"passed"} for test in passing} | {test: {"failed", "error"} for test in failing}
    for test in (
        *(test for test in report.outcomes if test in expected),
        *sorted(expected),
    ):  # as they ran, then missing
        got, wanted = report.outcomes.get(test), expected[test]
        if got not in wanted:
            decoy = "a decoy" if "passed" not in wanted else test
            return f"{decoy} {got or 'did not run'}"
    strangers = report.outcomes.keys() - expected.keys()
    if strangers:
        return f"{min(strangers)} was not asked for"
    if status != TESTS_FAILED:
        return f"ended with status {status}, the decoys give {TESTS_FAILED}"
    return ""
