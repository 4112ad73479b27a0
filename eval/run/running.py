"""One run from its plan to its folder: opens the folder, hands out what is not done, writes what comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.run.crew import Crew
from eval.run.dispatch import Dispatch
from eval.run.memory import PeakMemory
from eval.run.progress import RunProgress
from eval.run.provenance import now, origin_facts
from eval.run.recipe import Recipe
from eval.run.records import RunFolder, open_folder
from eval.run.selection import by_repository
from eval.types import RunConfig, Task
from repocoder.errors import WorkerError

MAX_ERRORS_IN_A_ROW = 25
"""After these the cause is not the tasks: a server that is gone, a disk that is full."""

OpenCrew = Callable[[Recipe], Crew]


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, fully decided."""

    config: RunConfig
    tasks: tuple[Task, ...]  # of this shard
    recipe: Recipe
    out: Path
    resume: bool = False
    retry_errors: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)  # for run.json: notes, workers


@dataclass(frozen=True, slots=True)
class Outline:
    """What came out of it, in counts; the scores are in the folder."""

    tasks: int
    done: int  # all samples of the folder, those of before too
    made: int  # by this call
    errors: int  # of `done`
    seconds: float


def run(
    plan: Plan, open_crew: OpenCrew, *, show_progress: bool, on_stop: Callable[[], None] = lambda: None
) -> Outline:
    """Make all samples of a plan that are not there yet. Raises RepocoderError; what is done stays in the folder.

    `on_stop` is called when the run ends early and has samples, at once, before the workers are ended.
    """
    started = time.monotonic()
    facts = {**origin_facts(), "tasks": len(plan.tasks), **plan.facts}
    with open_folder(plan.out, plan.config, facts, resume=plan.resume) as folder:
        if plan.retry_errors:
            folder.drop_errors()
        todo = tuple(task for task in plan.tasks if task.id not in folder.outcomes)
        if todo:
            progress = RunProgress(len(plan.tasks), len(plan.tasks) - len(todo)) if show_progress else None
            with PeakMemory() as peak:
                _work(plan, todo, open_crew, _Writer(folder, progress, on_stop))
        seconds = time.monotonic() - started
        errors = sum(outcome.error is not None for outcome in folder.outcomes.values())
        if todo:
            folder.describe(
                {
                    "finished": now(),
                    "errors": errors,
                    "seconds": round(_before(folder, "seconds") + seconds, 1),
                    "peak_memory_bytes": max(int(_before(folder, "peak_memory_bytes")), peak.bytes),
                }
            )
        return Outline(len(plan.tasks), len(folder.outcomes), len(todo), errors, seconds)


class _Writer:
    """Writes what comes in, shows it, and notices when nothing works any more."""

    def __init__(self, folder: RunFolder, progress: RunProgress | None, on_stop: Callable[[], None]) -> None:
        self._folder = folder
        self._progress = progress
        self._on_stop = on_stop
        self._errors_in_a_row = 0

    def take(self, lines: list[bytes]) -> None:
        for line in lines:
            outcome = self._folder.add(line)
            self._errors_in_a_row = 0 if outcome.error is None else self._errors_in_a_row + 1
            if self._progress is not None:
                self._progress.add(outcome.repository, is_error=outcome.error is not None)
            if self._errors_in_a_row >= MAX_ERRORS_IN_A_ROW:
                raise WorkerError(
                    f"evaluation: {self._errors_in_a_row} samples in a row failed ({outcome.error}): "
                    "remove the cause, then go on with --resume --retry-errors"
                )
        self._folder.sync_if_due()
        if self._progress is not None:
            self._progress.show()

    def end(self, *, early: bool) -> None:
        """Everything to the disk."""
        self._folder.sync()
        if self._progress is not None:
            self._progress.close()
        if early and self._folder.outcomes:
            self._on_stop()


def _work(plan: Plan, todo: tuple[Task, ...], open_crew: OpenCrew, writer: _Writer) -> None:
    crew = open_crew(plan.recipe)
    try:
        for lines in Dispatch(crew, by_repository(todo), plan.config.method).lines():
            writer.take(lines)
        writer.end(early=False)
        crew.finish()
    except BaseException:
        writer.end(early=True)  # first: after a signal there is little time
        raise
    finally:
        crew.close()


def _before(folder: RunFolder, name: str) -> float:
    """A number that earlier calls left, as far as they came to their end."""
    known = folder.description.get(name, 0.0)
    return float(known) if isinstance(known, int | float) else 0.0
