"""A long suggestion as a diff, before a key puts it into the document."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.display import MUTED, plain, visible
from tui.preview import Preview, diff


class DiffScreen(ModalScreen[bool]):
    """Ends with True if the text is to be applied. Esc leaves and changes nothing."""

    CSS_PATH = "page.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,tab,y", "dismiss(True)", "Apply", id="diff-apply", tooltip="Put it into the document"),
        Binding("escape,n,q", "dismiss(False)", "Back", id="diff-leave", tooltip="Back, nothing changes"),
    ]

    def __init__(self, preview: Preview) -> None:
        super().__init__()
        self._preview = preview

    def compose(self) -> ComposeResult:
        rows = diff(self._preview)
        added = sum(mark == "+" for mark, _, _ in rows)
        removed = sum(mark == "-" for mark, _, _ in rows)
        title = Content.assemble(plain(self._preview.path, "bold"), f"   +{added} -{removed} lines")
        with Vertical(classes="page"):
            yield Static(title, classes="page-title")
            with VerticalScroll(classes="page-body", id="diff-body"):
                yield Static(Content("\n").join(map(_painted, rows)), id="diff-text")
            yield Static(
                Content("Enter applies   Esc goes back   nothing is on disk before Ctrl+S"),
                classes="page-foot",
            )

    def on_mount(self) -> None:
        self.query_one("#diff-body").focus()


def _painted(row: tuple[str, int, str]) -> Content:
    mark, number, line = row
    style = {"+": "$text-success", "-": "$text-error"}.get(mark, MUTED)
    return Content.assemble((f"{number:>5} ", MUTED), plain(f"{mark} {visible(line).expandtabs(4)}", style))
