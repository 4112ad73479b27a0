"""Ways to a place: what the keys of the workspace that find something open, and where their answers lead."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from repocoder.terminal import safe
from tui.asking import AskPlaces
from tui.listing import Listing
from tui.messages import FileChosen
from tui.places import FilePlaces, Place, Places, SymbolPlaces
from tui.screens.ask import AskScreen
from tui.screens.finder import FinderScreen

if TYPE_CHECKING:
    from tui.screens.workspace import WorkspaceScreen

MAX_ASKED = 500
"""Characters of a selection that are asked: more makes no search better."""

FIND_BINDINGS: tuple[BindingType, ...] = (
    Binding("ctrl+p", "find('files')", "Open", id="find-files", tooltip="Open a file by letters of its name"),
    Binding(
        "ctrl+t",
        "find('symbols')",
        "Symbol",
        id="find-symbols",
        tooltip="Go to a definition by letters of its name",
    ),
    Binding(
        "ctrl+r",
        "find('anything')",
        "Ask",
        id="find-anything",
        tooltip="Ask the repository, in words or code; what is selected is asked at once",
    ),
)
"""Keys of the workspace. `find` hands the name on to `Finding.open`."""


class Finding:
    """Opens the screens that find something, over one workspace. Belongs to the thread of the UI."""

    def __init__(self, workspace: WorkspaceScreen) -> None:
        self._workspace = workspace
        self.listing = Listing({"": ()})
        self._asking = AskPlaces(workspace.engine)
        self._ways: dict[str, Callable[[], None]] = {
            "files": self._find_file,
            "symbols": self._find_symbol,
            "anything": self._ask,
        }

    def open(self, what: str) -> None:
        """Start one of the ways to a place: a name in `FIND_BINDINGS`."""
        self._ways[what]()

    def _find_file(self) -> None:
        self._choose_from(FilePlaces(self.listing, self._workspace.area.recent))

    def _find_symbol(self) -> None:
        self._choose_from(SymbolPlaces(self._workspace.engine, self._path))

    def _ask(self) -> None:
        editor = self._workspace.area.current
        selected = "" if editor is None else editor.selected_text[:MAX_ASKED]
        query = " ".join(map(safe, selected.split())) or self._asking.query
        screen = AskScreen(self._asking, self._workspace.area.read, query)
        self._workspace.app.push_screen(screen, self._go)

    @property
    def _path(self) -> str:
        """The file that is shown, "" if there is none."""
        editor = self._workspace.area.current
        return "" if editor is None else editor.file.path

    def _choose_from(self, places: Places) -> None:
        self._workspace.app.push_screen(FinderScreen(places, self._workspace.area.read), self._go)

    def _go(self, place: Place | None) -> None:
        if place is not None:
            self._workspace.post_message(FileChosen(place.path, place.line, place.column))
