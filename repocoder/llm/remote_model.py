"""The Generator over a remote server: greedy decoding, streamed so that a stop rule or a cancel ends it early."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from repocoder.errors import ModelError
from repocoder.llm.completions import MalformedError, Written, choice_of, number
from repocoder.llm.generator import Generated, GenerateRequest, OnText, Vocab
from repocoder.llm.link import POLL_S
from repocoder.llm.messages import Piece, Prefilled, Remember
from repocoder.llm.remote import RefusedError, Server, StoppedError
from repocoder.llm.remote_tokens import ServerTokens, TextTokens
from repocoder.llm.run import Either, Run
from repocoder.types import ModelInfo

COMPLETIONS = "/v1/completions"
MAX_TEXT = 1 << 20  # characters: a server that does not stop is stopped
FORBIDDEN_BIAS = -100  # the lowest that OpenAI's interface has

PENALTIES = frozenset({"repeat_penalty", "repetition_penalty"})
"""Names of one setting. A server may have 1.1 where nothing is said, with which decoding is not greedy."""

LESS = tuple(map(frozenset, ((), PENALTIES, ("logprobs",), PENALTIES | {"logprobs"})))
"""Fields that are left out, in this order, until a server takes the request."""

LEFT_OUT_NOTES = {
    "logprobs": "remote: the server gives no log-probabilities",
    "repeat_penalty": "remote: the server takes no word about penalties: it may not decode greedily",
}


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model that was found, and how its server is talked to."""

    id: str
    info: ModelInfo
    vocab: Vocab
    tokens: ServerTokens | TextTokens
    notes: tuple[str, ...]


