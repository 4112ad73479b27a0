"""Means with their intervals: one run in numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.report.scores import RunScores
from eval.report.stats import bootstrap_intervals, cluster_intervals, means_of_clusters


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
    names = np.asarray(run.repositories, dtype=np.str_)
    metrics: list[dict[str, Estimate]] = [{} for _ in run.passes]
    for defined, members in _by_tasks(run):
        values = np.stack([run.passes[place][metric][defined] for place, metric in members], axis=1)
        by_task = bootstrap_intervals(values)
        by_cluster = cluster_intervals(values, names[defined])
        for column, (place, metric) in enumerate(members):
            metrics[place][metric] = Estimate(
                mean=float(values[:, column].mean()),
                low=by_task[column][0],
                high=by_task[column][1],
                n=len(values),
                low_by_repository=by_cluster[column][0] if by_cluster else None,
                high_by_repository=by_cluster[column][1] if by_cluster else None,
            )
    passes = (
        PassSummary(number=number, metrics=dict(sorted(found.items())))
        for number, found in enumerate(metrics, 1)
    )
    return Results(run=run, passes=tuple(passes))


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


def _by_tasks(run: RunScores) -> Iterable[tuple[NDArray[np.bool_], list[tuple[int, str]]]]:
    """(tasks, (place of the pass, metric) …): the columns that are defined for the same tasks share their draws."""
    groups: dict[bytes, tuple[NDArray[np.bool_], list[tuple[int, str]]]] = {}
    for place, columns in enumerate(run.passes):
        for metric, column in columns.items():
            defined = ~np.isnan(column)
            groups.setdefault(defined.tobytes(), (defined, []))[1].append((place, metric))
    return groups.values()
