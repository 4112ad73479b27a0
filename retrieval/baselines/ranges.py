"""Arithmetic of many ranges at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def spread(starts: Ints, lengths: Ints) -> Ints:
    """start, start + 1… start + length - 1 of each range, one range after the other."""
    total = int(lengths.sum())
    places: Ints = np.arange(total) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    return places


def ascending(values: Ints) -> Ints:
    """The distinct values in ascending order. `values` is sorted in place: for large arrays `np.unique` takes several
    times as long.
    """
    values.sort()
    distinct: Ints = values[np.concatenate([values[:1] == values[:1], values[1:] != values[:-1]])]
    return distinct
