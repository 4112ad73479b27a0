"""Ways to a place: what the keys of the workspace that find something open, and where their answers lead."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from repocoder.errors import RepocoderError
from repocoder.terminal import safe
from tui.display import plain
from tui.listing import Listing
from tui.messages import FileChosen

if TYPE_CHECKING:  # what finds something is imported when it is wanted: the first paint does not wait for it
    from indexer.snapshot import Snapshot
    from indexer.types import Symbol
    from tui.asking import AskPlaces
    from tui.places import GivenPlaces, Place, Places
    from tui.screens.desk import Desk
    from tui.widgets.editor import Editor
    from tui.widgets.find_bar import FindBar

MAX_LISTED = 500
"""Definitions of one name that are listed."""

MAX_ASKED = 500
"""Characters of a selection that are asked: more makes no search better."""

FIND_BINDINGS: tuple[BindingType, ...] = (
    Binding(
        "ctrl+p",
        "find('files')",
        "Open",
        id="find-files",
        tooltip="Open a file by letters of its name",
        priority=True,
    ),
    Binding(
        "ctrl+r",
        "find('anything')",
        "Ask",
        id="find-anything",
        tooltip="Ask the repository, in words or code; what is selected is asked at once",
        priority=True,
    ),
    Binding(
        "ctrl+t",
        "find('symbols')",
        "Symbol",
        id="find-symbols",
        tooltip="Go to a definition by letters of its name",
        priority=True,
    ),
    Binding(
        "f12,ctrl+right_square_bracket",
        "find('definition')",
        "Definition",
        id="find-definition",
        tooltip="Go to the definition of the name under the cursor; F4 leads back",
        show=False,
    ),
    Binding(
        "shift+f12,alt+r",
        "find('uses')",
        "Uses",
        id="find-uses",
        tooltip="List the uses of the name under the cursor, or of the definition around it",
        show=False,
    ),
    Binding(
        "f9",
        "find('graph')",
        "Graph",
        id="find-graph",
        tooltip="What the name under the cursor uses, who uses it, what a change may touch",
        show=False,
    ),
    Binding(
        "ctrl+f",
        "find('in_file')",
        "Find",
        id="find-in-file",
        tooltip="Search in this file",
        show=False,
        priority=True,
    ),
    Binding("ctrl+g", "find('next')", "Next match", id="find-next", tooltip="The next match", show=False),
    Binding(
        "alt+g",
        "find('previous')",
        "Previous match",
        id="find-previous",
        tooltip="The one before",
        show=False,
    ),
    Binding(
        "ctrl+pagedown,alt+period",
        "find('next_tab')",
        "Next tab",
        id="next-tab",
        tooltip="The next tab",
        show=False,
    ),
    Binding(
        "ctrl+pageup,alt+comma",
        "find('previous_tab')",
        "Previous tab",
        id="previous-tab",
        tooltip="The tab before",
        show=False,
    ),
    Binding("alt+w", "find('close')", "Close", id="close-tab", tooltip="Close this file", show=False),
)
"""Keys of the workspace. `find` hands the name on to `Finding.open`. Those after which one types have priority: they
are carried out before the next key is looked at, so that no letter goes where the focus was."""


Answer: TypeAlias = "Content | Place | Symbol | GivenPlaces"
"""What looking something up gives: a line to say, a place to go to, a symbol to show the graph of, a choice."""


class Spot(NamedTuple):
    """Where the cursor is: a file, a line (1-based), the name that it touches."""

    path: str
    line: int
    word: str


class Finding:
    """Opens the screens that find something, over one workspace. Belongs to the thread of the UI."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.listing = Listing({"": ()})
        self._asked: AskPlaces | None = None
        self._ways: dict[str, Callable[[], None]] = {
            "files": self._find_file,
            "symbols": self._find_symbol,
            "anything": self._ask,
            "definition": partial(self._look_up, self._definition),
            "uses": partial(self._look_up, self._uses),
            "graph": partial(self._look_up, self._graph),
            "in_file": partial(self._search, lambda bar: bar.open()),
            "next": partial(self._search, lambda bar: bar.step(1)),
            "previous": partial(self._search, lambda bar: bar.step(-1)),
            "next_tab": lambda: desk.area.turn(1),
            "previous_tab": lambda: desk.area.turn(-1),
            "close": self._close,
        }

    def open(self, what: str) -> None:
        """Start one of the ways to a place: a name in `FIND_BINDINGS`."""
        self._ways[what]()

    def take(self, listing: Listing) -> None:
        """The files were listed; a finder that was opened before looks again."""
        self.listing = listing
        screen = self._desk.app.screen
        if screen is self._desk:
            return
        from tui.places import FilePlaces
        from tui.screens.finder import FinderScreen

        if isinstance(screen, FinderScreen) and isinstance(screen.places, FilePlaces):
            screen.look_in(FilePlaces(listing, self._desk.area.recent))

    def _find_file(self) -> None:
        from tui.places import FilePlaces

        self._choose_from(FilePlaces(self.listing, self._desk.area.recent))

    def _find_symbol(self) -> None:
        from tui.places import SymbolPlaces

        self._choose_from(SymbolPlaces(self._desk.engine, self._path))

    def _ask(self) -> None:
        editor = self._desk.area.current
        selected = "" if editor is None else editor.selected_text[:MAX_ASKED]
        from tui.asking import AskPlaces
        from tui.screens.ask import AskScreen

        asking = self._asked = self._asked or AskPlaces(self._desk.engine)
        query = " ".join(map(safe, selected.split())) or asking.query
        self._show(AskScreen(asking, self._desk.area.read, query))

    def _search(self, do: Callable[[FindBar], None]) -> None:
        """Search in the file that is shown, if there is one."""
        bar = self._desk.area.find_bar
        if bar is not None:
            do(bar)

    def _close(self) -> None:
        """Close the file that is shown; with unsaved changes, ask first."""
        editor = self._desk.area.current
        if editor is None:
            return
        if editor.unsaved:
            from tui.screens.choice import unsaved_tab_question

            question = unsaved_tab_question(editor.file.path)
            self._desk.app.push_screen(question, partial(self._close_or_stay, editor))
        else:
            self._desk.call_later(self._desk.area.close, editor)

    def _close_or_stay(self, editor: Editor, answer: str | None) -> None:
        if answer == "discard" or (answer == "save" and self._desk.save(editor)):
            self._desk.call_later(self._desk.area.close, editor)

    # ---- what is under the cursor: looked up in a thread, shown in that of the UI

    def _look_up(self, work: Callable[[Snapshot, Spot], Answer]) -> None:
        from repocoder.navigation import word_at

        editor = self._desk.area.current
        if editor is None:
            self._desk.say(Content("Open a file first: Ctrl+P finds one by letters of its name"))
            return
        row, column = editor.cursor_location
        word = word_at(editor.exact.lines[row], column)
        spot = Spot(editor.file.path, row + 1, word)
        self._desk.run_worker(
            partial(self._in_thread, work, spot),
            thread=True,
            group="find",
            exclusive=True,
            exit_on_error=False,
        )

    def _in_thread(self, work: Callable[[Snapshot, Spot], Answer], spot: Spot) -> None:
        answer: Answer
        try:
            with self._desk.engine.snapshot() as snapshot:
                answer = work(snapshot, spot)
        except RepocoderError as error:
            answer = plain(str(error), "$text-error")
        self._desk.call_later(self._take, answer)

    def _take(self, answer: Answer) -> None:
        from tui.places import GivenPlaces, Place

        if isinstance(answer, Content):
            self._desk.say(answer)
        elif isinstance(answer, Place):
            self._go(answer)
        elif isinstance(answer, GivenPlaces):
            self._choose_from(answer)
        else:
            from tui.screens.graph import GraphScreen

            self._show(GraphScreen(self._desk.engine, answer, self._desk.area.read))

    def _definition(self, snapshot: Snapshot, spot: Spot) -> Answer:
        """Go to the one definition; where the graph does not know which, list those of that name."""
        from repocoder.navigation import definitions_of
        from tui.places import GivenPlaces, Place, counted, symbol_item

        if not spot.word:
            return Content("no name under the cursor")
        found = definitions_of(snapshot, spot.path, spot.line, spot.word)
        if not found.symbols:
            return Content.assemble("no definition of ", plain(spot.word, "bold"), " in the index")
        first = found.symbols[0]
        if len(found.symbols) == 1:
            return Place(first.path, first.span.start_line)
        how = "several are possible" if found.resolved else "by the name alone: not resolved"
        items = [symbol_item(symbol) for symbol in found.symbols[:MAX_LISTED]]
        note = counted(len(found.symbols), 0, "definition") + f", {how}"
        return GivenPlaces(f"Definitions of {safe(spot.word)}", items, note)

    def _uses(self, snapshot: Snapshot, spot: Spot) -> Answer:
        from repocoder.navigation import uses_of
        from tui.places import GivenPlaces, counted, use_item

        symbol = self._meant(snapshot, spot)
        if symbol is None:
            return Content.assemble("no definition of ", plain(spot.word, "bold"), " in the index")
        uses = uses_of(snapshot, symbol)
        name = symbol.qualname or symbol.path
        if not uses:
            return Content.assemble("nothing uses ", plain(name, "bold"), " as far as the index knows")
        items = [use_item(use) for use in uses]
        files = len({use.path for use in uses})
        note = counted(len(uses), 0, "place") + " in " + counted(files, 0, "file")
        return GivenPlaces(f"Uses of {safe(name)}", items, note)

    def _graph(self, snapshot: Snapshot, spot: Spot) -> Answer:
        symbol = self._meant(snapshot, spot)
        if symbol is None:
            return Content.assemble("not in the index: ", plain(spot.word or spot.path, "bold"))
        return symbol

    def _meant(self, snapshot: Snapshot, spot: Spot) -> Symbol | None:
        """The definition that the word means, else the one around it, else the file itself."""
        from repocoder.navigation import definitions_of, enclosing

        if spot.word:
            found = definitions_of(snapshot, spot.path, spot.line, spot.word)
            if found.symbols and (found.resolved or len(found.symbols) == 1):
                return found.symbols[0]
        around = enclosing(snapshot, spot.path, spot.line)
        return around or next((one for one in snapshot.symbols_of(spot.path) if not one.qualname), None)

    @property
    def _path(self) -> str:
        """The file that is shown, "" if there is none."""
        editor = self._desk.area.current
        return "" if editor is None else editor.file.path

    def _choose_from(self, places: Places) -> None:
        from tui.screens.finder import FinderScreen

        self._show(FinderScreen(places, self._desk.area.read))

    def _show(self, screen: ModalScreen[Place | None]) -> None:
        if self._desk.app.screen is self._desk:  # what was looked up may come when another is open
            self._desk.app.push_screen(screen, self._go)

    def _go(self, place: Place | None) -> None:
        if place is not None:
            self._desk.post_message(FileChosen(place.path, place.line, place.column))
