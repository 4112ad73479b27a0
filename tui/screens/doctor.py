"""Can this machine run it, and how fast: the checks of `repocoder doctor` and the time of the last completions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import get_current_worker

from repocoder.config import Settings
from repocoder.doctor import Finding, diagnose
from tui.display import MUTED, milliseconds, plain
from tui.latency import PARTS, Sample, bars

MARKS = {
    "ok": ("✓ ok  ", "$text-success"),
    "warn": ("! warn", "$text-warning"),
    "fail": ("✗ fail", "$text-error"),
}
"""A sign and a word beside the colour: not everybody sees it, and NO_COLOR shows none."""

_NAME_WIDTH = 25


@dataclass
class Found(Message):
    """One check has ended; None: all have."""

    finding: Finding | None


class DoctorScreen(ModalScreen[None]):
    """Checks appear as they end. Esc leaves."""

    CSS_PATH = "page.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Close", id="doctor-leave", tooltip="Back to the workspace"),
    ]

    def __init__(self, root: Path, settings: Settings, samples: Sequence[Sample]) -> None:
        super().__init__()
        self._root = root
        self._settings = settings
        self._samples = samples
        self._findings: list[Finding] = []
        self._checking = True

    def compose(self) -> ComposeResult:
        with Vertical(classes="page"):
            yield Static(Content.styled("This machine", "bold"), classes="page-title")
            with VerticalScroll(classes="page-body", id="doctor-body"):
                yield Static(_latency(self._samples), id="doctor-latency")
                yield Static(Content(""), id="doctor-findings")
            yield Static(Content("Esc closes"), classes="page-foot")

    def on_mount(self) -> None:
        self.query_one("#doctor-body").focus()
        self._show()
        self.run_worker(
            partial(self._check, self._root, self._settings), thread=True, group="doctor", exit_on_error=False
        )

    def _check(self, root: Path, settings: Settings) -> None:
        worker = get_current_worker()
        for finding in diagnose(root, settings):
            if worker.is_cancelled:
                return
            self.post_message(Found(finding))
        self.post_message(Found(None))

    def on_found(self, message: Found) -> None:
        message.stop()
        if message.finding is None:
            self._checking = False
        else:
            self._findings.append(message.finding)
        self._show()

    def _show(self) -> None:
        lines = [_line(finding) for finding in self._findings]
        if self._checking:
            lines.append(Content.styled("checking…", MUTED))
        self.query_one("#doctor-findings", Static).update(Content("\n").join(lines))


def _line(finding: Finding) -> Content:
    line = Content.assemble(MARKS[finding.status], f"  {finding.name:<{_NAME_WIDTH}} ", plain(finding.detail))
    if finding.hint:
        line = Content("\n").join([line, plain(" " * (_NAME_WIDTH + 9) + finding.hint, "$text-warning")])
    return line


def _latency(samples: Sequence[Sample]) -> Content:
    """The parts of the last completions: bars, the last value and the middle one."""
    if not samples:
        return Content("No completion yet: its times will stand here.\n")
    last = f"Last {len(samples)} completions" if len(samples) > 1 else "One completion"
    lines = [Content(f"{last}: newest on the right, then the last one and the median")]
    for part in PARTS:
        values = [getattr(sample, part) for sample in samples]
        middle = sorted(values)[len(values) // 2]
        lines.append(
            Content(f"  {part:<9} {bars(values)}  {milliseconds(values[-1])}, {milliseconds(middle)}")
        )
    speeds = [sample.tokens_s for sample in samples if sample.tokens_s is not None]
    if speeds:
        lines.append(Content(f"  {'speed':<9} {bars(speeds)}  {speeds[-1]:.0f} tokens/s while decoding"))
    return Content("\n").join([*lines, Content("")])
