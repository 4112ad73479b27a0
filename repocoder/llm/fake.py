"""A deterministic Generator without a model: for tests of whatever stands above it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from repocoder.errors import ModelError
from repocoder.fim import VocabFacts, detect
from repocoder.llm.generator import Generated, GenerateRequest, OnText, Vocab
from repocoder.llm.messages import Piece, Prefilled, Remember
from repocoder.llm.run import Run
from repocoder.types import ModelInfo

CONTROL_TOKENS = (
    "<|endoftext|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
)
N_VOCAB = len(CONTROL_TOKENS) + 256  # one token for each byte

Answer = str | Mapping[str, str] | Callable[[str], str]
"""What it writes: always this; the value of the first key in the prompt; what a function makes of it."""


class FakeGenerator:
    """Writes scripted answers, a byte a token, through the same template as the embedded model.

    Log-probabilities are all `logprob`; each token takes `token_s` seconds, during which a cancel is seen.
    """

    def __init__(
        self, answer: Answer = "", *, n_ctx: int = 8192, token_s: float = 0.0, logprob: float = -0.1
    ) -> None:
        self._answer = answer
        self._token_s = token_s
        self._logprob = logprob
        facts = VocabFacts(
            {text: number for number, text in enumerate(CONTROL_TOKENS)}, {}, end_ids=frozenset({0})
        )
        self._vocab = Vocab(n_ctx, N_VOCAB, detect(facts))
        self.requests: list[GenerateRequest] = []
        self.closed = False

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("fake", "0" * 64)

    @property
    def vocab(self) -> Vocab:
        return self._vocab

    def tokenize(self, text: str) -> list[int]:
        return [len(CONTROL_TOKENS) + byte for byte in text.encode("utf-8", "replace")]

    def tokenize_many(self, texts: Sequence[str]) -> list[list[int]]:
        return [self.tokenize(text) for text in texts]

    def detokenize(self, token_ids: Sequence[int]) -> str:
        first = len(CONTROL_TOKENS)
        data = b"".join(
            bytes([number - first]) if number >= first else CONTROL_TOKENS[number].encode()
            for number in token_ids
        )
        return data.decode("utf-8", "replace")

    def generate(
        self,
        request: GenerateRequest,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
    ) -> Generated:
        self.requests.append(request)
        run = Run(request, on_text, cancel or threading.Event())
        run.reset()
        run.take(Prefilled(1, 0.0, 0))
        answer = self._written(self.detokenize(request.token_ids)).encode()
        pieces = _characters(answer)
        for count, (token_id, text) in enumerate(pieces, 1):
            if self._token_s:
                run.cancel.wait(self._token_s)
            if run.cancel.is_set():
                return run.result("cancelled")
            reason = run.take(Piece(1, token_id, self._logprob, text))
            if reason is not None:
                return run.result(reason)
            if count == request.max_tokens:
                return run.result("length")
        return run.result("end")

    @property
    def can_score(self) -> bool:
        return True

    @property
    def can_remember(self) -> bool:
        return False

    @property
    def can_retype(self) -> bool:
        return False

    def score(
        self,
        token_ids: Sequence[int],
        continuation: Sequence[int],
        cancel: threading.Event | None = None,
        *,
        memory: Remember | None = None,
    ) -> tuple[float, ...]:
        if len(token_ids) + len(continuation) > self._vocab.n_ctx:
            raise ModelError(f"model: fake: the context has {self._vocab.n_ctx} tokens: shorten the prompt")
        if cancel is not None and cancel.is_set():
            return ()
        return (self._logprob,) * len(continuation)

    def close(self) -> None:
        self.closed = True

    def _written(self, prompt: str) -> str:
        if isinstance(self._answer, str):
            return self._answer
        if callable(self._answer):
            return self._answer(prompt)
        return next((text for key, text in self._answer.items() if key in prompt), "")


def _characters(data: bytes) -> list[tuple[int, str]]:
    """A token for each byte; the text of a character comes with its last byte."""
    tokens: list[tuple[int, str]] = []
    for character in data.decode():
        encoded = character.encode()
        tokens.extend((len(CONTROL_TOKENS) + byte, "") for byte in encoded[:-1])
        tokens.append((len(CONTROL_TOKENS) + encoded[-1], character))
    return tokens
