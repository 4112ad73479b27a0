"""Files -> `Parsed`, in child processes with a budget of time and memory: the main process never runs a
grammar.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from indexer.errors import WorkerError
from indexer.ipc import ChildDiedError, ChildProcess, Limits
from indexer.reading import Found
from indexer.types import FileFacts, Skip
from indexer.walk import MAX_FILE_BYTES

BATCH_FILES = 16  # amortises a round trip (0.1 ms) over files of some milliseconds each
MAX_DEATHS = 2  # a file that ends its worker this often is left out
HARD_DEADLINE_FACTOR = 5.0  # wall seconds for each CPU second of budget: other processes want the CPU too
MAX_START_FAILURES = 3  # workers in a row that die before they have answered anything
POLL_MS = 500  # how long to wait for replies before deadlines are looked at
WORKER_MODULE = "indexer.parse_worker"


class ParseJob(msgspec.Struct, frozen=True, array_like=True):
    """A file to parse; `data` for a buffer that is not on disk, else the worker reads `path`."""

    path: str
    data: bytes | None = None


class ParseBatch(msgspec.Struct, frozen=True, array_like=True):
    """What a worker is sent. It answers each job, in order, with one `ParseReply`."""

    root: str
    jobs: tuple[ParseJob, ...]
    budget_s: float
    resident_bytes: int
    max_file_bytes: int


class Parsed(msgspec.Struct, frozen=True, array_like=True):
    """All that is known of one file after parsing."""

    path: str
    found: Found  # the state of the file when it was read; for a buffer all zero but the size
    digest: bytes  # SHA-256 of the true bytes
    content: bytes  # zlib of the bytes, secrets masked
    facts: FileFacts
    terms: tuple[dict[str, int], ...]  # one for each chunk


class ParseReply(msgspec.Struct, frozen=True, array_like=True):
    """The answer to one job: exactly one of the two."""

    parsed: Parsed | None
    reason: str  # of the skip


class _Worker:
    """One child and what it is busy with."""

    def __init__(self, limits: Limits) -> None:
        self.child = ChildProcess(WORKER_MODULE, limits=limits)
        self.jobs: deque[ParseJob] = deque()
        self.since = 0.0  # monotonic: when it was given the job that it works on
        self.answers = 0

    def give(self, batch: ParseBatch) -> None:
        self.jobs.extend(batch.jobs)
        self.since = time.monotonic()
        self.child.send(batch)

    def take(self, timeout: float) -> Parsed | Skip:
        reply = _decode(self.child.recv_bytes(timeout))
        job = self.jobs.popleft()
        self.since = time.monotonic()
        self.answers += 1
        return reply.parsed if reply.parsed is not None else Skip(job.path, reply.reason)


class ParsePool:
    """Workers for one repository, started when first needed. `parse_buffer` may be called from any thread
    at any time;
    `parse` by one thread at a time (others wait)."""

    def __init__(
        self,
        root: Path,
        workers: int | None = None,
        *,
        budget_s: float = 2.0,
        memory_bytes: int = 1 << 30,
        max_file_bytes: int = MAX_FILE_BYTES,
        nice: int = 0,
    ) -> None:
        self._root = os.path.realpath(root)
        self.size = max(1, workers or len(os.sched_getaffinity(0)))
        self._budget_s = budget_s
        self.hard_s = budget_s * HARD_DEADLINE_FACTOR
        self._memory_bytes = memory_bytes
        self._nice = nice
        self._max_file_bytes = max_file_bytes
        self._idle: list[_Worker] = []
        self._buffer_worker: _Worker | None = None
        self._parse_lock = threading.Lock()
        self._buffer_lock = threading.Lock()
        self._closed = False

    def parse(self, jobs: Iterable[str]) -> Iterator[Parsed | Skip]:
        """Read and parse files, in no fixed order; each path gives exactly one result. Raises WorkerError.

        Leaving the iterator early ends what is still in work.
        """
        with self._parse_lock:
            run = _Run(self, iter(jobs))
            try:
                yield from run.results()
            finally:
                self._idle = run.release()

    def parse_buffer(self, path: str, data: bytes) -> Parsed | Skip:
        """Parse bytes that need not be on disk, ahead of a running `parse`. Raises WorkerError."""
        if len(data) > self._max_file_bytes:
            return Skip(path, "too-large")
        with self._buffer_lock:
            for _ in range(MAX_DEATHS):
                if self._closed:
                    raise closed_error()
                worker = self._buffer_worker or self.new_worker()
                self._buffer_worker = worker
                try:
                    worker.give(self.batch([ParseJob(path, data)]))
                    return worker.take(self.hard_s)
                except (ChildDiedError, TimeoutError):
                    worker.child.kill()
                    self._buffer_worker = None
        return Skip(path, "poison")

    def warm_up(self) -> None:
        """Start the worker for buffers, so that the first `parse_buffer` is quick too."""
        self.parse_buffer("warm.py", b"pass\n")

    def close(self) -> None:
        """End all workers. A running `parse` fails with WorkerError."""
        self._closed = True
        for worker in [*self._idle, *([self._buffer_worker] if self._buffer_worker else [])]:
            worker.child.kill()
        self._idle.clear()
        self._buffer_worker = None

    def __enter__(self) -> ParsePool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What a _Run needs:

    def new_worker(self) -> _Worker:
        if self._closed:
            raise closed_error()
        return _Worker(Limits(address_space=self._memory_bytes, nice=self._nice))

    def batch(self, jobs: list[ParseJob]) -> ParseBatch:
        resident_bytes = (
            self._memory_bytes // 2
        )  # leaves room for what extraction needs, and for free memory not given back
        return ParseBatch(self._root, tuple(jobs), self._budget_s, resident_bytes, self._max_file_bytes)

    def take_idle(self) -> list[_Worker]:
        idle, self._idle = self._idle, []
        return idle

    @property
    def closed(self) -> bool:
        return self._closed


def closed_error() -> WorkerError:
    return WorkerError("parse worker: the pool is closed: open the repository again")


class _Run:
    """One call of `ParsePool.parse`."""

    def __init__(self, pool: ParsePool, paths: Iterator[str]) -> None:
        self._pool = pool
        self._paths = paths
        self._again: deque[ParseJob] = deque()  # jobs of workers that died
        self._suspects: deque[ParseJob] = deque()  # the ones they died of: each alone in a batch
        self._deaths: dict[str, int] = {}
        self._idle = pool.take_idle()
        self._busy: dict[int, _Worker] = {}
        self._failures = 0

    def results(self) -> Iterator[Parsed | Skip]:
        while self._fill() or self._busy:
            yield from self._collect()
            if self._pool.closed:
                raise closed_error()

    def release(self) -> list[_Worker]:
        """End the workers that are in the middle of something; the others are given back."""
        for worker in self._busy.values():
            worker.child.kill()
        if self._pool.closed:
            for worker in self._idle:
                worker.child.kill()
            return []
        return self._idle

    def _fill(self) -> bool:
        """Give batches to workers until there are no more of the one or the other; whether any was given."""
        given = False
        while len(self._busy) < self._pool.size and (jobs := self._next_jobs()):
            worker = self._idle.pop() if self._idle else self._pool.new_worker()
            self._busy[worker.child.fileno()] = worker
            given = True
            try:
                worker.give(self._pool.batch(jobs))
            except ChildDiedError:
                self._again.extend(jobs)  # it died idle: no file is to blame
                worker.jobs.clear()
                self._bury(worker)
        return given

    def _next_jobs(self) -> list[ParseJob]:
        if self._suspects:
            return [self._suspects.popleft()]
        jobs: list[ParseJob] = []
        while len(jobs) < BATCH_FILES:
            if self._again:
                jobs.append(self._again.popleft())
            elif (path := next(self._paths, None)) is not None:
                jobs.append(ParseJob(path))
            else:
                break
        return jobs

    def _collect(self) -> Iterator[Parsed | Skip]:
        poller = select.poll()
        for descriptor in self._busy:
            poller.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poller.poll(POLL_MS)}
        now = time.monotonic()
        for descriptor, worker in list(self._busy.items()):
            if descriptor in ready:
                yield from self._drain(worker)
            elif now - worker.since > self._pool.hard_s:
                yield from self._bury(worker)

    def _drain(self, worker: _Worker) -> Iterator[Parsed | Skip]:
        try:
            while True:
                result = worker.take(self._pool.hard_s)
                self._failures = 0
                if not worker.jobs:
                    del self._busy[worker.child.fileno()]
                    self._idle.append(worker)
                yield result
                if not worker.jobs or not worker.child.pending:
                    return
        except (ChildDiedError, TimeoutError) as error:
            yield from self._bury(worker, error)

    def _bury(self, worker: _Worker, error: Exception | None = None) -> list[Skip]:
        """Put a dead or stuck worker away. Its job is tried once more alone, then it is poison; the rest
        goes on.
        """
        with contextlib.suppress(KeyError):
            del self._busy[next(key for key, other in self._busy.items() if other is worker)]
        worker.child.kill()
        self._failures += not worker.answers
        if self._failures >= MAX_START_FAILURES * self._pool.size:
            raise WorkerError(f"parse worker: fails at once, {self._failures} times: {error or 'no answer'}")
        if not worker.jobs:
            return []
        job = worker.jobs.popleft()
        self._again.extend(worker.jobs)
        self._deaths[job.path] = self._deaths.get(job.path, 0) + 1
        if self._deaths[job.path] >= MAX_DEATHS:
            return [Skip(job.path, "poison")]
        self._suspects.append(job)
        return []


def _decode(body: bytes) -> ParseReply:
    try:
        return msgspec.msgpack.decode(body, type=ParseReply)
    except msgspec.DecodeError as error:  # a native crash may leave anything in the stream
        raise ChildDiedError("parse worker: sent a damaged reply: it is started again") from error
