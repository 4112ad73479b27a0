"""How well a gate decides: areas, Brier scores, thresholds, intervals. Pure functions on arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

NEARLY_BEST = 0.1  # points of edit similarity that may be lost for retrieving less often
RESAMPLES = 1000
CONFIDENCE = 0.95
SEED = 20231206  # any number, but always the same

Values = NDArray[np.float64]


def area_under_curve(scores: Values, labels: NDArray[np.bool_]) -> float:
    """Of the receiver operating characteristic: how often a positive scores above a negative, ties half (Hanley and
    McNeil 1982). NaN where one of the classes is empty.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    values, inverse = np.unique(scores, return_inverse=True)
    means = np.bincount(inverse, weights=ranks) / np.bincount(inverse)
    total = float(means[inverse][labels].sum()) if len(values) else 0.0
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def choose_threshold(scores: Values, gains: Values) -> float:
    """The highest threshold whose mean edit similarity is within `NEARLY_BEST` points of the best one's.

    `gains`: what retrieval adds to the similarity of each hole, in points; it is lost where the score is lower.
    """
    order = np.argsort(-scores, kind="stable")
    kept = np.concatenate([[0.0], np.cumsum(gains[order])]) / len(gains)
    enough = np.flatnonzero(kept >= kept.max() - NEARLY_BEST)
    count = int(enough[0])
    if count == 0:
        return 1.0
    return round(float(scores[order[count - 1]]), 4)


def interval(
    measure: Callable[[NDArray[np.int64]], float], clusters: NDArray[np.int64]
) -> tuple[float, float, float]:
    """A figure with its 95 % percentile interval (Efron and Tibshirani 1993), drawing whole clusters.

    `measure` takes numbers of rows; `clusters` (n,) says to which cluster, 0 and up, each row belongs. NaN where
    there is no figure.
    """
    value = measure(np.arange(len(clusters)))
    if not np.isfinite(value):
        return (float("nan"),) * 3
    rows = [np.flatnonzero(clusters == number) for number in range(int(clusters.max()) + 1)]
    source = np.random.Generator(np.random.PCG64(SEED))
    drawn = np.array(
        [
            measure(np.concatenate([rows[number] for number in source.integers(0, len(rows), len(rows))]))
            for _ in range(RESAMPLES)
        ]
    )
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(drawn[np.isfinite(drawn)], [tail, 100 - tail])
    return float(value), float(low), float(high)
