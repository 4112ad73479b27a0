"""The line below the editor that searches in the file: matches as one types, their number, Esc closes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.document._document import Location
from textual.widgets import Input, Static

from repocoder.terminal import safe
from tui.widgets.searchable import MAX_MATCHES, SearchableEditor

WIDE = 80
"""Columns of the line from which there is room for its keys beside what is searched."""

KEYS = "Enter next   ↑ previous   Esc closes"


class FindBar(Horizontal):
    """Searches in whichever editor is shown; hidden until it is opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="find-bar-close", tooltip="Close the search"),
        Binding(
            "enter,down,ctrl+g",
            "step(1)",
            "Next",
            id="find-bar-next",
            tooltip="The next match",
            priority=True,
        ),
        Binding(
            "up,alt+g",
            "step(-1)",
            "Previous",
            id="find-bar-previous",
            tooltip="The one before",
            priority=True,
        ),
    ]

    def __init__(self, current: Callable[[], SearchableEditor | None], *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self.display = False
        self._current = current
        self._start: Location = (0, 0)  # where the cursor was when the search began

    def compose(self) -> ComposeResult:
        yield Static(Content("find "), id="find-label")
        yield Input(id="find-query", compact=True)
        yield Static(id="find-count")
        yield Static(Content(KEYS), id="find-keys")

    def on_resize(self) -> None:
        self.query_one("#find-keys").display = self.size.width >= WIDE

    def open(self) -> None:
        """Show the line; what is selected on one line is searched at once."""
        editor = self._current()
        if editor is None:
            return
        query = self.query_one("#find-query", Input)
        self.display = True
        self._start = min(editor.selection)
        selected = editor.selected_text
        if selected and "\n" not in selected and safe(selected) == selected and selected != query.value:
            query.value = selected  # tells of a change: that searches
        else:
            self._search(query.value)
        self.screen.set_focus(query)  # at once: the next key may be on its way
        query.select_all()

    def action_close(self) -> None:
        """Hide the line and the marks; the cursor stays at the match."""
        self.display = False
        editor = self._current()
        if editor is not None:
            editor.find("")
            self.screen.set_focus(editor)

    def action_step(self, step: int) -> None:
        self.step(step)

    def step(self, step: int) -> None:
        """Go to the next or previous match of what was searched last."""
        editor = self._current()
        if editor is None:
            return
        needle = self.query_one("#find-query", Input).value
        if editor.needle != needle:
            editor.find(needle)
        editor.go_to_match(step)
        self.show_count()
        if not self.display:
            editor.find("")  # the marks went with the line

    @on(Input.Changed, "#find-query")
    def _follow(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self._search(event.value)

    def _search(self, needle: str) -> None:
        editor = self._current()
        if editor is not None:
            editor.find(needle)
            if not editor.go_to_match(1, self._start):
                editor.move_cursor(self._start)
            self.show_count()

    def follow_editor(self) -> None:
        """Another file is shown, or its text has changed: search there, without moving its cursor."""
        editor = self._current()
        if self.display and editor is not None:
            editor.find(self.query_one("#find-query", Input).value)
            self.show_count()

    def show_count(self) -> None:
        editor = self._current()
        if editor is None:
            return
        count, number = len(editor.all_matches), editor.match_number
        more = "+" if count == MAX_MATCHES else ""
        if not editor.needle:
            text = Content("")
        elif not count:
            text = Content.styled("no match", "$text-warning")
        else:
            text = Content(f"{number} of {count:,}{more}" if number else f"{count:,}{more} matches")
        self.query_one("#find-count", Static).update(text)
