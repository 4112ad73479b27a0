"""One completion at a time: the request to the engine in its thread, and what its answers do to the ghost."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message

from repocoder.errors import RepocoderError
from repocoder.types import Completion, CompletionRequest
from tui.display import milliseconds
from tui.messages import CompletionDone, CompletionFailed, CompletionStreamed
from tui.widgets.status import describe_running

if TYPE_CHECKING:
    from repocoder.engine import Engine
    from tui.widgets.editor import Editor

STALE = "the answer was for another text of this file: dropped"


class Run:
    """One request on its way. `work` runs in a thread; everything else belongs to the thread of the UI."""

    def __init__(self, number: int, editor: Editor, request: CompletionRequest) -> None:
        self.number = number
        self.editor = editor
        self.request = request
        self.cancel = threading.Event()
        self.started = time.monotonic()

    def work(self, engine: Engine, post: Callable[[Message], bool]) -> None:
        """Ask the engine and post what it says, in a thread. A cancelled run is silent."""

        def stream(text: str, turn: int) -> None:
            if not self.cancel.is_set():
                post(CompletionStreamed(self.number, text, turn))

        try:
            completion = engine.complete(self.request, on_text=stream, cancel=self.cancel)
        except RepocoderError as error:
            answer: Message = CompletionFailed(self.number, str(error))
        else:
            answer = CompletionDone(self.number, completion)
        if not self.cancel.is_set():
            post(answer)


class Completing:
    """Keeps the ghost of the current run in step with its answers. The second pass is shown when it is
    done, and only while nothing of the first was typed or accepted."""

    def __init__(self, engine: Engine, start: Callable[[Run], None], say: Callable[[Content], None]) -> None:
        self._engine = engine
        self._start = start
        self._say = say
        self._run: Run | None = None
        self._numbers = 0
        self._ready = False

    @property
    def running(self) -> bool:
        return self._run is not None

    def begin(self, editor: Editor) -> None:
        """Ask for a completion at the cursor of `editor`; one that is running is cancelled."""
        self.cancel()
        settings = self._engine.settings
        row, column = editor.cursor_location
        request = CompletionRequest(
            path=editor.file.path,
            line=row + 1,
            column=column,
            text=editor.buffer,
            max_tokens=settings.max_tokens,
            passes=settings.passes,
            retrieval=settings.retrieval,
        )
        self._numbers += 1
        self._run = Run(self._numbers, editor, request)
        editor.begin_ghost()
        if self._ready:
            self._say(describe_running(1, 0))
            self._start(self._run)
        else:
            self._say(Content("waiting for the first index of this repository   Esc cancels"))

    def index_ready(self) -> None:
        """The index can be read: start what waited for it."""
        waiting = self._run if not self._ready else None
        self._ready = True
        if waiting is not None:
            waiting.started = time.monotonic()
            self._say(describe_running(1, 0))
            self._start(waiting)

    def cancel(self) -> bool:
        """End the run without waiting for it; False if there was none."""
        run, self._run = self._run, None
        if run is None:
            return False
        run.cancel.set()
        run.editor.end_ghost()
        return True

    def stop(self) -> None:
        """Cancel for good, when the screen is going away."""
        if self._run is not None:
            self._run.cancel.set()

    def dropped(self, editor: Editor) -> None:
        """The user refused the ghost or typed something else."""
        run = self._run
        if run is not None and run.editor is editor:
            self.cancel()
            self._say(Content(f"cancelled after {milliseconds(1000 * (time.monotonic() - run.started))}"))

    def taken(self, editor: Editor, *, whole: bool) -> None:
        """The user typed or accepted a part of the ghost."""
        run = self._run
        if whole and run is not None and run.editor is editor:
            self.cancel()
            self._say(Content("accepted what was written so far   Ctrl+Z undoes it"))
        elif run is None and editor.ghost is not None and not editor.ghost.rest:
            editor.end_ghost()

    def stream(self, message: CompletionStreamed) -> None:
        run = self._run
        if run is not None and message.number == run.number:
            self._say(describe_running(message.turn, len(message.text)))
            if message.turn == 1:
                run.editor.write_ghost(message.text)

    def done(self, message: CompletionDone) -> Completion | None:
        """Put the final text into the ghost. Returns the completion, or None if nobody waits for it any
        more."""
        run = self._run
        if run is None or message.number != run.number:
            return None
        self._run = None
        editor, completion = run.editor, message.completion
        if not _same_buffer(run.request, completion):
            editor.end_ghost()
            self._say(Content(STALE))
            return None
        editor.write_ghost(completion.text)
        if editor.ghost is not None and not editor.ghost.rest:
            editor.end_ghost()
        return completion

    def failed(self, message: CompletionFailed) -> bool:
        """The run ended with an error; False if nobody waits for it any more."""
        if self._run is None or message.number != self._run.number:
            return False
        return self.cancel()


def _same_buffer(request: CompletionRequest, completion: Completion) -> bool:
    assert request.text is not None
    return completion.base_sha256 == hashlib.sha256(request.text.encode("utf-8")).hexdigest()
