"""The search of the repository: hits as one types, the code of the chosen one, what speaks for it, and filters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.types import CSSPathType
from textual.widgets import Input, Select

from repocoder.errors import RepocoderError
from tui.asking import KINDS, AskPlaces
from tui.screens.finder import FinderScreen
from tui.widgets.preview import Read


@dataclass
class LanguagesKnown(Message):
    """The languages that a hit may have."""

    languages: tuple[str, ...]


class AskScreen(FinderScreen):
    """A finder with filters; the query and the filters are kept in its places for the next time."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["finder.tcss", "ask.tcss"]
    PAUSE_S = 0.2
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "Filters", id="ask-filters", tooltip="To the filters and back"),
    ]

    def __init__(self, places: AskPlaces, read: Read, query: str = "") -> None:
        super().__init__(places, read, query)
        self._asked = places

    def compose_filters(self) -> ComposeResult:
        filters = self._asked.filters
        with Horizontal(id="ask-filters"):
            yield Input(filters.path, placeholder="path: src/  *.py  !tests/", id="ask-path", compact=True)
            yield Select[str](
                [(kind, kind) for kind in KINDS],
                prompt="any kind",
                value=filters.kind or Select.NULL,
                id="ask-kind",
                compact=True,
            )
            yield Select[str](
                [(filters.language, filters.language)] if filters.language else [],
                prompt="any language",
                value=filters.language or Select.NULL,
                id="ask-language",
                compact=True,
            )

    def on_mount(self) -> None:
        self.run_worker(self._read_languages, thread=True, group="languages", exit_on_error=False)

    def _read_languages(self) -> None:
        """In a thread. Without an index there are none to choose from; the search says why."""
        try:
            self.post_message(LanguagesKnown(self._asked.languages()))
        except RepocoderError:
            self.post_message(LanguagesKnown(()))

    def on_languages_known(self, message: LanguagesKnown) -> None:
        message.stop()
        chosen = self._asked.filters.language
        languages = self.query_one("#ask-language", Select)
        with self.prevent(Select.Changed):
            languages.set_options([(name, name) for name in message.languages])
            if chosen in message.languages:
                languages.value = chosen

    @on(Input.Changed, "#ask-path")
    def _filter_paths(self, event: Input.Changed) -> None:
        self._filter(path=event.value)

    @on(Select.Changed)
    def _filter_choice(self, event: Select.Changed) -> None:
        value = "" if event.value is Select.NULL else str(event.value)
        if event.select.id == "ask-kind":
            self._filter(kind=value)
        else:
            self._filter(language=value)

    def _filter(self, **changed: str) -> None:
        filters = replace(self._asked.filters, **changed)
        if filters != self._asked.filters:
            self._asked.filters = filters
            self.ask()
