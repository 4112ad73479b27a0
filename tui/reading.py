"""The prompt of the cursor's line, which the model reads before anybody asks.

Most of the time to the first suggestion on a line goes by before its first token: snippets are looked for, and the
model reads a prompt of which the next key changes the last word. So both are done as soon as the cursor has come to
a line, and stay: see `repocoder.sticky`. It is done once a line, not at each key.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from textual.message import Message

from repocoder.errors import RepocoderError

if TYPE_CHECKING:
    from repocoder.engine import Engine
    from repocoder.types import CompletionRequest
    from tui.widgets.editor import Editor

AFTER_KEY_S = 0.04
"""After a key that was typed: it is painted first."""

AFTER_MOVE_S = 0.25
"""After the cursor was moved: who goes through a file line by line costs nothing."""

AGAIN_S = 0.1
"""While the engine is at something else: then it is looked again whether the cursor still rests there."""

Line = tuple[str, int, int]
"""Path, row, and how many lines the file has."""


class Stoppable(Protocol):
    """A timer of Textual."""

    def stop(self) -> None: ...


class Work(Protocol):
    """What a thread of the screen can carry out."""

    def work(self, engine: Engine, post: Callable[[Message], bool], turn_of: threading.Lock) -> None: ...


class Reading:
    """One line on its way to the engine. Nobody waits for it, and whoever asks is told of what fails."""

    def __init__(self, line: Line, request: CompletionRequest) -> None:
        self.line = line
        self.request = request
        self.cancel = threading.Event()
        self.done = False

    def work(self, engine: Engine, post: Callable[[Message], bool], turn_of: threading.Lock) -> None:
        """Have it read, in a thread; `turn_of` as for `Run`."""
        with turn_of:
            if not self.cancel.is_set():
                try:
                    engine.prepare(self.request, self.cancel)
                except RepocoderError:
                    self.cancel.set()
        self.done = True


class ReadAhead:
    """Keeps the line of the cursor read. Belongs to the thread of the UI."""

    def __init__(
        self,
        start: Callable[[Work], None],
        after: Callable[[float, Callable[[], None]], Stoppable],
        request: Callable[[Editor], CompletionRequest | None],
        is_busy: Callable[[], bool],
    ) -> None:
        """`start` starts work in a thread, `request` says what would be asked in an editor, None for nothing. Nothing
        is read while the engine `is_busy` with what comes first."""
        self._start = start
        self._after = after
        self._request = request
        self._is_busy = is_busy
        self._timer: Stoppable | None = None
        self._awaited: tuple[Line, float] | None = None  # that the timer is for, and when it is due
        self._reading: Reading | None = None
        self._line: Line | None = None  # whose prompt is in the model's cache, or on its way there

    def look(self, editor: Editor, *, typed: bool) -> None:
        """The cursor has moved, by typing or otherwise: read its line when it rests there. What is typed on the line
        puts nothing off: the snippets and most of the prompt stay as they are."""
        line, seconds = line_of(editor), AFTER_KEY_S if typed else AFTER_MOVE_S
        due = time.monotonic() + seconds
        if self._awaited is not None and self._awaited[0] == line and self._awaited[1] <= due:
            return
        self._forget_timer()
        if line == self._line:
            return
        if self._reading is not None and self._reading.line != line:
            self._drop()
        self._wait(editor, line, due, seconds)

    def asked(self, editor: Editor) -> None:
        """A completion is asked for, which does it all for this line; what is being read of it is of use."""
        self._forget_timer()
        line = line_of(editor)
        if self._reading is not None and self._reading.line != line:
            self._drop()
        self._line = line

    def forget(self) -> None:
        """What was read no longer serves: other snippets may be found now, or the model does other work."""
        self._line = None

    def stop(self) -> None:
        """Read nothing more."""
        self._forget_timer()
        self._drop()

    def _wait(self, editor: Editor, line: Line, due: float, seconds: float) -> None:
        self._awaited = (line, due)
        self._timer = self._after(seconds, lambda: self._rested(editor, line))

    def _rested(self, editor: Editor, line: Line) -> None:
        self._timer = self._awaited = None
        if line != line_of(editor):
            return
        if self._is_busy():
            self._wait(editor, line, time.monotonic() + AGAIN_S, AGAIN_S)
            return
        request = self._request(editor)
        if request is not None:
            self._drop()
            self._line = line
            self._reading = Reading(self._line, request)
            self._start(self._reading)

    def _drop(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None and not reading.done:
            reading.cancel.set()
            self._line = None

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = self._awaited = None


def line_of(editor: Editor) -> Line:
    """The line of the cursor, by which the next key on it is known."""
    return (editor.file.path, editor.cursor_location[0], editor.document.line_count)
