"""Means with their intervals: one run in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.report.scores import RunScores
from eval.report.stats import bootstrap_interval, cluster_interval, means_of_clusters


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `n` tasks, in the metric's unit, with 95 % bootstrap intervals."""

    mean: float
    low: float  # drawing tasks
    high: float
    n: int  # tasks for which the metric is defined
    low_by_repository: float | None = None  # drawing whole repositories; None if there is one only
    high_by_repository: float | None = None


@dataclass(frozen=True, slots=True)
class PassSummary:
    """The metrics after one pass."""

    number: int  # 1-based
    metrics: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class Results:
    """A run and its summary: from a run folder, or from the results that are kept."""

    run: RunScores
    passes: tuple[PassSummary, ...]

    @property
    def last(self) -> PassSummary | None:
        return self.passes[-1] if self.passes else None


def summarise(run: RunScores) -> Results:
    """The means and intervals of a run."""
    return Results(run=run, passes=tuple(_pass(run, number) for number in range(1, len(run.passes) + 1)))


def by_repository(run: RunScores, number: int = 0) -> dict[str, dict[str, tuple[float, int]]]:
    """Repository -> metric -> (mean, tasks) after pass `number` (0: the last)."""
    found: dict[str, dict[str, tuple[float, int]]] = {name: {} for name in sorted(set(run.repositories))}
    names = np.asarray(run.repositories, dtype=np.str_)
    for metric in sorted(run.metrics):
        column = run.column(metric, number)
        defined = ~np.isnan(column)
        for repository, mean in means_of_clusters(column[defined], names[defined]).items():
            found[repository][metric] = mean
    return found


def _pass(run: RunScores, number: int) -> PassSummary:
    names = np.asarray(run.repositories, dtype=np.str_)
    metrics: dict[str, Estimate] = {}
    for metric, column in sorted(run.passes[number - 1].items()):
        defined = ~np.isnan(column)
        values = column[defined]
        low, high = bootstrap_interval(values)
        clustered = cluster_interval(values, names[defined]) or (None, None)
        metrics[metric] = Estimate(
            mean=float(values.mean()),
            low=low,
            high=high,
            n=len(values),
            low_by_repository=clustered[0],
            high_by_repository=clustered[1],
        )
    return PassSummary(number=number, metrics=metrics)
