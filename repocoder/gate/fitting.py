"""From labels to weights, and what those are worth on holes that they were not fitted on.

Folds are made of whole groups (files of a repository, or repositories). Penalty and threshold are chosen inside of the
part that a fold learns from, again out of sample, so that no figure saw the hole that it judges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from repocoder.gate.features import DRAFT_FEATURES, FEATURES
from repocoder.gate.figures import area_under_curve, choose_threshold, interval
from repocoder.gate.labels import Label
from repocoder.gate.logistic import Logistic, Values, fit
from repocoder.gate.weights import Figures, Interval

FOLDS = 5
PENALTIES = (3.0, 30.0, 300.0)
"""Tried: hundreds of rows for two dozen features want more than thousands do."""

LEAST_HOLES = 60  # with snippets: fewer say nothing
LEAST_CLASS = 8  # helped holes, and others
LEAST_SKIPPED = 10.0
"""Percent of the free rule's retrievals that weights must spare to be worth having."""

NEVER = 80.0
"""Percent skipped from which on it is not the score that decides, but that snippets are worth little here."""

MOST_LOST = 1.0
"""Points of edit similarity: weights are refused where losing more than this is within the 95 % interval."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of holes that have snippets: features (n, features), gains and labels (n,), group numbers (n,)."""

    rows: Values
    gains: Values
    helped: NDArray[np.bool_]
    groups: NDArray[np.int64]

    def part(self, kept: NDArray[np.bool_]) -> Table:
        return Table(self.rows[kept], self.gains[kept], self.helped[kept], self.groups[kept])

    @property
    def is_enough(self) -> bool:
        positives = int(self.helped.sum())
        return min(positives, len(self.helped) - positives) >= LEAST_CLASS


@dataclass(frozen=True, slots=True)
class Fitted:
    model: Logistic
    threshold: float
    penalty: float


def table_of(labels: Sequence[Label], groups: Sequence[str], *, with_draft: bool = False) -> Table:
    """`groups`: one name for each label. `with_draft`: the columns of the draft follow those of the context."""
    drafts = DRAFT_FEATURES if with_draft else ()
    rows = [
        [*(label.features[name] for name in FEATURES), *(label.draft[name] for name in drafts)]
        for label in labels
    ]
    names = {name: number for number, name in enumerate(sorted(set(groups)))}
    return Table(
        np.array(rows).reshape(-1, len(FEATURES) + len(drafts)),
        np.array([label.gain for label in labels]),
        np.array([label.helped for label in labels], dtype=bool),
        np.array([names[name] for name in groups], dtype=np.int64),
    )


def fit_gate(table: Table) -> Fitted:
    """Penalty and threshold by scores out of sample, the weights by all rows. ValueError for one class only."""
    tried = {penalty: _cross_scores(table, penalty) for penalty in PENALTIES}
    penalty = min(PENALTIES, key=lambda one: _log_loss(tried[one], table.helped))
    threshold = choose_threshold(tried[penalty], table.gains)
    return Fitted(fit(table.rows, table.helped, penalty), threshold, penalty)


def out_of_sample(table: Table) -> tuple[Values, NDArray[np.bool_]]:
    """Scores (n,) and decisions (n,) by weights that were fitted without the hole's group."""
    scores, says = np.zeros(len(table.rows)), np.ones(len(table.rows), dtype=bool)
    for held in _folds(table.groups):
        known = table.part(~held)
        if not known.is_enough:  # then the free rule decides, and retrieves
            scores[held] = known.helped.mean() if len(known.helped) else 0.5
            continue
        fitted = fit_gate(known)
        scores[held] = fitted.model.scores(table.rows[held])
        says[held] = scores[held] >= fitted.threshold
    return scores, says


