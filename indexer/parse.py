"""Files -> `Parsed`, in child processes with a budget of time and memory: the main process never runs a
grammar.
"""

from __future__ import annotations

import contextlib
import fcntl
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
from indexer.packing import facts_from, unpack_layout, unpack_uses
from indexer.reading import MAX_FILE_BYTES, Found
from indexer.types import FileFacts, Skip
from indexer.words import Words

BATCH_FILES = 16  # amortises a round trip (0.1 ms) over files of some milliseconds each
BATCH_PATH_BYTES = (
    16 << 10
)  # a pipe holds 64 KiB: a worker that is busy can be sent its next batch without waiting
PIPE_BYTES = (
    1 << 20
)  # of answers that wait for the main process without stopping a worker; the kernel's limit
LOW_JOBS = 8  # a worker with fewer gets more, so that it need not wait while the main process is busy
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


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What the tables of the index have of a file."""

    language: str
    n_lines: int
    degraded: str
    package: str
    interface: bytes  # what other files can see of it, packed: see `indexer.resolvers.keys`
    chunks: tuple[tuple[int, int], ...]  # first and last line
    symbols: tuple[tuple[str, str, str], ...]  # name, qualified name, kind


class Parsed(msgspec.Struct, frozen=True, array_like=True):
    """All that is known of one file after parsing. Packed as it is kept, so that the main process only passes it on."""

    path: str
    found: Found  # the state of the file when it was read; for a buffer all zero but the size
    digest: bytes  # SHA-256 of the true bytes
    content: bytes  # the bytes with secrets masked, and the two halves of the facts: see `indexer.packing`
    layout: bytes
    uses: bytes
    head: Head
    words: Words

    @property
    def facts(self) -> FileFacts:
        """Unpacked at each call."""
        return facts_from(self.path, unpack_layout(self.layout), unpack_uses(self.uses))


class ParseReply(msgspec.Struct, frozen=True, array_like=True):
    """The answer to one job: exactly one of the two."""

    parsed: Parsed | None
    reason: str  # of the skip


class _Worker:
    """One child and what it is busy with."""

    def __init__(self, limits: Limits) -> None:
        self.child = ChildProcess(WORKER_MODULE, limits=limits)
        with contextlib.suppress(OSError):  # the smaller default will do
            fcntl.fcntl(self.child.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.jobs: deque[ParseJob] = deque()
        self.since = 0.0  # monotonic: when it was given the job that it works on
        self.answers = 0
        self.is_suspect = False  # works on a file that ended a worker: it gets no other

    def give(self, batch: ParseBatch) -> None:
        if not self.jobs:
            self.since = time.monotonic()
        self.jobs.extend(batch.jobs)
        self.child.send(batch)

    def take(self, timeout: float) -> Parsed | Skip:
        reply = _decode(self.child.recv_bytes(timeout))
        job = self.jobs.popleft()
        self.since = time.monotonic()
        self.answers += 1
        return reply.parsed if reply.parsed is not None else Skip(job.path, reply.reason)


class ParsePool:
    """Workers for one repository, started when first needed. `parse_buffer` may be called from any thread
    at any time; `parse` by one thread at a time (others wait).

    `nice` is added to the priority number of the workers that parse files (0 to 19, more is less urgent); the one for
    buffers keeps that of this process, for somebody waits.
    """

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
        self.nice = nice
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
                worker = self._buffer_worker or self.new_worker(nice=0)
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

    def take_over(self, other: ParsePool) -> None:
        """Use the idle workers of another pool, and close it: to start one costs more than to parse a small repository.

        The other pool must have the same limits and nothing to do.
        """
        with other._parse_lock, other._buffer_lock:
            self._idle += other.take_idle()
            if self._buffer_worker is None:
                self._buffer_worker, other._buffer_worker = other._buffer_worker, None
            other.close()

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

    def new_worker(self, nice: int | None = None) -> _Worker:
        if self._closed:
            raise closed_error()
        nice = self.nice if nice is None else nice
        return _Worker(Limits(address_space=self._memory_bytes, nice=nice))

    def batch(self, jobs: list[ParseJob]) -> ParseBatch:
        # leaves room for what extraction needs, and for free memory not given back
        resident_bytes = self._memory_bytes // 2
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
        for worker in [worker for worker in self._busy.values() if len(worker.jobs) < LOW_JOBS]:
            if not worker.is_suspect:
                given |= self._give(worker, self._next_jobs())
        while len(self._busy) < self._pool.size and (jobs := self._suspect() or self._next_jobs()):
            worker = self._idle.pop() if self._idle else self._pool.new_worker()
            self._busy[worker.child.fileno()] = worker
            worker.is_suspect = jobs[0].path in self._deaths
            given |= self._give(worker, jobs)
        return given

    def _give(self, worker: _Worker, jobs: list[ParseJob]) -> bool:
        if jobs:
            try:
                worker.give(self._pool.batch(jobs))
            except (ChildDiedError, TimeoutError):
                if len(worker.jobs) == len(jobs):  # it died idle: no file is to blame
                    self._again.extend(jobs)
                    worker.jobs.clear()
                    self._bury(worker)
                # else its answers so far are still to be read, and its death found by that
        return bool(jobs)

    def _suspect(self) -> list[ParseJob]:
        return [self._suspects.popleft()] if self._suspects else []

    def _next_jobs(self) -> list[ParseJob]:
        jobs: list[ParseJob] = []
        n_bytes = 0
        while len(jobs) < BATCH_FILES and n_bytes < BATCH_PATH_BYTES:
            if self._again:
                jobs.append(self._again.popleft())
            elif (path := next(self._paths, None)) is not None:
                jobs.append(ParseJob(path))
            else:
                break
            n_bytes += len(jobs[-1].path)
        return jobs

    def _collect(self) -> Iterator[Parsed | Skip]:
        poller = select.poll()
        for descriptor in self._busy:
            poller.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poller.poll(POLL_MS)} if self._busy else set()
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
