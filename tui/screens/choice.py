"""A small question with a few answers. Esc leaves without any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui.display import plain

MAX_NAMES = 5
"""Names that a question lists."""


class ChoiceScreen(ModalScreen[str | None]):
    """Ends with the name of the chosen answer, or None."""

    CSS_PATH = "choice.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", id="choice-leave", tooltip="Leave without an answer"),
        Binding("left", "app.focus_previous", "Previous", id="choice-previous", show=False),
        Binding("right", "app.focus_next", "Next", id="choice-next", show=False),
    ]

    def __init__(self, question: Content, answers: tuple[tuple[str, str], ...]) -> None:
        """`answers` are (name, label) in order; the first is the safe one and has the focus."""
        super().__init__()
        self._question = question
        self._answers = answers

    def compose(self) -> ComposeResult:
        with Vertical(id="choice"):
            yield Static(self._question, id="choice-question")
            with Horizontal(id="choice-answers"):
                for name, label in self._answers:
                    yield Button(label, id=f"choice-{name}", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss((event.button.id or "").removeprefix("choice-"))


def stale_question(reason: str) -> ChoiceScreen:
    """What to do with a file that changed on disk: keep, reload, overwrite."""
    hint = "\n\nReload shows the file as it is on disk; Ctrl+Z brings your text back."
    answers = (("keep", "Keep editing"), ("reload", "Reload"), ("overwrite", "Overwrite"))
    return ChoiceScreen(Content.assemble(plain(reason, "bold"), hint), answers)


def unsaved_question(paths: Sequence[str]) -> ChoiceScreen:
    """What to do with changes when quitting: stay, save, discard."""
    names = [plain(f"  {path}") for path in paths[:MAX_NAMES]]
    if len(paths) > MAX_NAMES:
        names.append(Content(f"  and {len(paths) - MAX_NAMES} more"))
    answers = (("stay", "Stay"), ("save", "Save and quit"), ("discard", "Discard and quit"))
    return ChoiceScreen(Content("\n").join([Content.styled("Not saved:", "bold"), *names]), answers)


def unsaved_tab_question(path: str) -> ChoiceScreen:
    """What to do with the changes of a file that is to be closed: keep, save, discard."""
    answers = (("keep", "Keep it open"), ("save", "Save and close"), ("discard", "Discard and close"))
    return ChoiceScreen(Content.assemble(("Not saved: ", "bold"), plain(path)), answers)
