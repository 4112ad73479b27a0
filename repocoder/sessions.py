"""Who reads the index and who writes it, within one process: builds one at a time, readers on whole generations.

A session is one generation with the retriever that searches it. It stays open for those who use it when a build has
published a newer one; the next reader gets that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.build import Indexer
from indexer.derived import Derived
from indexer.errors import DamagedIndexError
from indexer.snapshot import Snapshot
from indexer.store import DATABASE
from indexer.types import BuildReport
from indexer.update import OnProgress
from indexer.walk import WalkOptions
from repocoder.builds import BuildProcess
from repocoder.config import Settings
from repocoder.embedders import channels_of, derived_of, open_embedder
from retrieval.embed import Embedder
from retrieval.retriever import RetrievalSettings, Retriever
from retrieval.worktree import Worktree


class Session:
    """One generation of the index and what searches it; closed when the last user has left."""

    def __init__(self, snapshot: Snapshot, retriever: Retriever) -> None:
        self.snapshot = snapshot
        self.retriever = retriever
        self.users = 0
        self._retired = False

    def retire(self) -> None:
        """Close it as soon as nobody uses it."""
        self._retired = True
        self.close_if_unused()

    def close_if_unused(self) -> None:
        if self._retired and self.users == 0:
            self.snapshot.close()


class Sessions:
    """The index of one repository for all threads of a process. Nothing is opened or started before it is needed."""

    def __init__(
        self, root: Path, directory: Path, settings: Settings, *, builds_apart: bool = False
    ) -> None:
        """`builds_apart`: in a process of their own, see `repocoder.builds`."""
        self.notes: list[str] = []  # one line each, for the user: rebuilt indexes and the like
        self._root = root
        self._directory = directory
        self._settings = settings
        self._worktree = Worktree(root)  # keeps what git said, whatever generation asks
        self._embedder: Embedder | None = None
        self._indexer: Indexer | None = None
        self._current: Session | None = None
        self._state = threading.RLock()  # guards the lazily made parts above; never held while building
        self._building = threading.RLock()  # taken before `_state` where both are
        self._apart = BuildProcess(root, directory, settings) if builds_apart else None
        self._builds = 0  # finished by this process: what was opened before is old

    @property
    def exists(self) -> bool:
        """Is there an index on disk?"""
        return (self._directory / DATABASE).exists()

    def changes(self) -> int:
        """A number that is another one when git sees other changes than before."""
        return self._worktree.changes().number

    @property
    def indexer(self) -> Indexer:
        with self._state:
            if self._indexer is None:
                self._indexer = Indexer(
                    self._root,
                    self._directory,
                    derived=self._derived(),
                    workers=self._settings.workers,
                    walk_options=self._walk_options,
                    nice=self._settings.nice,
                )
            return self._indexer

    def build(
        self,
        *,
        rebuild: bool = False,
        changed: Collection[str] | None = None,
        retry_skipped: bool = False,
        progress: OnProgress | None = None,
        cancel: threading.Event | None = None,
    ) -> BuildReport:
        """Bring the index up to date; another build of this process is waited for. See `Indexer.build`."""
        with self._building:
            report = (self._apart or self.indexer).build(
                rebuild=rebuild,
                changed=changed,
                retry_skipped=retry_skipped,
                progress=progress,
                cancel=cancel,
            )
            with self._state:
                self.notes.extend(report.notes)
                self._builds += 1
                if self._current is not None:
                    self._current.retire()
                    self._current = None
            return report

    def watch(
        self,
        stop: threading.Event,
        *,
        on_build: Callable[[BuildReport], None],
        on_note: Callable[[str], None],
        progress: OnProgress | None = None,
        polling: bool = False,
    ) -> None:
        """Bring the index up to date and keep it so until `stop` is set; returns then. See `indexer.watch.Watcher`."""
        from indexer.watch import Watcher  # 40 ms, for those who stay

        Watcher(
            self._root,
            lambda changed: self.build(changed=changed, progress=progress, cancel=stop),
            options=self._walk_options,
            on_build=on_build,
            on_note=on_note,
            polling=polling,
        ).run(stop)

    @contextmanager
    def lease(self) -> Iterator[Session]:
        """The current session, which stays open until given back. Builds the index if there is none."""
        session = self._enter()
        try:
            yield session
        finally:
            with self._state:
                session.users -= 1
                session.close_if_unused()

    def close(self) -> None:
        """End the parse workers and what builds, and close the index once its last user has left."""
        if self._apart is not None:
            self._apart.close()
        with self._state:
            if self._current is not None:
                self._current.retire()
            if self._indexer is not None:
                self._indexer.close()
            self._current = self._indexer = None

    def _enter(self) -> Session:
        """The current session with one more user. It is opened outside of the lock: a first build takes minutes."""
        while True:
            with self._state:
                if self._current is not None:
                    self._current.users += 1
                    return self._current
                builds = self._builds
            opened = self._open()
            with self._state:
                if self._current is None and self._builds == builds:
                    self._current = opened
                else:  # another thread was faster, or a build has published a newer generation
                    opened.retire()

    def _open(self) -> Session:
        """Open the index; a missing one is built, a damaged one is built anew and the user is told."""
        if not self.exists:
            with self._building:
                if not self.exists:
                    self.build()
        try:
            snapshot = self._open_snapshot()
        except DamagedIndexError as error:
            with self._building:
                if not self.build().notes:
                    self.notes.append(f"{error}: rebuilt")
            snapshot = self._open_snapshot()
        settings = RetrievalSettings(
            channels=channels_of(self._settings), lexical_backend=self._settings.lexical_backend
        )
        retriever = Retriever(
            snapshot, embedder=self._embedder, settings=settings, changes=self._worktree.changes
        )
        return Session(snapshot, retriever)

    @property
    def _walk_options(self) -> WalkOptions:
        return WalkOptions(max_file_bytes=self._settings.max_file_bytes, ignore=self._settings.exclude)

    def _open_snapshot(self) -> Snapshot:
        versions = {part.name: part.version for part in self._derived()}
        return Snapshot.open(self._directory, self._root, derived_versions=versions)

    def _derived(self) -> tuple[Derived, ...]:
        with self._state:
            if self._embedder is None:
                self._embedder = open_embedder(self._settings.embedder)
            return derived_of(self._embedder)
