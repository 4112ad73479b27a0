"""Two runs on their common tasks: the difference, whether it is chance, and whom it helped.

Right-or-wrong metrics are tested by McNemar's exact test, all others by the paired permutation of signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eval.report.catalogue import metric as metric_of
from eval.report.scores import RunScores
from eval.report.stats import Shares, bootstrap_interval, holm, is_binary, mcnemar, shares, sign_flip

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


def difference(metric: str, first: State, second: State) -> Difference | None:
    """None if the two have no task in common for which the metric is defined."""
    old, new = common(
        first.run,
        second.run,
        first.run.column(metric, first.number),
        second.run.column(metric, second.number),
    )
    defined = ~(np.isnan(old) | np.isnan(new))
    old, new = old[defined], new[defined]
    if not len(old):
        return None
    moved = new - old
    better = moved if metric_of(metric).higher_is_better else -moved
    low, high = bootstrap_interval(moved)
    counted = shares(better)
    binary = is_binary(old, new)
    return Difference(
        metric=metric,
        n=len(old),
        first=float(old.mean()),
        second=float(new.mean()),
        difference=float(new.mean() - old.mean()),
        low=low,
        high=high,
        test=MCNEMAR if binary else SIGN_FLIP,
        p=(p := mcnemar(counted.helped, counted.harmed) if binary else sign_flip(moved)),
        shares=counted,
        p_holm=p,
    )


def common(
    first: RunScores, second: RunScores, old: NDArray[np.float64], new: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both columns over the tasks that both runs did, in the order of the first."""
    if first.tasks == second.tasks:
        return old, new
    places = {task: place for place, task in enumerate(second.tasks)}
    pairs = [(place, places[task]) for place, task in enumerate(first.tasks) if task in places]
    return old[[pair[0] for pair in pairs]], new[[pair[1] for pair in pairs]]


def adjusted(differences: Sequence[Difference]) -> list[Difference]:
    """The same with Holm's correction: the tests of one metric in one table are one family."""
    families: dict[str, list[int]] = {}
    for place, item in enumerate(differences):
        families.setdefault(item.metric, []).append(place)
    found = list(differences)
    for members in families.values():
        for place, p in zip(members, holm([differences[place].p for place in members]), strict=True):
            found[place] = replace(differences[place], p_holm=p)
    return found


def same_setting(first: RunScores, second: RunScores) -> bool:
    """Do the two differ in nothing but method and number of passes (and in which tasks were drawn)?"""
    return setting(first) == setting(second)


def setting(run: RunScores) -> tuple[str, str, str, int, str, str]:
    """What must be equal for two rows to stand in one table."""
    config = run.config
    return (config.benchmark, config.model, config.model_sha256, config.budget, config.context, config.layout)
