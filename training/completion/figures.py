"""From the outcomes of an evaluation to figures: means, ratios of sums, paired intervals. Pure functions.

Intervals are percentile intervals of the bootstrap (Efron and Tibshirani 1993, chapter 13). Every figure is a function
of sums over tasks, and all sums of one draw are taken over the same tasks: so a ratio of two models is paired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.report.stats import CONFIDENCE, SEED
from repocoder.gate.figures import area_under_curve

RESAMPLES = 4_000
BLOCK = 1 << 21  # counts that are in memory at once: 16 MiB

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval; None where a denominator is zero or nothing was drawn."""

    value: float | None
    low: float | None
    high: float | None

    def as_list(self) -> list[float | None]:
        return [None if one is None else round(one, 5) for one in (self.value, self.low, self.high)]


def figure(
    columns: Mapping[str, Sequence[float]],
    measure: Callable[[Mapping[str, Values]], Values],
    clusters: Sequence[str] | None = None,
) -> Figure:
    """`measure` of the sums of the columns (each of one value a task), with the interval over tasks.

    `measure` gets arrays of sums, one entry a draw, and gives as many values. With `clusters`, one name a task, whole
    clusters are drawn: how far the figure holds for other packages.
    """
    names = list(columns)
    table = np.array([columns[name] for name in names], dtype=np.float64).T.reshape(-1, len(names))
    if not len(table):
        return Figure(None, None, None)
    if clusters is not None:
        table = _summed(table, clusters)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = measure(dict(zip(names, table.sum(axis=0)[:, None], strict=True)))[0]
        drawn = measure(dict(zip(names, resampled_sums(table).T, strict=True)))
    if not np.isfinite(value):
        return Figure(None, None, None)
    drawn = drawn[np.isfinite(drawn)]
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Figure(float(value), float(low), float(high))


def ratio(numerator: str, denominator: str) -> Callable[[Mapping[str, Values]], Values]:
    """The sum of one column by that of another."""
    return lambda sums: sums[numerator] / sums[denominator]


def resampled_sums(table: Values, resamples: int = RESAMPLES, seed: int = SEED) -> Values:
    """Sums (resamples, columns) of as many rows of `table` (rows, columns), drawn with replacement."""
    n = len(table)
    source = np.random.Generator(np.random.PCG64(seed))
    sums = np.empty((resamples, table.shape[1]))
    step = max(1, BLOCK // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = source.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        sums[start : start + rows] = times @ table
    return sums


def area_figure(
    scores: Values, labels: NDArray[np.bool_], other: Values | None = None, *, resamples: int = 1_000
) -> Figure:
    """The area, or with `other` scores of the same rows how much larger it is than theirs; rows are drawn."""
    source = np.random.Generator(np.random.PCG64(SEED))

    def measured(rows: NDArray[np.int64]) -> float:
        area = area_under_curve(scores[rows], labels[rows])
        return area if other is None else area - area_under_curve(other[rows], labels[rows])

    n = len(scores)
    value = measured(np.arange(n))
    if not np.isfinite(value):
        return Figure(None, None, None)
    drawn = np.array([measured(source.integers(0, n, n)) for _ in range(resamples)])
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(drawn[np.isfinite(drawn)], [tail, 100 - tail])
    return Figure(value, float(low), float(high))


def _summed(table: Values, clusters: Sequence[str]) -> Values:
    """One row of sums for each cluster."""
    names, index = np.unique(np.asarray(clusters, dtype=np.str_), return_inverse=True)
    sums = np.zeros((len(names), table.shape[1]))
    np.add.at(sums, index, table)
    return sums
