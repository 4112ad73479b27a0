"""Two runs on their common tasks: the difference, whether it is chance, and whom it helped.

Right-or-wrong metrics are tested by McNemar's exact test, all others by the paired permutation of signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.report.catalogue import metric as metric_of
from eval.report.scores import RunScores
from eval.report.stats import Shares, Values, bootstrap_intervals, holm, is_binary, mcnemar, shares, sign_flip

MCNEMAR = "McNemar, exact"
SIGN_FLIP = "paired permutation"


@dataclass(frozen=True, slots=True)
class State:
    """A run after one of its passes."""

    run: RunScores
    number: int = 0  # 1-based; 0: the last pass

    @property
    def method(self) -> str:
        return self.run.config.method


@dataclass(frozen=True, slots=True)
class Difference:
    """`second - first` of one metric over the tasks for which both have it, in the metric's unit."""

    metric: str
    n: int
    first: float  # means over the common tasks
    second: float
    difference: float
    low: float  # 95 % bootstrap interval of the difference
    high: float
    test: str
    p: float
    shares: Shares  # helped: better than `first`, whichever way is better for the metric
    p_holm: float = 1.0  # adjusted for all that was tested together


@dataclass(frozen=True, slots=True)
class Pair:
    """What is to be compared."""

    metric: str
    first: State
    second: State


def differences(pairs: Sequence[Pair]) -> list[Difference | None]:
    """For each pair its difference; None where the two have no task in common for which the metric is defined.

    Holm's correction is over all tests of one metric in `pairs`.
    """
    columns = [_common(pair) for pair in pairs]
    by_length: dict[int, list[int]] = {}  # those of one length share their draws
    for place, (old, _) in enumerate(columns):
        by_length.setdefault(len(old), []).append(place)
    found: dict[int, Difference] = {}
    for length, members in by_length.items():
        if length:
            moved = np.stack([columns[place][1] - columns[place][0] for place in members], axis=1)
            for place, interval in zip(members, bootstrap_intervals(moved), strict=True):
                found[place] = _difference(pairs[place].metric, *columns[place], interval)
    places = sorted(found)
    adjusted = dict(zip(places, _adjusted([found[place] for place in places]), strict=True))
    return [adjusted.get(place) for place in range(len(pairs))]


def _difference(metric: str, old: Values, new: Values, interval: tuple[float, float]) -> Difference:
    moved = new - old
    counted = shares(moved if metric_of(metric).higher_is_better else -moved)
    binary = is_binary(old, new)
    p = mcnemar(counted.helped, counted.harmed) if binary else sign_flip(moved)
    return Difference(
        metric=metric,
        n=len(old),
        first=float(old.mean()),
        second=float(new.mean()),
        difference=float(moved.mean()),
        low=interval[0],
        high=interval[1],
        test=MCNEMAR if binary else SIGN_FLIP,
        p=p,
        shares=counted,
        p_holm=p,
    )


def _common(pair: Pair) -> tuple[Values, Values]:
    """Both columns over the tasks that both runs did and scored, in the order of the first."""
    first, second = pair.first.run, pair.second.run
    old = first.column(pair.metric, pair.first.number)
    new = second.column(pair.metric, pair.second.number)
    if first.tasks != second.tasks:
        places = {task: place for place, task in enumerate(second.tasks)}
        both = [(place, places[task]) for place, task in enumerate(first.tasks) if task in places]
        old, new = old[[one for one, _ in both]], new[[other for _, other in both]]
    defined = ~(np.isnan(old) | np.isnan(new))
    return old[defined], new[defined]


def _adjusted(differences: Sequence[Difference]) -> list[Difference]:
    """The same with Holm's correction: the tests of one metric in one table are one family."""
    families: dict[str, list[int]] = {}
    for place, item in enumerate(differences):
        families.setdefault(item.metric, []).append(place)
    found = list(differences)
    for members in families.values():
        for place, p in zip(members, holm([differences[place].p for place in members]), strict=True):
            found[place] = replace(differences[place], p_holm=p)
    return found
