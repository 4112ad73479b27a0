"""One request on its way to the engine, in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from repocoder.errors import RepocoderError
from tui.messages import CompletionDone, CompletionFailed, CompletionStreamed

if TYPE_CHECKING:
    from repocoder.engine import Engine
    from repocoder.types import CompletionRequest
    from tui.widgets.editor import Editor


class Run:
    """One request on its way. `work` runs in a thread; everything else belongs to the thread of the UI."""

    def __init__(self, number: int, editor: Editor, request: CompletionRequest, *, automatic: bool) -> None:
        self.number = number
        self.editor = editor
        self.request = request
        self.automatic = automatic  # nobody asked by a key: it is quiet
        self.cancel = threading.Event()
        self.started = time.monotonic()
        self.shown = False  # text of it arrived

    def work(self, engine: Engine, post: Callable[[Message], bool], turn_of: threading.Lock) -> None:
        """Ask the engine and post what it says, in a thread. A cancelled run is silent.

        `turn_of` is held by the run whose turn it is: one that was cancelled while it waited costs nothing.
        """

        def stream(text: str, turn: int) -> None:
            if not self.cancel.is_set():
                post(CompletionStreamed(self.number, text, turn))

        with turn_of:
            if self.cancel.is_set():
                return
            try:
                completion = engine.complete(self.request, on_text=stream, cancel=self.cancel)
            except RepocoderError as error:
                answer: Message = CompletionFailed(self.number, str(error))
            else:
                answer = CompletionDone(self.number, completion)
        if not self.cancel.is_set():
            post(answer)
