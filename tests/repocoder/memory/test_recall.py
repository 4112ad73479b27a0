"""What the experts foretell, how it is mixed with the model, and how the weights are found."""

from __future__ import annotations

import math

import numpy as np
import pytest

from repocoder.memory.calibration import default_weights, fit, mean_nats, mixture, unpack
from repocoder.memory.mixing import EXPERTS, FEATURES, Weights, features, mixed, shares_of, view_of
from repocoder.memory.recall import NEAR_WEIGHT, Forecast, Part, forecast, inside
from repocoder.memory.suffixes import Suffixes

END = 20  # stands between texts
TEXT = [END, 1, 2, 3, 4, END, 1, 2, 3, 4, END, 1, 2, 3, 5, END, 9, 2, 3, 6, END]
#        0   1  2  3  4   5   6  7  8  9  10  11 12 13 14  15  16 17 18 19  20


def part(**given: list[int]) -> Part:
    bounds = {name: np.array(value, np.int64) for name, value in given.items()}
    return Part(Suffixes.of(TEXT, END), end=END, **bounds)


def test_the_longest_context_leads_and_a_shorter_one_has_the_rest() -> None:
    found = forecast((part(),), [7, 1, 2, 3])
    assert found is not None
    assert found.token_ids[0] == 4
    assert (found.length, found.count) == (3, 3)
    assert sum(found.shares) == pytest.approx(1)
    assert found.shares[0] == pytest.approx(2 / 3)
    assert TEXT[found.place] == 4


def test_an_unknown_context_foretells_nothing() -> None:
    assert forecast((part(),), [7, 8]) is None
    assert forecast((part(),), [3]) is None  # after one token the model knows more
    assert forecast((), [1, 2, 3]) is None


def test_banned_places_teach_nothing_and_near_ones_count_more() -> None:
    without = forecast((part(banned=[1, 10]),), [1, 2, 3])
    assert without is not None
    assert without.token_ids == (5,)
    assert forecast((part(banned=[0, 21]),), [1, 2, 3]) is None
    near = forecast((part(near=[11, 15]),), [1, 2, 3])
    assert near is not None
    assert near.token_ids[0] == 5
    assert near.count == 2 + NEAR_WEIGHT


def test_several_parts_count_together() -> None:
    other = Part(Suffixes.of([END, 1, 2, 3, 5, END, 1, 2, 3, 5, END], END), end=END)
    found = forecast((part(), other), [1, 2, 3])
    assert found is not None
    assert dict(zip(found.token_ids, found.shares, strict=True))[5] == pytest.approx(3 / 5)
    assert (found.part, TEXT[:0]) == (1, [])


def test_the_end_of_a_text_is_not_foretold() -> None:
    assert forecast((part(),), [2, 3, 4]) is None
    found = forecast((part(banned=[1, 15]),), [2, 3])
    assert found is not None
    assert found.token_ids == (6,)


def test_inside() -> None:
    bounds = np.array([2, 4, 7, 9])
    places = np.arange(11)
    assert places[inside(bounds, places)].tolist() == [2, 3, 7, 8]


def test_the_mixture_is_a_distribution_that_the_weights_shift() -> None:
    logits = np.array([0.0, 1.0, 2.0, 3.0, -1.0], np.float32)
    view = view_of(logits, [0])
    assert view.probabilities.sum() == pytest.approx(1)
    assert view.entropy == pytest.approx(-(view.probabilities * np.log(view.probabilities)).sum(), rel=1e-5)
    assert view.end == pytest.approx(float(view.probabilities[0]))
    said = Forecast((1, 2), (0.75, 0.25), 4, 4, 0, 0)
    for trust in (-30.0, 0.0, 30.0):
        weights = Weights({name: [trust, *[0.0] * (len(FEATURES) - 1)] for name in EXPERTS})
        both, shares = mixed(weights, view, [said, None])
        assert both.sum() == pytest.approx(1, abs=1e-5)
        assert shares[1] == 0
        assert shares[0] == pytest.approx(1 / (1 + math.exp(-trust)))
        assert both[1] == pytest.approx((1 - shares[0]) * view.probabilities[1] + shares[0] * 0.75, abs=1e-6)


def test_features_have_their_names() -> None:
    view = view_of(np.zeros(5, np.float32), [])
    said = Forecast((1,), (1.0,), 6, 3, 0, 0)
    named = dict(zip(FEATURES, features(view, said, said), strict=True))
    assert named["length>=6"] == 1
    assert named["length>=8"] == 0
    assert named["unanimous"] == named["agrees with the other expert"] == 1


def test_the_fit_trusts_who_is_right() -> None:
    """One expert is right where it is unanimous and wrong elsewhere; the other is always wrong."""
    random = np.random.default_rng(0)
    rows = []
    unanimous = FEATURES.index("unanimous")
    for _ in range(800):
        sure = random.random() < 0.5
        given = [0.0] * len(FEATURES)
        given[0], given[unanimous] = 1.0, float(sure)
        truth = float(random.random() < 0.9) if sure else float(random.random() < 0.05)
        rows.append([0.3, truth, *given, 0.0, 1.0, *[0.0] * (len(FEATURES) - 1)])
    found = fit(rows, "a test")
    own, truths, table = unpack(rows)
    assert found.mixed == pytest.approx(mean_nats(mixture(found.weights, own, truths, table)))
    assert found.mixed < 0.75 * found.alone
    view = view_of(np.zeros(5, np.float32), [])
    sure = Forecast((1,), (1.0,), 2, 2, 0, 0)
    unsure = Forecast((1, 2), (0.5, 0.5), 2, 2, 0, 0)
    assert shares_of(found.weights, view, [sure, None])[1][0] > 0.6
    assert shares_of(found.weights, view, [unsure, None])[1][0] < 0.3
    assert shares_of(found.weights, view, [None, unsure])[1][1] < 0.2
    with pytest.raises(ValueError, match="no tokens"):
        fit([])


def test_the_weights_of_the_package_fit_the_features() -> None:
    weights = default_weights()
    assert weights.features == list(FEATURES)
    assert set(weights.experts) == set(EXPERTS)
    assert all(len(row) == len(FEATURES) for row in weights.experts.values())
    assert weights.fitted_on
