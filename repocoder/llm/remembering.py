"""The worker's side of repository memory: maps the segments that an order names, and asks them at each token."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from repocoder.llm.messages import Remember, Stretches
from repocoder.memory.healing import Beginning, Reader, joins, open_tokens
from repocoder.memory.mixing import FEATURES, View, Weights, features, mixed, view_of
from repocoder.memory.recall import Forecast, Part, forecast
from repocoder.memory.suffixes import DEPTH, Suffixes

MAPPED = 4  # segments that stay mapped
DRAFT_FROM = 3
"""Tokens of context below which nothing is drafted: after two, less than half of the drafts would stand."""

LEAST_PROBABILITY = 1e-30  # whose logarithm is a number: float32 may round a probability to nothing

NOTHING = Suffixes(np.zeros(0, np.int32), np.zeros(0, np.uint32), 0)
"""Stands for a segment that is gone."""


class Segments:
    """Mapped segments by name, and the last text above a hole: several orders in a row have the same."""

    def __init__(self) -> None:
        self._mapped: dict[tuple[bytes, bytes], Suffixes] = {}
        self._above: tuple[list[int], Suffixes] = ([], NOTHING)

    def above(self, ids: list[int], vocabulary: int) -> Suffixes:
        """The text above a hole. 20,000 tokens take 12 ms, the first time."""
        if ids != self._above[0]:
            self._above = (ids, Suffixes.of(ids, vocabulary))
        return self._above[1]

    def open(self, one: Stretches, vocabulary: int) -> Suffixes:
        """The segment; an empty one if it is gone, or not what it should be."""
        key = (one.ids, one.order)
        if key not in self._mapped:
            while len(self._mapped) >= MAPPED:
                self._mapped.pop(next(iter(self._mapped)))
            self._mapped[key] = _mapped(one, vocabulary)
        return self._mapped[key]


class Remembering:
    """The memory of one order: follows the text and says at each token what comes next."""

    def __init__(
        self,
        order: Remember,
        segments: Segments,
        vocabulary: int,
        end_ids: Sequence[int],
        reader: Reader | None = None,
    ) -> None:
        """`reader`: how the model's tokens read; without it the text before the hole is taken as its tokens are."""
        self._weights = Weights(order.weights)
        self._end_ids = tuple(end_ids)
        self._vocabulary = vocabulary
        self._most = order.drafts
        self._reader = reader
        before = order.before
        opened = open_tokens(before, reader) if reader is not None else 0
        self._context = before[: len(before) - opened][-DEPTH:]
        self._open = before[len(before) - opened :]  # tokens that a file may have cut otherwise
        self._said: list[Forecast | None] | None = None
        self._parts = (
            (Part(segments.above(order.before, vocabulary)),),
            tuple(
                Part(
                    segments.open(one, vocabulary),
                    np.array(one.banned, np.int64),
                    np.array(one.near, np.int64),
                    vocabulary,
                )
                for one in order.segments
            ),
        )

    @property
    def is_mixed(self) -> bool:
        """Does it change what is written, or only draft?"""
        return bool(self._weights.experts)

    def follow(self, token_id: int) -> None:
        """This token comes next."""
        self._said = None
        if self._open and self._reader is not None:
            if joins(self._reader.bytes_of(self._open[-1]), self._reader.bytes_of(token_id)):
                self._open.append(token_id)
                return
            self._context += self._reader.ids_of(self._open_text())
            self._open = []
        self._context.append(token_id)
        del self._context[:-DEPTH]

    def mix(
        self, logits: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], Sequence[Forecast | None], list[float]]:
        """Probabilities (n_vocab,) of the mixture, what the experts said, and who had which share."""
        view, said = view_of(logits, self._end_ids), self._forecasts()
        if not any(said):
            return view.probabilities, said, [0.0] * len(said)
        probabilities, shares = mixed(self._weights, view, said)
        return probabilities, said, shares

    def logprob(self, logits: NDArray[np.float32], token_id: int) -> float:
        """Of a token in the mixture, nats."""
        return min(0.0, math.log(max(LEAST_PROBABILITY, float(self.mix(logits)[0][token_id]))))

    def draft(self, room: int) -> list[int]:
        """What the text has after the longest context that occurred: at most as many tokens as agreed before it."""
        if self._open:
            return []  # what a file has next need not begin where the text ends
        said = [(one.length, number, one) for number, one in enumerate(self._forecasts()) if one is not None]
        if not said:
            return []
        length, number, one = max(said, key=lambda item: item[:2])
        if length < DRAFT_FROM:
            return []
        ids = self._parts[number][one.part].suffixes.ids
        most = min(room, self._most, length)
        following: list[int] = ids[one.place : one.place + most].tolist()
        return following[: following.index(self._vocabulary)] if self._vocabulary in following else following

    def row(self, logits: NDArray[np.float32], truth: int) -> list[float]:
        """For calibration: the probability of the true token in the model, and for each expert its probability
        there (-1 where it is silent) with its features."""
        view, said = view_of(logits, self._end_ids), self._forecasts()
        row = [float(view.probabilities[truth])]
        for number, one in enumerate(said):
            silent = [-1.0, *[0.0] * len(FEATURES)]
            row += silent if one is None else _expert_row(view, one, said[1 - number], truth)
        return row

    def _forecasts(self) -> list[Forecast | None]:
        """What each expert says after the context, in the order of `mixing.EXPERTS`."""
        if self._said is None:
            beginning = self._beginning()
            self._said = [forecast(parts, self._context, beginning) for parts in self._parts]
        return self._said

    def _beginning(self) -> Beginning | None:
        if not self._open or self._reader is None:
            return None
        return Beginning(self._open_text(), len(self._open), self._reader)

    def _open_text(self) -> bytes:
        assert self._reader is not None
        return b"".join(map(self._reader.bytes_of, self._open))


def _expert_row(view: View, one: Forecast, other: Forecast | None, truth: int) -> list[float]:
    share = dict(zip(one.token_ids, one.shares, strict=True)).get(truth, 0.0)
    return [share, *features(view, one, other)]


def _mapped(one: Stretches, vocabulary: int) -> Suffixes:
    """The segment, if it is what it should be: no number is trusted that could lead out of bounds."""
    try:
        ids = np.load(os.fsdecode(one.ids), mmap_mode="r", allow_pickle=False)
        order = np.load(os.fsdecode(one.order), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return NOTHING
    if (
        ids.dtype != np.int32
        or order.dtype != np.uint32
        or ids.ndim != 1
        or order.shape != (max(0, len(ids) - 1),)
    ):
        return NOTHING
    if not len(order) or ids.min() < 0 or ids.max() > vocabulary or order.max() >= len(ids):
        return NOTHING
    return Suffixes(ids, order, vocabulary)
