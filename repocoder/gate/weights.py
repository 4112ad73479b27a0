"""The weights of the logistic gate on disk: readable JSON, with the data that made them and what they are worth."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from indexer import disk
from repocoder.gate.features import FEATURES, WORDS
from repocoder.gate.logistic import Logistic
from repocoder.types import ModelInfo
from retrieval.types import GateDecision

FILE = "gate.json"
SHIPPED = Path(__file__).parent.parent / "assets" / FILE
FORMAT = 1
MAX_BYTES = 1 << 20

Interval = tuple[float, float, float]
"""A figure and the ends of its 95 % interval."""


class Feature(msgspec.Struct, frozen=True):
    """What a feature weighs once it is standardised."""

    weight: float
    mean: float
    deviation: float


class Figures(msgspec.Struct, frozen=True):
    """Out of sample, of the holes where the free rule retrieves; `None` where there are too few. Shares in percent."""

    holes: int
    groups: int  # files or repositories, of which none is on both sides of a fold
    helped: float  # of the holes: snippets made the completion more like the truth
    harmed: float
    always: float  # points of edit similarity that snippets add on average
    area: Interval | None  # under the curve: how well the score tells the holes that snippets help
    area_with_draft: Interval | None  # the same if a draft without snippets could be looked at too
    brier: Interval | None  # mean squared error of the score as a probability
    brier_constant: float  # of the share of helped holes as the only answer
    skipped: Interval  # of the free rule's retrievals
    similarity: Interval  # change of edit similarity against the free rule, points
    exact: Interval  # change of exact match, points
    tokens: Interval  # of the prompts' tokens that are saved


class Made(msgspec.Struct, frozen=True):
    """The data."""

    repositories: list[str]
    commits: list[str]  # of each, "" where there is none
    holes: int
    seed: int
    date: str  # ISO
    penalty: float


class Weights(msgspec.Struct, frozen=True):
    """A logistic gate for one model, used in one way."""

    model: str
    model_sha256: str
    memory: str  # "mixed", or "alone" where the repository's memory does not change the text
    threshold: float
    bias: float
    features: dict[str, Feature]
    made: Made
    figures: Figures

    def fits(self, model: ModelInfo, memory: str) -> bool:
        """Were they made with this model, and this memory setting?"""
        return self.model_sha256 == model.sha256 and self.memory == memory_of(memory)

    def decide(self, features: dict[str, float]) -> GateDecision:
        """From a value for each of `FEATURES`. `score` is the probability that snippets help."""
        parts = {
            name: one.weight * (features[name] - one.mean) / one.deviation
            for name, one in self.features.items()
        }
        score = float(1.0 / (1.0 + np.exp(-np.clip(self.bias + sum(parts.values()), -60, 60))))
        retrieve = score >= self.threshold
        most = (max if retrieve else min)(parts, key=lambda name: parts[name])
        word = "at least" if retrieve else "less than"
        reason = (
            f"snippets help with probability {score:.2f}, {word} {self.threshold:.2f};"
            f" what weighs most: {WORDS[most]} ({features[most]:.2f})"
        )
        return GateDecision(retrieve, score, self.threshold, reason, features)


class GateFile(msgspec.Struct, frozen=True):
    """One for each model and way of use that they are worth something for."""

    gates: list[Weights]
    format: int = FORMAT


def memory_of(setting: str) -> str:
    """What of `repocoder.config.MEMORIES` matters to a gate: does the memory change what is written?"""
    return "mixed" if setting == "mixed" else "alone"


def weights_of(model: Logistic, names: tuple[str, ...] = FEATURES) -> dict[str, Feature]:
    """By name, rounded to what can be read."""
    return {
        name: Feature(*(round(float(value), 5) for value in values))
        for name, *values in zip(names, model.weights, model.means, model.deviations, strict=True)
    }


def read_weights(directory: Path) -> tuple[Weights, ...]:
    """Those of an index folder, one for each model and way of use; () if there are none that can be used."""
    try:
        file = os.open(directory / FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, "rb") as opened:
            data = opened.read(MAX_BYTES)
        found = msgspec.json.decode(data, type=GateFile)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return ()
    return tuple(one for one in found.gates if _is_sound(one)) if found.format == FORMAT else ()


def keep_weights(directory: Path, weights: Weights) -> Path:
    """Put them into an index folder, in place of those for the same model and way of use. Raises StorageError."""
    return _write(directory, (*_others(directory, weights), weights))


def drop_weights(directory: Path, weights: Weights) -> bool:
    """Take those for the same model and way of use away if no more holes made them; whether there were such. Raises
    StorageError."""
    others = _others(directory, weights)
    fewer = [
        one for one in read_weights(directory) if one not in others and one.made.holes <= weights.made.holes
    ]
    if fewer:
        _write(directory, others)
    return bool(fewer)


def _others(directory: Path, weights: Weights) -> tuple[Weights, ...]:
    key = (weights.model_sha256, weights.memory)
    return tuple(one for one in read_weights(directory) if (one.model_sha256, one.memory) != key)


def _write(directory: Path, gates: tuple[Weights, ...]) -> Path:
    place = directory / FILE
    with disk.translated(place):
        disk.prepare_folder(directory)
        part = place.with_name(f"{FILE}.part-{os.getpid()}")
        disk.remove(part)
        try:
            disk.create_file(part, readable(GateFile(list(gates))))
            disk.rename(part, place)
        finally:
            disk.remove(part)
    return place


def readable(value: GateFile) -> bytes:
    """JSON that a person can read."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


@cache
def shipped() -> GateFile:
    """Those of the package."""
    return msgspec.json.decode(SHIPPED.read_bytes(), type=GateFile)


def _is_sound(weights: Weights) -> bool:
    """No number of a file that others can write may break a decision."""
    numbers = [weights.threshold, weights.bias]
    numbers += [value for one in weights.features.values() for value in (one.weight, one.mean, one.deviation)]
    return (
        {*weights.features} == {*FEATURES}
        and all(np.isfinite(numbers))
        and all(one.deviation > 0 for one in weights.features.values())
    )
