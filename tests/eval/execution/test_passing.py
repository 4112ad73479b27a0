"""Pass rate: what each body comes to, and what may be counted."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.execution import passing
from eval.execution.bodies import function_lines, idle, parses, raising, with_body
from eval.execution.check import check
from eval.execution.coverage import RepositoryTests, TaskTests
from eval.execution.environments import Prepared
from eval.execution.passing import (
    Bench,
    Executed,
    Outcome,
    execute_samples,
    judge,
    open_bench,
    pass_at_k,
    pass_rate,
    run_task,
    wall_limit,
)
from eval.execution.sandbox import Finished
from eval.types import Benchmark, Task
from repocoder.errors import UsageError
from tests.eval.execution.conftest import ANSWER, SOURCE, toy_task

DOUBLE = frozenset(f"tests/test_toy.py::test_double[{number}]" for number in range(5))
TABLE = RepositoryTests(
    python="3.11.7",
    requirements_sha256="",
    passing=8,
    left_out={},
    tasks={
        "toy/answer": TaskTests(frozenset(ANSWER), 0.5, 2),
        "toy/double": TaskTests(DOUBLE, 0.5, 5),
        "toy/unused": TaskTests(frozenset(), 0.0, 0, "no test calls it"),
    },
)


class OneFolder:
    """Sources with one repository."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, repository: str) -> Path:
        assert repository == "toy"
        return self._folder


@pytest.fixture
def bench(toy: Path, prepared: Prepared) -> Bench:
    return Bench(toy, prepared, TABLE)


@pytest.mark.parametrize(
    ("function", "body", "status", "reason"),
    [
        ("answer", None, "passed", ""),
        ("answer", "    return 6 * 7", "passed", ""),
        ("answer", "    return 41\n", "failed", "test_answer failed"),
        ("answer", "    raise SystemExit(0)\n", "failed", ""),
        ("answer", "", "failed", "does not parse"),
        ("answer", "    return (", "failed", "does not parse"),
        ("answer", "\0", "failed", "does not parse"),
        ("double", None, "passed", ""),
        ("double", "    return [0]\n", "failed", "tests/test_toy.py::test_double[1] failed"),
        ("double", "    return undefined\n", "failed", "tests/test_toy.py::test_double[0] failed"),
        ("unused", None, "not_measurable", "no test calls it"),
        ("harmless", None, "not_measurable", "toy/harmless is not in the table of tests"),
    ],
)
def test_one_body(bench: Bench, function: str, body: str | None, status: str, reason: str) -> None:
    task = toy_task(function)
    outcome = run_task(task, task.truth if body is None else body, bench)
    assert outcome.status == status
    assert reason in outcome.reason
    if status == "passed":
        assert outcome.tests == len(TABLE.tasks[task.id].tests)
        assert outcome.seconds > 0


def test_a_body_that_never_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passing, "_LEAST_S", 1.0)
    monkeypatch.setattr(passing, "_TIMES", 1.0)
    assert run_task(toy_task("answer"), "    while True: pass\n", bench).status == "timeout"


def test_samples_in_their_order(bench: Bench, toy: Path) -> None:
    samples = [
        (toy_task("double"), ["    return [0]\n", toy_task("double").truth]),
        (toy_task("unused"), ["    return 1\n"]),
        (toy_task("answer"), [toy_task("answer").truth]),
    ]
    seen: list[Executed] = []
    done = list(
        execute_samples(samples, OneFolder(toy), workers=2, progress=seen.append, opened={"toy": bench})
    )
    assert done == seen
    assert [entry.task.id for entry in done] == ["toy/double", "toy/unused", "toy/answer"]
    assert [[one.status for one in entry.outcomes] for entry in done] == [
        ["failed", "passed"],
        ["not_measurable"],
        ["passed"],
    ]
    rate = pass_rate(done)
    assert rate.percent == 75.0
    assert (rate.tasks, rate.not_measurable, rate.errors) == (2, {"toy/unused": "no test calls it"}, {})


def test_the_check_of_the_measure(bench: Bench, toy: Path) -> None:
    tasks = tuple(toy_task(function) for function in ("answer", "double", "unused"))
    benchmark = Benchmark("repoeval-function", "repoeval", "python", tasks, OneFolder(toy))
    found = check(benchmark, opened={"toy": bench})["toy"]
    assert (found.tasks, found.measurable, found.truths_passed, found.empties_failed) == (3, 2, 2, 2)
    assert found.surprises == {}
    assert found.not_measurable == {"toy/unused": "no test calls it"}


