"""The model behind the engine of the UI: another can be put in its place while the program runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the model's side is imported when a model is opened: the first paint does not wait for it
    from repocoder.llm.generator import Generated, GenerateRequest, Generator, OnText, Vocab
    from repocoder.types import ModelInfo

Opener = Callable[[str | None], "Generator"]
"""Opens a model by its name or path, None the embedded one; ModelError if it is not usable."""


class ChosenModel:
    """A `Generator` that hands everything on to the model that is in use. Any thread may call.

    The repository's memory is made of the tokens of the first one: with another one it rests until the next start.
    """

    def __init__(self, name: str | None, opener: Opener) -> None:
        self.name = name  # as it was chosen; None is the embedded model
        self._open = opener
        self._current: Generator | None = None
        self._remembering = ""  # SHA-256 of the model whose tokens the memory is made of
        self._lock = threading.Lock()

    @classmethod
    def local(cls, name: str | None, threads: int | None) -> ChosenModel:
        """A model of this machine, run in its worker."""

        def open_local(wanted: str | None) -> Generator:
            from repocoder.llm.local import open_generator

            return open_generator(wanted, threads=threads)

        return cls(name, open_local)

    @property
    def current(self) -> Generator:
        """The model in use, opened when it is first needed. Raises ModelError."""
        with self._lock:
            if self._current is None:
                self._current = self._open(self.name)
                self._remembering = self._remembering or self._current.info.sha256
            return self._current

    def load(self, name: str | None) -> Generator:
        """Open and load a model beside the one in use. Raises ModelError, WorkerError: then nothing has changed."""
        found = self._open(name)
        try:
            found.tokenize("")
        except BaseException:
            found.close()
            raise
        return found

    def put(self, name: str | None, found: Generator) -> None:
        """Use a loaded model from now on, and end the one before. No completion may be running."""
        with self._lock:
            before, self._current, self.name = self._current, found, name
        if before is not None:
            before.close()

    # ---- a Generator

    @property
    def info(self) -> ModelInfo:
        return self.current.info

    @property
    def vocab(self) -> Vocab:
        return self.current.vocab

    def tokenize(self, text: str) -> list[int]:
        return self.current.tokenize(text)

    def tokenize_many(self, texts: Sequence[str]) -> list[list[int]]:
        return self.current.tokenize_many(texts)

    def detokenize(self, token_ids: Sequence[int]) -> str:
        return self.current.detokenize(token_ids)

    def generate(
        self, request: GenerateRequest, on_text: OnText | None = None, cancel: threading.Event | None = None
    ) -> Generated:
        return self.current.generate(request, on_text, cancel)

    @property
    def can_score(self) -> bool:
        return self.current.can_score

    def score(
        self,
        token_ids: Sequence[int],
        continuation: Sequence[int],
        cancel: threading.Event | None = None,
        **more: Any,
    ) -> tuple[float, ...]:
        return self.current.score(token_ids, continuation, cancel, **more)

    @property
    def can_remember(self) -> bool:
        return self.current.can_remember and self.current.info.sha256 == self._remembering

    @property
    def can_retype(self) -> bool:
        return self.current.can_retype

    def close(self) -> None:
        with self._lock:
            if self._current is not None:
                self._current.close()