class RemoteGenerator:
    """`repocoder.llm.generator.Generator` over `/v1/completions`.

    `Generated.token_ids` are those of the text, tokenised again; `prefill_ms` is the time to the first answer. A
    server that offers no log-probabilities leaves `token_logprobs` empty; llama-server tells none of a token that ends
    within a character. `may_be_empty=False` is for vLLM alone, and means one token there.
    """

    def __init__(self, server: Server, model: RemoteModel) -> None:
        self._server = server
        self._model = model
        self._tokens = model.tokens
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._left_out: frozenset[str] | None = None  # of `LESS`, once a request went well

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    @property
    def vocab(self) -> Vocab:
        return self._model.vocab

    @property
    def tokenizer(self) -> str:
        """Whose tokenizer counts: the server's kind, or the embedded model."""
        return self._tokens.name

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its results must know, a line each."""
        left_out = self._left_out or frozenset()
        without = [note for key, note in LEFT_OUT_NOTES.items() if key in left_out]
        return (*self._model.notes, *without)

    @property
    def can_score(self) -> bool:
        dialect = self._tokens.dialect
        return dialect is not None and dialect.can_score

    def tokenize(self, text: str) -> list[int]:
        return self.tokenize_many([text])[0]

    def tokenize_many(self, texts: Sequence[str]) -> list[list[int]]:
        with self._lock:
            return [self._tokens.encode(text) for text in texts]

    def detokenize(self, token_ids: Sequence[int]) -> str:
        with self._lock:
            return self._tokens.decode(token_ids)

    def generate(
        self,
        request: GenerateRequest,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
    ) -> Generated:
        run = Run(request, on_text, Either(cancel, self._closing))
        run.reset()
        n_prompt, n_ctx = len(request.token_ids), self.vocab.n_ctx
        if not 0 < n_prompt < n_ctx:
            raise self._problem(
                f"a prompt of {n_prompt} tokens; the context has {n_ctx}", "shorten the prompt"
            )
        room = min(request.max_tokens, n_ctx - n_prompt)
        if room <= 0:
            return run.result("length")
        with self._hold(run.cancel) as held:
            return self._insist(run, room) if held else run.result("cancelled")

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
        if not self.can_score:
            raise self._problem(f"{self.tokenizer} does not say how likely a given text is", "use vLLM")
        if not continuation:
            return ()
        n_prompt, n_ctx = len(token_ids), self.vocab.n_ctx
        if not n_prompt or n_prompt + len(continuation) > n_ctx:
            sizes = f"a prompt of {n_prompt} tokens with a continuation of {len(continuation)}"
            raise self._problem(f"{sizes}; the context has {n_ctx}", "shorten the prompt")
        either = Either(cancel, self._closing)
        with self._hold(either) as held:
            try:
                return self._scored([*token_ids, *continuation], n_prompt, either) if held else ()
            except StoppedError:
                return ()

    def close(self) -> None:
        """End what runs and the connection. It may be used again."""
        self._closing.set()
        with self._lock:
            self._server.close()
            self._tokens.close()
            self._closing.clear()

    # ---- with the lock held

    def _insist(self, run: Run, room: int) -> Generated:
        """Once more, with less, where the server refuses what not all of them know."""
        choices = LESS if self._left_out is None else (self._left_out,)
        first: RefusedError | None = None
        for left_out in choices:
            if left_out >= PENALTIES and self._tokens.dialect is not None:
                continue  # a known server takes its own
            run.reset()
            try:
                done = self._generate(run, room, left_out)
            except RefusedError as error:
                first = first or error
                if error.status not in (400, 422, 500, 501):
                    break
            else:
                self._left_out = left_out
                return done
        assert first is not None
        raise first

    def _generate(self, run: Run, room: int, left_out: frozenset[str]) -> Generated:
        written = Written()
        order = self._order(run.request, room)
        try:
            reason = self._follow(
                run, {key: value for key, value in order.items() if key not in left_out}, written
            )
        except StoppedError:
            reason = "cancelled"
        if reason is None and written.finish is None:
            raise self._problem("its answer breaks off", "look at the server's log")
        written.drop_end_token()
        return replace(
            run.result(reason or ("length" if written.finish == "length" else "end")),
            token_ids=tuple(self._tokens.encode(written.text)) if written.text else (),
            token_logprobs=tuple(written.logprobs),
            token_ends=tuple(written.ends),
            reused_tokens=written.cached_tokens,
        )

    def _follow(self, run: Run, order: dict[str, Any], written: Written) -> str | None:
        """Take the stream as it comes; the reason to stop if the rule had one."""
        stream = self._server.stream(COMPLETIONS, order, run.cancel)
        with self._reading(), closing(stream) as events:
            for event in events:
                text = written.add(event)
                if not run.prefill_ms:
                    run.take(Prefilled(1, (time.monotonic() - run.started) * 1000, 0))
                reason = run.take(Piece(1, -1, 0.0, text)) if text else None
                if reason is not None or len(written.text) > MAX_TEXT:
                    return reason
        return None

    def _order(self, request: GenerateRequest, room: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model.id,
            "prompt": self._prompt(request.token_ids),
            "max_tokens": room,
            "temperature": 0,
            "stream": True,
            "logprobs": 1,
        }
        dialect, template = self._tokens.dialect, self.vocab.template
        if dialect is None:
            return body | dict.fromkeys(sorted(PENALTIES), 1.0)
        # As in the local worker: control tokens end it or are not written.
        forbidden = template.control_ids - template.end_ids
        if forbidden:
            body["logit_bias"] = {str(token_id): FORBIDDEN_BIAS for token_id in sorted(forbidden)}
        return body | dialect.extras(sorted(template.end_ids), may_be_empty=request.may_be_empty)

    def _prompt(self, token_ids: Sequence[int]) -> list[int] | str:
        return list(token_ids) if isinstance(self._tokens, ServerTokens) else self._tokens.decode(token_ids)

    def _scored(self, token_ids: list[int], n_prompt: int, cancel: threading.Event) -> tuple[float, ...]:
        body = {
            "model": self._model.id,
            "prompt": token_ids,
            "max_tokens": 0,
            "temperature": 0,
            "echo": True,
            "logprobs": 1,
        }
        answer = self._server.ask(COMPLETIONS, body, cancel)
        with self._reading():
            return _echoed(answer, n_prompt, len(token_ids))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except MalformedError as error:
            said = self._server.quoted(str(error))
            raise self._problem(f"it answers with {said!r}", "look at the server's log") from None

    def _problem(self, what: str, then: str) -> ModelError:
        return self._server.problem(what, then)

    @contextmanager
    def _hold(self, cancel: threading.Event) -> Iterator[bool]:
        """The lock; False without it if cancelled while another call has it."""
        while not (held := self._lock.acquire(timeout=POLL_S)):
            if cancel.is_set():
                break
        try:
            yield held
        finally:
            if held:
                self._lock.release()


def _echoed(answer: Any, n_prompt: int, n_tokens: int) -> tuple[float, ...]:
    """Log-probabilities after the prompt; a server that cannot give none at all may add a new token."""
    choice = choice_of(answer)
    logprobs = choice.get("logprobs") if choice is not None else None
    values = logprobs.get("token_logprobs") if isinstance(logprobs, dict) else None
    if not isinstance(values, list) or len(values) not in (n_tokens, n_tokens + 1):
        raise MalformedError("no log-probabilities of the prompt")
    return tuple(number(value) for value in values[n_prompt:n_tokens])
