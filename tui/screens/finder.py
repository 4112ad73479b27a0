"""A list that narrows while one types: files, definitions, uses. Enter goes to a place, Esc leaves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker, WorkerState

from repocoder.errors import RepocoderError
from tui.display import plain
from tui.places import Found, Place, Places
from tui.widgets.preview import Preview, Read

NARROW, WIDE = 0, 100
"""Columns from which the preview stands beside the list."""

KEYS = "Enter opens   ↑ ↓ choose   Esc leaves"


@dataclass
class PlacesFound(Message):
    """The answer to a query that was asked as number so and so."""

    number: int
    found: Found


class FinderScreen(ModalScreen[Place | None]):
    """Ends with the chosen place, or None."""

    CSS_PATH = "finder.tcss"
    HORIZONTAL_BREAKPOINTS = [(NARROW, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # not a ClassVar in Textual
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Leave", id="finder-leave", tooltip="Leave without choosing"),
        Binding("down,ctrl+n", "move(1)", "Next", id="finder-next", tooltip="The next place", priority=True),
        Binding(
            "up,ctrl+p", "move(-1)", "Previous", id="finder-previous", tooltip="The one before", priority=True
        ),
        Binding("pagedown", "page(1)", "Page down", id="finder-page-down", show=False, priority=True),
        Binding("pageup", "page(-1)", "Page up", id="finder-page-up", show=False, priority=True),
    ]

    def __init__(self, places: Places, read: Read) -> None:
        """`read` gives a file for the preview; see `Preview`."""
        super().__init__()
        self._places = places
        self._read = read
        self._found = Found(())
        self._number = 0  # of the newest query
        self._answered = 0  # number of the query whose answer is shown
        self._enter = False  # Enter was pressed before the answer came

    def compose(self) -> ComposeResult:
        with Vertical(id="finder"):
            yield Static(Content.styled(self._places.title, "bold"), id="finder-title")
            yield Input(placeholder=self._places.hint, id="finder-query", compact=True)
            with Horizontal(id="finder-body"):
                options = OptionList(id="finder-list", markup=False, compact=True)
                options.can_focus = False  # what is typed goes to the query
                yield options
                yield Preview(self._read, id="finder-preview")
            with Horizontal(id="finder-foot"):
                yield Static(Content("looking…"), id="finder-note")
                yield Static(Content(KEYS), id="finder-keys")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._ask("")

    # ---- asking

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._ask(event.value)

    def _ask(self, query: str) -> None:
        self._number += 1
        work = partial(self._find, self._number, query)
        self.run_worker(work, thread=True, group="find", exclusive=True, exit_on_error=False)

    def _find(self, number: int, query: str) -> None:
        """In a thread; a query that is no longer the newest is given up."""
        try:
            found = self._places.find(query, lambda: number != self._number)
        except RepocoderError as error:
            found = Found((), plain(str(error), "$text-error"))
        if number == self._number:
            self.post_message(PlacesFound(number, found))

    def on_places_found(self, message: PlacesFound) -> None:
        message.stop()
        if message.number != self._number:
            return
        self._answered, self._found = message.number, message.found
        options = self._list
        options.clear_options()
        options.add_options([Option(item.label) for item in self._found.items])
        options.highlighted = 0 if self._found.items else None
        self._note(self._found.note)
        self._look()
        if self._enter:
            self._choose()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.group == "find":
            error = event.worker.error
            self._note(plain(f"internal error: {type(error).__name__}: {error}", "$text-error"))

    # ---- choosing

    def action_move(self, step: int) -> None:
        count = self._list.option_count
        if count:
            self._list.highlighted = ((self._list.highlighted or 0) + step) % count

    def action_page(self, step: int) -> None:
        options = self._list
        if options.option_count:
            height = max(1, options.scrollable_content_region.height - 1)
            place = (options.highlighted or 0) + step * height
            options.highlighted = max(0, min(place, options.option_count - 1))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._look()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._choose()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter; if the answer to what was typed is not there yet, it is waited for."""
        event.stop()
        if self._answered == self._number:
            self._choose()
        else:
            self._enter = True

    def _choose(self) -> None:
        self._enter = False
        at = self._list.highlighted
        if at is not None and at < len(self._found.items):
            self.dismiss(self._found.items[at].place)

    def _look(self) -> None:
        """Show the chosen place in the preview, where there is room for one."""
        preview = self.query_one(Preview)
        at = self._list.highlighted
        if not preview.display:
            return
        if at is None or at >= len(self._found.items):
            preview.clear_look()
        else:
            place = self._found.items[at].place
            preview.look_at(place.path, place.line or 1)

    @property
    def _list(self) -> OptionList:
        return self.query_one("#finder-list", OptionList)

    def _note(self, text: Content) -> None:
        self.query_one("#finder-note", Static).update(text)
