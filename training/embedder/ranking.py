"""Ranks, their mean reciprocal, and how sure it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000


def ranks_of(scores: NDArray[np.float32], wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """The rank of each query's wanted column, 1 the best; among equals the middle one.

    `scores`: (n_queries, n_pool). `wanted`: (n_queries,). Shape (n_queries,) float64.
    """
    own = np.take_along_axis(scores, wanted[:, None], axis=1)
    better = (scores > own).sum(axis=1)
    equal = (scores == own).sum(axis=1) - 1
    return np.asarray(1.0 + better + equal / 2.0, dtype=np.float64)


def mrr(ranks: NDArray[np.float64]) -> float:
    """Mean of 1 / rank."""
    return float(np.mean(1.0 / ranks))


def interval(values: NDArray[np.float64], seed: int = 5) -> tuple[float, float]:
    """95 % of the means of bootstrap resamples lie between the two."""
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
