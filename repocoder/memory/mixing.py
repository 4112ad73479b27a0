"""How much to believe whom: the model and the experts of the memory, mixed with weights that were calibrated.

The weights are a softmax over who speaks, linear in what is known at the token: how long the context is that occurred
before, how often and how unanimously, whether the model agrees and how sure it is. They were fitted on repositories
that no benchmark contains (`repocoder.memory.calibration`). The model's own score is 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from repocoder.memory.recall import Forecast

EXPERTS = ("file", "repository")

LENGTHS = (2, 3, 4, 6, 8, 12, 16)
"""Context lengths from which a feature is one more: what 3 tokens say and what 12 say differ in kind."""

FEATURES = (
    "one",
    *(f"length>={length}" for length in LENGTHS),
    "log count",
    "share of the first",
    "unanimous",
    "agrees with the model",
    "log probability of the first in the model",
    "entropy of the model",
    "log probability of the model's first",
    "probability of the end",
    "agrees with the other expert",
)
FLOOR = 1e-7  # of probabilities whose logarithm is a feature


class Weights(msgspec.Struct, frozen=True):
    """`experts`: for each of `EXPERTS`, one number for each of `FEATURES`."""

    experts: dict[str, list[float]]
    features: list[str] = msgspec.field(default_factory=lambda: list(FEATURES))
    fitted_on: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """What the model says at a token: probabilities (n_vocab,) float32 and what the features take from them."""

    probabilities: NDArray[np.float32]
    entropy: float
    first: int
    end: float  # probability of all end tokens


def view_of(logits: NDArray[np.float32], end_ids: Sequence[int]) -> View:
    """From logits (n_vocab,)."""
    shifted = logits - logits.max()
    probabilities = np.exp(shifted)
    total = float(probabilities.sum(dtype=np.float64))
    entropy = math.log(total) - float(probabilities @ shifted) / total
    probabilities /= total
    end = float(probabilities[list(end_ids)].sum()) if end_ids else 0.0
    return View(probabilities, entropy, int(np.argmax(probabilities)), end)


def features(view: View, said: Forecast, other: Forecast | None) -> list[float]:
    """The features of one expert at one token, in the order of `FEATURES`."""
    first = said.token_ids[0]
    share = said.shares[0]
    return [
        1.0,
        *(1.0 if said.length >= length else 0.0 for length in LENGTHS),
        math.log(said.count),
        share,
        1.0 if len(said.token_ids) == 1 and said.count > 1 else 0.0,
        1.0 if first == view.first else 0.0,
        math.log(max(FLOOR, float(view.probabilities[first]))),
        view.entropy,
        math.log(max(FLOOR, float(view.probabilities[view.first]))),
        view.end,
        1.0 if other is not None and other.token_ids[0] == first else 0.0,
    ]


def shares_of(
    weights: Weights, view: View, forecasts: Sequence[Forecast | None]
) -> tuple[float, list[float]]:
    """The model's share and those of the experts (0 for one that is silent); they sum to 1."""
    scores: list[float] = []
    for number, said in enumerate(forecasts):
        if said is None:
            scores.append(-math.inf)
            continue
        other = forecasts[1 - number] if len(forecasts) == len(EXPERTS) else None
        row = weights.experts[EXPERTS[number]]
        scores.append(sum(w * x for w, x in zip(row, features(view, said, other), strict=True)))
    top = max(0.0, *scores) if scores else 0.0
    parts = [math.exp(score - top) for score in scores]
    total = math.exp(-top) + sum(parts)
    return math.exp(-top) / total, [part / total for part in parts]


def mixed(
    weights: Weights, view: View, forecasts: Sequence[Forecast | None]
) -> tuple[NDArray[np.float32], list[float]]:
    """The mixture (n_vocab,) float32, and the share of each expert in it."""
    own, shares = shares_of(weights, view, forecasts)
    result = view.probabilities * np.float32(own)
    for said, share in zip(forecasts, shares, strict=True):
        if said is not None:
            result[list(said.token_ids)] += np.array(said.shares, np.float32) * np.float32(share)
    return result, shares
