"""One completion at a time: the request to the engine in its thread, and what its answers do to the ghost."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from textual.content import Content

from tui.ahead import Ahead
from tui.display import milliseconds
from tui.messages import CompletionDone, CompletionFailed, CompletionStreamed
from tui.pace import Pace, worth_asking
from tui.reading import ReadAhead, Stoppable, Work
from tui.running import Run
from tui.widgets.status import describe_running

if TYPE_CHECKING:
    from repocoder.engine import Engine
    from repocoder.types import Completion, CompletionRequest
    from tui.widgets.editor import Editor

STALE = "the answer was for another text of this file: dropped"

SILENT_EDIT_CHARACTERS = 200
"""A longer edit is pasted, not typed: nothing is suggested after it unasked."""


class Screen(Protocol):
    """What completing needs of the screen that it belongs to."""

    def start_run(self, run: Work) -> None: ...

    def say(self, text: Content) -> None: ...

    def open_buffers(self, but: Editor) -> tuple[tuple[str, str], ...]:
        """Path and unsaved text of the other files that are open."""

    def after(self, seconds: float, action: Callable[[], None]) -> Stoppable: ...


class Completing:
    """Keeps the ghost of the current run in step with its answers. The second pass is shown when it is
    done, and only while nothing of the first was typed or accepted."""

    def __init__(self, engine: Engine, screen: Screen) -> None:
        self.automatic = engine.settings.automatic == "on"
        self.pace = Pace()
        self._engine = engine
        self._screen = screen
        self._run: Run | None = None
        self._timer: Stoppable | None = None
        self._numbers = 0
        self._ready = False
        self.ahead = Ahead(screen.start_run, self._number)
        self.reading = ReadAhead(screen.start_run, screen.after, self._worth_reading, self._is_busy)

    @property
    def running(self) -> bool:
        return self._run is not None

    @property
    def waiting(self) -> bool:
        """Will something be asked for when the keys rest?"""
        return self._timer is not None

    def begin(self, editor: Editor, *, automatic: bool = False) -> None:
        """Ask for a completion at the cursor of `editor`; one that is running is cancelled."""
        self._forget_timer()
        self.cancel()
        self.reading.asked(editor)
        request = self._request(editor)
        claimed = self.ahead.claim(request)
        self._run = claimed or Run(self._number(), editor, request, automatic=automatic)
        editor.begin_ghost(quietly=automatic)
        if claimed is not None:
            claimed.automatic, claimed.started = automatic, time.monotonic()
        elif self._ready:
            self._go(self._run)
        else:
            self._screen.say(Content("waiting for the first index of this repository   Esc cancels"))

    def _request(self, editor: Editor) -> CompletionRequest:
        """What is asked at the cursor of `editor`."""
        from repocoder.types import CompletionRequest  # the first paint does not wait for it

        settings = self._engine.settings
        row, column = editor.cursor_location
        return CompletionRequest(
            path=editor.file.path,
            line=row + 1,
            column=column,
            text=editor.buffer,
            max_tokens=settings.max_tokens,
            passes=settings.passes,
            retrieval=settings.retrieval,
            open_buffers=self._screen.open_buffers(editor),
            live=True,
        )

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def index_ready(self) -> None:
        """The index can be read: start what waited for it."""
        waiting = self._run if not self._ready else None
        self._ready = True
        self.reading.forget()
        if waiting is not None:
            waiting.started = time.monotonic()
            self._go(waiting)

    def _go(self, run: Run) -> None:
        if not run.automatic:
            self._screen.say(describe_running(1, 0))
        self._screen.start_run(run)

    # ---- without a key

    def switch(self) -> bool:
        """Switch the automatic suggestions on or off; what is shown stays."""
        self.automatic = not self.automatic
        self._forget_timer()
        return self.automatic

    def edited(self, editor: Editor, characters: int) -> None:
        """The user changed the document by a key and no suggestion is shown: ask when the keys rest."""
        self._forget_timer()
        if self.ahead.request is not None:
            self.ahead.edited(self._request(editor))
        if characters <= SILENT_EDIT_CHARACTERS:
            self.moved(editor, typed=True)
        if self.automatic and self._ready and self._run is None and characters <= SILENT_EDIT_CHARACTERS:
            self._timer = self._screen.after(self.pace.pause_s, lambda: self._rested(editor))

    def moved(self, editor: Editor, *, typed: bool = False) -> None:
        """The cursor is elsewhere: what a suggestion there will need is prepared when it rests. What nobody asked for
        in another file, which is out of sight, ends."""
        if self._run is not None and self._run.automatic and self._run.editor is not editor:
            self.cancel()
        if (
            self.automatic
            and self._ready
            and self._engine.settings.speculate == "on"
            and (typed or self.pace.is_quick)
        ):
            self.reading.look(editor, typed=typed)

    def _rested(self, editor: Editor) -> None:
        self._timer = None
        if self._run is None and self._may_ask(editor):
            self.begin(editor, automatic=True)

    def _worth_reading(self, editor: Editor) -> CompletionRequest | None:
        return self._request(editor) if self._may_ask(editor) else None

    def _is_busy(self) -> bool:
        return self._run is not None or self.ahead.request is not None

    def _may_ask(self, editor: Editor) -> bool:
        """May something be suggested unasked where the cursor of this editor stands?"""
        row, column = editor.cursor_location
        return (
            editor.ghost is None
            and editor.has_focus
            and editor.selection.is_empty
            and worth_asking(editor.document[row], (row, column))
        )

    def ask_nothing(self) -> None:
        """Forget that the keys rest: nothing is asked for before the next one."""
        self._forget_timer()
        self.reading.stop()

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    # ---- ends

    def cancel(self) -> bool:
        """End the run without waiting for it; False if there was none."""
        self._forget_timer()
        run, self._run = self._run, None
        if run is None:
            return False
        run.cancel.set()
        run.editor.end_ghost()
        return True

    def stop(self) -> None:
        """Cancel for good, when the screen is going away."""
        self.automatic = False
        self._forget_timer()
        self.ahead.cancel()
        self.reading.stop()
        if self._run is not None:
            self._run.cancel.set()

    def dropped(self, editor: Editor) -> None:
        """The user refused the ghost or typed something else."""
        run = self._run
        if run is not None and run.editor is editor and editor.ghost is None:
            self.cancel()
            if not run.automatic:
                since = milliseconds(1000 * (time.monotonic() - run.started))
                self._screen.say(Content(f"cancelled after {since}"))

    def taken(self, editor: Editor, *, whole: bool) -> None:
        """The user typed or accepted a part of the ghost."""
        run = self._run
        if whole and run is not None and run.editor is editor:
            self.cancel()
            self._screen.say(Content("accepted what was written so far   Ctrl+Z undoes it"))
        elif run is not None and run.editor is editor and run.automatic and not run.shown:
            self.cancel()  # nobody asked, nothing is shown: what is asked next is about the newer text
            self.edited(editor, 1)
            return
        elif run is None and editor.ghost is not None and not editor.ghost.rest:
            editor.end_ghost()
        if (
            self._run is None
            and editor.ghost is None
            and self._ready
            and self._engine.settings.speculate == "on"
        ):
            self.ahead.begin(editor, self._request(editor))

    # ---- answers

    def stream(self, message: CompletionStreamed) -> None:
        run = self._run
        if run is None or message.number != run.number:
            return
        self._note_first_text(run)
        if not run.automatic:
            self._screen.say(describe_running(message.turn, len(message.text)))
        if message.turn == 1 and not run.editor.write_ghost(message.text):
            self._contradicted(run)

    def done(self, message: CompletionDone) -> Completion | None:
        """Put the final text into the ghost. Returns the completion, or None if nobody waits for it any
        more."""
        self.ahead.done(message.number, message.completion)
        run = self._run
        if run is None or message.number != run.number:
            return None
        if not message.completion.known:
            self._note_first_text(run)
        self._run = None
        editor, completion = run.editor, message.completion
        if not _same_buffer(run.request, completion):
            editor.end_ghost()
            self._screen.say(Content(STALE))
            return None
        drafts = [report.text for report in completion.passes]
        touched = editor.ghost is not None and editor.ghost.typed
        editor.write_ghost(drafts[0] if touched and drafts else completion.text)
        editor.close_ghost((completion.text, *drafts))
        return completion

    def failed(self, message: CompletionFailed) -> bool:
        """The run ended with an error; False if nobody waits for it any more."""
        self.ahead.failed(message.number)
        if self._run is None or message.number != self._run.number:
            return False
        return self.cancel()

    def _note_first_text(self, run: Run) -> None:
        if not run.shown:
            run.shown = True
            self.pace.note(time.monotonic() - run.started)

    def _contradicted(self, run: Run) -> None:
        """What was typed ahead of the model is not what it writes."""
        self.cancel()
        self.edited(run.editor, 1)


def _same_buffer(request: CompletionRequest, completion: Completion) -> bool:
    assert request.text is not None
    return completion.base_sha256 == hashlib.sha256(request.text.encode("utf-8")).hexdigest()
