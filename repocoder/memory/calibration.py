"""The weights of the mixture, fitted: how far to trust the memory, learnt from code that is there already.

At each token of held-out code the mixture gives the truth a probability; the weights are those with the highest mean
logarithm of it, by gradient ascent. No label is needed but the code itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from repocoder.memory.mixing import EXPERTS, FEATURES, Weights

DEFAULT = Path(__file__).parent.parent / "assets" / "memory.json"

STEPS = 1500
RATE = 0.05
DECAY = 1e-4  # of squared weights: keeps a feature that is seldom there near nothing
LEAST = 1e-9  # of a probability

Floats = NDArray[np.float64]


@cache
def default_weights() -> Weights:
    """Those of the package."""
    return msgspec.json.decode(DEFAULT.read_bytes(), type=Weights)


class Fitted(msgspec.Struct, frozen=True):
    """Weights with mean nats a token of the model alone and of the mixture, on the rows they were fitted on."""

    weights: Weights
    tokens: int
    alone: float
    mixed: float


def fit(rows: Sequence[Sequence[float]], fitted_on: str = "") -> Fitted:
    """Fit to rows of `repocoder.llm.remembering.Remembering.row`. Raises ValueError for none."""
    if not len(rows):
        raise ValueError("no tokens to fit to")
    own, truths, given = unpack(rows)
    middle, spread = _scale(given, truths)
    scaled = (given - middle) / spread
    scaled[..., 0] = 1.0
    weights = _ascend(own, truths, scaled)
    plain = weights / spread
    plain[:, 0] = weights[:, 0] - (weights[:, 1:] * middle[:, 1:] / spread[:, 1:]).sum(axis=1)
    found = Weights(
        {name: [round(float(x), 4) for x in plain[number]] for number, name in enumerate(EXPERTS)},
        fitted_on=fitted_on,
    )
    return Fitted(found, len(rows), mean_nats(own), mean_nats(mixture(found, own, truths, given)))


def unpack(rows: Sequence[Sequence[float]]) -> tuple[Floats, Floats, Floats]:
    """Probability of the truth in the model (n,), in each expert (n, experts), -1 for silence; features
    (n, experts, features)."""
    table = np.asarray(rows, np.float64)
    parts = table[:, 1:].reshape(len(table), len(EXPERTS), 1 + len(FEATURES))
    return table[:, 0], parts[..., 0], parts[..., 1:]


def mixture(weights: Weights, own: Floats, truths: Floats, given: Floats) -> Floats:
    """Probability of the truth in the mixture (n,)."""
    matrix = np.array([weights.experts[name] for name in EXPERTS])
    shares = _shares(matrix, truths, given)
    probabilities: Floats = shares[:, 0] * own + (shares[:, 1:] * np.maximum(truths, 0)).sum(axis=1)
    return probabilities


def mean_nats(probabilities: Floats) -> float:
    """Mean of the negative logarithm."""
    return float(-np.log(np.maximum(probabilities, LEAST)).mean())


def _scale(given: Floats, truths: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation (experts, features) where an expert speaks; (0, 1) for what does not vary."""
    middle, spread = np.zeros(given.shape[1:]), np.ones(given.shape[1:])
    for number in range(given.shape[1]):
        spoken = given[truths[:, number] >= 0, number]
        if len(spoken):
            middle[number], spread[number] = spoken.mean(axis=0), spoken.std(axis=0)
    still = spread < 1e-6
    middle[still], spread[still] = 0.0, 1.0
    return middle, spread


def _shares(matrix: Floats, truths: Floats, given: Floats) -> Floats:
    """(n, 1 + experts): the model's share first; an expert that is silent has none."""
    scores = np.where(truths >= 0, np.einsum("nef,ef->ne", given, matrix), -np.inf)
    scores = np.concatenate([np.zeros((len(scores), 1)), scores], axis=1)
    parts = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = parts / parts.sum(axis=1, keepdims=True)
    return shares


def _ascend(own: Floats, truths: Floats, given: Floats) -> Floats:
    """Weights (experts, features) for scaled features, by Adam on all rows at once."""
    weights = np.zeros(given.shape[1:])
    weights[:, 0] = -1.0
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    said = np.maximum(truths, 0)
    for step in range(1, STEPS + 1):
        shares = _shares(weights, truths, given)
        total = np.maximum(LEAST, shares[:, 0] * own + (shares[:, 1:] * said).sum(axis=1))
        pull = (
            shares[:, 1:] * (said - total[:, None]) / total[:, None]
        )  # of each expert's score, (n, experts)
        gradient = np.einsum("ne,nef->ef", pull, given) / len(own) - DECAY * weights
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        rate = RATE * (1 - step / (STEPS + 1))
        weights += rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-9)
    return weights
