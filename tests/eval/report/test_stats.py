"""Intervals and tests beside scipy and beside the same thing said plainly."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.report.stats import (
    ALL_SIGNS,
    bootstrap_interval,
    bootstrap_intervals,
    cluster_intervals,
    holm,
    is_binary,
    mcnemar,
    means_of_clusters,
    shares,
    sign_flip,
)

scipy_stats = pytest.importorskip("scipy.stats")


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_the_exact_binomial_test(first: int, second: int) -> None:
    expected = scipy_stats.binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_thousands_does_not_overflow() -> None:
    assert mcnemar(4000, 4200) == pytest.approx(scipy_stats.binomtest(4000, 8200).pvalue, rel=1e-9)
    assert mcnemar(0, 5000) == 2 / 2**5000


@given(st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=9))
def test_few_differences_are_flipped_in_every_way(values: list[float]) -> None:
    total = abs(sum(values))
    patterns = itertools.product((1, -1), repeat=len(values))
    sums = [abs(sum(sign * value for sign, value in zip(signs, values, strict=True))) for signs in patterns]
    expected = sum(one >= total - 1e-9 for one in sums) / len(sums)
    assert sign_flip(np.array(values)) == pytest.approx(expected)


def test_many_differences_agree_with_scipy() -> None:
    generator = np.random.default_rng(7)
    for shift in (0.0, 0.1, 0.2):
        values = generator.normal(shift, 1.0, 300)
        expected = scipy_stats.permutation_test(
            (values,),
            np.mean,
            permutation_type="samples",
            n_resamples=20_000,
            rng=np.random.default_rng(1),
        ).pvalue
        assert sign_flip(values) == pytest.approx(expected, abs=0.02)


@given(st.lists(st.floats(-100, 100), min_size=ALL_SIGNS + 1, max_size=30))
@settings(max_examples=20)
def test_p_is_the_same_for_both_directions(values: list[float]) -> None:
    column = np.array(values)
    assert sign_flip(column) == sign_flip(-column)
    assert 0 < sign_flip(column) <= 1
    assert sign_flip(np.concatenate([column, np.zeros(9)])) == sign_flip(column)


def test_bootstrap_agrees_with_scipy_and_with_the_standard_error() -> None:
    values = np.random.default_rng(3).exponential(30.0, 250)
    low, high = bootstrap_interval(values)
    expected = scipy_stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    error = values.std() / math.sqrt(len(values))
    assert low == pytest.approx(expected.low, abs=0.1 * error)
    assert high == pytest.approx(expected.high, abs=0.1 * error)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_bootstrap_covers_the_truth_about_nineteen_times_of_twenty() -> None:
    generator = np.random.default_rng(11)
    covered = 0
    for _ in range(100):
        low, high = bootstrap_interval(100.0 * (generator.random(150) < 0.3), resamples=400)
        covered += low <= 30 <= high
    assert 88 <= covered <= 100


def test_columns_share_draws_and_nothing_else() -> None:
    columns = np.random.default_rng(4).random((80, 3))
    together = bootstrap_intervals(columns)
    assert together == [pytest.approx(bootstrap_interval(columns[:, place])) for place in range(3)]
    assert bootstrap_interval(columns[:, 0]) == bootstrap_interval(columns[:, 0])
    assert bootstrap_interval(columns[:, 0], seed=5) != bootstrap_interval(columns[:, 0])


def test_equal_values_have_no_width() -> None:
    third = np.full(7, 100 / 3)
    assert bootstrap_interval(third) == (100 / 3, 100 / 3)
    assert cluster_intervals(third[:, None], ["a", "b"] * 3 + ["a"]) == [(100 / 3, 100 / 3)]


def test_clusters_are_drawn_as_wholes() -> None:
    """Two clusters of 0 and of 100: a draw is all of one (a quarter each) or both; sizes weigh."""
    values = np.array([0.0] * 30 + [100.0] * 10)
    clusters = ["a"] * 30 + ["b"] * 10
    assert cluster_intervals(values[:, None], clusters) == [(0.0, 100.0)]
    assert cluster_intervals(values[:, None], ["a"] * 40) is None
    many = np.random.default_rng(1).random(300)
    alone = [str(place) for place in range(300)]
    (by_cluster,) = cluster_intervals(many[:, None], alone) or []
    assert by_cluster == pytest.approx(bootstrap_interval(many), abs=0.01)


def test_no_values_no_interval() -> None:
    with pytest.raises(ValueError, match="no values"):
        bootstrap_interval(np.array([]))


def test_holm_by_hand() -> None:
    """Holm (1979): sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_between_the_raw_value_and_bonferroni(p_values: list[float]) -> None:
    for raw, adjusted in zip(p_values, holm(p_values), strict=True):
        assert raw <= adjusted <= min(1.0, raw * len(p_values)) + 1e-12


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), min_size=1, max_size=40))
def test_means_of_clusters_restated(pairs: list[tuple[str, float]]) -> None:
    found = means_of_clusters(np.array([value for _, value in pairs]), [name for name, _ in pairs])
    for name in {name for name, _ in pairs}:
        members = [value for other, value in pairs if other == name]
        assert found[name] == (pytest.approx(sum(members) / len(members)), len(members))


def test_shares_and_kinds() -> None:
    counted = shares(np.array([1.0, -1.0, 0.0, 2.0]))
    assert (counted.helped, counted.harmed, counted.same, counted.total) == (2, 1, 1, 4)
    assert is_binary(np.array([0.0, 100.0]), np.array([100.0]))
    assert not is_binary(np.array([0.0, 50.0]))
