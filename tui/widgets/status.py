"""The status lines: above what the last completion did and cost, below the index and the model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.display import MUTED, duration, milliseconds, plain
from tui.latency import waited_ms

if TYPE_CHECKING:
    from indexer.types import Progress
    from repocoder.types import Completion, IndexStatus, ModelInfo

WEAK = "weak: Alt+M for others"
"""Said of the embedded model wherever its name is shown."""

RATE_AFTER_S = 0.5
"""Before this a rate says more about the start than about the speed."""

STAGES = {
    "walk": "looking for files",
    "parse": "parsing",
    "resolve": "resolving names",
    "derive": "indexing words",
    "publish": "publishing",
}


class Rate:
    """How fast a stage of the index goes, and when it will be done."""

    def __init__(self) -> None:
        self._stage = ""
        self._started = 0.0
        self._first = 0

    def line(self, progress: Progress, now: float) -> str:
        """ ", 350/s, 12 s left", or "" as long as nothing can be said. `now` is in seconds."""
        if progress.stage != self._stage or progress.done < self._first:
            self._stage, self._started, self._first = progress.stage, now, progress.done
        passed, done = now - self._started, progress.done - self._first
        if passed < RATE_AFTER_S or done <= 0:
            return ""
        rate = done / passed
        left = f", {duration((progress.total - progress.done) / rate)} left" if progress.total else ""
        return f", {rate:,.0f}/s{left}"


class StatusLines(Vertical):
    """Two lines; the first is for the completion, the second for what it stands on."""

    def compose(self) -> ComposeResult:
        yield Static(Content(""), id="status-completion")
        yield Static(Content(""), id="status-ground")

    def on_mount(self) -> None:
        self._index = Content("index: not read yet")
        self._model = Content("model: loading")
        self._latency = Content("")
        self._rate = Rate()
        self._show_ground()

    def say(self, text: Content) -> None:
        """Show a line about the completion, or anything that the user just did."""
        self.query_one("#status-completion", Static).update(text, layout=False)

    def show_progress(self, progress: Progress) -> None:
        stage = STAGES.get(progress.stage, progress.stage)
        share = f" {100 * progress.done // progress.total} %" if progress.total else ""
        count = f" {progress.done:,} of {progress.total:,}" if progress.total else f" {progress.done:,}"
        rate = self._rate.line(progress, time.monotonic())
        self._index = Content.assemble(("index: ", "bold"), plain(stage), f"{count}{share}{rate}")
        self._show_ground()

    def show_index(self, status: IndexStatus) -> None:
        self._index = Content(f"index: {status.files:,} files, {status.chunks:,} chunks")
        self._show_ground()

    def show_index_failure(self, reason: str) -> None:
        self._index = Content.assemble("index: ", plain(reason, "$text-error"))
        self._show_ground()

    def show_latency(self, line: str) -> None:
        """Bars of the last completions and the speed of decoding."""
        self._latency = Content(line)
        self._show_ground()

    def show_model(self, model: ModelInfo, *, weak: bool) -> None:
        name = plain(model.name, "bold")
        self._model = Content.assemble("model: ", name)
        if weak:
            self._model = Content.assemble(self._model, " (", (WEAK, "$text-warning"), ")")
        self._show_ground()

    def show_model_failure(self, reason: str) -> None:
        self._model = Content.assemble("model: ", plain(reason, "$text-error"))
        self._show_ground()

    def _show_ground(self) -> None:
        bar = ("  │  ", MUTED)
        line = Content.assemble(self._index, bar, self._model)
        if self._latency:
            line = Content.assemble(self._index, bar, self._latency, bar, self._model)
        self.query_one("#status-ground", Static).update(line, layout=False)


def describe_running(turn: int, characters: int) -> Content:
    """The line while a completion streams."""
    again = " again, with the draft" if turn > 1 else ""
    what = f"writing{again}: {characters} characters" if characters else "retrieving, then writing"
    return Content.assemble((what, "bold"), "   Esc cancels")


def describe_done(completion: Completion) -> Content:
    """The line after it: tokens, milliseconds, passes, the gate and its reason; the rest is cut off at the
    right."""
    verb = "retrieved" if completion.gate.retrieve else "not retrieved"
    passes = f", {len(completion.passes)} passes" if len(completion.passes) > 1 else ""
    cost = (
        f"{completion.prompt_tokens}+{completion.completion_tokens} tokens, "
        f"{milliseconds(waited_ms(completion.timings))}{passes}"
    )
    parts: list[Content | str | tuple[str, str]] = [(cost, "bold"), "  │  ", (verb, "bold"), ": "]
    parts.append(plain(completion.gate.reason))
    for check in completion.checks:
        if not check.passed:
            parts += ["  │  ", plain(f"check: {check.detail}", "$text-warning")]
    drafts = {completion.text, *(report.text for report in completion.passes)} - {""}
    if not completion.text.strip():
        parts.insert(0, plain(f"nothing to suggest ({completion.stop_reason})  │  ", "$text-warning"))
    elif len(drafts) > 1:
        parts.insert(0, Content(f"{len(drafts)} suggestions: Alt+N  │  "))
    return Content.assemble(*parts)
