"""Score anybody's predictions: a file with a line of JSON for each task, `{"task_id": …, "prediction": …}`.

`prediction` is a text, or a list of texts where a task was sampled several times. Other keys are allowed and not read.
"""

from __future__ import annotations

import codecs
import gzip
import json
import lzma
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from eval.metrics import score_samples
from eval.types import Benchmark, Scores, Task
from repocoder.errors import UsageError

_SHAPE = '{"task_id": text, "prediction": text or list of texts}'
_SHOWN = 80  # characters of a foreign text in an error


@dataclass(frozen=True, slots=True)
class RepositoryScores:
    """Means over the scored tasks of one repository."""

    n: int
    scores: Scores


@dataclass(frozen=True, slots=True)
class Scored:
    """What a file of predictions scores. Means are over the tasks for which the score is defined, in percent."""

    benchmark: str
    n: int  # tasks with a prediction; the others are not counted as wrong
    n_tasks: int  # of the benchmark
    samples: int  # the most predictions that one task has; of several the best counts
    scores: Scores
    truth_scores: Scores  # of the truths of these tasks: what the published rules let a perfect model reach
    repositories: dict[str, RepositoryScores]
    tasks: dict[str, Scores]  # by task, in the order of the file


def score_file(path: Path, benchmark: Benchmark) -> Scored:
    """Scores of the predictions in `path` (plain, `.gz` or `.xz`) by the rules of `benchmark`.

    Raises UsageError for a file that cannot be read, has no prediction, or has a line that is malformed, names a task
    that the benchmark does not have, or names a task again.
    """
    by_id = {task.id: task for task in benchmark.tasks}
    lines: dict[str, int] = {}
    scores: dict[str, Scores] = {}
    truths: list[Scores] = []
    samples = 0
    for number, line in _lines(path):
        where = f"{path}:{number}"
        task, predictions = _parsed(line, by_id, benchmark.name, where)
        if task.id in lines:
            raise UsageError(
                f"predictions: {where}: {_shown(task.id)} was already in line {lines[task.id]}: keep one"
            )
        lines[task.id] = number
        samples = max(samples, len(predictions))
        scores[task.id] = score_samples(task, predictions)
        truths.append(score_samples(task, [task.truth]))
    if not scores:
        raise UsageError(f"predictions: {path}: no prediction in it: give lines of {_SHAPE}")
    groups: dict[str, list[Scores]] = {}
    for task_id, of_task in scores.items():
        groups.setdefault(by_id[task_id].repository, []).append(of_task)
    return Scored(
        benchmark=benchmark.name,
        n=len(scores),
        n_tasks=len(benchmark.tasks),
        samples=samples,
        scores=means(scores.values()),
        truth_scores=means(truths),
        repositories={
            name: RepositoryScores(len(some), means(some)) for name, some in sorted(groups.items())
        },
        tasks=scores,
    )


def means(scores: Iterable[Scores]) -> Scores:
    """The mean of each metric over the tasks where it is defined; None where it is defined for none."""
    columns: dict[str, list[float]] = {}
    for of_task in scores:
        for name, value in of_task.items():
            column = columns.setdefault(name, [])
            if value is not None:
                column.append(value)
    return {name: sum(column) / len(column) if column else None for name, column in columns.items()}


def scored_json(scored: Scored) -> dict[str, Any]:
    """`scored` for `--json`: metrics named in full, percent."""
    return {
        "benchmark": scored.benchmark,
        "n": scored.n,
        "n_tasks": scored.n_tasks,
        "samples": scored.samples,
        "scores": scored.scores,
        "truth_scores": scored.truth_scores,
        "repositories": {
            name: {"n": some.n, "scores": some.scores} for name, some in scored.repositories.items()
        },
        "tasks": scored.tasks,
    }


def _parsed(line: bytes, tasks: dict[str, Task], benchmark: str, where: str) -> tuple[Task, list[str]]:
    """The task and the predictions of one line. Raises UsageError."""
    try:
        record: object = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"predictions: {where}: not UTF-8: save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"predictions: {where}: no JSON: give lines of {_SHAPE}") from error
    fields = cast("dict[str, object]", record) if isinstance(record, dict) else {}
    task_id, said = fields.get("task_id"), fields.get("prediction")
    predictions = said if isinstance(said, list) else [said]
    if (
        not isinstance(task_id, str)
        or not predictions
        or not all(isinstance(one, str) for one in predictions)
    ):
        raise UsageError(f"predictions: {where}: not of the form {_SHAPE}: correct the line")
    task = tasks.get(task_id)
    if task is None:
        raise UsageError(
            f"predictions: {where}: {_shown(task_id)} is no task of {benchmark}: check the id and --benchmark"
        )
    return task, cast("list[str]", predictions)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their number from 1. Raises UsageError."""
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, start=1):
                text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                if text.strip():
                    yield number, text
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(
            f"predictions: {path}: damaged or not compressed as its name says: write it again"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"predictions: {path}: {reason}: name a readable file") from error


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.suffix == ".xz":
        return cast("IO[bytes]", lzma.open(path, "rb"))
    return path.open("rb")


def _shown(text: str) -> str:
    """A text of the file as ASCII in quotes, shortened."""
    return ascii(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
