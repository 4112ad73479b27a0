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


class Stretches(msgspec.Struct, frozen=True, array_like=True):
    """A segment of the repository memory: its two files, and sorted bounds of half-open stretches."""

    ids: bytes
    order: bytes
    banned: list[int]
    near: list[int]


class Remember(msgspec.Struct, frozen=True, array_like=True):
    """What to remember beside the model: see `repocoder.memory`. `before`: ids of the file above the hole."""

    segments: list[Stretches]
    before: list[int]
    weights: dict[str, list[float]]  # {}: it only drafts
    drafts: int = 8  # tokens that are foretold at once, at most


class Generate(Message, frozen=True, array_like=True):
    """Greedy decoding. `number` grows with each order of a worker."""

    number: int
    token_ids: list[int]
    max_tokens: int
    end_ids: list[int]  # control tokens that end it; all others are forbidden
    may_be_empty: bool  # may it end before any text but white space?
    memory: Remember | None = None
    with_doubt: bool = False  # tell of the first token how sure it was
    typed: bytes = b""  # what the text begins with; it is not told


class Score(Message, frozen=True, array_like=True):
    """How likely is this continuation of this prompt? `number` is of the same row as that of `Generate`."""

    number: int
    token_ids: list[int]
    continuation: list[int]
    end_ids: list[int] = []
    memory: Remember | None = None
    with_rows: bool = False  # give what a calibration needs, see `Remembering.row`


class Cancel(Message, frozen=True, array_like=True):
    """End the order of this number, now if it runs, at its start if it waits."""

    number: int


class Prefilled(Message, frozen=True, array_like=True):
    """A batch of the prompt was run: a sign of life, and in the last one the figures of the whole prompt."""

    number: int
    milliseconds: float
    reused_tokens: int  # of the prompt, found in the cache


class Source(msgspec.Struct, frozen=True, array_like=True):
    """Where the memory learnt a token: `place` in its segment number `part`; in the file above the hole `part` is 0."""

    expert: str  # file | repository
    part: int
    place: int
    length: int  # tokens of context that were the same
    share: float  # of the token's probability, that is the memory's


class Piece(Message, frozen=True, array_like=True):
    """One token. `text` may be empty: bytes of an unfinished character wait for the next token."""

    number: int
    token_id: int
    logprob: float
    text: str
    source: Source | None = None
    doubt: list[float] = []  # of the first token, if asked for: margin to the second (of 1), entropy (nats)
    is_typed: bool = False  # all of it was typed already


class Scored(Message, frozen=True, array_like=True):
    """The next tokens of the continuation, in its order."""

    number: int
    logprobs: list[float]
    rows: list[list[float]] = []


class Done(Message, frozen=True, array_like=True):
    number: int
    reason: str  # end | length | cancelled | scored


Order = Load | Tokenize | Detokenize | Generate | Score | Cancel
Reply = Loaded | Failed | Tokenized | Detokenized | Prefilled | Piece | Scored | Done