def figures_of(labels: Sequence[Label], table: Table, scores: Values, says: NDArray[np.bool_]) -> Figures:
    """Of labels that have snippets, each with a score and a decision that did not see it."""
    skipped = ~says
    exact = np.array([label.exact_with - label.exact_without for label in labels])
    with_it = np.array([label.tokens_with for label in labels], dtype=np.float64)
    without = np.array([label.tokens_without for label in labels], dtype=np.float64)
    base = float(table.helped.mean())
    errors = (scores - table.helped) ** 2

    def told(measure: Callable[[NDArray[np.int64]], float], digits: int = 2) -> Interval:
        value, low, high = (round(one, digits) for one in interval(measure, table.groups))
        return value, low, high

    both = 0 < table.helped.sum() < len(table.helped)
    drafted = out_of_sample(table_of(labels, [str(one) for one in table.groups], with_draft=True))[0]
    return Figures(
        holes=len(labels),
        groups=len(set(table.groups.tolist())),
        helped=round(100 * base, 2),
        harmed=round(100 * float((table.gains < 0).mean()), 2),
        always=round(float(table.gains.mean()), 3),
        area=told(lambda rows: area_under_curve(scores[rows], table.helped[rows]), 4) if both else None,
        area_with_draft=told(lambda rows: area_under_curve(drafted[rows], table.helped[rows]), 4)
        if both
        else None,
        brier=told(lambda rows: float(errors[rows].mean()), 4) if both else None,
        brier_constant=round(base * (1 - base), 4),
        skipped=told(lambda rows: 100 * float(skipped[rows].mean())),
        similarity=told(lambda rows: -float((table.gains * skipped)[rows].mean())),
        exact=told(lambda rows: -float((exact * skipped)[rows].mean())),
        tokens=told(
            lambda rows: 100 * float(((with_it - without) * skipped)[rows].sum() / with_it[rows].sum())
        ),
    )


def why_refused(figures: Figures) -> str | None:
    """Why weights of these figures are not better than the free rule, in words; None if they are."""
    if figures.skipped[0] < LEAST_SKIPPED:
        return (
            f"out of sample they would skip {figures.skipped[0]:.0f} % of the retrievals,"
            f" less than {LEAST_SKIPPED:.0f} %"
        )
    if figures.skipped[0] < NEVER and (figures.area is None or figures.area[1] <= 0.5):
        told = "" if figures.area is None else " (area {:.2f} [{:.2f}, {:.2f}])".format(*figures.area)
        return f"out of sample the score does not tell which holes snippets help from the others{told}"
    if figures.similarity[1] < -MOST_LOST:
        return (
            f"out of sample they may lose more than {MOST_LOST:.0f} point of edit similarity:"
            f" {figures.similarity[0]:+.2f} [{figures.similarity[1]:+.2f}, {figures.similarity[2]:+.2f}]"
        )
    return None


def _cross_scores(table: Table, penalty: float) -> Values:
    """Scores of each row by the rows of other folds."""
    scores = np.full(len(table.rows), float(table.helped.mean()))
    for held in _folds(table.groups):
        known = table.part(~held)
        if known.helped.any() and not known.helped.all():
            scores[held] = fit(known.rows, known.helped, penalty).scores(table.rows[held])
    return scores


def _folds(groups: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    """At most `FOLDS` masks of held-out rows: whole groups, the largest first to the smallest fold."""
    numbers, counts = np.unique(groups, return_counts=True)
    order = sorted(
        zip(numbers.tolist(), counts.tolist(), strict=True), key=lambda one: (-one[1], _lot(one[0]))
    )
    sizes = [0] * min(FOLDS, len(order))
    fold_of: dict[int, int] = {}
    for number, count in order:
        fold = sizes.index(min(sizes))
        fold_of[number] = fold
        sizes[fold] += count
    folds = np.array([fold_of[number] for number in groups.tolist()])
    return [folds == fold for fold in range(len(sizes))] if len(sizes) > 1 else []


def _lot(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def _log_loss(scores: Values, helped: NDArray[np.bool_]) -> float:
    p = np.clip(scores, 1e-6, 1 - 1e-6)
    return float(-(np.log(p[helped]).sum() + np.log(1 - p[~helped]).sum()))
