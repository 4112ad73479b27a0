"""What the assistant knows and why: the choices of the user about retrieval, and the screens that explain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from textual.content import Content

from repocoder.choices import Scope
from repocoder.config import RETRIEVAL_MODES
from repocoder.errors import RepocoderError
from tui import messages
from tui.display import plain
from tui.screens.prompt import PromptScreen
from tui.widgets.snippets import SnippetPane

if TYPE_CHECKING:
    from repocoder.types import RetrievalMode
    from tui.screens.workspace import WorkspaceScreen

MOST_SNIPPET_TOKENS = 1 << 14
"""More than any of the recorded models can use."""


class Knowing:
    """Carries out what the pane and the screens of settings ask for. Belongs to the thread of the UI."""

    def __init__(self, workspace: WorkspaceScreen) -> None:
        self._workspace = workspace
        self._engine = workspace.engine

    @property
    def _pane(self) -> SnippetPane:
        return self._workspace.query_one(SnippetPane)

    def refresh(self) -> None:
        """Show what holds for the next completion."""
        self._pane.show_choices(self._engine.choices.items())
        self._pane.show_settings(self._engine.settings)

    def choose(self, message: messages.ChoiceMade) -> None:
        """Pin, exclude or clear a place."""
        choices, place = self._engine.choices, message.place
        scope = cast("Scope", message.scope)
        try:
            if message.action == "clear":
                known = choices.clear(place)
                said = "no longer pinned or excluded: " if known else "neither pinned nor excluded: "
            elif message.action == "pin":
                choices.pin(place, scope)
                said = "pinned: "
            else:
                choices.exclude(place, scope)
                said = "excluded: "
        except RepocoderError as error:
            self._workspace.say(plain(str(error), "$text-error"))
            return
        self._workspace.say(Content.assemble(said, plain(place, "bold"), "   Ctrl+Space asks again"))
        self.refresh()

    def turn_retrieval(self) -> None:
        """The next way to retrieve, for this session: auto, always, never."""
        settings = self._engine.settings
        number = RETRIEVAL_MODES.index(settings.retrieval) + 1
        mode = cast("RetrievalMode", RETRIEVAL_MODES[number % len(RETRIEVAL_MODES)])
        self._engine.settings = replace(settings, retrieval=mode)
        self._workspace.say(Content(f"retrieval: {mode}, for this session   F9 shows all settings"))
        self.refresh()

    def change_budget(self, step: int) -> None:
        """More or fewer tokens for snippets, for this session."""
        settings = self._engine.settings
        tokens = min(max(0, settings.snippet_tokens + step), MOST_SNIPPET_TOKENS)
        self._engine.settings = replace(settings, snippet_tokens=tokens)
        self.refresh()

    def show_prompt(self, message: messages.PromptWanted) -> None:
        """The prompt of the last completion on a page of its own."""
        self._workspace.app.push_screen(PromptScreen(message.prompt))
