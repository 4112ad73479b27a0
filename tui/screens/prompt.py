"""The exact prompt of the last completion: what the model saw, with the control tokens marked."""

from __future__ import annotations

import re
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from repocoder.terminal import safe
from repocoder.types import Prompt
from tui.display import plain

_CONTROL = re.compile(
    r"<[|\uff5c]?(?:fim|file|repo|endoftext|PRE|SUF|MID|EOT|s)[\w▁:|\uff5c-]*>|\[(?:SUFFIX|PREFIX|MIDDLE)\]"
)
"""How the families of models write their control tokens. Text of a file that looks so never becomes one: it is
split into letters before the model sees it."""


class PromptScreen(ModalScreen[None]):
    """A prompt as text. Esc leaves."""

    CSS_PATH = "page.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,o", "dismiss(None)", "Close", id="prompt-leave", tooltip="Back to the workspace"),
        Binding("y", "copy", "Copy", id="prompt-copy", tooltip="Copy the prompt to the clipboard"),
    ]

    def __init__(self, prompt: Prompt) -> None:
        super().__init__()
        self._prompt = prompt

    def compose(self) -> ComposeResult:
        with Vertical(classes="page"):
            yield Static(_title(self._prompt), classes="page-title")
            with VerticalScroll(classes="page-body", id="prompt-body"):
                yield Static(marked(self._prompt.text), id="prompt-text")
            yield Static(Content("Esc closes   y copies"), classes="page-foot")

    def on_mount(self) -> None:
        self.query_one("#prompt-body").focus()

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._prompt.text)
        self.notify("the prompt is on the clipboard", markup=False)


def _title(prompt: Prompt) -> Content:
    return Content.assemble(
        (f"Prompt: {len(prompt.token_ids):,} tokens", "bold"),
        f" = {prompt.snippet_tokens:,} snippets, {prompt.prefix_tokens:,} before the cursor, "
        f"{prompt.suffix_tokens:,} after it, the rest is the template ",
        plain(prompt.template, "bold"),
        plain(
            f"; the model begins with {prompt.typed.strip()}, which is typed already"
            if prompt.typed.strip()
            else ""
        ),
    )


def marked(text: str) -> Content:
    """The text of a prompt, harmless, its control tokens in colour."""
    shown = safe(text, keep_newlines=True).expandtabs(4)
    content = Content(shown)
    for found in _CONTROL.finditer(shown):
        content = content.stylize("bold reverse $text-accent", *found.span())
    return content
