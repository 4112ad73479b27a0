"""All settings: value, where it comes from and what it means. Enter changes one in the user's own file."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from repocoder.config import KEYS, Loaded, load_settings
from repocoder.errors import RepocoderError
from repocoder.paths import config_file
from repocoder.userconfig import allowed, parse_value, set_value, unset_value
from tui.display import MUTED, home_path, plain

LIVE = (
    "max_tokens",
    "passes",
    "retrieval",
    "gate",
    "k",
    "prompt_tokens",
    "snippet_tokens",
    "latency_ms",
    "speculate",
    "automatic",
    "theme",
)
"""Keys that hold at once; the others are read when the program starts."""

_COLUMN = 18  # where values begin

PAGE_COLUMNS = 120  # at most, see page.tcss
FRAME_COLUMNS = 8  # of them for the frame, the room beside it and the bar
LEAST_COLUMNS = 20  # for a meaning

KEYS_LINE = "Enter changes   Del back to default   Esc closes"


class SettingsScreen(ModalScreen[None]):
    """Settings with their origins. Esc leaves; nothing is written without Enter."""

    CSS_PATH = "page.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", id="settings-leave", tooltip="Back to the workspace"),
        Binding(
            "delete,backspace",
            "unset",
            "Default",
            id="settings-unset",
            tooltip="Take the key out of the file",
        ),
    ]

    def __init__(self, root: Path, on_change: Callable[[Loaded], None]) -> None:
        """`on_change` is called with what holds after a change."""
        super().__init__()
        self._root = root
        self._on_change = on_change
        self._names = list(KEYS)
        self._editing = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="page"):
            yield Static(_title(), classes="page-title")
            yield OptionList(id="settings-list", classes="page-list", markup=False)
            yield Static(Content(""), id="settings-note", classes="page-note")
            yield Input(id="settings-value", compact=True)
            yield Static(Content(KEYS_LINE), classes="page-foot")

    def on_mount(self) -> None:
        self._field.display = False
        self._fill(0)
        self._list.focus()

    @property
    def _list(self) -> OptionList:
        return self.query_one("#settings-list", OptionList)

    @property
    def _field(self) -> Input:
        return self.query_one("#settings-value", Input)

    def _fill(self, highlighted: int) -> Loaded | None:
        """Read the settings again and list them; None, and a line, if the file has a mistake."""
        try:
            loaded = load_settings(self._root)
        except RepocoderError as error:
            self._say(str(error))
            return None
        self._list.clear_options()
        columns = min(PAGE_COLUMNS, self.app.size.width) - FRAME_COLUMNS
        for name in self._names:
            row = _row(name, getattr(loaded.settings, name), loaded.origins[name], columns)
            self._list.add_option(Option(row))
        self._list.highlighted = highlighted
        return loaded

    # ---- keys

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._editing = self._names[event.option_index]
        self._say(
            f"{self._editing}: {allowed(self._editing)}; Enter writes it to {home_path(config_file())}",
            warn=False,
        )
        self._field.value = ""
        self._field.display = True
        self._field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = self._editing
        try:
            set_value(config_file(), name, parse_value(name, event.value))
        except RepocoderError as error:
            self._say(str(error))
            return
        self._done(name, "set")

    def action_unset(self) -> None:
        if self._field.display or self._list.highlighted is None:
            return
        name = self._names[self._list.highlighted]
        try:
            there = unset_value(config_file(), name)
        except RepocoderError as error:
            self._say(str(error))
            return
        if there:
            self._done(name, "taken out of your file")
        else:
            self._say(f"{name}: not in {home_path(config_file())}: nothing to take out")

    def action_leave(self) -> None:
        """Out of the field first, then out of the page."""
        if self._field.display:
            self._close_field()
            self._say("nothing was written", warn=False)
        else:
            self.dismiss(None)

    def _done(self, name: str, what: str) -> None:
        self._close_field()
        loaded = self._fill(self._names.index(name))
        if loaded is None:
            return
        stronger = not loaded.origins[name].startswith(("user", "default"))
        when = "it holds now" if name in LIVE else "it holds from the next start on"
        if stronger:
            when = f"but {loaded.origins[name]} is stronger"
        self._say(f"{name}: {what}; {when}", warn=stronger)
        self._on_change(loaded)

    def _close_field(self) -> None:
        self._field.display = False
        self._list.focus()

    def _say(self, line: str, *, warn: bool = True) -> None:
        self.query_one("#settings-note", Static).update(plain(line, "$text-warning" if warn else ""))


def _title() -> Content:
    return Content.assemble(("Settings", "bold"), "   your file: ", plain(home_path(config_file()), MUTED))


def _row(name: str, value: object, origin: str, columns: int) -> Content:
    """Name and value with where it comes from, then the meaning, below the value."""
    mine = origin != "default"
    style = "bold $text-accent" if mine else ""
    first = Content.assemble(
        (f"{name:<{_COLUMN}}", "bold"), plain(shown(value), style), "   ", plain(origin, MUTED)
    )
    meaning = textwrap.wrap(KEYS[name].meaning, max(LEAST_COLUMNS, columns - _COLUMN))
    return Content("\n").join([first, *(plain(" " * _COLUMN + line, MUTED) for line in meaning)])


def shown(value: object) -> str:
    """A value for the eye: lists with commas, what the machine decides as "automatic"."""
    if value is None:
        return "automatic"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