def test_a_check_names_what_surprises(bench: Bench, toy: Path) -> None:
    wrong = toy_task("answer")
    wrong = Task(**{**{name: getattr(wrong, name) for name in wrong.__slots__}, "truth": "    return 41\n"})
    found = check(
        Benchmark("repoeval-function", "repoeval", "python", (wrong,), OneFolder(toy)), opened={"toy": bench}
    )["toy"]
    assert found.truths_passed == 0
    assert found.surprises == {"toy/answer": "the truth: failed: tests/test_toy.py::test_answer failed"}


def test_refused_where_namespaces_are_not_allowed(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passing, "refusal", lambda: "sandbox: unshare: Operation not permitted: allow it")
    with pytest.raises(UsageError, match=r"^sandbox: unshare: "):
        open_bench("maxhumber_redframes", OneFolder(toy))


def test_a_repository_that_cannot_be_run_is_not_measurable(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "refusal", lambda: "")
    assert open_bench("toy", OneFolder(toy)) == Outcome(
        "not_measurable", reason="toy is not in the table of tests"
    )


def test_an_error_of_the_machinery_is_no_failure() -> None:
    entry = TABLE.tasks["toy/answer"]
    lost = Finished("lost", None, 0.0, 0, "", "", why="the sandbox gave no answer")
    assert judge(lost, entry).status == "error"
    for ended in ("exit", "memory", "flood"):
        assert judge(Finished(ended, 1, 0.0, 0, "", "", why="no"), entry).status == "failed"  # type: ignore[arg-type]
    assert judge(Finished("exit", 0, 1.0, 0, "", "", signed=True), entry).status == "failed"


def test_the_wall_limit_follows_the_truth() -> None:
    assert wall_limit(TaskTests(frozenset(), 1.0, 1)) == 60.0
    assert wall_limit(TaskTests(frozenset(), 30.0, 1)) == 300.0
    assert wall_limit(TaskTests(frozenset(), 3000.0, 1)) == 900.0


@given(samples=st.integers(1, 9), data=st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_pass(samples: int, data: st.DataObject) -> None:
    passed = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    results = [True] * passed + [False] * (samples - passed)
    draws = list(itertools.combinations(results, k))
    assert math.isclose(pass_at_k(samples, passed, k), sum(map(any, draws)) / len(draws), abs_tol=1e-12)


def test_pass_at_k_of_one_draw_is_the_share() -> None:
    assert pass_at_k(10, 3, 1) == pytest.approx(0.3)
    assert pass_at_k(200, 1, 100) == pytest.approx(0.5)
    assert pass_at_k(5, 0, 5) == 0.0


@pytest.mark.parametrize(("samples", "passed", "k"), [(5, 6, 1), (5, -1, 1), (5, 1, 0), (5, 1, 6)])
def test_pass_at_k_of_nonsense(samples: int, passed: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@"):
        pass_at_k(samples, passed, k)


def test_a_rate_names_what_it_leaves_out() -> None:
    first, second, third = (toy_task(name) for name in ("answer", "double", "unused"))
    executed = [
        Executed(first, (Outcome("passed"), Outcome("failed"), Outcome("timeout"))),
        Executed(second, (Outcome("error", reason="no answer"), Outcome("passed"), Outcome("passed"))),
        Executed(third, (Outcome("not_measurable", reason="no test calls it"),) * 3),
    ]
    rate = pass_rate(executed, k=2)
    assert rate.percent == pytest.approx(100 * 2 / 3)
    assert (rate.tasks, rate.errors) == (1, {"toy/double": "no answer"})
    assert rate.not_measurable == {"toy/unused": "no test calls it"}
    assert pass_rate(executed, k=4).errors["toy/answer"] == "3 samples, pass@4 needs 4"
    assert pass_rate([]).percent is None


def test_bodies_in_their_file() -> None:
    task = toy_task("answer")
    assert with_body(task, task.truth) == SOURCE
    assert "    return 1\n\n\ndef unused" in with_body(task, "    return 1")
    assert (raising(task), idle(task)) == ('    raise NotImplementedError("no body")\n', "    pass\n")
    assert not parses(with_body(task, ""))
    assert parses(with_body(toy_task("harmless"), ""))


def test_where_functions_begin() -> None:
    assert function_lines(toy_task("answer")) == (4, 5)
    assert function_lines(toy_task("harmless")) == (12, 15)
    nested = "import functools\n\n\nclass A:\n    @functools.cache\n    def b(self):\n"
    task = toy_task("answer")
    words = {name: getattr(task, name) for name in task.__slots__}
    words.update(
        prefix=nested, truth="        def c():\n            return 1\n        return c\n", suffix="", line=7
    )
    assert function_lines(Task(**words)) == (5, 9)
