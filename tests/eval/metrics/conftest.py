"""Tasks by hand, and tasks of the published data, for the tests of the metrics."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.types import Kind, Task

MakeTask = Callable[..., Task]

_REPOEVAL: dict[Kind, str] = {
    "line": "line_level_completion.resampled.test.jsonl.xz",
    "api": "api_level_completion.resampled.test.jsonl.xz",
    "function": "function_level_completion_4k_context_codex.test.jsonl.gz",
}


def _task(truth: str, **fields: object) -> Task:
    values: dict[str, object] = {
        "id": "demo/0",
        "benchmark": "repoeval-line",
        "kind": "line",
        "language": "python",
        "repository": "demo",
        "path": "a.py",
        "prefix": "",
        "suffix": "",
        "line": 1,
        "column": 0,
        "origin": "mined",
    }
    return Task(truth=truth, **(values | fields))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def make_task() -> MakeTask:
    """A task with this truth; every other field may be given."""
    return _task


@pytest.fixture(scope="session")
def published(shared: Path) -> Callable[[str], Iterator[Task]]:
    """The tasks of a benchmark as its file has them: prompt and truth, without the repositories."""

    def tasks(name: str) -> Iterator[Task]:
        family, _, part = name.partition("-")
        if family == "repoeval":
            kind: Kind = "line" if part == "line" else "api" if part == "api" else "function"
            for number, record in enumerate(_records(shared / "repoeval" / "datasets" / _REPOEVAL[kind])):
                prefix = record["prompt"] if record["prompt"].endswith("\n") else record["prompt"] + "\n"
                truth = record["metadata"]["ground_truth"]
                yield _task(truth, id=f"{part}/{number}", benchmark=name, kind=kind, prefix=prefix)
        else:
            for record in _records(shared / "crosscodeeval" / part / "line_completion.jsonl.xz"):
                number = record["metadata"]["official_index"]
                yield _task(
                    record["groundtruth"],
                    id=f"{part}/{number}",
                    benchmark=name,
                    language=part,
                    prefix=record["prompt"],
                    suffix=record["right_context"],
                )

    return tasks


def _records(path: Path) -> Iterator[dict[str, Any]]:
    opened = lzma.open if path.suffix == ".xz" else gzip.open
    with opened(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
