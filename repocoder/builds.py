"""Builds of the index in a process of their own: who answers keys meanwhile shares no interpreter with them.

A build is minutes of Python for a large repository, and threads of one interpreter wait for each other. The process is
started when first needed and kept, since to start one costs more than to take in a saved file.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from indexer.ipc import ChildDiedError, ChildProcess, Limits
from indexer.types import BuildReport, Progress
from repocoder import errors
from repocoder.config import Settings

MODULE = "repocoder.build_worker"

BACKGROUND_NICE = 10
"""Its processes give way: to the user's keys, and to the model that writes what the user waits for."""

POLL_S = 0.02  # how often a wait looks at its cancel event
GRACE_S = 0.12
"""A cancelled build says so within this, or its process is killed, which costs a second's work of parsing at most."""

SEND_S = 10.0  # the child's reader always reads
MANY_FILES = 2_000
"""After a build of more, the process is ended: what it needed of memory is not given back otherwise."""


class Open(msgspec.Struct, frozen=True, tag=True):
    """The first order: which index. Paths are bytes, as the system has them."""

    root: bytes
    directory: bytes
    embedder: str | None
    workers: int | None
    nice: int
    max_file_bytes: int
    exclude: tuple[str, ...]


class Build(msgspec.Struct, frozen=True, tag=True):
    """Bring the index up to date; see `indexer.build.Indexer.build`."""

    number: int
    rebuild: bool
    changed: list[bytes] | None
    retry_skipped: bool


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """End the build of this number, and those before it."""

    number: int


class Step(msgspec.Struct, frozen=True, tag=True):
    progress: Progress


class Built(msgspec.Struct, frozen=True, tag=True):
    report: BuildReport


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The build raised an error for the user."""

    kind: str  # class of `repocoder.errors`
    message: str


Order = Open | Build | Cancel
Reply = Step | Built | Failed

_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class BuildProcess:
    """The builder of one index in a child process. One build at a time; `close` may be called by any thread."""

    def __init__(self, root: Path, directory: Path, settings: Settings) -> None:
        self._open = Open(
            os.fsencode(root),
            os.fsencode(directory),
            settings.embedder,
            settings.workers,
            settings.nice,
            settings.max_file_bytes,
            settings.exclude,
        )
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self._child: ChildProcess | None = None
        self._number = 0
        self._heard = False  # any reply to the order that runs

    @property
    def pid(self) -> int | None:
        """Process id of the child, None if none runs. For tests and diagnosis."""
        return self._child.pid if self._child else None

    def build(
        self,
        *,
        rebuild: bool = False,
        changed: Collection[str] | None = None,
        retry_skipped: bool = False,
        progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> BuildReport:
        """As `indexer.build.Indexer.build`, with the same errors; WorkerError too if the process ends.

        Cancelled, it returns within 0.2 s; if the process had to be killed for that, the counts of the report are 0.
        """
        cancel = cancel or threading.Event()
        places = None if changed is None else [os.fsencode(path) for path in changed]
        with self._turn:
            self._number += 1
            order = Build(self._number, rebuild, places, retry_skipped)
            try:
                report = self._insist(order, progress, cancel)
            except errors.RepocoderError:
                raise
            except BaseException:  # of the caller's progress: the replies of this build must not meet another
                self._end()
                raise
            if report.changed >= MANY_FILES:
                self._end()
            return report

    def close(self) -> None:
        """End the process; a build that is running ends as if it was cancelled."""
        self._closing.set()
        with self._turn:
            self._end()

    def _insist(
        self, order: Build, progress: Callable[[Progress], None] | None, cancel: threading.Event
    ) -> BuildReport:
        """Carry it out; once more in a new process if the one that was kept has died idle."""
        while True:
            kept = self._child is not None
            self._heard = False
            try:
                return self._carry_out(order, progress, cancel)
            except ChildDiedError as error:
                self._end()
                if self._heard or not kept:
                    raise errors.WorkerError(
                        f"index: the process that makes it ended ({_how(error)}): refresh to go on where it was"
                    ) from error

    def _carry_out(
        self, order: Build, progress: Callable[[Progress], None] | None, cancel: threading.Event
    ) -> BuildReport:
        started = time.monotonic()
        child = self._started(order)
        give_up_at = None
        while True:
            if give_up_at is None and (cancel.is_set() or self._closing.is_set()):
                self._send(child, Cancel(order.number))
                give_up_at = time.monotonic() + GRACE_S
            try:
                reply = _decoder.decode(child.recv_bytes(POLL_S))
            except TimeoutError:
                if give_up_at is not None and time.monotonic() > give_up_at:
                    self._end()
                    note = "cancelled: what was parsed is kept for the next run"
                    return BuildReport(0, 0, 0, 0, {}, 0, 0, time.monotonic() - started, (note,))
                continue
            except msgspec.DecodeError as error:
                raise ChildDiedError("sent a damaged reply") from error
            self._heard = True
            if isinstance(reply, Built):
                return reply.report
            if isinstance(reply, Failed):
                raise _error_of(reply)
            if progress is not None and give_up_at is None:
                progress(reply.progress)

    def _started(self, order: Build) -> ChildProcess:
        """The child, which was given the order."""
        if self._closing.is_set():
            raise errors.WorkerError("index: closed: open the repository again")
        if self._child is None:
            self._child = ChildProcess(MODULE, limits=Limits(nice=BACKGROUND_NICE))
            self._send(self._child, self._open)
        self._send(self._child, order)
        return self._child

    @staticmethod
    def _send(child: ChildProcess, order: Order) -> None:
        try:
            child.send(order, timeout=SEND_S)
        except TimeoutError as error:
            raise ChildDiedError(f"does not read for {SEND_S:.0f} s") from error

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
        self._child = None


def _error_of(reply: Failed) -> errors.RepocoderError:
    kind = getattr(errors, reply.kind, None)
    if isinstance(kind, type) and issubclass(kind, errors.RepocoderError):
        return kind(reply.message)
    return errors.IndexFailedError(reply.message)  # of a part that is not known here: the encoder's


def _how(error: ChildDiedError) -> str:
    said = str(error).removesuffix(": it is started again on next use")
    return said.removeprefix(f"worker process: {MODULE} ")
