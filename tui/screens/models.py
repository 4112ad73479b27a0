"""The models of this machine, and those worth downloading: which is in use, what they weigh, choosing one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from repocoder.download import find_recommended, pull
from repocoder.errors import ModelError, RepocoderError
from repocoder.models import EMBEDDED_NAME, RECOMMENDED, ListedModel, list_models
from repocoder.paths import config_file
from repocoder.types import ModelInfo
from repocoder.userconfig import set_value, unset_value
from tui.display import MUTED, plain

Use = Callable[[str | None], ModelInfo]
"""Loads a model, puts it in the place of the one in use and tells its name; runs in a thread. Raises RepocoderError."""

MIB = 1 << 20


@dataclass
class Pulled(Message):
    """Bytes that are there, and that will be."""

    done: int
    total: int


@dataclass
class Ended(Message):
    """Loading or downloading has ended."""

    line: str
    in_use: ModelInfo | None = None  # set when a model was loaded
    failed: bool = False


class ModelsScreen(ModalScreen[None]):
    """Choose a model. The settings file is written only on its own key. Esc leaves and ends a download."""

    CSS_PATH = "page.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="models-leave", tooltip="Back to the workspace"),
        Binding("s", "keep", "Keep", id="models-keep", tooltip="Write the model into your settings file"),
    ]

    def __init__(self, in_use: ModelInfo | None, use: Use, *, endpoint: str | None = None) -> None:
        """`endpoint` is the address of the hub that downloads come from, None for the usual one."""
        super().__init__()
        self._in_use = in_use
        self._use = use
        self._endpoint = endpoint
        self._rows: list[tuple[str, bool]] = []  # name, is it here?
        self._stop = threading.Event()
        self._busy = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="page"):
            yield Static(Content.styled("Models", "bold"), classes="page-title")
            yield OptionList(id="models-list", classes="page-list", markup=False)
            yield Static(Content(""), id="models-note", classes="page-note")
            yield Static(
                Content("Enter uses or downloads   s keeps it in your settings   Esc closes"),
                classes="page-foot",
            )

    def on_mount(self) -> None:
        self._fill()
        self.query_one(OptionList).focus()

    def on_unmount(self) -> None:
        self._stop.set()

    def _fill(self) -> None:
        here = list_models()
        names = {model.name for model in here}
        options = self.query_one(OptionList)
        at = options.highlighted or 0
        options.clear_options()
        self._rows = []
        for model in here:
            used = self._in_use is not None and model.sha256 == self._in_use.sha256
            self._rows.append((model.name, True))
            options.add_option(Option(_here(model, used=used)))
        for wanted in RECOMMENDED:
            if wanted.name not in names:
                self._rows.append((wanted.name, False))
                options.add_option(Option(_elsewhere(wanted.name, wanted.size, wanted.note)))
        options.highlighted = min(at, len(self._rows) - 1)

    # ---- keys

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._busy:
            return
        name, here = self._rows[event.option_index]
        self._busy = True
        self._say(f"{name}: {'loading' if here else 'asking the hub'}", "")
        self.run_worker(
            partial(self._load if here else self._download, name),
            thread=True,
            group="models",
            exit_on_error=False,
        )

    def action_keep(self) -> None:
        """Write the model under the cursor into the user's file."""
        name, here = self._rows[self.query_one(OptionList).highlighted or 0]
        try:
            if not here:
                raise ModelError(f"not downloaded: {name}: Enter gets it first")
            if name == EMBEDDED_NAME:
                unset_value(config_file(), "model")
            else:
                set_value(config_file(), "model", name)
        except RepocoderError as error:
            self._say(str(error), "$text-error")
        else:
            self._say(f"{name}: used from the next start on too ({config_file()})", "$text-success")

    def action_leave(self) -> None:
        self._stop.set()
        self.dismiss(None)

    # ---- in threads

    def _load(self, name: str) -> None:
        try:
            info = self._use(None if name == EMBEDDED_NAME else name)
        except RepocoderError as error:
            self.post_message(Ended(str(error), failed=True))
        else:
            self.post_message(Ended(f"{info.name}: in use for this session; s keeps it", info))

    def _download(self, name: str) -> None:
        def progress(done: int, total: int) -> None:
            if self._stop.is_set():
                raise ModelError(f"download: {name}: cancelled: a second pull goes on where this one stopped")
            self.post_message(Pulled(done, total))

        try:
            pull(find_recommended(name), progress=progress, endpoint=self._endpoint)
        except RepocoderError as error:
            self.post_message(Ended(str(error), failed=True))
        else:
            self.post_message(Ended(f"{name}: downloaded; Enter uses it"))

    def on_pulled(self, message: Pulled) -> None:
        message.stop()
        self._say(
            f"{message.done // MIB:,} of {message.total // MIB:,} MiB, {100 * message.done // message.total} %",
            "",
        )

    def on_ended(self, message: Ended) -> None:
        message.stop()
        self._busy = False
        self._in_use = message.in_use or self._in_use
        self._fill()
        self._say(message.line, "$text-error" if message.failed else "$text-success")

    def _say(self, line: str, style: str) -> None:
        self.query_one("#models-note", Static).update(plain(line, style))


def _here(model: ListedModel, *, used: bool) -> Content:
    mark = ("● ", "$text-success") if used else ("  ", "")
    name = plain(model.name, "bold")
    if model.problem:
        return Content("\n").join([Content.assemble(mark, name), plain(f"  {model.problem}", "$text-error")])
    facts = f"  {model.size / MIB:,.0f} MiB, context {model.n_ctx:,}, {model.template}, {model.origin}"
    state = "in use" if used else ""
    first = Content.assemble(mark, name, plain(facts, MUTED), "   ", (state, "bold $text-success"))
    return Content("\n").join([first, plain(f"  {model.note or 'your own'}", MUTED)])


def _elsewhere(name: str, size: int, note: str) -> Content:
    first = Content.assemble("  ", plain(name, "bold"), f"  {size / MIB:,.0f} MiB", "   not downloaded")
    return Content("\n").join([first, plain(f"  {note}", MUTED)])
