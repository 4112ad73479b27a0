"""Signals of a command: SIGINT, SIGTERM and SIGHUP end it quickly, with 128 + number, whatever it does."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

GRACE_S = 0.7
"""Time between a signal and the end, for workers to be told; an index is sound without it."""

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked for the end. Not an Exception: nothing on the way may take it for an error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class SignalWatch:
    """Turns signals into `Stopped` in the main thread, and ends the process if that is not heard.

    Python runs handlers only between its own instructions: while the main thread is inside native code
    nothing happens. So a thread reads the wake-up pipe, which the C handler writes at once, and ends the
    process after GRACE_S. Worker processes end with their parent.
    """

    def __init__(self) -> None:
        # What is ignored stays ignored: nohup, and jobs in the background of a script.
        self._previous = {
            number: signal.getsignal(number)
            for number in _STOPPING
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        reading, self._writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._writing, False)
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in self._previous:
            signal.signal(number, _stop)
        threading.Thread(target=_watch, args=(reading,), name="signals", daemon=True).start()

    def release(self) -> None:
        """Give the signals back as they were; further calls do nothing."""
        if self._writing < 0:
            return
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._writing)  # ends the thread
        self._writing = -1


def end_now(exit_code: int) -> NoReturn:
    """End without waiting for threads or workers; what was printed is kept."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(exit_code)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped(number)


def _watch(reading: int) -> None:
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while number := pipe.read(1):
            if number[0] in _STOPPING:
                time.sleep(GRACE_S)
                os._exit(128 + number[0])
