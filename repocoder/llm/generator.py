"""What the engine needs of a model, whoever runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from repocoder.fim import Template
from repocoder.llm.gate import GateTokens
from repocoder.llm.messages import Remember, Source
from repocoder.types import ModelInfo

OnText = Callable[[str], None]
"""Called with the whole text so far, not with the new piece: a stop rule may take text back."""


@dataclass(frozen=True, slots=True)
class Vocab:
    """What a prompt builder must know of a loaded model."""

    n_ctx: int  # tokens of prompt and completion together
    size: int
    template: Template
    gate: GateTokens | None = None  # None: it was not trained to say whether it wants other files


@dataclass(frozen=True, slots=True)
class Fed:
    """What a stop rule says of the text so far: what to show of it, and why to stop, if so."""

    text: str
    stop: str | None = None


class StopRule(Protocol):
    """Decides on the text, while it streams, whether the completion is done."""

    def feed(self, piece: str) -> Fed: ...

    def reset(self) -> None:
        """Forget what was fed: the worker died and begins again."""


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """Greedy decoding. `token_ids` must leave room: fewer than `n_ctx` of them."""

    token_ids: tuple[int, ...]
    max_tokens: int
    stop: StopRule | None = None
    may_be_empty: bool = True  # False forbids the end tokens until there is text
    memory: Remember | None = None  # of the repository, where the generator can remember
    with_doubt: bool = False  # tell how sure the first token was
    typed: str = ""  # what the text must begin with, where the generator can: see `Generator.can_retype`


@dataclass(frozen=True, slots=True)
class Generated:
    """The raw text of the model, before post-processing, without what was typed and the token that ended it."""

    text: str
    token_ids: tuple[int, ...]
    token_logprobs: tuple[float, ...]  # of each chosen token, nats, over the whole vocabulary
    token_ends: tuple[int, ...]  # length of `text`, in characters, after each token
    stop_reason: str  # end | length | cancelled, or the reason of the stop rule
    prefill_ms: float
    first_token_ms: float  # from the call to the first piece of text
    total_ms: float
    reused_tokens: int  # of the prompt, found in the KV cache
    sources: tuple[Source | None, ...] = ()  # of each token that the memory chose
    margin: float = 0.0  # if asked for: probability of the first token less that of the second choice
    entropy: float = 0.0  # if asked for: of the first token's distribution, nats
    typed_tokens: int = 0  # the first ones, of which nothing is in `text`

    @property
    def n_tokens(self) -> int:
        """That `text` has."""
        return len(self.token_ids) - self.typed_tokens

    @property
    def mean_logprob(self) -> float | None:
        """Mean over all tokens of `text`, None if there are none."""
        return _mean(self.token_logprobs[self.typed_tokens :])

    def mean_logprob_of(self, length: int) -> float | None:
        """Mean over the tokens of the first `length` characters: what post-processing kept."""
        first = self.typed_tokens
        starts = (0, *self.token_ends[first:-1])
        logprobs = self.token_logprobs[first:]
        return _mean([value for start, value in zip(starts, logprobs, strict=False) if start < length])


class Generator(Protocol):
    """A model. Methods may be called from any thread; one runs at a time."""

    @property
    def info(self) -> ModelInfo:
        """Name and SHA-256; does not load the model."""

    @property
    def vocab(self) -> Vocab:
        """Loads the model if it is not loaded."""

    def tokenize(self, text: str) -> list[int]:
        """Ids of a text: no BOS, and control tokens in it are plain text."""

    def tokenize_many(self, texts: Sequence[str]) -> list[list[int]]:
        """The same for several texts in one message."""

    def detokenize(self, token_ids: Sequence[int]) -> str:
        """Text of ids, control tokens shown as they are named."""

    def generate(
        self,
        request: GenerateRequest,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
    ) -> Generated:
        """Complete a prompt. Setting `cancel` ends it within 0.2 s; raises ModelError, WorkerError."""

    @property
    def can_score(self) -> bool:
        """Does `score` work? Not with every remote server."""

    @property
    def can_remember(self) -> bool:
        """Does it heed a `memory`? Only a model of this machine has its probabilities at hand."""

    @property
    def can_retype(self) -> bool:
        """Does it heed `typed`? Then the prompt ends before the word at the cursor, and the model writes it again."""

    def score(
        self,
        token_ids: Sequence[int],
        continuation: Sequence[int],
        cancel: threading.Event | None = None,
        *,
        memory: Remember | None = None,
    ) -> tuple[float, ...]:
        """Log-probability, in nats and over the whole vocabulary, of each token of a given continuation.

        Each is conditioned on the prompt and on what comes before it in the continuation. () if cancelled. Both
        together may have `n_ctx` tokens. With a `memory` they are those of the mixture. Raises ModelError, also
        where `can_score` is False, and WorkerError.
        """

    def close(self) -> None:
        """End it and free the memory. It may be used again: it is loaded anew."""


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
