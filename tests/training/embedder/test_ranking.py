"""Ranks and their means."""

from __future__ import annotations

import numpy as np
import pytest

from training.embedder.ranking import interval, mrr, ranks_of


def test_ranks_count_what_is_better_and_share_ties() -> None:
    scores = np.array([[3, 1, 2], [0, 0, 0], [1, 5, 5], [-np.inf, 2, -np.inf]], dtype=np.float32)
    ranks = ranks_of(scores, np.array([0, 1, 1, 1]))
    assert ranks.tolist() == [1.0, 2.0, 1.5, 1.0]
    assert mrr(np.array([1.0, 2.0, 4.0])) == pytest.approx(7 / 12)


def test_the_interval_holds_the_mean_and_shrinks() -> None:
    values = np.random.default_rng(1).random(400)
    low, high = interval(values)
    assert low < values.mean() < high
    short_low, short_high = interval(values[:40])
    assert short_high - short_low > high - low
    assert interval(values) == (low, high)
