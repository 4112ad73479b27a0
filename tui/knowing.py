"""What the assistant knows and why: the choices of the user about retrieval, and the screens that explain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from textual.binding import Binding, BindingType
from textual.content import Content

from repocoder.config import RETRIEVAL_MODES, Loaded
from repocoder.errors import ModelError, RepocoderError
from tui import messages
from tui.chosen_model import ChosenModel
from tui.display import plain
from tui.keymap import keymap_of
from tui.latency import Latency
from tui.widgets.snippets import SnippetPane
from tui.widgets.status import StatusLines
from tui.widgets.tour import Tour

if TYPE_CHECKING:
    from textual.app import App

    from repocoder.choices import Scope
    from repocoder.types import Completion, ModelInfo, RetrievalMode
    from tui.screens.desk import Desk

MOST_SNIPPET_TOKENS = 1 << 14
"""More than any of the recorded models can use."""


KNOW_BINDINGS: tuple[BindingType, ...] = (
    Binding(
        "alt+s", "know('settings')", "Settings", id="settings", tooltip="Settings, and where each comes from"
    ),
    Binding(
        "alt+m", "know('models')", "Models", id="models", tooltip="Choose or download a model", show=False
    ),
    Binding(
        "alt+d",
        "know('doctor')",
        "Machine",
        id="doctor",
        tooltip="Is this machine well, and how fast was it",
        show=False,
    ),
)
"""Keys of the workspace. `know` hands the name on to `Knowing.open`."""


class Knowing:
    """Carries out what the pane and the screens of settings ask for. Belongs to the thread of the UI."""

    def __init__(self, desk: Desk, model: ChosenModel | None = None) -> None:
        """`model` is what the engine generates with, if it can be changed."""
        self._desk = desk
        self._engine = desk.engine
        self._model = model
        self.latency = Latency()
        self.keymap: dict[str, str] = {}
        self._pages: dict[str, Callable[[], None]] = {
            "settings": self._show_settings,
            "models": self._show_models,
            "doctor": self._show_doctor,
        }

    def apply_settings(self) -> None:
        """Theme and keys of the user, when the application has started."""
        settings = self._engine.settings
        set_theme(self._desk.app, settings.theme)
        if settings.keys:
            self._apply_keys(settings.keys)
        self._pane.show_settings(settings)

    def _apply_keys(self, assignments: Sequence[str]) -> None:
        sections = self._desk.sections()
        self.keymap, unknown = keymap_of(assignments, [key for keys in sections.values() for key in keys])
        if self.keymap:
            self._desk.app.set_keymap(self.keymap)
            for tour in self._desk.query(Tour):
                tour.use_keys(self.keymap)
        for line in unknown:
            self._desk.notify(plain(line).plain, title="settings", severity="warning", markup=False)

    def open(self, page: str) -> None:
        """Show a page: a name in `KNOW_BINDINGS`."""
        self._pages[page]()

    @property
    def uses_embedded(self) -> bool:
        """Is the model in use the one that comes with the program?"""
        return (self._engine.settings.model if self._model is None else self._model.name) is None

    def explain(self, completion: Completion) -> None:
        """A completion has come: show what it stands on and what it cost."""
        self.latency.note(completion)
        self._desk.query_one(StatusLines).show_latency(self.latency.line())
        self._pane.show(completion)
        self.refresh()

    @property
    def _pane(self) -> SnippetPane:
        return self._desk.query_one(SnippetPane)

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
            self._desk.say(plain(str(error), "$text-error"))
            return
        self._desk.say(Content.assemble(said, plain(place, "bold"), "   Ctrl+Space asks again"))
        self.refresh()

    def turn_retrieval(self) -> None:
        """The next way to retrieve, for this session: auto, always, never."""
        settings = self._engine.settings
        number = RETRIEVAL_MODES.index(settings.retrieval) + 1
        mode = cast("RetrievalMode", RETRIEVAL_MODES[number % len(RETRIEVAL_MODES)])
        self._engine.settings = replace(settings, retrieval=mode)
        self._desk.say(Content(f"retrieval: {mode}, for this session   Alt+S shows all settings"))
        self.refresh()

    def change_budget(self, step: int) -> None:
        """More or fewer tokens for snippets, for this session."""
        settings = self._engine.settings
        tokens = min(max(0, settings.snippet_tokens + step), MOST_SNIPPET_TOKENS)
        self._engine.settings = replace(settings, snippet_tokens=tokens)
        self.refresh()

    def show_preview(self, message: messages.PreviewWanted) -> None:
        """The diff of a suggestion; it is taken if the user says so and it is still the one that was shown."""
        from tui.screens.diff import DiffScreen

        editor, preview = message.editor, message.preview

        def decide(apply: bool | None) -> None:
            if not apply:
                return
            ghost = editor.ghost
            if ghost is None or (ghost.rest, ghost.anchor) != (preview.text, (preview.row, preview.column)):
                self._desk.say(Content("the suggestion changed meanwhile: nothing was taken"))
            else:
                editor.accept_all()

        self._desk.app.push_screen(DiffScreen(preview), decide)

    def show_prompt(self, message: messages.PromptWanted) -> None:
        """The prompt of the last completion on a page of its own."""
        from tui.screens.prompt import PromptScreen

        self._desk.app.push_screen(PromptScreen(message.prompt))

    # ---- pages

    def _show_settings(self) -> None:
        from tui.screens.settings import (
            SettingsScreen,
        )  # pages are imported when they are opened: the start is short

        self._desk.app.push_screen(SettingsScreen(self._engine.root, self._take_settings))

    def _take_settings(self, loaded: Loaded) -> None:
        """What holds at once after a change of the user's file."""
        from tui.screens.settings import LIVE

        new = loaded.settings
        self._engine.settings = replace(self._engine.settings, **{name: getattr(new, name) for name in LIVE})
        self._desk.completing.automatic = new.automatic == "on"
        set_theme(self._desk.app, new.theme)
        self.refresh()

    def _show_models(self) -> None:
        from tui.screens.models import ModelsScreen

        try:
            in_use = self._engine.model_info()
        except RepocoderError:
            in_use = None
        self._desk.app.push_screen(ModelsScreen(in_use, self._use_model))

    def _use_model(self, name: str | None) -> ModelInfo:
        """Put a model in the place of the one in use, between two completions; runs in a thread."""
        if self._model is None:
            raise ModelError(
                "model: this engine keeps the one that it was given: set `model` in the settings"
            )
        found = self._model.load(name)
        with self._desk.turn_of:
            self._model.put(name, found)
        self._desk.post_message(messages.ModelReady(found.info))
        return found.info

    def _show_doctor(self) -> None:
        from tui.screens.doctor import DoctorScreen

        self._desk.app.push_screen(
            DoctorScreen(self._engine.root, self._engine.settings, self.latency.samples)
        )


def set_theme(app: App[object], name: str | None) -> None:
    """Use a theme of Textual by its name; one that it does not have changes nothing."""
    if name is not None and name in app.available_themes:
        app.theme = name
