"""What the repository says comes next: its experts, each with the tokens that followed this context before.

Nested caches, as Hellendoorn and Devanbu (2017) have them for code: the file above the hole, which knows its own names
best, and the whole repository, where places in the same directory count more. Each blends the longest context that
occurred with shorter ones by the escape rule of PPM (method C, Moffat 1990).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from repocoder.memory.healing import LOOKED_AT, Beginning, evenly
from repocoder.memory.suffixes import Interval, Suffixes

MOST_PLACES = 256
"""Of an interval that are looked at, evenly spread: more change a share by less than its own noise."""

LEVELS = 3
"""Lengths of context that are blended: the longest, and shorter ones with at least `GROWTH` times its places."""

GROWTH = 2
NEAR_WEIGHT = 3.0  # a place in the same directory counts as so many
MIN_LENGTH = 2
"""Tokens of context below which nothing is said: after one token the model always knows more."""


NOWHERE: NDArray[np.int64] = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Part:
    """A sequence to remember from. `banned` and `near` are sorted bounds of half-open stretches of it."""

    suffixes: Suffixes
    banned: NDArray[np.int64] = field(default_factory=lambda: NOWHERE)
    near: NDArray[np.int64] = field(default_factory=lambda: NOWHERE)
    end: int = -1  # an id that stands between texts and is never foretold


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an expert foretells: `shares` of `token_ids` sum to 1, the likeliest first."""

    token_ids: tuple[int, ...]
    shares: tuple[float, ...]
    length: int  # tokens of context that occurred
    count: int  # places with that context, a near one counted `NEAR_WEIGHT` times
    part: int  # where the likeliest token was learnt: its place in this part
    place: int


@dataclass(frozen=True, slots=True)
class _Level:
    """What followed a context of one length: how often each token, and (part, place) of one of each."""

    length: int
    counts: dict[int, float]
    examples: dict[int, tuple[int, int]]


def forecast(
    parts: Sequence[Part], context: Sequence[int], beginning: Beginning | None = None
) -> Forecast | None:
    """What followed this context in the parts together; None where it never occurred.

    With a `beginning` what goes on after it, of the places where the context is followed by a text that begins so.
    """
    levels: list[_Level] = []
    least = 0
    for length, intervals in _spans([part.suffixes.intervals(context) for part in parts]):
        total = sum(interval.count for _, interval in intervals)
        if total < least:
            continue
        level = _Level(length + (beginning.tokens if beginning else 0), defaultdict(float), {})
        for number, interval in intervals:
            if beginning is None:
                _count(parts[number], number, interval, level)
            else:
                _count_after(beginning, parts[number], number, interval, level)
        if level.counts:
            levels.append(level)
            least = GROWTH * total
        if len(levels) == LEVELS:
            break
    if not levels:
        return None
    shares = _blended([level.counts for level in levels])
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    longest = levels[0]
    first = next((token for token, _ in ranked if token in longest.examples), ranked[0][0])
    part, place = longest.examples[first]
    return Forecast(
        tuple(token for token, _ in ranked),
        tuple(share for _, share in ranked),
        longest.length,
        round(sum(longest.counts.values())),
        part,
        place,
    )


def _spans(found: Sequence[list[Interval]]) -> Iterator[tuple[int, list[tuple[int, Interval]]]]:
    """The lengths at which some part has an interval, longest first, with what each part has at that length.

    A part leaves out an interval that is equal to a longer one: the longer one stands for it.
    """
    for length in sorted({one.length for intervals in found for one in intervals}, reverse=True):
        if length < MIN_LENGTH:
            return
        there = [
            (number, next((one for one in intervals if one.length >= length), None))
            for number, intervals in enumerate(found)
        ]
        yield length, [(number, one) for number, one in there if one is not None]


def _count(part: Part, number: int, interval: Interval, level: _Level) -> None:
    """Add how often each token follows in an interval; bans and the ends of texts are left out."""
    step = -(-interval.count // MOST_PLACES)
    places = np.asarray(part.suffixes.order[interval.first : interval.end : step], dtype=np.int64)
    if len(part.banned):
        places = places[~inside(part.banned, places)]
    near = inside(part.near, places) if len(part.near) else np.zeros(len(places), bool)
    following = np.asarray(part.suffixes.ids)[places]
    for token, place, is_near in zip(following.tolist(), places.tolist(), near.tolist(), strict=True):
        if token != part.end:
            level.counts[token] += NEAR_WEIGHT if is_near else 1.0
            level.examples[token] = (number, place)


def _count_after(beginning: Beginning, part: Part, number: int, interval: Interval, level: _Level) -> None:
    """The same for what goes on after the beginning of a text."""
    ids = np.asarray(part.suffixes.ids)
    places = np.asarray(part.suffixes.order[interval.first : interval.end], dtype=np.int64)
    places = evenly(places, LOOKED_AT)
    if len(part.banned):
        places = places[~inside(part.banned, places)]
    places = evenly(beginning.candidates(ids, places), MOST_PLACES)
    near = inside(part.near, places) if len(part.near) else np.zeros(len(places), bool)
    for place, is_near in zip(places.tolist(), near.tolist(), strict=True):
        found = beginning.after(ids, place, part.end)
        if found is not None:
            token, at = found
            level.counts[token] += NEAR_WEIGHT if is_near else 1.0
            level.examples[token] = (number, at)


def _blended(levels: Sequence[dict[int, float]]) -> dict[int, float]:
    """Shares by the longest context, which leaves to the next as much as it has kinds of tokens."""
    shares: dict[int, float] = defaultdict(float)
    left = 1.0
    for number, counts in enumerate(levels):
        total = sum(counts.values())
        kinds = len(counts) if number < len(levels) - 1 else 0
        for token, count in counts.items():
            shares[token] += left * count / (total + kinds)
        left *= kinds / (total + kinds)
    return shares


def inside(bounds: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which places lie in one of the half-open stretches whose sorted bounds these are."""
    return (np.searchsorted(bounds, places, side="right") & 1).astype(bool)
