"""All keys on one page, made from the bindings themselves, so that it cannot be out of date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

_KEY_WIDTH, _MEANING_WIDTH = 25, 68
_WIDE = 120  # columns

_SIGNS = {"question_mark": "?", "plus": "+", "minus": "-", "right_square_bracket": "]", "slash": "/"}

EDITING = (
    ("Ctrl+Z, Ctrl+Y", "Undo and redo"),
    ("Ctrl+X, Ctrl+C, Ctrl+V", "Cut, copy and paste"),
    ("Shift+arrows", "Select"),
    ("F10", "Command palette: themes and more"),
)


CLOSING = (
    "A suggestion is only text at the cursor until you take it: typing what it says",
    "takes it along, typing anything else dismisses it. Esc closes this page.",
    'Other keys: keys = ["complete=ctrl+j"] in your settings, with a name of the right column (120 columns).',
)


class HelpScreen(ModalScreen[None]):
    """Keys and what they do. Esc leaves."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,q,f1,question_mark", "dismiss(None)", "Close", id="help-leave", tooltip="Close this page"
        ),
    ]

    def __init__(
        self, sections: Mapping[str, Iterable[BindingType]], keymap: Mapping[str, str] | None = None
    ) -> None:
        """`sections` are bindings under their headings; `keymap` has the keys that the user gave to actions."""
        super().__init__()
        self._sections = sections
        self._keymap = keymap or {}

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(self._page(), id="help-page")

    def _page(self) -> Content:
        lines: list[Content] = []
        for heading, bindings in self._sections.items():
            lines += [Content.styled(heading, "bold"), Content("")]
            lines += [self._row(binding) for binding in bindings if isinstance(binding, Binding)]
            lines.append(Content(""))
        lines += [Content.styled("Text", "bold"), Content("")]
        lines += [_line(keys, meaning) for keys, meaning in EDITING]
        lines += [Content(""), *map(Content, CLOSING)]
        return Content("\n").join(lines)

    def _row(self, binding: Binding) -> Content:
        keys = key_names(self._keymap.get(binding.id or "", binding.key))
        named = self.app.size.width >= _WIDE
        return _line(keys, binding.tooltip or binding.description, (binding.id or "") if named else "")


def _line(keys: str, meaning: str, action: str = "") -> Content:
    """Keys, what they do and the name of the action, which a narrow terminal has no room for."""
    line = Content.assemble((f"{keys:<{_KEY_WIDTH}} ", "bold $text-accent"), meaning)
    if action:
        line = Content.assemble(line, " " * max(1, _MEANING_WIDTH - len(meaning)), (action, "$text-muted"))
    return line


def key_names(keys: str) -> str:
    """Keys as people write them: "Ctrl+Space, Ctrl+N"."""
    names = []
    for key in keys.split(","):
        if key == "ctrl+@":  # how terminals without the newer protocol send Ctrl+Space
            continue
        parts = [_SIGNS.get(part, part.capitalize()) for part in key.split("+")]
        names.append("+".join(parts))
    return ", ".join(names)
