"""The local model: a Generator whose llama.cpp lives in a worker process that may die without harm."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from indexer.ipc import ChildDiedError
from repocoder.errors import ModelError, WorkerError
from repocoder.fim import VocabFacts, detect, facts_of
from repocoder.gguf import GgufHeader, read_header
from repocoder.llm.gate import gate_tokens
from repocoder.llm.generator import Generated, GenerateRequest, OnText, Vocab
from repocoder.llm.ids import IdCache, pieces
from repocoder.llm.link import POLL_S, Link
from repocoder.llm.messages import (
    Detokenize,
    Detokenized,
    Done,
    Failed,
    Generate,
    Load,
    Loaded,
    Remember,
    Score,
    Scored,
    Tokenize,
    Tokenized,
)
from repocoder.llm.run import Either, Run
from repocoder.types import ModelInfo

MAX_RESTARTS = 3  # of a worker that dies, until an order is carried out again
MAX_LOAD_RETRIES = 1  # a file that crashes the runtime twice is to blame itself
DEFAULT_MAX_CTX = (
    8192  # more costs memory (36 KB a token at 3B) that prompts of at most 4,096 tokens never use
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class LocalModel:
    """Which file to run, and how."""

    path: Path
    info: ModelInfo
    max_ctx: int = DEFAULT_MAX_CTX
    threads: int | None = None  # None: one for each physical core
    template: Mapping[str, str] | None = None  # override of fill-in-the-middle tokens: role -> text


class LocalGenerator:
    """`repocoder.llm.generator.Generator` over the model worker. Starts nothing until it is used."""

    def __init__(self, model: LocalModel) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._link: Link | None = None
        self._header: GgufHeader | None = None
        self._vocab: Vocab | None = None
        self._deaths = 0  # since the last order that was carried out
        self._cache = IdCache()

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    @property
    def vocab(self) -> Vocab:
        with self._lock:
            if self._vocab is None:
                self._insist(lambda: self._loaded(None))
            assert self._vocab is not None
            return self._vocab

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, None if none runs. For tests and diagnosis."""
        return self._link.pid if self._link else None

    def tokenize(self, text: str) -> list[int]:
        return self.tokenize_many([text])[0]

    def tokenize_many(self, texts: Sequence[str]) -> list[list[int]]:
        with self._lock:
            if self._vocab is None:
                self._insist(lambda: self._loaded(None))
            parts = {text: self._parts(text) for text in dict.fromkeys(texts)}
            known = {part: self._cache.get(part) for some in parts.values() for part in some}
            missing = [part for part, ids in known.items() if ids is None]
            if missing:
                sendable = [part.encode("utf-8", "replace").decode() for part in missing]
                answer = self._ask(lambda link: self._tokenize(link, sendable))
                for part, ids in zip(missing, answer, strict=True):
                    known[part] = ids
                    self._cache.put(part, ids)
            return [[number for part in parts[text] for number in known[part] or ()] for text in texts]

    def detokenize(self, token_ids: Sequence[int]) -> str:
        def ask(link: Link) -> str:
            link.send(Detokenize(list(token_ids)))
            answer = link.expect(Detokenized, None)
            assert answer is not None
            return answer.text

        with self._lock:
            return self._ask(ask)

    def generate(
        self,
        request: GenerateRequest,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
    ) -> Generated:
        run = Run(request, on_text, Either(cancel, self._closing))
        with self._hold(run.cancel) as held:
            if not held:
                return run.result("cancelled")
            return self._insist(lambda: self._generate(run))

    @property
    def can_score(self) -> bool:
        return True

    @property
    def can_remember(self) -> bool:
        return True

    @property
    def can_retype(self) -> bool:
        return True

    def score(
        self,
        token_ids: Sequence[int],
        continuation: Sequence[int],
        cancel: threading.Event | None = None,
        *,
        memory: Remember | None = None,
    ) -> tuple[float, ...]:
        if not continuation:
            return ()
        order = Score(0, list(token_ids), list(continuation), memory=memory)
        return tuple(self._scored(order, cancel).logprobs)

    def observe(
        self, token_ids: Sequence[int], continuation: Sequence[int], memory: Remember
    ) -> list[list[float]]:
        """What a calibration of the memory needs of each token: see `Remembering.row`."""
        order = Score(0, list(token_ids), list(continuation), memory=memory, with_rows=True)
        return self._scored(order, None).rows

    def close(self) -> None:
        self._closing.set()  # ends what is running
        with self._lock:
            if self._link is not None:
                self._link.kill()
            self._link = None
            self._closing.clear()

    # ---- with the lock held

    def _ask(self, order: Callable[[Link], Result]) -> Result:
        def attempt() -> Result:
            link = self._loaded(None)
            assert link is not None
            link.wait_idle(None)
            return order(link)

        return self._insist(attempt)

    def _insist(self, attempt: Callable[[], Result]) -> Result:
        """Do it again with a new worker if the old one dies, at most `MAX_RESTARTS` times in a row."""
        while True:
            try:
                result = attempt()
            except ChildDiedError as error:
                self._drop()
                self._deaths += 1
                if self._deaths > MAX_RESTARTS:
                    self._deaths = 0
                    raise WorkerError(
                        f"model worker: {self.info.name}: died {MAX_RESTARTS + 1} times in a row "
                        f"({_how(error)}): try another model or fewer threads"
                    ) from error
            else:
                self._deaths = 0
                return result

    def _loaded(self, cancel: threading.Event | None) -> Link | None:
        """The link to a worker whose model is loaded; None if cancelled while it loads."""
        for retries_left in range(MAX_LOAD_RETRIES, -1, -1):
            try:
                link = self._link or self._start()
                if not link.wait_loaded(cancel):
                    return None
            except ModelError:
                self._drop()
                raise
            except ChildDiedError as error:
                self._drop()
                if not retries_left:
                    raise ModelError(
                        f"model file: {self._model.path}: llama.cpp crashes on it ({_how(error)}): "
                        "get the file again"
                    ) from error
                continue
            if self._vocab is None and link.loaded is not None:
                self._vocab = self._describe(link.loaded)
            return link
        raise AssertionError("unreachable")

    def _start(self) -> Link:
        self._header = read_header(self._model.path)
        load = Load(
            os.fsencode(self._model.path), self._model.max_ctx, self._model.threads or physical_cores()
        )
        self._link = Link(load)
        return self._link

    def _describe(self, loaded: Loaded) -> Vocab:
        assert self._header is not None
        known = facts_of(self._header)
        facts = VocabFacts(known.ids, loaded.fim, known.name, loaded.bos, frozenset(loaded.end_ids))
        return Vocab(
            loaded.n_ctx, loaded.n_vocab, detect(facts, self._model.template), gate_tokens(self._header)
        )

    def _drop(self) -> None:
        if self._link is not None:
            self._link.kill()
        self._link = None

    def _parts(self, text: str) -> list[str]:
        by_pattern = self._header is not None and self._header.metadata.get("tokenizer.ggml.model") == "gpt2"
        return pieces(text) if by_pattern else [text]

    def _tokenize(self, link: Link, texts: list[str]) -> list[list[int]]:
        link.send(Tokenize(texts))
        answer = link.expect(Tokenized, None)
        assert answer is not None
        return answer.token_ids

    def _generate(self, run: Run) -> Generated:
        run.reset()
        link = self._loaded(run.cancel)
        if link is None or not link.wait_idle(run.cancel):
            return run.result("cancelled")
        assert self._vocab is not None
        number = link.next_number()
        ends = sorted(self._vocab.template.end_ids)
        request = run.request
        token_ids = list(request.token_ids)
        may_be_empty, memory = request.may_be_empty, request.memory
        order = Generate(
            number, token_ids, request.max_tokens, ends, may_be_empty, memory, request.with_doubt,
            request.typed.encode("utf-8", "replace"),
        )  # fmt: skip
        link.send(order)
        while True:
            reply = link.receive(run.cancel)
            if isinstance(reply, Failed):
                raise ModelError(f"model: {self.info.name}: {reply.why}: try another prompt or file")
            if isinstance(reply, Done):
                return run.result(reply.reason)
            reason = "cancelled" if reply is None else run.take(reply)
            if reason is not None:
                link.cancel(number)
                return run.result(reason)

    def _scored(self, order: Score, cancel: threading.Event | None) -> Scored:
        either = Either(cancel, self._closing)
        with self._hold(either) as held:
            return self._insist(lambda: self._score(order, either)) if held else Scored(0, [])

    def _score(self, order: Score, cancel: threading.Event) -> Scored:
        """All that the worker says of it together; nothing if it was cancelled."""
        nothing = Scored(0, [])
        link = self._loaded(cancel)
        if link is None or not link.wait_idle(cancel):
            return nothing
        assert self._vocab is not None
        number, ends = link.next_number(), sorted(self._vocab.template.end_ids)
        link.send(msgspec.structs.replace(order, number=number, end_ids=ends))
        logprobs: list[float] = []
        rows: list[list[float]] = []
        while True:
            reply = link.receive(cancel)
            if reply is None:
                link.cancel(number)
                return nothing
            if isinstance(reply, Failed):
                raise ModelError(f"model: {self.info.name}: {reply.why}: try another prompt or file")
            if isinstance(reply, Done):
                return Scored(number, logprobs, rows) if reply.reason == "scored" else nothing
            if isinstance(reply, Scored):
                logprobs.extend(reply.logprobs)
                rows.extend(reply.rows)

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


def open_generator(name_or_path: str | None = None, *, threads: int | None = None) -> LocalGenerator:
    """The generator of a recorded model, a GGUF path, or the embedded one (None); ModelError if unusable."""
    from repocoder.models import resolve

    found = resolve(name_or_path)
    info = ModelInfo(found.name, found.sha256, found.path.stat().st_size)
    model = LocalModel(found.path, info, threads=threads)
    return LocalGenerator(model if found.max_ctx is None else replace(model, max_ctx=found.max_ctx))


def physical_cores() -> int:
    """Cores that this process may use, hardware threads of one core counted once."""
    siblings = set()
    for cpu in os.sched_getaffinity(0):
        place = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            siblings.add(place.read_text().strip())
        except OSError:
            siblings.add(str(cpu))
    return max(1, len(siblings))


def _how(error: ChildDiedError) -> str:
    return str(error).removesuffix(": it is started again on next use")
