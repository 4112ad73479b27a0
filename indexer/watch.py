"""File events -> builds: the index follows the files as they change, for as long as it is wanted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from indexer.errors import LockedError, StorageError, WorkerError
from indexer.events import (
    EVERYTHING,
    MANY,
    NOTHING,
    BrokenSourceError,
    Notifications,
    Polling,
    Seen,
    Source,
    is_remote,
    root_identity,
)
from indexer.types import BuildReport
from indexer.walk import WalkOptions

WAIT_S = 1.0  # at most between two looks whether the root is still there
LOCK_RETRY_S = 0.5  # another indexer is at work
TROUBLE_RETRY_S = 10.0  # the disk is full, or workers cannot start: a user has to do something
CHECK_EVERY_S = (
    60.0  # everything is looked at without an event too: a queue of the kernel may have overflowed
)
CHECK_SHARE = 50  # of the time, at most one part in so many is spent on that
MAX_BREAKS = 3  # within a minute; then the system's notifications are given up
BREAKS_WITHIN_S = 60.0

Build = Callable[[frozenset[str] | None], BuildReport]
"""Brings the index up to date: with the paths named, or (None) with every file."""


def _ignore(_: object) -> None:
    """Nobody wants to know."""


class Watcher:
    """Keeps an index up to date in the thread that calls `run`.

    Events that arrive during a build are kept for the next one. `on_build` gets the report of the first build
    and of each that changed something; `on_note` one line for the user whenever the way of watching changes,
    another indexer is waited for, or a build failed and is tried again.
    """

    def __init__(
        self,
        root: Path,
        build: Build,
        *,
        options: WalkOptions | None = None,
        on_build: Callable[[BuildReport], None] = _ignore,
        on_note: Callable[[str], None] = _ignore,
        polling: bool = False,
    ) -> None:
        self._root = root
        self._build = build
        self._options = options or WalkOptions()
        self._on_build = on_build
        self._on_note = on_note
        self._polling = polling
        self._source: Source | None = None
        self._breaks: list[float] = []
        self._told = ""
        self._reported = False
        self._check_at = 0.0
        self._try_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Build, then follow the changes until `stop` is set.

        Raises IndexFailedError when the root is gone or the index is of a newer program.
        """
        try:
            todo = EVERYTHING
            self._open()
            while not stop.is_set():
                now = time.monotonic()
                if now >= self._check_at:
                    todo = EVERYTHING
                if todo and now >= self._try_at:
                    todo = self._bring_in(todo, stop)
                todo = todo.plus(self._wait(todo, stop))
        finally:
            self._close()

    # ---- events

    def _wait(self, todo: Seen, stop: threading.Event) -> Seen:
        assert self._source is not None
        until = self._try_at if todo else self._check_at
        try:
            seen = self._source.wait(stop, min(WAIT_S, max(0.0, until - time.monotonic())))
        except BrokenSourceError as error:
            self._count_break(error)
            seen = EVERYTHING
        if seen.everything:  # opened first, looked at afterwards: what happens in between is not missed
            self._open()
        return EVERYTHING if len(seen.paths) > MANY else seen

    def _open(self) -> None:
        self._close()
        root_identity(self._root)
        if not self._polling and (kind := is_remote(self._root)):
            self._poll(f"{kind} does not tell of all changes")
        if not self._polling:
            try:
                self._source = Notifications(self._root, self._options)
                return
            except BrokenSourceError as error:
                self._poll(str(error))
        self._source = Polling(self._root, self._options)

    def _poll(self, why: str) -> None:
        self._polling = True
        self._on_note(f"watch: {why}: looking at the files in intervals instead")

    def _count_break(self, error: BrokenSourceError) -> None:
        now = time.monotonic()
        self._breaks = [moment for moment in self._breaks if now - moment < BREAKS_WITHIN_S] + [now]
        if len(self._breaks) >= MAX_BREAKS:
            self._poll(str(error))

    def _close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    # ---- builds

    def _bring_in(self, todo: Seen, stop: threading.Event) -> Seen:
        """Build; what is still to do afterwards: nothing, or the same if it has to be tried again."""
        started = time.monotonic()
        try:
            report = self._build(None if todo.everything else todo.paths)
        except LockedError as error:
            self._put_off(f"{error}: waiting", LOCK_RETRY_S)
            return todo
        except (StorageError, WorkerError) as error:
            if stop.is_set():  # who stops it ends the workers too
                return todo
            self._put_off(f"{error}: trying again every {TROUBLE_RETRY_S:.0f} s", TROUBLE_RETRY_S)
            return todo
        now = time.monotonic()
        if todo.everything:
            self._check_at = now + max(CHECK_EVERY_S, CHECK_SHARE * (now - started))
        self._told, self._try_at = "", 0.0
        if not stop.is_set() and (report.changed or report.notes or not self._reported):
            self._reported = True
            self._on_build(report)
        return NOTHING

    def _put_off(self, note: str, seconds: float) -> None:
        self._try_at = time.monotonic() + seconds
        self._check_at = max(self._check_at, self._try_at)
        if note != self._told:
            self._told = note
            self._on_note(note)
