"""Plans over made-up tasks, with a sampler that needs no model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.run.recipe import Recipe
from eval.run.running import Plan
from eval.types import RunConfig, Task

HERE = Path(__file__).parent

MakePlan = Callable[..., Plan]


def task_of(repository: str, number: int, prefix: str = "x = ") -> Task:
    return Task(
        id=f"{repository}/{number}",
        benchmark="repoeval-line",
        kind="line",
        language="python",
        repository=repository,
        path=f"pkg/module_{number}.py",
        prefix=prefix,
        truth=f"value_{number}",
        suffix="",
        line=1,
        column=len(prefix),
        origin="resampled",
    )


def tasks_of(**sizes: int) -> tuple[Task, ...]:
    """Tasks of repositories of these sizes, in turns as published lists may be."""
    tasks = [task_of(name, number) for name, size in sizes.items() for number in range(size)]
    return tuple(sorted(tasks, key=lambda task: (int(task.id.rpartition("/")[2]), task.repository)))


@pytest.fixture(scope="session")
def make_task() -> Callable[..., Task]:
    return task_of


@pytest.fixture(scope="session")
def make_tasks() -> Callable[..., tuple[Task, ...]]:
    return tasks_of


@pytest.fixture(scope="session")
def read_records() -> Callable[[Path], list[dict[str, Any]]]:
    """The records of a run's folder."""
    return lambda folder: [json.loads(line) for line in (folder / "samples.jsonl").read_bytes().splitlines()]


@pytest.fixture
def make_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePlan:
    """A plan whose workers open `slow_sampler`; they find it as this process's environment says."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))

    def make(
        tasks: tuple[Task, ...],
        *,
        out: str = "run",
        delay_s: float = 0.0,
        place: str = "slow_sampler:open_slow",
        config: RunConfig | None = None,
        **rest: Any,
    ) -> Plan:
        arguments = {"delay_s": delay_s, "notes": str(tmp_path / "notes.txt")}
        return Plan(
            config=config or RunConfig("repoeval-line", "in-file"),
            tasks=tasks,
            recipe=Recipe(place, arguments, "in-file"),
            out=tmp_path / out,
            **rest,
        )

    return make
