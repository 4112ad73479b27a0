"""The workspace: files on the left, the editor in the centre, the reasons on the right, two status lines
below."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from repocoder.errors import RepocoderError
from tui.chosen_model import ChosenModel
from tui.completing import Completing
from tui.display import milliseconds, plain
from tui.finding import FIND_BINDINGS, Finding
from tui.indexing import load_model, update_index, watch_index
from tui.keymap import FIRST_BINDINGS, WORK_BINDINGS
from tui.knowing import KNOW_BINDINGS, Knowing
from tui.listing import list_files
from tui.messages import FilesListed
from tui.reading import Work
from tui.restoring import Restoring
from tui.screens.desk import Desk
from tui.screens.sizes import take_size
from tui.widgets.editor_area import EditorArea
from tui.widgets.file_tree import FileTree
from tui.widgets.hints import Hints
from tui.widgets.snippets import SnippetPane
from tui.widgets.status import StatusLines, describe_done
from tui.widgets.tour import Tour, tour_file

if TYPE_CHECKING:
    from textual.widgets import TextArea

    from repocoder.engine import Engine
    from tui import messages
    from tui.widgets.editor import Editor

NARROW, MEDIUM, WIDE = 0, 100, 120
"""Columns from which the file tree, and both side panes, stand beside the editor; below, they are shown on a key, in a
narrow terminal one at a time."""

SHORT, TALL = 0, 12
"""Rows from which there is room for two status lines and the footer."""


FIRST_KEYS_S = 0.05
"""After the first paint, before the engine is imported, which keeps keys waiting: the first one may be on its way."""


class WorkspaceScreen(Desk):
    """Where the work is done. All that may take long runs in threads and answers by messages."""

    HORIZONTAL_BREAKPOINTS = [(NARROW, "-narrow"), (MEDIUM, "-medium"), (WIDE, "-wide")]  # noqa: RUF012  # not a ClassVar
    VERTICAL_BREAKPOINTS = [(SHORT, "-short"), (TALL, "-tall")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [*FIRST_BINDINGS, *WORK_BINDINGS, *FIND_BINDINGS, *KNOW_BINDINGS]

    def __init__(self, engine: Engine, model: ChosenModel | None = None, session: Path | None = None) -> None:
        """`model` is what the engine generates with, if it can be changed; `session`: see `tui.restoring`."""
        super().__init__(engine)
        self.completing = Completing(engine, self)
        self.knowing = Knowing(self, model)
        self.finding = Finding(self)
        self.restoring = Restoring(self, session)
        self._tour_mark = tour_file() if session is not None else None
        self._stop = threading.Event()
        self._index_again = False
        self._told_notes = 0
        self._reasons: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        take_size(self)
        with Horizontal(id="body"):
            yield FileTree(self.engine.root.name, id="files", classes="-shown")
            yield EditorArea(self.engine.root, self.engine.settings.max_file_bytes, id="centre")
            yield SnippetPane(id="snippets")
        if self._tour_mark is not None and not self._tour_mark.exists():
            yield Tour(self._tour_mark, lambda: self.area.current, id="tour")
        yield StatusLines(id="status")
        yield Hints()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        if not self.stack_updates:  # the first time: every widget has just got its styles
            event.refresh_styles = False

    def on_mount(self) -> None:
        self._files.focus()
        self.knowing.apply_settings()
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """Start what takes long, once there is something to see; then open what was open."""
        self.run_worker(self._list_files, thread=True, group="files", exit_on_error=False)
        await self.restoring.restore()
        self.set_timer(FIRST_KEYS_S, self._open_engine)

    def _open_engine(self) -> None:
        if self._stop.is_set():
            return
        self.run_worker(
            partial(load_model, self.engine, self.post_message),
            thread=True,
            group="model",
            exit_on_error=False,
        )
        watching = partial(watch_index, self.engine, self.post_message, self._stop)
        self.run_worker(watching, thread=True, group="watch", exit_on_error=False)

    def on_unmount(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Tell every thread to end."""
        self._stop.set()
        self.completing.stop()

    # ---- completion

    def action_complete(self) -> None:
        editor = self.area.current
        if editor is None:
            self.say(Content("Open a file first: F2 shows the files, Enter opens one"))
        else:
            editor.focus()
            self.completing.begin(editor)

    def action_automatic(self) -> None:
        on = self.completing.switch()
        how = (
            f"after {milliseconds(1000 * self.completing.pace.pause_s)} without a key"
            if on
            else "on Ctrl+Space"
        )
        self.say(Content(f"suggestions: {how}   F8 switches"))

    def start_run(self, run: Work) -> None:
        work = partial(run.work, self.engine, self.post_message, self.turn_of)
        self.run_worker(work, thread=True, group="completion", exit_on_error=False)

    def open_buffers(self, but: Editor) -> tuple[tuple[str, str], ...]:
        return tuple((editor.file.path, editor.buffer) for editor in self.area.unsaved if editor is not but)

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        return self.set_timer(seconds, action)

    def on_completion_streamed(self, message: messages.CompletionStreamed) -> None:
        self.completing.stream(message)

    def on_completion_done(self, message: messages.CompletionDone) -> None:
        completion = self.completing.done(message)
        if completion is not None:
            self.knowing.explain(completion)
            self.say(describe_done(completion))

    def on_completion_failed(self, message: messages.CompletionFailed) -> None:
        if self.completing.failed(message):
            self.query_one(SnippetPane).show_nothing(message.reason)
            self.complain(message.reason)

    def on_ghost_dropped(self, message: messages.GhostDropped) -> None:
        self.completing.dropped(message.editor)

    def on_ghost_taken(self, message: messages.GhostTaken) -> None:
        self.completing.taken(message.editor, whole=message.whole)
        if message.whole:
            for tour in self.query(Tour):
                tour.end()

    def on_ghost_turned(self, message: messages.GhostTurned) -> None:
        self.say(Content(f"suggestion {message.number} of {message.count}   Alt+N shows the next"))

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        editor = self.area.current
        if editor is not None and event.text_area is editor:
            self.completing.moved(editor)

    def on_edited(self, message: messages.Edited) -> None:
        self.completing.edited(message.editor, message.characters)

    # ---- why

    def action_know(self, page: str) -> None:
        self.knowing.open(page)

    def on_choice_made(self, message: messages.ChoiceMade) -> None:
        self.knowing.choose(message)

    def on_retrieval_turned(self, message: messages.RetrievalTurned) -> None:
        self.knowing.turn_retrieval()

    def on_budget_changed(self, message: messages.BudgetChanged) -> None:
        self.knowing.change_budget(message.step)

    def on_preview_wanted(self, message: messages.PreviewWanted) -> None:
        self.knowing.show_preview(message)

    def on_prompt_wanted(self, message: messages.PromptWanted) -> None:
        self.knowing.show_prompt(message)

    # ---- files

    async def on_file_chosen(self, message: messages.FileChosen) -> None:
        if self._reasons.get(message.path) == "secret-file":
            self.complain(f"not opened: {message.path}: its name says that it holds secrets")
            return
        try:
            await self.area.open(message.path, message.line, message.column)
        except RepocoderError as error:
            self.complain(str(error))
        else:
            self._files.select_path(message.path)
            self._give_way()

    def on_tabs_changed(self) -> None:
        self.restoring.save()
        if self.area.current is not None:
            self.completing.moved(self.area.current)

    def action_back(self) -> None:
        if self.area.back() is None:
            self.say(Content("no earlier place"))

    def action_save(self) -> None:
        editor = self.area.current
        if editor is not None:
            self.save(editor)

    def save(self, editor: Editor, *, overwrite: bool = False) -> bool:
        saved = super().save(editor, overwrite=overwrite)
        if saved:
            self._update_index()
        return saved

    def _list_files(self) -> None:
        listing = list_files(self.engine.root, self.engine.settings, self._stop.is_set)
        if listing is not None:
            self.post_message(FilesListed(listing))

    def on_files_listed(self, message: messages.FilesListed) -> None:
        self._reasons = message.listing.reasons
        self.finding.take(message.listing)
        self._files.show(message.listing)
        if not any(message.listing.folders.values()):
            self.say(Content("this folder has no files: start repocoder where your code is"))

    # ---- index and model

    def action_refresh(self) -> None:
        self.run_worker(self._list_files, thread=True, group="files", exit_on_error=False)
        self._update_index()

    def _update_index(self) -> None:
        if any(worker.group == "index" and not worker.is_finished for worker in self.workers):
            self._index_again = True
            return
        self._index_again = False
        work = partial(update_index, self.engine, self.post_message, self._stop)
        self.run_worker(work, thread=True, group="index", exit_on_error=False)

    def on_index_progressed(self, message: messages.IndexProgressed) -> None:
        self.status.show_progress(message.progress)

    def on_index_ready(self, message: messages.IndexReady) -> None:
        self.status.show_index(message.status)
        self.completing.index_ready()
        for note in self.engine.notes[self._told_notes :]:
            self.notify(plain(note).plain, title="index", markup=False)
        self._told_notes = len(self.engine.notes)

    def on_index_noted(self, message: messages.IndexNoted) -> None:
        self.notify(plain(message.line).plain, title="index", markup=False)

    def on_index_failed(self, message: messages.IndexFailed) -> None:
        self.status.show_index_failure(message.reason)
        self.completing.index_ready()

    def on_engine_opened(self) -> None:
        self.knowing.refresh()

    def on_model_ready(self, message: messages.ModelReady) -> None:
        self.status.show_model(message.model, weak=self.knowing.uses_embedded)

    def on_model_failed(self, message: messages.ModelFailed) -> None:
        self.status.show_model_failure(message.reason)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A thread ended. An error that is not for the user is a bug: it is named, and the program goes
        on."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            error = event.worker.error
            frames = traceback.extract_tb(error.__traceback__)
            place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
            self.complain(f"internal error in {event.worker.group}: {type(error).__name__}: {error}{place}")
            if event.worker.group == "completion":
                self.completing.cancel()
        if event.worker.group == "index" and event.worker.is_finished and self._index_again:
            self._update_index()

    # ---- panes

    def action_pane(self, name: str) -> None:
        """Show and enter a side pane; hide it if it has the focus already."""
        pane = self.query_one(f"#{name}")
        if not pane.display:
            self._show_pane(pane)
            self._enter(pane)
        elif pane.has_focus or pane.has_focus_within:
            pane.remove_class("-shown").add_class("-hidden")
            self._focus_editor()
        else:
            self._enter(pane)

    def action_leave(self) -> None:
        """Back to the editor; a narrow terminal gives the whole width to it. Nothing is suggested unasked now."""
        self.completing.ask_nothing()
        self._give_way()
        self._focus_editor()

    def action_find(self, what: str) -> None:
        self.finding.open(what)

    def _show_pane(self, pane: Widget) -> None:
        if self.has_class("-narrow"):
            self._give_way()
        pane.remove_class("-hidden").add_class("-shown")

    def _give_way(self) -> None:
        if self.area.current is not None:
            self.query("#files" if self.has_class("-medium") else "#files, #snippets").remove_class("-shown")

    def _enter(self, pane: Widget) -> None:
        target = pane.entries if isinstance(pane, SnippetPane) else pane
        self.set_focus(target)  # at once: the next key may be on its way

    def _focus_editor(self) -> None:
        self.set_focus(self.area.current or self._files)

    @property
    def _files(self) -> FileTree:
        return self.query_one("#files", FileTree)
