"""A list that narrows while one types: files, definitions, uses. Enter goes to a place, Esc leaves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.types import CSSPathType
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker, WorkerState

from repocoder.errors import RepocoderError
from tui.display import plain
from tui.places import Found, Place, Places
from tui.screens.sizes import take_size
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

    CSS_PATH: ClassVar[CSSPathType | None] = "finder.tcss"
    PAUSE_S: ClassVar[float] = 0.0
    """The keys must rest for so long before a query is asked."""

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

    def __init__(self, places: Places, read: Read, query: str = "") -> None:
        """`read` gives a file for the preview; see `Preview`. `query` is asked at once."""
        super().__init__()
        self._query = query
        self.places = places
        self._read = read
        self._found = Found(())
        self._number = 0  # of the newest query
        self._answered = 0  # number of the query whose answer is shown
        self._enter = False  # Enter was pressed before the answer came
        self._pause: Timer | None = None

    def compose(self) -> ComposeResult:
        take_size(self)
        with Vertical(id="finder"):
            yield Static(Content.styled(self.places.title, "bold"), id="finder-title")
            yield Input(self._query, placeholder=self.places.hint, id="finder-query", compact=True)
            yield from self.compose_filters()
            with Horizontal(id="finder-body"):
                options = OptionList(id="finder-list", markup=False, compact=True)
                options.can_focus = False  # what is typed goes to the query
                yield options
                yield Preview(self._read, id="finder-preview")
            yield Static(id="finder-why")
            with Horizontal(id="finder-foot"):
                yield Static(Content("looking…"), id="finder-note")
                yield Static(Content(KEYS), id="finder-keys")

    def compose_filters(self) -> ComposeResult:
        """Widgets below the query, of screens that have some."""
        return iter(())

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        if not self.stack_updates:  # the first time: every widget has just got its styles
            event.refresh_styles = False

    def on_mount(self) -> None:
        self.set_focus(self._field)  # at once: the next key may be on its way
        self.ask()

    def on_key(self, event: events.Key) -> None:
        """Keys that came before the query could have the focus: they were meant for it."""
        if self.focused is not None and self.focused is not self._field:
            return
        if event.is_printable and event.character:
            event.stop()
            self._field.insert_text_at_cursor(event.character)
        elif event.key == "enter":
            event.stop()
            self._enter_or_wait()

    def on_unmount(self) -> None:
        self._number += 1  # a query on its way is given up

    # ---- asking

    @on(Input.Changed, "#finder-query")
    def _follow_query(self, event: Input.Changed) -> None:
        if event.value != self._query:  # the first one tells what is asked already
            self._query = event.value
            self.ask()

    def look_in(self, places: Places) -> None:
        """Ask the same of other places."""
        self.places = places
        if self.is_mounted:
            self.ask()

    def ask(self) -> None:
        """Ask what stands in the query, once the keys rest."""
        self._number += 1
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(self.PAUSE_S, self._start) if self.PAUSE_S else None
        if self._pause is None:
            self._start()

    def _start(self) -> None:
        work = partial(self._find, self._number, self._query)
        self.run_worker(work, thread=True, group="find", exclusive=True, exit_on_error=False)

    def _find(self, number: int, query: str) -> None:
        """In a thread; a query that is no longer the newest is given up."""
        try:
            found = self.places.find(query, lambda: number != self._number)
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
        if self._enter and self._is_answered:
            self._choose()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.group == "find":
            error = event.worker.error
            self._note(plain(f"internal error: {type(error).__name__}: {error}", "$text-error"))

    # ---- choosing

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Arrows belong to a list of choices while it is open."""
        if action in ("move", "page"):
            return isinstance(self.focused, Input)
        return super().check_action(action, parameters)

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

    @on(Input.Submitted)
    def _enter_or_wait(self) -> None:
        """Enter; if the answer to what was typed is not there yet, it is waited for."""
        if self._is_answered:
            self._choose()
        else:
            self._enter = True

    @property
    def _is_answered(self) -> bool:
        """Is what is listed the answer to what stands in the field?"""
        return self._answered == self._number and self._field.value == self._query

    def _choose(self) -> None:
        self._enter = False
        at = self._list.highlighted
        if at is not None and at < len(self._found.items):
            self.dismiss(self._found.items[at].place)

    def _look(self) -> None:
        """Show the chosen place in the preview, where there is room for one."""
        preview = self.query_one(Preview)
        at = self._list.highlighted
        item = self._found.items[at] if at is not None and at < len(self._found.items) else None
        self.query_one("#finder-why", Static).update(item.why if item and item.why else Content(""))
        if not preview.display:
            return
        if item is None:
            preview.clear_look()
        else:
            preview.look_at(item.place.path, item.place.line or 1)

    @property
    def _field(self) -> Input:
        return self.query_one("#finder-query", Input)

    @property
    def _list(self) -> OptionList:
        return self.query_one("#finder-list", OptionList)

    def _note(self, text: Content) -> None:
        self.query_one("#finder-note", Static).update(text)
