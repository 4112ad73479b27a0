"""The terminal application: one engine, one workspace, and a terminal that is given back as it was found."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.screen import Screen

from repocoder.errors import UsageError
from repocoder.paths import state_dir
from tui.chosen_model import ChosenModel
from tui.hangup import watch_terminal
from tui.in_order import KeyFollowed, KeysInOrder
from tui.keymap import APP_BINDINGS, short_key
from tui.legible import Legible
from tui.opening import OpenedLater
from tui.restoring import session_file
from tui.screens.workspace import WorkspaceScreen

if TYPE_CHECKING:
    from textual.filter import LineFilter
    from textual.types import CSSPathType

    from repocoder.config import Settings
    from repocoder.engine import Engine

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

CLOSE_AFTER_S = 0.5
"""Threads that were told to end have so long before the engine is closed under them (a model that is
loading)."""

SWITCH_S = 0.001
"""How long a thread of the engine keeps a key waiting: Python's own 5 ms add up, one for each step of a key's way."""

GIVE_UP_AFTER_S = 5.0
"""After a signal the process ends at the latest now; the terminal was restored long before."""


def run(root: Path, settings: Settings) -> int:
    """Run the application on the repository at `root`; returns the exit code. Needs a terminal on stdin and
    stdout."""
    if sys.__stderr__ is None or not sys.__stderr__.isatty():  # Textual paints there
        raise UsageError("no terminal: the UI paints on stderr: do not redirect it")
    model = ChosenModel.local(settings.model, settings.threads)

    def opens(now: Settings) -> Engine:
        from repocoder.engine import Engine
        from repocoder.rates import Rates

        return Engine(root, now, generator=model, builds_apart=True, rates=Rates(state_dir()))

    sys.setswitchinterval(SWITCH_S)
    with closing(model), closing(OpenedLater(root, settings, opens)) as engine:
        app = RepocoderApp(cast("Engine", engine), model, session_file(engine.root))
        app.run()
        return app.return_code or 0


MAX_SHEETS = 512
"""Parsed style sheets that Textual keeps: with the 64 of its own choice it parses all of them for each new widget."""


class RepocoderApp(App[None]):
    """The application around one engine."""

    TITLE = "repocoder"
    CSS_PATH: ClassVar[CSSPathType | None] = ["app.tcss", "screens/workspace.tcss"]
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "f10"
    BINDINGS: ClassVar[list[BindingType]] = [*APP_BINDINGS]

    def __init__(self, engine: Engine, model: ChosenModel | None = None, session: Path | None = None) -> None:
        """`model` is what the engine generates with, if it can be changed; it is closed with the engine.

        `session`: where open files and cursors are kept from one run to the next; without it they are not.
        """
        super().__init__()
        self.engine = engine
        self.model = model
        self.stylesheet._parse_cache = LRUCache(MAX_SHEETS)
        self._legible = Legible()
        self._keys = KeysInOrder(self, self.on_event)
        self.workspace = WorkspaceScreen(engine, model, session)

    def get_default_screen(self) -> WorkspaceScreen:
        return self.workspace

    def _load_screen_css(self, screen: Screen[object]) -> None:
        """As Textual's, which parses all sheets again and styles every screen anew: ours are each for their own."""
        new = [path for path in screen.css_path if not self.stylesheet.has_source(str(path))]
        for path in new:
            self.stylesheet.read(path)
        if new:
            self.stylesheet.parse()
            self.stylesheet.update(screen)

    def on_mount(self) -> None:
        if not self.is_headless and threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            for number in SIGNALS:
                if signal.getsignal(number) is signal.SIG_IGN:  # nohup and the like: what is ignored stays so
                    continue
                loop.add_signal_handler(number, partial(self._leave_on_signal, number))
            self.call_after_refresh(self._watch_terminal)

    async def on_event(self, event: events.Event) -> None:
        """As Textual's, but no key overtakes another one."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif not self._keys.must_wait(event):
            focused = self.focused
            await super().on_event(event)
            self._keys.follow(event, focused)

    async def on_key_followed(self, message: KeyFollowed) -> None:
        await self._keys.come(message)

    def _watch_terminal(self) -> None:
        """A terminal that vanishes ends the program as SIGHUP does."""
        loop = asyncio.get_running_loop()
        leave = partial(loop.call_soon_threadsafe, self._leave_on_signal, signal.SIGHUP)
        watch_terminal((0, 1, 2), leave, lambda: getattr(self._driver, "_writer_thread", None))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: what Textual has, and every action of the workspace."""
        yield from super().get_system_commands(screen)
        if screen is self.workspace:
            for binding in (*self.workspace.BINDINGS, *APP_BINDINGS):
                if isinstance(binding, Binding) and binding.action != "quit":  # Textual has it
                    action = partial(self.run_action, binding.action, screen)
                    yield SystemCommand(binding.description, binding.tooltip or "", action)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._legible]

    def get_key_display(self, binding: Binding) -> str:
        """How the line of hints names a key."""
        return binding.key_display or short_key(binding.key)

    def action_help(self) -> None:
        """The keys of where the user is, then all others; the same key closes them."""
        from tui.screens.help import HelpScreen  # pages are imported when they are opened: the start is short

        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss(None)
        else:
            workspace = self.workspace
            self.push_screen(HelpScreen(self.screen, workspace.sections(), workspace.knowing.keymap))

    async def action_quit(self) -> None:
        """Quit; with unsaved changes, ask first."""
        unsaved = self.workspace.area.unsaved
        if not unsaved:
            self.leave()
            return
        from tui.screens.choice import ChoiceScreen, unsaved_question

        if not isinstance(self.screen, ChoiceScreen):
            question = unsaved_question([editor.file.path for editor in unsaved])
            self.push_screen(question, self._quit_or_stay)

    def leave(self, code: int = 0) -> None:
        """End the application with an exit code; threads are told to end and not waited for."""
        self.workspace.restoring.save()
        self.workspace.stop()
        threading.Thread(target=self._close_engine, daemon=True).start()
        self.exit(return_code=code)

    def _quit_or_stay(self, answer: str | None) -> None:
        if answer == "discard" or (
            answer == "save" and all(map(self.workspace.save, self.workspace.area.unsaved))
        ):
            self.leave()

    def _close_engine(self) -> None:
        threading.Event().wait(CLOSE_AFTER_S)
        self.engine.close()
        if self.model is not None:
            self.model.close()

    def _leave_on_signal(self, number: signal.Signals) -> None:
        code = 128 + number
        last_resort = threading.Timer(GIVE_UP_AFTER_S, os._exit, (code,))
        last_resort.daemon = True
        last_resort.start()
        self.leave(code)
