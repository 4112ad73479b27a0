"""The scores of a whole run as columns: what every table, test and plot is made of.

Scores are rounded to `DECIMALS` when they are read, so that a table made from a run folder and one made from the
results that are kept in the repository are the same to the last digit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.report.catalogue import TRUTH_NATS
from eval.report.samples import RunInfo, Sample, SamplePass, read_run, read_samples
from eval.types import RunConfig
from repocoder.errors import UsageError

DECIMALS = 4  # of a percentage; a mean of rounded scores is within 0.00005 of the exact one
Columns = dict[str, NDArray[np.float64]]  # metric -> (n_tasks,), NaN where it is not defined


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one stage, over the samples that have it."""

    mean: float
    p50: float
    p95: float
    n: int


@dataclass(frozen=True, slots=True)
class RunScores:
    """What one run scored. All columns and tuples of tasks have the same length and order, that of the tasks' names.

    Pass k is the state after at most k passes: a sample that stopped earlier keeps its last scores.
    """

    info: RunInfo
    tasks: tuple[str, ...]
    repositories: tuple[str, ...]
    passes: tuple[Columns, ...]
    gate_retrieve: NDArray[np.float64]  # 1 or 0, NaN where no gate was asked
    gate_score: NDArray[np.float64]
    failed: dict[str, str] = field(default_factory=dict)  # task -> its error; NaN in every column
    timings: dict[str, Timing] = field(default_factory=dict)
    sources: dict[str, int] = field(
        default_factory=dict
    )  # channel -> snippets it brought into the last prompts
    origins: dict[str, int] = field(default_factory=dict)  # official, restored, resampled, … -> tasks

    @property
    def config(self) -> RunConfig:
        return self.info.config

    @property
    def metrics(self) -> set[str]:
        return {name for columns in self.passes for name in columns}

    def column(self, metric: str, number: int = 0) -> NDArray[np.float64]:
        """Scores after pass `number` (1-based; 0: the last). NaN where not defined."""
        missing = np.full(len(self.tasks), np.nan)
        return self.passes[number - 1].get(metric, missing) if self.passes else missing


@dataclass(frozen=True, slots=True)
class _Row:
    """What is kept of one sample."""

    repository: str
    passes: list[dict[str, float | None]]
    gate: tuple[float, float]  # retrieve, score
    error: str | None


def scores_of(folder: Path) -> RunScores:
    """The scores of a run folder. Raises UsageError if a sample is wrong, or there twice."""
    return collect(read_run(folder), read_samples(folder), str(folder))


def collect(info: RunInfo, samples: Iterable[Sample], place: str) -> RunScores:
    """Samples as columns, sorted by task, so that nothing depends on the order of the file; errors name `place`."""
    rows: dict[str, _Row] = {}
    timings: dict[str, list[float]] = {}
    sources: Counter[str] = Counter()
    origins: Counter[str] = Counter()
    for sample in samples:
        if sample.task_id in rows:
            raise UsageError(
                f"samples: {place}: task {sample.task_id} is there twice: merge the folder first"
            )
        passes = [] if sample.error is not None else [scores_of_pass(entry) for entry in sample.passes]
        gate = (float(sample.gate.retrieve), sample.gate.score) if sample.gate else (np.nan, np.nan)
        rows[sample.task_id] = _Row(sample.repository, passes, gate, sample.error)
        origins[sample.origin] += 1
        if sample.error is None:
            for stage, value in sample.timings.items():
                if value is not None:
                    timings.setdefault(stage, []).append(value)
            shown = (hit for hit in sample.passes[-1].hits if hit.in_prompt)
            sources.update(name for hit in shown for name in {item.source for item in hit.evidence})
    tasks = sorted(rows)
    ordered = [rows[task] for task in tasks]
    gates = np.asarray([row.gate for row in ordered], dtype=np.float64).reshape(len(ordered), 2)
    return RunScores(
        info=info,
        tasks=tuple(tasks),
        repositories=tuple(row.repository for row in ordered),
        passes=_columns([row.passes for row in ordered]),
        gate_retrieve=gates[:, 0],
        gate_score=np.round(gates[:, 1], DECIMALS),
        failed={task: row.error for task, row in zip(tasks, ordered, strict=True) if row.error is not None},
        timings={stage: _timing(values) for stage, values in sorted(timings.items())},
        sources=dict(sorted(sources.items())),
        origins=dict(sorted(origins.items())),
    )


def scores_of_pass(entry: SamplePass) -> dict[str, float | None]:
    """The scores of a pass, and what follows from its counts: tokens of prompt and context, likelihood of the truth."""
    scores = dict(entry.scores)
    scores.setdefault("context_tokens", entry.context_tokens)
    scores.setdefault("prompt_tokens", entry.prompt_tokens or None)  # 0: no model, no prompt
    if entry.truth_log_likelihood is not None and entry.truth_tokens:
        scores.setdefault(TRUTH_NATS, -entry.truth_log_likelihood / entry.truth_tokens)
    return {name: value for name, value in scores.items() if value is not None}


def _columns(rows: list[list[dict[str, float | None]]]) -> tuple[Columns, ...]:
    most = max((len(row) for row in rows), default=0)
    names = sorted({name for row in rows for scores in row for name in scores})
    passes: list[Columns] = []
    for number in range(most):
        columns = {name: np.full(len(rows), np.nan) for name in names}
        for place, row in enumerate(rows):
            if row:
                for name, value in row[min(number, len(row) - 1)].items():
                    columns[name][place] = np.nan if value is None else round(value, DECIMALS)
        passes.append({name: column for name, column in columns.items() if not np.isnan(column).all()})
    return tuple(passes)


def _timing(values: list[float]) -> Timing:
    p50, p95 = np.percentile(values, [50, 95])
    return Timing(mean=float(np.mean(values)), p50=float(p50), p95=float(p95), n=len(values))
