"""Pass rates go into the samples; what was executed is not executed again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.execution.passing import Executed, Outcome
from eval.run.executing import EXECUTIONS_FILE, body_of, check_executable, execute
from eval.run.recipe import encode_record
from eval.run.records import open_folder
from eval.run.running import Plan
from eval.types import Benchmark, Sources, Task
from repocoder.errors import UsageError

MakePlan = Callable[..., Plan]
MakeTask = Callable[..., Task]
ReadRecords = Callable[[Path], list[dict[str, Any]]]

GOOD, BAD, LOST, ODD = ("    return 1\n", "    return 2\n", "    return 3\n", "    return 4\n")
STATUS = {GOOD: "passed", BAD: "failed", LOST: "error", ODD: "not_measurable"}


class Sandbox:
    """Judges a body by its text, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def __call__(
        self, samples: Iterable[tuple[Task, Sequence[str]]], sources: Sources, workers: int
    ) -> Iterator[Executed]:
        for task, bodies in samples:
            self.asked += [(task.id, body) for body in bodies]
            outcomes = tuple(Outcome(self.status(body), 2, 0.5, f"it says {body.strip()}") for body in bodies)
            yield Executed(task, outcomes)

    @staticmethod
    def status(body: str) -> Any:
        return next(status for text, status in STATUS.items() if text.strip() == body.strip())


@pytest.fixture
def plan(make_plan: MakePlan, make_task: MakeTask) -> Plan:
    """Four functions with one or two passes each."""
    tasks = tuple(
        replace(
            make_task("a", number, f"def f{number}():\n"),
            kind="function",
            truth=GOOD,
            suffix="\n\nx = 1\n",
            line=2,
        )
        for number in range(5)
    )
    plan = make_plan(tasks)
    texts = {0: [BAD, GOOD], 1: [BAD, BAD], 2: [LOST], 3: [ODD], 4: []}
    with open_folder(plan.out, plan.config, {"tasks": 5}, resume=False) as folder:
        for number, predictions in texts.items():
            passes = [
                {"number": place, "prediction": text, "scores": {"exact_match": 0.0}}
                for place, text in enumerate(predictions, 1)
            ]
            error = None if passes else "no model"
            folder.add(
                encode_record(
                    {
                        "task_id": f"a/{number}",
                        "repository": "a",
                        "passes": passes,
                        "scores": {},
                        "error": error,
                    }
                )
            )
    return plan


def benchmark_of(plan: Plan) -> Benchmark:
    class Nowhere:
        def folder(self, repository: str) -> Path:
            raise AssertionError

    return Benchmark("repoeval-function", "repoeval", "python", plan.tasks, Nowhere())


def test_pass_rates_are_scores_of_the_samples(plan: Plan, read_records: ReadRecords) -> None:
    sandbox = Sandbox()
    judged = execute(plan, benchmark_of(plan), 1, run=sandbox)
    assert dict(judged.counts) == {"passed": 1, "failed": 1, "error": 1, "not_measurable": 1}
    assert judged.reasons == {"it says return 3": 1, "it says return 4": 1}
    records = {record["task_id"]: record for record in read_records(plan.out)}
    rates = {
        name: [one["scores"]["pass_rate"] for one in record["passes"]] for name, record in records.items()
    }
    assert rates == {"a/0": [0.0, 100.0], "a/1": [0.0, 0.0], "a/2": [None], "a/3": [None], "a/4": []}
    assert records["a/0"]["scores"] == {"exact_match": 0.0, "pass_rate": 100.0}
    assert records["a/0"]["passes"][1]["execution"]["tests"] == 2
    assert records["a/4"]["error"] == "no model"
    assert len([name for name, _ in sandbox.asked if name == "a/1"]) == 1  # two passes wrote the same


def test_what_was_executed_is_not_executed_again(plan: Plan, read_records: ReadRecords) -> None:
    class Dying(Sandbox):
        def __call__(
            self, samples: Iterable[tuple[Task, Sequence[str]]], sources: Sources, workers: int
        ) -> Iterator[Executed]:
            for number, executed in enumerate(super().__call__(samples, sources, workers)):
                if number == 2:
                    raise KeyboardInterrupt
                yield executed

    with pytest.raises(KeyboardInterrupt):
        execute(plan, benchmark_of(plan), 1, run=Dying())
    assert all("execution" not in one for record in read_records(plan.out) for one in record["passes"])
    with open(plan.out / EXECUTIONS_FILE, "ab") as file:
        file.write(b'{"task_id": "a/3", "bo')
    sandbox = Sandbox()
    execute(plan, benchmark_of(plan), 1, run=sandbox)
    assert {name for name, _ in sandbox.asked} == {"a/2", "a/3"}
    finished = (plan.out / "samples.jsonl").read_bytes()
    again = Sandbox()
    execute(plan, benchmark_of(plan), 1, run=again)
    assert {name for name, _ in again.asked} == {"a/2"}  # the machinery failed: worth another try
    assert (plan.out / "samples.jsonl").read_bytes() == finished
    lines = (plan.out / EXECUTIONS_FILE).read_text().splitlines()
    assert [json.loads(line)["task_id"] for line in lines][:4] == ["a/0", "a/0", "a/1", "a/2"]


def test_the_body_is_what_counts_of_a_prediction(make_task: MakeTask) -> None:
    task = replace(
        make_task("a", 0, "def f():\n"),
        kind="function",
        truth="    x = 1\n    return x\n",
        suffix="\n\ny = 2\n",
        line=2,
        column=0,
    )
    more = "    x = 2\n    return x\n\n\ndef g():\n    pass\n"
    assert body_of(task, more, False).rstrip() == "    x = 2\n    return x"
    assert body_of(task, more.removeprefix("    "), True).rstrip() == "    x = 2\n    return x"


def test_only_functions_have_unit_tests(plan: Plan) -> None:
    lines = replace(plan, tasks=tuple(replace(task, kind="line") for task in plan.tasks))
    with pytest.raises(UsageError, match="only function bodies"):
        check_executable(lines)
