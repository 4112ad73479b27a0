"""A repository small enough to be tested in half a second, and the sandbox, where this machine has one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eval.execution.environments import Environment, Prepared, describe
from eval.execution.sandbox import refusal
from eval.types import Task

SOURCE = '''\
"""Arithmetic."""


def answer():
    return 42


def unused():
    return 1


def harmless(log=None):
    """Told to do nothing."""
    if log is not None:
        log.append(1)


def double(numbers):
    return [2 * number for number in numbers]
'''

TESTS = """\
import random
import unittest

import pytest

from toy import answer, double, harmless


def test_answer():
    assert answer() == 42


class AnswerTest(unittest.TestCase):
    def test_answer(self):
        self.assertEqual(answer(), 42)


@pytest.mark.parametrize("number", range(5))
def test_double(number):
    assert double([number]) == [number + number]


def test_harmless():
    try:
        harmless()
    except NotImplementedError:
        raise AssertionError from None


def test_broken():
    assert answer() == 41


def test_now_and_then():
    assert random.SystemRandom().random() < 1e-9


@pytest.mark.skip
def test_skipped():
    answer()
"""

ANSWER = ("tests/test_toy.py::test_answer", "tests/test_toy.py::AnswerTest::test_answer")


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """The folder of the repository."""
    folder = tmp_path / "toy_repository"
    (folder / "tests").mkdir(parents=True)
    (folder / "toy.py").write_text(SOURCE)
    (folder / "tests" / "test_toy.py").write_text(TESTS)
    return folder


@pytest.fixture(scope="session")
def prepared() -> Prepared:
    """The interpreter of these tests as the environment of the toy, where namespaces are allowed."""
    reason = refusal()
    if reason:
        pytest.skip(reason)
    return describe(Environment("toy", ("tests",)), Path(sys.executable))


def toy_task(function: str) -> Task:
    """The hole of one function of the toy."""
    head, _, rest = SOURCE.partition(f"def {function}(")
    signature, _, body = rest.partition(":\n")
    truth = body.split("\n\n\n")[0].rstrip("\n") + "\n"
    prefix = f"{head}def {function}({signature}:\n"
    if truth.lstrip().startswith('"""'):
        docstring, _, truth = truth.partition("\n")
        prefix += f"{docstring}\n"
    return Task(
        id=f"toy/{function}",
        benchmark="repoeval-function",
        kind="function",
        language="python",
        repository="toy",
        path="toy.py",
        prefix=prefix,
        truth=truth,
        suffix=SOURCE[len(prefix) + len(truth) :],
        line=prefix.count("\n") + 1,
        column=0,
        origin="official",
        function=function,
    )
