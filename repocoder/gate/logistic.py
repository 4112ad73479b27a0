"""Logistic regression with a ridge penalty: small enough to be read, and fitted in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEPS = 50
"""Of Newton's method, at most: it needs five to eight."""

TOLERANCE = 1e-9  # of a step, in standard deviations
HALVINGS = 20  # of a step that would not make the loss smaller

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Logistic:
    """Weights of standardised features; all arrays (features,)."""

    means: Values
    deviations: Values
    weights: Values
    bias: float

    def scores(self, rows: Values) -> Values:
        """Probabilities (n,) of rows (n, features)."""
        linear = ((rows - self.means) / self.deviations) @ self.weights + self.bias
        return 1.0 / (1.0 + np.exp(-np.clip(linear, -60, 60)))


def fit(rows: Values, labels: NDArray[np.bool_], penalty: float = 1.0) -> Logistic:
    """The weights with the least sum of losses plus `penalty` times half the sum of their squares.

    Newton's method; the bias is not penalised. ValueError where one of the classes is empty.
    """
    if labels.all() or not labels.any():
        raise ValueError("labels of one class only")
    means, deviations = rows.mean(axis=0), rows.std(axis=0)
    deviations = np.where(deviations > 1e-9, deviations, 1.0)
    x = np.column_stack([(rows - means) / deviations, np.ones(len(rows))])
    ridge = np.append(np.full(rows.shape[1], penalty), 0.0)
    truth = labels.astype(np.float64)
    found = np.zeros(x.shape[1])
    found[-1] = np.log(truth.mean() / (1 - truth.mean()))
    value = _loss(found, x, truth, ridge)
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ found, -60, 60)))
        gradient = x.T @ (p - truth) + ridge * found
        hessian = (x.T * (p * (1 - p))) @ x + np.diag(ridge + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        for _ in range(HALVINGS):
            if (after := _loss(found - step, x, truth, ridge)) <= value:
                break
            step /= 2
        found, value = found - step, after
        if np.abs(step).max() < TOLERANCE:
            break
    return Logistic(means, deviations, found[:-1], float(found[-1]))


def _loss(parameters: Values, x: Values, truth: Values, ridge: Values) -> float:
    linear = x @ parameters
    return float(np.logaddexp(0, linear).sum() - truth @ linear + ridge @ (parameters**2) / 2)
