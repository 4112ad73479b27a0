"""All keys on one page, made from the bindings themselves, so that it cannot be out of date."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

_KEY_WIDTH = 34

EDITING = (
    ("Ctrl+Z, Ctrl+Y", "Undo and redo"),
    ("Ctrl+X, Ctrl+C, Ctrl+V", "Cut, copy and paste"),
    ("Shift+arrows", "Select"),
    ("F10", "Command palette: themes and more"),
)


CLOSING = (
    "A suggestion is only text at the cursor until you take it: typing what it says",
    "takes it along, typing anything else dismisses it. Esc closes this page.",
)


class HelpScreen(ModalScreen[None]):
    """Keys and what they do. Esc leaves."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,q,f1,question_mark", "dismiss(None)", "Close", id="help-leave", tooltip="Close this page"
        ),
    ]

    def __init__(self, bindings: Iterable[BindingType]) -> None:
        super().__init__()
        self._keys = [binding for binding in bindings if isinstance(binding, Binding)]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(self._page(), id="help-page")

    def _page(self) -> Content:
        lines = [Content.styled("Keys", "bold"), Content("")]
        rows = [(key_names(binding), binding.tooltip or binding.description) for binding in self._keys]
        for keys, meaning in [*rows, *EDITING]:
            lines.append(Content.assemble((f"{keys:<{_KEY_WIDTH}}", "bold $text-accent"), meaning))
        lines += [Content(""), *map(Content, CLOSING)]
        return Content("\n").join(lines)


def key_names(binding: Binding) -> str:
    """The keys of a binding as people write them: "Ctrl+Space, Ctrl+N"."""
    names = []
    for key in binding.key.split(","):
        if key == "ctrl+@":  # how terminals without the newer protocol send Ctrl+Space
            continue
        parts = ["?" if part == "question_mark" else part.capitalize() for part in key.split("+")]
        names.append("+".join(parts))
    return ", ".join(names)
