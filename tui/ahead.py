"""What is asked for before the user asks: what follows a suggestion that was just accepted.

The machine is idle then, and the next request is likely to be for that place, or for the next line. The answer goes to
the engine, which knows it when it is asked for; a request for just this place takes the run over. Any other request,
and any key after which nobody will ask this, ends it at once, so that it costs a real one the time of a cancel at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.running import Run

if TYPE_CHECKING:
    from repocoder.types import Completion, CompletionRequest
    from tui.widgets.editor import Editor


class Ahead:
    """At most one run that nobody waits for. Belongs to the thread of the UI."""

    def __init__(self, start: Callable[[Run], None], number: Callable[[], int]) -> None:
        """`start` starts a run in its thread, `number` gives numbers that no other run has."""
        self._start = start
        self._number = number
        self._run: Run | None = None
        self._tried_line = False  # is it for the line below already?

    @property
    def request(self) -> CompletionRequest | None:
        """What is asked for at the moment."""
        return self._run.request if self._run else None

    def begin(self, editor: Editor, request: CompletionRequest) -> None:
        """Ask for what follows; `request` is for the place where the cursor stands now."""
        self.cancel()
        self._tried_line = False
        self._go(editor, request)

    def claim(self, request: CompletionRequest) -> Run | None:
        """The run, if it is for just this, from now on the caller's; any other is ended."""
        run = self._run
        if run is None or run.request != request:
            self.cancel()
            return None
        self._run = None
        return run

    def edited(self, request: CompletionRequest) -> None:
        """The user typed; `request` is what may be asked for now."""
        if self._run is not None and self._run.request != request:
            self.cancel()

    def done(self, number: int, completion: Completion) -> None:
        """A run has ended. Where nothing is to follow on its line, the line that Enter begins is asked about."""
        run = self._run
        if run is None or run.number != number:
            return
        self._run = None
        request = None if completion.text.strip() or self._tried_line else below(run.editor, run.request)
        if request is not None:
            self._tried_line = True
            self._go(run.editor, request)

    def failed(self, number: int) -> None:
        """A run has ended with an error, which whoever asks for the place is going to be told."""
        if self._run is not None and self._run.number == number:
            self._run = None

    def cancel(self) -> None:
        """End it without waiting for it."""
        run, self._run = self._run, None
        if run is not None:
            run.cancel.set()

    def _go(self, editor: Editor, request: CompletionRequest) -> None:
        self._run = Run(self._number(), editor, request, automatic=True)
        self._run.shown = True  # how long it takes says nothing about what somebody waits for
        self._start(self._run)


def below(editor: Editor, request: CompletionRequest) -> CompletionRequest | None:
    """The same request after Enter, if the cursor still stands where it was made, at the end of its line."""
    row, column = editor.cursor_location
    line = editor.document[row]
    if (row + 1, column) != (request.line, request.column) or line[column:].strip():
        return None
    if request.text is None or editor.buffer != request.text:
        return None
    lead = editor.indentation()
    lines = request.text.split("\n")
    before = "\n".join([*lines[:row], ""])
    mark = 1 if not row and request.text.startswith("\ufeff") else 0
    place = len(before) + mark + column
    text = request.text[:place] + editor.exact.with_own_ends("\n") + lead + request.text[place:]
    return replace(request, text=text, line=row + 2, column=len(lead))
