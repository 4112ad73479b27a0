"""Weights from labels: what can be learnt is learnt and kept, what cannot is refused; no hole judges itself."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from repocoder.errors import UsageError
from repocoder.gate.calibration import weigh
from repocoder.gate.figures import interval
from repocoder.gate.fitting import FOLDS, _folds, out_of_sample, table_of, why_refused
from repocoder.gate.labels import Label
from repocoder.gate.logistic import fit
from repocoder.gate.weights import Made
from repocoder.types import ModelInfo

MakeLabel = Callable[..., Label]
MADE = Made(["shop"], [""], 0, 0, "2026-01-01", 0.0)
MODEL = ModelInfo("fake", "0" * 64)


def labels(make_label: MakeLabel, count: int, *, told: float) -> list[Label]:
    """A third is helped; `told` of 1 makes the feature say which, 0 nothing."""
    chance = np.random.default_rng(1)
    made = []
    for number in range(count):
        helped = bool(chance.random() < 0.33)
        similar = told * (2.0 if helped else -2.0) + float(chance.normal())
        made.append(make_label(number, helped=helped, similar=similar))
    return made


def test_a_feature_that_tells_is_found_and_worth_it(make_label: MakeLabel) -> None:
    some = labels(make_label, 240, told=1.0)
    weights = weigh(some, [one.path for one in some], MODEL, "off", MADE)
    figures = weights.figures
    assert max(weights.features, key=lambda name: abs(weights.features[name].weight)) == "similar"
    assert figures.area is not None and figures.area[1] > 0.9
    assert figures.brier is not None and figures.brier[2] < figures.brier_constant
    assert figures.skipped[0] > 50 and figures.similarity[0] > 5 and figures.tokens[0] > 20
    assert figures.holes == 240 and figures.groups == 20 and weights.memory == "alone"
    assert why_refused(figures) is None


def test_noise_is_refused_where_snippets_are_worth_something(make_label: MakeLabel) -> None:
    """Snippets help two of three holes, and no feature says which: skipping any costs."""
    chance = np.random.default_rng(2)
    some = [
        make_label(number, helped=bool(chance.random() < 0.66), similar=float(chance.normal()))
        for number in range(240)
    ]
    weights = weigh(some, [one.path for one in some], MODEL, "off", MADE)
    assert weights.figures.area is not None and weights.figures.area[0] < 0.6
    assert why_refused(weights.figures) is not None


def test_luck_is_refused_where_snippets_are_worth_little(make_label: MakeLabel) -> None:
    """As many holes are helped as harmed: to skip some at random costs nothing, and is nothing that was learnt."""
    chance = np.random.default_rng(5)
    some = [
        make_label(number, helped=bool(chance.random() < 0.5), similar=float(chance.normal()))
        for number in range(240)
    ]
    weights = weigh(some, [one.path for one in some], MODEL, "off", MADE)
    lucky = msgspec.structs.replace(
        weights.figures, skipped=(30.0, 25.0, 35.0), similarity=(0.1, -0.5, 0.7), area=(0.51, 0.44, 0.58)
    )
    assert "does not tell which holes" in (why_refused(lucky) or "")
    assert why_refused(msgspec.structs.replace(lucky, area=(0.6, 0.53, 0.67))) is None
    lossy = msgspec.structs.replace(lucky, area=(0.6, 0.53, 0.67), similarity=(-0.2, -1.2, 0.8))
    assert "may lose more than 1 point" in (why_refused(lossy) or "")


def test_what_never_helps_is_skipped(make_label: MakeLabel) -> None:
    """Few holes are helped and the others harmed: then never to retrieve is the better rule, whatever the features."""
    chance = np.random.default_rng(3)
    some = [
        make_label(number, helped=bool(chance.random() < 0.1), similar=float(chance.normal()))
        for number in range(240)
    ]
    weights = weigh(some, [one.path for one in some], MODEL, "off", MADE)
    assert weights.figures.skipped[0] > 80 and weights.figures.similarity[0] > 5
    assert why_refused(weights.figures) is None


def test_too_few_holes_say_nothing(make_label: MakeLabel) -> None:
    some = labels(make_label, 50, told=1.0)
    with pytest.raises(UsageError, match="ask for more with --holes"):
        weigh(some, [one.path for one in some], MODEL, "off", MADE)
    one_sided = [make_label(number, helped=False, similar=0.0) for number in range(100)]
    with pytest.raises(UsageError, match="0 were helped"):
        weigh(one_sided, [one.path for one in one_sided], MODEL, "off", MADE)


def test_whole_groups_are_held_out() -> None:
    groups = np.repeat(np.arange(11), np.arange(1, 12))
    folds = _folds(groups)
    assert len(folds) == FOLDS and np.sum(folds, axis=0).tolist() == [1] * len(groups)
    for held in folds:
        assert set(groups[held]).isdisjoint(groups[~held])
    assert max(held.sum() for held in folds) - min(held.sum() for held in folds) <= 4


def test_a_hole_has_no_say_in_its_own_score(make_label: MakeLabel) -> None:
    """Another label of one group changes the scores of other groups, never its own."""
    some = labels(make_label, 200, told=0.5)
    groups = [one.path for one in some]
    mine = [number for number, group in enumerate(groups) if group == "f3.py"]
    flipped = list(some)
    for number in mine:
        flipped[number] = make_label(
            number, helped=not some[number].helped, similar=some[number].features["similar"]
        )
    before, after = (out_of_sample(table_of(rows, groups))[0] for rows in (some, flipped))
    assert before[mine].tolist() == after[mine].tolist()
    assert not np.array_equal(before, after)


def test_the_penalty_pulls_weights_to_nothing_and_separable_rows_break_nothing() -> None:
    chance = np.random.default_rng(3)
    rows = chance.normal(0.0, 1.0, (200, 2))
    truth = rows[:, 0] > 0  # a line between them: without a penalty the weight would grow without end
    loose, tight = fit(rows, truth, 0.01), fit(rows, truth, 1000.0)
    assert 3 < loose.weights[0] < 100 and 0 < tight.weights[0] < 0.5
    assert abs(tight.weights[1]) < 0.05
    assert ((loose.scores(rows) > 0.5) == truth).mean() > 0.98


def test_an_interval_draws_clusters() -> None:
    values = np.repeat([0.0, 1.0], 50)
    by_row = interval(lambda rows: float(values[rows].mean()), np.arange(100))
    by_two = interval(lambda rows: float(values[rows].mean()), np.repeat([0, 1], 50))
    assert by_row[0] == by_two[0] == 0.5
    assert 0.38 < by_row[1] < 0.5 < by_row[2] < 0.62
    assert by_two[1:] == (0.0, 1.0)
