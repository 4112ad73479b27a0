"""The desk: the screen with open files and a line to speak on, as the parts that work at it know it."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen

from repocoder.errors import RepocoderError, StaleTargetError
from tui.display import plain
from tui.keymap import APP_BINDINGS
from tui.widgets.editor_area import EditorArea
from tui.widgets.snippets import SnippetPane
from tui.widgets.status import StatusLines

if TYPE_CHECKING:
    from repocoder.engine import Engine
    from tui.completing import Completing
    from tui.widgets.editor import Editor


class Desk(Screen[None]):
    """What a workspace has whatever is done in it: the files that are open, saving them, telling of it."""

    completing: Completing

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.turn_of = threading.Lock()  # held by the run whose turn it is

    @property
    def area(self) -> EditorArea:
        return self.query_one(EditorArea)

    @property
    def status(self) -> StatusLines:
        return self.query_one(StatusLines)

    def say(self, text: Content) -> None:
        self.status.say(text)

    def complain(self, reason: str) -> None:
        self.status.say(plain(reason, "$text-error"))

    def save(self, editor: Editor, *, overwrite: bool = False) -> bool:
        """Write one file; asks what to do when it changed on disk. True if it is on disk now."""
        try:
            size = self.area.save(editor, overwrite=overwrite)
        except StaleTargetError as error:
            self._ask_about_stale(editor, str(error))
            return False
        except RepocoderError as error:
            self.complain(str(error))
            return False
        problem = plain(
            f"   {self.area.journal.problem}" if self.area.journal.problem else "", "$text-warning"
        )
        self.say(Content.assemble("saved ", plain(editor.file.path, "bold"), f", {size:,} bytes", problem))
        return True

    def _ask_about_stale(self, editor: Editor, reason: str) -> None:
        from tui.screens.choice import stale_question

        self.app.push_screen(stale_question(reason), partial(self._resolve_stale, editor))

    def _resolve_stale(self, editor: Editor, answer: str | None) -> None:
        if answer == "overwrite":
            self.save(editor, overwrite=True)
        elif answer == "reload":
            try:
                editor.replace_all(self.area.read(editor.file.path))
            except RepocoderError as error:
                self.complain(str(error))
            else:
                self.say(Content.assemble("reloaded ", plain(editor.file.path, "bold")))

    def sections(self) -> dict[str, list[BindingType]]:
        """The keys by where they hold, for the help and for the names of actions."""
        from tui.widgets.editor import Editor

        return {
            "Everywhere": [*self.BINDINGS, *APP_BINDINGS],
            "At a suggestion": list(Editor.BINDINGS),
            "In the pane of snippets (F3)": list(SnippetPane.BINDINGS),
        }
