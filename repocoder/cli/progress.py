"""Progress on stderr: on a terminal one line that is written over, elsewhere a line now and then."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

from repocoder.terminal import safe

if TYPE_CHECKING:
    from indexer.types import Progress

_TERMINAL_INTERVAL_S = 0.1
_LOG_INTERVAL_S = 2.0
_MIN_RATE_S = 0.5
"""A rate over a shorter time says nothing."""

_WORDS = {
    "walk": "looking for files",
    "parse": "parsing",
    "resolve": "resolving names",
    "derive": "building postings",
    "publish": "writing",
}


def is_wanted(given: bool | None) -> bool:
    """Progress is shown where somebody looks, or where a flag asks for it."""
    return sys.stderr.isatty() if given is None else given


class StatusLine:
    """A line on stderr that the next one replaces. Nothing but spaces and returns: any terminal will do."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._interval = _TERMINAL_INTERVAL_S if self._is_terminal else _LOG_INTERVAL_S
        self._shown_at = float("-inf")
        self._width = 0

    def show(self, line: str, *, at_once: bool = False) -> None:
        """Show `line`, which is `safe`; unless `at_once` only if the last one is old enough to be read."""
        now = time.monotonic()
        if not at_once and now - self._shown_at < self._interval:
            return
        self._shown_at = now
        if self._is_terminal:
            columns = max(shutil.get_terminal_size().columns - 1, 1)
            line = line[:columns]
            sys.stderr.write("\r" + line.ljust(min(self._width, columns)))
            self._width = len(line)
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Take the line away again."""
        if self._is_terminal and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0


class ProgressLine:
    """Shows a build: stage, count, rate and time left. Call it with each Progress, then `close` it."""

    def __init__(self) -> None:
        self._line = StatusLine()
        self._stage = ""
        self._stage_started = 0.0

    def __call__(self, step: Progress) -> None:
        is_new = step.stage != self._stage
        if is_new:
            self._stage, self._stage_started = step.stage, time.monotonic()
        self._line.show(describe(step, time.monotonic() - self._stage_started), at_once=is_new)

    def close(self) -> None:
        self._line.close()


def describe(step: Progress, elapsed_s: float) -> str:
    """One line: "parsing 1200/5000 24% 600/s 90k lines/s 6 s left pkg/module.py"."""
    parts = [_WORDS.get(step.stage, step.stage)]
    if step.total > 0:
        parts.append(f"{step.done}/{step.total} {100 * step.done // step.total}%")
    elif step.done:
        parts.append(str(step.done))
    if step.done and elapsed_s >= _MIN_RATE_S:
        rate = step.done / elapsed_s
        parts.append(f"{rate:.0f}/s")
        if step.lines:
            parts.append(f"{step.lines / elapsed_s / 1000:.0f}k lines/s")
        if step.total > step.done:
            parts.append(f"{duration((step.total - step.done) / rate)} left")
    if step.path:
        parts.append(safe(step.path))
    return " ".join(parts)


def duration(seconds: float) -> str:
    """`6 s`, `2 min`, `3 h`: no more digits than an estimate has."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
