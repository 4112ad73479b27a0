"""Progress of a build, on stderr: on a terminal one line that is written over, elsewhere a line at times."""

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


class ProgressLine:
    """Shows a build: stage, count, rate and time left. Call it with each Progress, then `close` it."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._interval = _TERMINAL_INTERVAL_S if self._is_terminal else _LOG_INTERVAL_S
        self._stage = ""
        self._stage_started = 0.0
        self._shown_at = 0.0
        self._width = 0

    def __call__(self, step: Progress) -> None:
        now = time.monotonic()
        if step.stage != self._stage:
            self._stage, self._stage_started = step.stage, now
        elif now - self._shown_at < self._interval:
            return
        self._shown_at = now
        self._write(describe(step, now - self._stage_started))

    def close(self) -> None:
        """Take the line away again."""
        if self._is_terminal and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0

    def _write(self, line: str) -> None:
        if self._is_terminal:
            columns = max(shutil.get_terminal_size().columns - 1, 1)
            line = line[:columns]
            sys.stderr.write("\r" + line.ljust(min(self._width, columns)))
            self._width = len(line)
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()


def describe(step: Progress, elapsed_s: float) -> str:
    """One line: "parsing 1200/5000 24% 600/s 6 s left pkg/module.py"."""
    parts = [_WORDS.get(step.stage, step.stage)]
    if step.total > 0:
        parts.append(f"{step.done}/{step.total} {100 * step.done // step.total}%")
    elif step.done:
        parts.append(str(step.done))
    if step.done and elapsed_s >= _MIN_RATE_S:
        rate = step.done / elapsed_s
        parts.append(f"{rate:.0f}/s")
        if step.total > step.done:
            parts.append(f"{(step.total - step.done) / rate:.0f} s left")
    if step.path:
        parts.append(safe(step.path))
    return " ".join(parts)
