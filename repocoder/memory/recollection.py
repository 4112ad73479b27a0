"""The memory that fits the current index and model: made when first needed, brought up to date in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from indexer.snapshot import Snapshot
from repocoder.errors import RepocoderError
from repocoder.llm.generator import Generator
from repocoder.memory.repository import RepositoryMemory
from repocoder.memory.store import Update

PUBLISHED_AFTER_S = 1.0
"""What was read for the first time in so many seconds can be remembered, then what was in twice as many, and so on: a
large repository takes half a minute, and what is read is sorted anew each time."""


class Recollection:
    """For one engine. Any thread may ask."""

    def __init__(
        self,
        directory: Path,
        mode: str,
        lease: Callable[[], AbstractContextManager[Snapshot]],
        note: Callable[[str], None],
        completing: threading.Lock,
    ) -> None:
        """`mode`: see `repocoder.config.MEMORIES`. `lease` gives the current index and keeps it open; `note` is told
        why nothing can be remembered. While somebody else holds `completing` nothing is read in the background: it
        would be the same worker."""
        self._completing = completing
        self._lease = lease
        self._directory = directory
        self._mode = mode
        self._note = note
        self._memory: RepositoryMemory | None = None
        self._state = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failed = -1  # generation of the index that could not be remembered
        self._closing = threading.Event()

    def of(self, snapshot: Snapshot, generator: Generator) -> RepositoryMemory | None:
        """What is remembered now; where the index is newer, it is read behind the caller's back."""
        memory = self._open(generator)
        if memory is None:
            return None
        generation = snapshot.generation
        with self._state:
            idle = self._thread is None or not self._thread.is_alive()
            if idle and generation not in (memory.generation, self._failed) and not self._closing.is_set():
                self._thread = threading.Thread(
                    target=self._catch_up, args=(memory,), name="memory", daemon=True
                )
                self._thread.start()
        return memory

    def update(self, snapshot: Snapshot, generator: Generator, limit_s: float | None = None) -> Update | None:
        """Read what is not remembered yet, in the thread that calls; None if there is nothing to do, or
        nothing to remember with. Raises StorageError, ModelError, WorkerError."""
        memory = self._open(generator)
        if memory is None or memory.generation == snapshot.generation:
            return None
        deadline = None if limit_s is None else time.monotonic() + limit_s
        return memory.update(
            snapshot,
            lambda: self._closing.is_set() or (deadline is not None and time.monotonic() > deadline),
            wait=deadline is None,
        )

    def close(self) -> None:
        """End what runs in the background, soon."""
        self._closing.set()

    def _open(self, generator: Generator) -> RepositoryMemory | None:
        if self._mode == "off" or not generator.can_remember:
            return None
        with self._state:
            if self._memory is None:
                self._memory = RepositoryMemory(
                    self._directory, generator, drafts_only=self._mode == "drafts"
                )
            return self._memory

    def _catch_up(self, memory: RepositoryMemory) -> None:
        limit_s = PUBLISHED_AFTER_S
        with self._lease() as snapshot:
            try:
                while (done := self._read_for(limit_s, memory, snapshot)) is not None and done.unread:
                    if self._closing.is_set():
                        break
                    limit_s *= 2
            except RepocoderError as error:
                self._failed = snapshot.generation
                if not self._closing.is_set():
                    self._note(f"repository memory: {error}")

    def _read_for(self, limit_s: float, memory: RepositoryMemory, snapshot: Snapshot) -> Update | None:
        """Read on for so long, between completions, and have what is read by then remembered."""
        deadline = time.monotonic() + limit_s
        has_read = False

        def is_over() -> bool:
            nonlocal has_read
            with self._completing:
                pass
            over = self._closing.is_set() or (has_read and time.monotonic() > deadline)
            has_read = True
            return over

        return memory.update(snapshot, is_over)
