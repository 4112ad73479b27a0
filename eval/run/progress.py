"""How far a run is: samples done, rate, time left, errors."""

from __future__ import annotations

import time

from repocoder.cli.progress import StatusLine, duration
from repocoder.terminal import safe

_MIN_RATE_S = 1.0
"""A rate over a shorter time says nothing."""


class RunProgress:
    """One line on stderr. `done` samples of before are shown, but not part of the rate."""

    def __init__(self, total: int, done: int) -> None:
        self._line = StatusLine()
        self._total, self._done_before, self._done = total, done, done
        self._errors = 0
        self._repository = ""
        self._started = time.monotonic()

    def add(self, repository: str, *, is_error: bool) -> None:
        self._done += 1
        self._errors += is_error
        self._repository = repository

    def show(self) -> None:
        fresh = self._done - self._done_before
        line = describe(self._total, self._done, fresh, time.monotonic() - self._started, self._errors)
        self._line.show(f"{line} {safe(self._repository)}".rstrip())

    def close(self) -> None:
        self._line.close()


def describe(total: int, done: int, fresh: int, elapsed_s: float, errors: int) -> str:
    """`samples 120/400 30% 2.1/s 2 min left, 3 errors`; `fresh` of the `done` took the elapsed time."""
    parts = [f"samples {done}/{total} {100 * done // total if total else 100}%"]
    if fresh and elapsed_s >= _MIN_RATE_S:
        rate = fresh / elapsed_s
        parts.append(f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min")
        if done < total:
            parts.append(f"{duration((total - done) / rate)} left")
    text = " ".join(parts)
    return f"{text}, {errors} {'error' if errors == 1 else 'errors'}" if errors else text
