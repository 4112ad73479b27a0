"""Intervals and paired tests. Pure functions on arrays; nothing here knows of runs or metrics.

Random numbers are taken from the raw stream of PCG64, which numpy promises never to change, so that an interval and
a p-value are the same on every machine.

Sources: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 (percentile interval) and 15
(permutation); McNemar (1947), the exact binomial form; Holm (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Clusters = Sequence[str] | NDArray[np.str_]  # one name for each value

RESAMPLES = 10_000  # the ends of a 95 % interval then move by about 0.03 standard errors with the seed
SEED = 20231206  # any number, but always the same
CONFIDENCE = 0.95
BLOCK = 1 << 18  # random numbers held at once: 2 MB of indices, what a processor's cache holds
ALL_SIGNS = 13  # up to so many differences all 2^n sign patterns are tried: fewer than RESAMPLES
ROUNDING = 1e-9  # sums that differ by less are equal: the order of additions must not decide


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of the pairs got better, worse, or stayed; counts."""

    helped: int
    harmed: int
    same: int

    @property
    def total(self) -> int:
        return self.helped + self.harmed + self.same


def _random_below(limit: int, count: int, source: np.random.PCG64) -> NDArray[np.int64]:
    """`count` integers, 0 <= x < limit; the bias is below limit / 2^32."""
    words = np.asarray(source.random_raw((count + 1) // 2), dtype="<u8").view("<u4")[:count]
    return ((words.astype(np.uint64) * np.uint64(limit)) >> np.uint64(32)).astype(np.int64)


def bootstrap_interval(values: Values, resamples: int = RESAMPLES, seed: int = SEED) -> tuple[float, float]:
    """95 % percentile interval of the mean, drawing single values with replacement."""
    return bootstrap_intervals(values[:, None], resamples, seed)[0]


def bootstrap_intervals(
    columns: Values, resamples: int = RESAMPLES, seed: int = SEED
) -> list[tuple[float, float]]:
    """The same for each column of (n_values, n_columns), all from the same draws: the draws are what takes time."""
    if not len(columns):
        raise ValueError("no values, no interval")
    return _intervals(columns, columns, np.ones(len(columns)), resamples, seed)


def cluster_intervals(
    columns: Values, clusters: Clusters, resamples: int = RESAMPLES, seed: int = SEED
) -> list[tuple[float, float]] | None:
    """95 % percentile intervals of the means of columns, drawing whole clusters; None if there is only one.

    Tasks of one repository are alike; this interval says how far the mean holds for *other repositories*. With four
    repositories it is rough: there are only 35 different draws.
    """
    names, index = np.unique(np.asarray(clusters, dtype=np.str_), return_inverse=True)
    if len(names) < 2:
        return None
    sums = np.zeros((len(names), columns.shape[1]))
    np.add.at(sums, index, columns)
    return _intervals(columns, sums, np.bincount(index).astype(np.float64), resamples, seed)


def _intervals(
    columns: Values, sums: Values, counts: Values, resamples: int, seed: int
) -> list[tuple[float, float]]:
    """Intervals of `sum of drawn sums / sum of drawn counts`; a row of `sums` is one unit that is drawn."""
    n = len(sums)
    source = np.random.PCG64(seed)
    means = np.empty((resamples, columns.shape[1]))
    step = max(1, BLOCK // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = _random_below(n, rows * n, source).reshape(rows, n) + n * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)
        means[start : start + rows] = (times @ sums) / (times @ counts)[
            :, None
        ]  # times: how often each is drawn
    return [
        (float(column[0]), float(column[0])) if np.all(column == column[0]) else _percentiles(drawn_means)
        for column, drawn_means in zip(columns.T, means.T, strict=True)
    ]  # sums of equal numbers would differ in the last digit


def _percentiles(means: Values) -> tuple[float, float]:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value: that many pairs were right in one of two runs only."""
    n, fewer = only_first + only_second, min(only_first, only_second)
    ways, term = 0, 1
    for k in range(fewer + 1):  # whole numbers: no rounding, whatever the count
        ways += term
        term = term * (n - k) // (k + 1)
    return min(1.0, 2 * ways / (1 << n))


def sign_flip(differences: Values, resamples: int = RESAMPLES, seed: int = SEED) -> float:
    """Two-sided p-value of the paired permutation test: the sign of each difference is as likely + as -.

    All patterns are tried where there are few differences; else as many random ones, and the observed one counts.
    """
    moved = differences[differences != 0]  # a zero has no sign: it changes no sum
    n = len(moved)
    if n == 0:
        return 1.0
    reach = abs(float(moved.sum())) - ROUNDING * float(np.abs(moved).sum())
    if n <= ALL_SIGNS:
        patterns = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1
        sums = np.abs((1.0 - 2.0 * patterns) @ moved)
        return float(np.count_nonzero(sums >= reach)) / (1 << n)
    source = np.random.PCG64(seed)
    extreme, total = 0, float(moved.sum())
    width = (n + 63) // 64  # words of 64 signs for each pattern
    step = max(1, BLOCK // (64 * width))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        words = np.asarray(source.random_raw(rows * width), dtype="<u8").reshape(rows, width)
        flipped = np.unpackbits(words.view(np.uint8), axis=1)[:, :n].astype(np.float64) @ moved
        extreme += int(np.count_nonzero(np.abs(total - 2 * flipped) >= reach))
    return (extreme + 1) / (resamples + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: the smallest times m, the next times m - 1, …, never falling."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def shares(differences: Values) -> Shares:
    """Positive differences helped."""
    helped, harmed = int(np.count_nonzero(differences > 0)), int(np.count_nonzero(differences < 0))
    return Shares(helped=helped, harmed=harmed, same=len(differences) - helped - harmed)


def is_binary(*columns: Values) -> bool:
    """Is every value 0 or 100, right or wrong?"""
    return all(bool(np.all((column == 0) | (column == 100))) for column in columns)


def means_of_clusters(values: Values, clusters: Clusters) -> dict[str, tuple[float, int]]:
    """Cluster -> (mean, count), in the order of their names."""
    names, index = np.unique(np.asarray(clusters, dtype=np.str_), return_inverse=True)
    sums = np.bincount(index, weights=values, minlength=len(names))
    counts = np.bincount(index, minlength=len(names))
    return {str(name): (float(sums[i] / counts[i]), int(counts[i])) for i, name in enumerate(names)}
