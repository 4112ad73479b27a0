"""Greedy decoding in the worker: token by token, or several at a time where the memory foretells them.

A draft is what the repository's text has after the longest context that occurred. It goes through the model together
with the last token, and as many of its tokens stand as the choice at each place would have been (Leviathan et al. 2023
for greedy text; drafts from text as in prompt lookup decoding, Saxena 2023). The text is the same as without drafts,
because no call takes a single token (`repocoder.llm.runtime.MIN_BATCH_TOKENS`): where nothing is foretold, the guess is
that the last token comes again.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from repocoder.llm.messages import Done, Generate, Piece, Reply, Source
from repocoder.llm.remembering import Remembering
from repocoder.llm.retyping import Retyping
from repocoder.llm.runtime import Model, RuntimeFailedError
from repocoder.memory.mixing import EXPERTS, view_of

MAX_LEADING_TOKENS = 8
"""White space that may come before the text where an empty answer is not wanted; then the model may end."""

NO_ENDS: frozenset[int] = frozenset()

LEAST_LOGIT = np.float32(-1e30)

LEAST_SHARE = 0.5
"""A token is told to come from the memory if the experts hold at least so much of its probability."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A token, its log-probability over the whole vocabulary, and where it was learnt if the memory chose it."""

    token_id: int
    logprob: float
    source: Source | None = None


class Writer:
    """One completion."""

    def __init__(
        self,
        order: Generate,
        model: Model,
        memory: Remembering | None,
        is_cancelled: Callable[[], bool],
    ) -> None:
        self._order = order
        self._model = model
        self._memory = memory
        self._is_cancelled = is_cancelled
        self._typed = Retyping(order.typed, lambda: model.spellings)
        self._ends = frozenset(order.end_ids)

    def write(self, send: Callable[[Reply], None]) -> Done:
        """Choose tokens until one ends it; every one is sent as it is chosen. The prompt was run just before."""
        pieces = codecs.getincrementaldecoder("utf-8")(
            "replace"
        )  # holds back the bytes of an unfinished character
        may_end = self._order.may_be_empty
        doubt = self._doubt() if self._order.with_doubt else []
        draft: list[int] = []  # tokens in the cache that are not chosen yet
        count = 0  # of tokens that are not all typed
        room = self._model.facts.n_ctx - len(self._order.token_ids)
        while room > 0 and count < self._order.max_tokens and not self._typed.is_stuck:
            ends = (
                self._ends if not self._typed.left and (may_end or count >= MAX_LEADING_TOKENS) else NO_ENDS
            )
            choice = self._choose(-1 - len(draft), ends)
            if choice.token_id in ends:
                return self._end("end", draft)
            was_typed = bool(self._typed.left)
            new = self._typed.take(self._model.piece(choice.token_id))
            was_typed = was_typed and not new
            text = pieces.decode(new)
            may_end = may_end or bool(text.strip())
            piece = Piece(
                self._order.number, choice.token_id, choice.logprob, text, choice.source, doubt, was_typed
            )
            send(piece)
            doubt, count, room = [], count + (not was_typed), room - 1
            if draft and draft[0] == choice.token_id:
                draft = draft[1:]
            elif room > 0 and count < self._order.max_tokens:
                self._model.forget(len(draft))
                draft = self._draft(choice.token_id, min(room, self._order.max_tokens - count))
                if self._is_cancelled() or not self._model.extend(choice.token_id, draft, self._is_cancelled):
                    return self._end("cancelled", [])
        return self._end("length", draft)

    def _end(self, reason: str, draft: Sequence[int]) -> Done:
        self._model.forget(len(draft))
        return Done(self._order.number, reason)

    def _doubt(self) -> list[float]:
        """How far the likeliest token is ahead of the second, 0 to 1, and the entropy in nats."""
        logits = self._model.logits(-1)
        if self._memory is not None and self._memory.is_mixed:
            probabilities = self._memory.mix(logits)[0]
        else:
            probabilities = view_of(logits, ()).probabilities
        probabilities = self._heeding_typed(probabilities, logits)
        second, first = np.partition(probabilities, -2)[-2:].tolist()
        some = probabilities[probabilities > 0]
        return [first - second, -float(some @ np.log(some))]

    def _choose(self, position: int, ends: frozenset[int]) -> Choice:
        """The likeliest allowed token at one of the last positions."""
        if self._memory is not None and self._memory.is_mixed:
            choice = self._choose_mixed(self._memory, position, ends)
        else:
            choice = Choice(*self._model.choose(ends, position, self._typed.allowed()))
        if self._memory is not None:
            self._memory.follow(choice.token_id)
        return choice

    def _choose_mixed(self, memory: Remembering, position: int, ends: frozenset[int]) -> Choice:
        logits = self._model.logits(position)
        mixture, said, shares = memory.mix(logits)
        probabilities = self._heeding_typed(mixture, logits)
        token_id = self._model.likeliest(probabilities, ends)
        probability = float(probabilities[token_id])
        if not 0 < probability <= 1.01:  # rounding may take it a little above 1
            raise RuntimeFailedError("its weights give no numbers")
        source = None
        parts = [
            0.0 if one is None or token_id not in one.token_ids
            else share * one.shares[one.token_ids.index(token_id)]
            for one, share in zip(said, shares, strict=True)
        ]  # fmt: skip
        if 0 < sum(parts) >= LEAST_SHARE * float(mixture[token_id]):
            expert = int(np.argmax(parts))
            one = said[expert]
            assert one is not None
            share = sum(parts) / float(mixture[token_id])
            source = Source(EXPERTS[expert], one.part, one.place, one.length, share)
        return Choice(token_id, min(0.0, math.log(probability)), source)

    def _heeding_typed(
        self, probabilities: NDArray[np.float32], logits: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Given that what is typed is written again. All of them may round to nothing: then by the model alone."""
        allowed = self._typed.allowed()
        if allowed is None:
            return probabilities
        kept = np.where(allowed, probabilities, np.float32(0))
        total = np.float32(kept.sum(dtype=np.float64))
        if total > 0:
            return (kept / total).astype(np.float32)
        return view_of(np.where(allowed, logits, LEAST_LOGIT), ()).probabilities

    def _draft(self, token_id: int, room: int) -> list[int]:
        """At least one token, at most `room`."""
        return (self._memory.draft(room) if self._memory is not None else []) or [token_id]
