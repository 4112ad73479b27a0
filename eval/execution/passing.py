"""Pass rate: generated bodies, judged by the unit tests that call the function, run in the sandbox.

pass@k is the unbiased estimate of Chen et al., "Evaluating Large Language Models Trained on Code" (2021), section 2.1.
A task without tests that tell right from wrong (`eval.execution.coverage`) is *not measurable*; it is reported by name
and counts neither as passed nor as failed. The same holds for an error of the machinery.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eval.execution.bodies import parses, with_body
from eval.execution.coverage import RepositoryTests, TaskTests, table
from eval.execution.environments import Prepared, prepare
from eval.execution.sandbox import Finished, Limits, refusal
from eval.execution.suite import Suite, run_suite
from eval.types import Sources, Task
from repocoder.errors import UsageError

Status = Literal["passed", "failed", "error", "timeout", "not_measurable"]

_LEAST_S, _MOST_S, _TIMES = 60.0, 900.0, 10.0
"""Wall limit: ten times what the tests took with the truth (machines differ, and are busy), within these bounds."""
_LINE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one body."""

    status: Status
    tests: int = 0  # that had to pass
    seconds: float = 0.0
    reason: str = ""  # one line; "" if passed


@dataclass(frozen=True, slots=True)
class Executed:
    """All bodies of one task."""

    task: Task
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """A repository that is ready: its sources, its environment and its part of the table."""

    folder: Path
    prepared: Prepared
    tests: RepositoryTests


def open_bench(repository: str, sources: Sources, environments: Path | None = None) -> Bench | Outcome:
    """Prepare a repository, or say why none of its tasks can be measured.

    Raises UsageError where code cannot be run safely at all.
    """
    if refused := refusal():
        raise UsageError(refused)
    tests = table().get(repository)
    if tests is None or tests.reason:
        return Outcome(
            "not_measurable", reason=tests.reason if tests else f"{repository} is not in the table of tests"
        )
    try:
        prepared = prepare(repository, environments)
    except UsageError as error:
        return Outcome("not_measurable", reason=str(error))
    return Bench(sources.folder(repository), prepared, tests)


def run_task(task: Task, body: str, bench: Bench) -> Outcome:
    """Does this body pass all tests that call the function?"""
    entry = bench.tests.tasks.get(task.id)
    if entry is None or entry.reason:
        return Outcome(
            "not_measurable", reason=entry.reason if entry else f"{task.id} is not in the table of tests"
        )
    text = with_body(task, body)
    if not parses(text):
        return Outcome("failed", len(entry.tests), reason="does not parse")
    limits = Limits(wall_s=wall_limit(entry), cpu_s=2 * wall_limit(entry))
    done = run_suite(Suite(bench.prepared, bench.folder, entry.tests, {task.path: text}, limits))
    return judge(done, entry)


def wall_limit(entry: TaskTests) -> float:
    """Seconds that the tests of a task may take."""
    return min(max(_TIMES * entry.seconds, _LEAST_S), _MOST_S)


def judge(done: Finished, entry: TaskTests) -> Outcome:
    """A pass only if it is proven; an error if the machinery failed, not the body."""
    count = len(entry.tests)
    if done.proven:
        return Outcome("passed", count, done.seconds)
    reason = (done.why or done.ended)[:_LINE_LENGTH]
    if done.ended == "lost":
        return Outcome("error", count, done.seconds, reason)
    status: Status = "timeout" if done.ended == "timeout" else "failed"
    return Outcome(status, count, done.seconds, reason)


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Chance, 0 to 1, that of `k` of the samples (drawn without putting back) at least one passed."""
    if not 0 <= passed <= samples or not 1 <= k <= samples:
        raise ValueError(f"pass@{k} of {passed} among {samples} samples")
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)


@dataclass(frozen=True, slots=True)
class PassRate:
    """A table's cell and what it leaves out. `percent` is None if nothing could be measured."""

    percent: float | None  # mean of pass@k over the measured tasks, 0 to 100
    k: int
    tasks: int  # measured
    not_measurable: Mapping[str, str]  # task -> reason
    errors: Mapping[str, str]


def pass_rate(executed: Iterable[Executed], k: int = 1) -> PassRate:
    """pass@k over the tasks that could be measured; those with an error or fewer than k samples are named."""
    rates: list[float] = []
    not_measurable: dict[str, str] = {}
    errors: dict[str, str] = {}
    for entry in executed:
        unmeasured = next((one for one in entry.outcomes if one.status == "not_measurable"), None)
        broken = next((one for one in entry.outcomes if one.status == "error"), None)
        if unmeasured is not None:
            not_measurable[entry.task.id] = unmeasured.reason
        elif broken is not None:
            errors[entry.task.id] = broken.reason
        elif len(entry.outcomes) < k:
            errors[entry.task.id] = f"{len(entry.outcomes)} samples, pass@{k} needs {k}"
        else:
            passed = sum(one.status == "passed" for one in entry.outcomes)
            rates.append(pass_at_k(len(entry.outcomes), passed, k))
    percent = 100 * math.fsum(rates) / len(rates) if rates else None
    return PassRate(percent, k, len(rates), not_measurable, errors)


def execute_samples(
    samples: Iterable[tuple[Task, Sequence[str]]],
    sources: Sources,
    *,
    workers: int = 1,
    progress: Callable[[Executed], None] | None = None,
    environments: Path | None = None,
    opened: Mapping[str, Bench | Outcome] | None = None,
) -> Iterator[Executed]:
    """Run the bodies of many tasks, `workers` at a time, and give them back in order.

    Environments are installed when their first task comes, but for repositories that are `opened` already. Raises
    UsageError where code cannot be run safely.
    """
    benches: dict[str, Bench | Outcome] = dict(opened or {})
    with ThreadPoolExecutor(max_workers=workers) as pool:
        waiting: list[tuple[Task, list[Future[Outcome]]]] = []
        for task, bodies in samples:
            if task.repository not in benches:
                benches[task.repository] = open_bench(task.repository, sources, environments)
            bench = benches[task.repository]
            waiting.append((task, [pool.submit(_run_or_say, task, body, bench) for body in bodies]))
            if len(waiting) > 2 * workers:
                yield _collect(waiting.pop(0), progress)
        while waiting:
            yield _collect(waiting.pop(0), progress)


def _run_or_say(task: Task, body: str, bench: Bench | Outcome) -> Outcome:
    return bench if isinstance(bench, Outcome) else run_task(task, body, bench)


def _collect(
    entry: tuple[Task, list[Future[Outcome]]], progress: Callable[[Executed], None] | None
) -> Executed:
    executed = Executed(entry[0], tuple(future.result() for future in entry[1]))
    if progress is not None:
        progress(executed)
    return executed
