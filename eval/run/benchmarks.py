"""Which benchmark a name means: a published one, or a file of tasks that were mined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

from eval.datasets import NAMES, load
from eval.run.planning import check_name
from eval.types import Benchmark, Kind

MINED_SUFFIX = ".jsonl"


def open_benchmark(name: str, data: Path | None) -> Benchmark:
    """A published benchmark from the copy in `data`, or the tasks in a file that `eval mine` wrote.

    For mined tasks `data` is where their repository is now, if it was moved. Raises UsageError, StorageError.
    """
    if name.endswith(MINED_SUFFIX):
        from eval.mining import read_tasks

        return read_tasks(Path(name), data)
    return load(check_name("benchmark", name, NAMES), data)


def by_kind(benchmark: Benchmark) -> list[Benchmark]:
    """Mined tasks as one benchmark for each kind that there is: their scores are of different things."""
    found = []
    for kind in get_args(Kind):
        name = f"{benchmark.name}-{kind}"
        tasks = tuple(replace(task, benchmark=name) for task in benchmark.tasks if task.kind == kind)
        if tasks:
            found.append(replace(benchmark, name=name, tasks=tasks))
    return found
