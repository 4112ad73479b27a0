"""`--execute`: the bodies that a run has generated, judged by the unit tests of their repositories.

What each body did is noted in `executions.jsonl` at once, so that this resumes too; at the end it goes into the
samples: each pass gets `execution` and the score `pass_rate` (100, 0, or None where nothing could be measured).
"""

from __future__ import annotations

import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from eval.execution.passing import Executed, execute_samples
from eval.execution.sandbox import refusal
from eval.metrics import cut
from eval.protocols import as_infill
from eval.run.recipe import encode_record
from eval.run.records import RunFolder, cut_torn_line, open_folder
from eval.run.running import Plan
from eval.types import Benchmark, Sources, Task
from repocoder.errors import StorageError, UsageError

EXECUTIONS_FILE = "executions.jsonl"
_PERCENT = {"passed": 100.0, "failed": 0.0, "timeout": 0.0}

Key = tuple[str, str]  # task, body
OnDone = Callable[[int, int], None]
"""Tasks executed, tasks in all."""


class Execution(msgspec.Struct, frozen=True):
    """What one body did."""

    task_id: str
    body: str
    status: str  # of `eval.execution.passing.Outcome`
    tests: int
    seconds: float
    reason: str

    @property
    def percent(self) -> float | None:
        return _PERCENT.get(self.status)


@dataclass(frozen=True, slots=True)
class Judged:
    """The tasks of a run by what became of the body of their last pass."""

    counts: Mapping[str, int]  # status -> tasks
    reasons: Mapping[str, int]  # why nothing could be measured, or what went wrong -> tasks


Execute = Callable[[Iterable[tuple[Task, Sequence[str]]], Sources, int], Iterator[Executed]]


def run_bodies(
    samples: Iterable[tuple[Task, Sequence[str]]], sources: Sources, workers: int
) -> Iterator[Executed]:
    """The real thing: the sandbox."""
    return execute_samples(samples, sources, workers=workers)


def check_executable(plan: Plan) -> None:
    """UsageError if there are no unit tests to run, or where code cannot be run safely: before hours of work."""
    if any(task.kind != "function" for task in plan.tasks):
        raise UsageError(
            f"--execute: {plan.config.benchmark}: only function bodies are run: take repoeval-function"
        )
    if why := refusal():
        raise UsageError(why)


def execute(
    plan: Plan, benchmark: Benchmark, workers: int, on_done: OnDone | None = None, run: Execute = run_bodies
) -> Judged:
    """Execute what was not yet. Raises UsageError as `check_executable`, StorageError, LockedError."""
    tasks = {task.id: task for task in plan.tasks}
    with open_folder(plan.out, plan.config, {}, resume=True) as folder:
        notes = plan.out / EXECUTIONS_FILE
        known = _read(notes)
        both = plan.config.context == "both"
        asked = [
            entry
            for entry in _bodies(folder, tasks, both)
            if any((entry[0].id, body) not in known for body in entry[1])
        ]
        _add(notes, run(_announced(asked, on_done), benchmark.sources, workers), asked, known)
        last: dict[str, Execution] = {}
        folder.rewrite(lambda line: _with_executions(line, tasks, both, known, last))
    counts = Counter(one.status for one in last.values())
    reasons = Counter(one.reason for one in last.values() if one.percent is None)
    return Judged(dict(counts), dict(reasons))


def body_of(task: Task, prediction: str, both_sides: bool) -> str:
    """What of a prediction stands in the place of the truth."""
    if not both_sides:
        return cut(task, prediction)
    asked = as_infill(task)  # its prompt ends with the indentation
    return task.truth[: len(task.truth) - len(asked.truth)] + cut(asked, prediction)


def _bodies(folder: RunFolder, tasks: Mapping[str, Task], both: bool) -> Iterator[tuple[Task, list[str]]]:
    """Each sample's task and its bodies, no body twice."""
    with folder.samples_file.open("rb") as lines:
        for line in lines:
            record = json.loads(line)
            task = tasks.get(record["task_id"])
            texts = [one["prediction"] for one in record["passes"] if one["prediction"] is not None]
            if task is not None and texts:
                yield task, list(dict.fromkeys(body_of(task, text, both) for text in texts))


def _announced(
    asked: Sequence[tuple[Task, list[str]]], on_done: OnDone | None
) -> Iterator[tuple[Task, list[str]]]:
    for number, entry in enumerate(asked):
        if on_done is not None:
            on_done(number, len(asked))
        yield entry


def _add(
    notes: Path,
    done: Iterable[Executed],
    asked: Sequence[tuple[Task, list[str]]],
    known: dict[Key, Execution],
) -> None:
    """Note what comes back, in the order in which it was asked for."""
    waiting = deque(asked)
    for executed in done:
        task, bodies = waiting.popleft()
        found = [
            Execution(task.id, body, outcome.status, outcome.tests, outcome.seconds, outcome.reason)
            for body, outcome in zip(bodies, executed.outcomes, strict=True)
        ]
        known |= {(one.task_id, one.body): one for one in found}
        _append(notes, [encode_record(msgspec.to_builtins(one)) for one in found])


def _append(notes: Path, lines: Sequence[bytes]) -> None:
    try:
        with notes.open("ab") as file:
            file.writelines(line + b"\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(f"executions: {notes}: {error.strerror}: check the disk") from error


def _read(notes: Path) -> dict[Key, Execution]:
    """What is known already; an error of the machinery is worth another try."""
    if not notes.exists():
        return {}
    cut_torn_line(notes)
    try:
        found = [msgspec.json.decode(line, type=Execution) for line in notes.read_bytes().splitlines()]
    except msgspec.DecodeError as error:
        raise StorageError(f"executions: {notes}: damaged ({error}): delete it, they run again") from error
    return {(one.task_id, one.body): one for one in found if one.status != "error"}


def _with_executions(
    line: bytes,
    tasks: Mapping[str, Task],
    both: bool,
    known: Mapping[Key, Execution],
    last: dict[str, Execution],
) -> bytes:
    """The record with what its bodies did; `last` gets that of the last pass."""
    record: dict[str, Any] = json.loads(line)
    task = tasks.get(record["task_id"])
    for one in record["passes"] if task is not None else ():
        if one["prediction"] is None or task is None:
            continue
        found = known[task.id, body_of(task, one["prediction"], both)]
        last[task.id] = found
        told = {
            "status": found.status,
            "tests": found.tests,
            "seconds": found.seconds,
            "reason": found.reason,
        }
        one["execution"] = told
        one["scores"]["pass_rate"] = found.percent
        record["scores"] = one["scores"]
    return encode_record(record)
