"""Messages between the engine's process and the model worker: msgpack arrays, told apart by a tag."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Base of all messages."""


class Load(Message, frozen=True, array_like=True):
    """First message. A context longer than the model was trained for is never made."""

    path: bytes
    max_ctx: int
    threads: int


class Loaded(Message, frozen=True, array_like=True):
    """llama.cpp's view of the model."""

    n_ctx: int
    n_vocab: int
    fim: dict[str, int]  # role -> id
    bos: int | None  # None if prompts do not begin with it
    end_ids: list[int]


class Failed(Message, frozen=True, array_like=True):
    """The order could not be carried out; the worker lives on, except after a failed load."""

    why: str


class Tokenize(Message, frozen=True, array_like=True):
    texts: list[str]


class Tokenized(Message, frozen=True, array_like=True):
    token_ids: list[list[int]]


class Detokenize(Message, frozen=True, array_like=True):
    token_ids: list[int]


class Detokenized(Message, frozen=True, array_like=True):
    text: str


class Generate(Message, frozen=True, array_like=True):
    """Greedy decoding. `number` grows with each order of a worker."""

    number: int
    token_ids: list[int]
    max_tokens: int
    end_ids: list[int]  # control tokens that end it; all others are forbidden
    may_be_empty: bool  # may it end before any text but white space?


class Score(Message, frozen=True, array_like=True):
    """How likely is this continuation of this prompt? `number` is of the same row as that of `Generate`."""

    number: int
    token_ids: list[int]
    continuation: list[int]


class Cancel(Message, frozen=True, array_like=True):
    """End the order of this number, now if it runs, at its start if it waits."""

    number: int


class Prefilled(Message, frozen=True, array_like=True):
    """A batch of the prompt was run: a sign of life, and in the last one the figures of the whole prompt."""

    number: int
    milliseconds: float
    reused_tokens: int  # of the prompt, found in the cache


class Piece(Message, frozen=True, array_like=True):
    """One token. `text` may be empty: bytes of an unfinished character wait for the next token."""

    number: int
    token_id: int
    logprob: float
    text: str


class Scored(Message, frozen=True, array_like=True):
    """The next tokens of the continuation, in its order."""

    number: int
    logprobs: list[float]


class Done(Message, frozen=True, array_like=True):
    number: int
    reason: str  # end | length | cancelled | scored


Order = Load | Tokenize | Detokenize | Generate | Score | Cancel
Reply = Loaded | Failed | Tokenized | Detokenized | Prefilled | Piece | Scored | Done
