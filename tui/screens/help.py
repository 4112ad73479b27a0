"""Keys on one page, first those of where the user is; made from the bindings themselves, so that it cannot be out of
date."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.display import MUTED
from tui.keymap import key_names

_KEY_WIDTH, _MEANING_WIDTH = 27, 68
_WIDE = 120  # columns
_AROUND = 7  # columns of the border, the padding and the scroll bar

EDITING = (
    ("Ctrl+Z, Ctrl+Y", "Undo and redo"),
    ("Ctrl+X, Ctrl+C, Ctrl+V", "Cut, copy and paste; what is copied goes to the terminal's clipboard too"),
    ("Shift+arrows", "Select"),
    ("F10", "Command palette: themes and more"),
)


CLOSING = (
    "A suggestion is only text at the cursor until you take it: typing what it says takes it along, typing anything "
    "else dismisses it.",
    'Other keys: keys = ["complete=ctrl+j"] in your settings, with a name of the right column (120 columns).',
    "The mouse opens files, tabs and snippets, sets the cursor, and presses the keys of the line at the bottom.",
)

FOOT = "Esc closes   ↑ ↓ PgUp PgDn scroll"


class HelpScreen(ModalScreen[None]):
    """Keys and what they do. Esc leaves."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,q,question_mark", "dismiss(None)", "Close", id="help-leave", tooltip="Close this page"
        ),
    ]

    def __init__(
        self,
        asked_from: Screen[object],
        sections: Mapping[str, Iterable[BindingType]],
        keymap: Mapping[str, str] | None = None,
    ) -> None:
        """`asked_from` is the screen below; `sections` are bindings under their headings; `keymap` has the keys that
        the user gave to actions."""
        super().__init__()
        here = bindings_here(asked_from)
        named = {binding.id for binding in here}
        self._sections = {"Here": here} if here else {}
        for heading, bindings in sections.items():
            others = [one for one in bindings if isinstance(one, Binding) and one.id not in named]
            if others:
                self._sections[heading] = others
        self._keymap = keymap or {}

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as box:
            box.border_subtitle = Content(FOOT)
            yield Static(self._page(), id="help-page")

    def on_resize(self, event: events.Resize) -> None:
        self.query_one("#help-page", Static).update(self._page())

    def _page(self) -> Content:
        lines: list[Content] = []
        for heading, bindings in self._sections.items():
            lines += [Content.styled(heading, "bold"), Content("")]
            lines += [self._row(binding) for binding in bindings]
            lines.append(Content(""))
        lines += [Content.styled("Text", "bold"), Content("")]
        lines += [self._line(keys, meaning) for keys, meaning in EDITING]
        lines += [Content(""), *map(Content, CLOSING)]
        return Content("\n").join(lines)

    def _row(self, binding: Binding) -> Content:
        keys = key_names(self._keymap.get(binding.id or "", binding.key))
        named = self.app.size.width >= _WIDE
        return self._line(keys, binding.tooltip or binding.description, (binding.id or "") if named else "")

    def _line(self, keys: str, meaning: str, action: str = "") -> Content:
        """Keys, what they do and the name of the action, which a narrow terminal has no room for."""
        room = min(self.app.size.width - _AROUND - _KEY_WIDTH - 1, _MEANING_WIDTH)
        first, *more = textwrap.wrap(meaning, max(room, 20)) or [""]
        line = Content.assemble((f"{keys:<{_KEY_WIDTH}} ", "bold $text-accent"), first)
        if action:
            line = Content.assemble(line, " " * (_MEANING_WIDTH + 1 - len(first)), (action, MUTED))
        return Content("\n").join([line, *(Content(" " * (_KEY_WIDTH + 1) + part) for part in more)])


def bindings_here(screen: Screen[object]) -> list[Binding]:
    """Our own bindings of what has the focus, from the inside out, then those of the screen; those of the workspace
    are left out: they hold everywhere."""
    owners: list[object] = (
        list(screen.focused.ancestors_with_self) if screen.focused is not None else [screen]
    )
    found: dict[str | None, Binding] = {}
    for owner in owners:
        if owner is screen and not isinstance(screen, ModalScreen):
            break
        for kind in type(owner).__mro__:
            if kind.__module__.startswith("tui."):
                for binding in kind.__dict__.get("BINDINGS", ()):
                    found.setdefault(binding.id, binding)
        if owner is screen:
            break
    return list(found.values())
