"""The line of keys at the bottom: those that are of use now, as many as fit; leaving and help are always there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import ActiveBinding
from textual.content import Content
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.screen import Screen

ALWAYS = ("quit", "help")
"""Who knows nothing yet needs these: room is kept for them. The last one stands at the right."""

PADDING = 3  # cells of an entry around and between its key and its words
BAR = "▏"  # before the entry at the right


class Hints(Widget):
    """One widget that paints its entries. Textual's `Footer` makes one of each, again at every change: a screen waits
    for ten times as many. No entry is cut in two: what does not fit is left out."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"hints--key", "hints--words", "hints--bar", "hints--hover"}
    DEFAULT_CSS = """
    Hints {
        dock: bottom;
        height: 1;
        color: $footer-foreground;
        background: $footer-background;
        text-wrap: nowrap;

        .hints--key {
            color: $footer-key-foreground;
            background: $footer-key-background;
            text-style: bold;
        }
        .hints--words {
            color: $footer-description-foreground;
            background: $footer-description-background;
        }
        .hints--bar {
            color: $foreground 20%;
        }
        .hints--hover {
            background: $block-hover-background;
        }
        &:hover {
            pointer: pointer;
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[ActiveBinding] | None = None  # None: to be looked up
        self._places: list[tuple[int, int, ActiveBinding]] = []  # first and last cell (half-open)
        self._under_mouse = -1  # number of an entry

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def _follow(self, screen: Screen[object]) -> None:
        """Other keys are of use now."""
        if screen.app.app_focus and screen is self.screen:
            self._entries = None
            self.refresh()

    def render(self) -> Content:
        if self._entries is None:
            self._entries = _one_for_each_action(self.screen.active_bindings.values())
        always = [one for action in ALWAYS for one in self._entries if one.binding.action == action]
        room = self.size.width - sum(map(self._width, always)) - 1
        left = []
        for one in self._entries:
            if one.binding.show and one not in always:
                room -= self._width(one)
                if room < 0:
                    break
                left.append(one)
        return self._paint(left + always[:-1], always[-1:])

    def _paint(self, left: list[ActiveBinding], right: list[ActiveBinding]) -> Content:
        """A line with entries at both of its ends."""
        self._places = []
        at = 0
        line = Content("")
        for one in left:
            line += self._entry(one, at)
            at += self._width(one)
        for one in right:
            start = self.size.width - self._width(one) - 2
            line = line.truncate(start, pad=True)  # the space behind the last word gives way
            line = Content.assemble(line, (BAR, ".hints--bar"), self._entry(one, start + 1))
        return line

    def _entry(self, one: ActiveBinding, at: int) -> Content:
        """An entry that is painted from this cell on."""
        key, words = self.app.get_key_display(one.binding), one.binding.description
        entry = Content.assemble((f" {key} ", ".hints--key"), (f"{words} ", ".hints--words"))
        if not one.enabled:
            entry = entry.stylize("dim")
        if len(self._places) == self._under_mouse:
            entry = entry.stylize(".hints--hover")
        self._places.append((at, at + self._width(one), one))
        return entry

    def _width(self, one: ActiveBinding) -> int:
        return cell_len(self.app.get_key_display(one.binding)) + cell_len(one.binding.description) + PADDING

    # ---- mouse

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._show_under_mouse(self._entry_at(event.x))

    def on_leave(self) -> None:
        self._show_under_mouse(-1)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A click is the key."""
        number = self._entry_at(event.x)
        if number >= 0:
            one = self._places[number][2]
            if one.enabled:
                self.app.simulate_key(one.binding.key)
            else:
                self.app.bell()

    def _entry_at(self, cell: int) -> int:
        """The number of the entry there, -1 if there is none."""
        return next((at for at, (first, last, _) in enumerate(self._places) if first <= cell < last), -1)

    def _show_under_mouse(self, number: int) -> None:
        if number != self._under_mouse:
            self._under_mouse = number
            one = self._places[number][2] if number >= 0 else None
            self.tooltip = None if one is None else one.tooltip or one.binding.description
            self.refresh()


def _one_for_each_action(active: Iterable[ActiveBinding]) -> list[ActiveBinding]:
    """An action with several keys is named once, with its first one."""
    found: dict[str, ActiveBinding] = {}
    for one in active:
        found.setdefault(one.binding.action, one)
    return list(found.values())
