"""Places that a person may want to go to, and where lists of them come from: files, definitions, given ones.

Sources are asked in threads; nothing here touches a widget.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from textual.content import Content

from tui.display import MUTED, plain
from tui.fuzzy import rank

if TYPE_CHECKING:
    from indexer.snapshot import Snapshot
    from indexer.types import Symbol
    from repocoder.engine import Engine
    from repocoder.navigation import Use
    from tui.listing import Listing

SHOWN = 100
"""Places that a list shows at once: who wants more types more."""

NAMES_PER_WORD = 400
"""Names of definitions that are looked at for one word: those of an index are ranked before their symbols are read."""

MARK = "bold $text-accent"

_AT_LINE = re.compile(r"^(.*?):(\d{1,7})$", re.DOTALL)

CLOSED = frozenset(
    {"secret-file", "binary", "special-file", "symlink", "unreadable", "vanished", "too-large"}
)
"""Reasons for which a file is not offered: it would not be opened."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file, a line of it (1-based), a column of that (0-based characters)."""

    path: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    label: Content
    place: Place
    why: Content | None = None  # what speaks for it, a line for each reason


@dataclass(frozen=True, slots=True)
class Found:
    """What a source gives for a query. `note` says how many there are, or why there is nothing."""

    items: tuple[Item, ...]
    note: Content = field(default_factory=lambda: Content(""))


class Places(Protocol):
    """Where a list of places comes from. `find` runs in a thread and may raise RepocoderError."""

    title: str
    hint: str  # what may be typed

    def find(self, query: str, stop: Callable[[], bool]) -> Found: ...


class FilePlaces:
    """The files of the repository that can be opened; those that are open come first while nothing is typed."""

    title = "Open a file"
    hint = "letters of its name, a part of its path, name:line"

    def __init__(self, listing: Listing, opened: Sequence[str] = ()) -> None:
        """`opened`: paths, the most recent first."""
        self._reasons = listing.reasons
        paths = [entry.path for entries in listing.folders.values() for entry in entries if not entry.folder]
        first = {path: number for number, path in enumerate(opened)}
        self._paths = sorted(
            (path for path in paths if self._reasons.get(path) not in CLOSED),
            key=lambda path: (first.get(path, len(first)), path.count("/"), path.lower(), path),
        )

    def find(self, query: str, stop: Callable[[], bool]) -> Found:
        at_line = _AT_LINE.match(query)
        query, line = (at_line[1], int(at_line[2])) if at_line else (query, None)
        best, count = rank(query, self._paths, separator="/", limit=SHOWN, stop=stop)
        items = [self._item(self._paths[match.index], match.positions, line) for match in best]
        return Found(tuple(items), counted(count, len(self._paths), "file"))

    def _item(self, path: str, positions: Sequence[int], line: int | None) -> Item:
        """The name first: the way to it may be cut off at the right."""
        name = path.rfind("/") + 1
        reason = self._reasons.get(path, "")
        label = Content.assemble(
            marked(path[name:], [at - name for at in positions if at >= name]),
            "  ",
            marked(path[:name].rstrip("/"), [at for at in positions if at < name - 1], MUTED),
            plain(f"  {reason}" if reason else "", f"{MUTED} italic"),
        )
        return Item(label, Place(path, line))


class SymbolPlaces:
    """All definitions of the index by name; those of the current file while nothing is typed."""

    title = "Go to a definition"
    hint = "letters of its name, or Class.name"

    def __init__(self, engine: Engine, path: str = "") -> None:
        """`path`: the file whose definitions are shown first."""
        self._engine = engine
        self._path = path
        self._names: tuple[str, ...] = ()
        self._generation = 0

    def find(self, query: str, stop: Callable[[], bool]) -> Found:
        with self._engine.snapshot() as snapshot:
            if not query.strip():
                return self._of_file(snapshot)
            if self._generation != snapshot.generation:
                self._names, self._generation = snapshot.symbol_names(), snapshot.generation
            named = [one for one in snapshot.symbols_with_names(self._likely(query, stop)) if one.qualname]
            names = [one.qualname for one in named]
            best, count = rank(query, names, separator=".", limit=SHOWN, stop=stop)
            symbols = snapshot.symbols([named[match.index].id for match in best])
        marks = {named[match.index].id: match.positions for match in best}
        items = tuple(symbol_item(symbol, marks[symbol.id]) for symbol in symbols)
        return Found(items, counted(count, 0, "definition"))

    def _likely(self, query: str, stop: Callable[[], bool]) -> set[str]:
        """Names in which the last part of one of the words matches."""
        likely: set[str] = set()
        for word in query.split():
            best, _ = rank(
                word.rpartition(".")[2], self._names, separator=".", limit=NAMES_PER_WORD, stop=stop
            )
            likely.update(self._names[match.index] for match in best)
        return likely

    def _of_file(self, snapshot: Snapshot) -> Found:
        own = [symbol for symbol in snapshot.symbols_of(self._path) if symbol.qualname]
        if not own:
            return Found((), Content("type a part of a name"))
        note = Content.assemble("the definitions of ", plain(self._path, "bold"))
        return Found(tuple(symbol_item(symbol) for symbol in own), note)


class GivenPlaces:
    """Places that are known already, such as the uses of a definition; typing narrows them."""

    hint = "narrow it by a part of the name or path"

    def __init__(self, title: str, items: Sequence[Item], note: Content) -> None:
        self.title = title
        self._items = tuple(items)
        self._note = note
        self._texts = [item.label.plain for item in items]

    def find(self, query: str, stop: Callable[[], bool]) -> Found:
        if not query.strip():
            return Found(self._items, self._note)
        best, count = rank(query, self._texts, separator="/", limit=len(self._texts), stop=stop)
        items = tuple(self._items[match.index] for match in sorted(best, key=lambda match: match.index))
        return Found(items, counted(count, len(self._items), "place"))


def symbol_item(symbol: Symbol, positions: Sequence[int] = (), note: str = "") -> Item:
    """A definition: its name, what it is, where it is."""
    label = Content.assemble(
        marked(symbol.qualname or symbol.path, positions),
        plain(f"  {symbol.kind}", "$text-secondary"),
        plain(f"  {symbol.path}:{symbol.span.start_line}", MUTED),
        plain(f"  {note}" if note else "", f"{MUTED} italic"),
    )
    return Item(label, Place(symbol.path, symbol.span.start_line))


def use_item(use: Use) -> Item:
    """A line that uses something: where it is, its code, and in which definition."""
    label = Content.assemble(
        plain(f"{use.path}:{use.line}", "$text-accent"),
        plain(f"  {use.text}"),
        plain(f"  {use.kind} in {use.user.qualname or 'the file'}", f"{MUTED} italic"),
    )
    return Item(label, Place(use.path, use.line))


def marked(text: str, positions: Sequence[int], style: str = "") -> Content:
    """Foreign text with some of its characters marked; without marks where it has characters that are not shown."""
    content = plain(text, style)
    if content.plain == text:
        for at in positions:
            content = content.stylize(MARK, at, at + 1)
    return content


def counted(count: int, of: int, noun: str) -> Content:
    """ "3 of 40 files", "1 definition", "no place"."""
    plural = "" if (of or count) == 1 else "s"
    if not count:
        return Content(f"no {noun} matches")
    return Content(
        f"{count:,} of {of:,} {noun}{plural}" if of and of != count else f"{count:,} {noun}{plural}"
    )
