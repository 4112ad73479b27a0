"""Workers as processes of this machine, each with a sampler, so a model process, of its own."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Sequence

import msgspec

from eval.run.crew import Died, Event, Ready, Refused, Sampled
from eval.run.recipe import Recipe, encode_task
from eval.types import Task
from indexer.ipc import ChildDiedError, ChildProcess
from repocoder.errors import UsageError

MODULE = "eval.run.worker"
END = b""
"""Instead of a task: leave."""

CORES_PER_MODEL = 2
"""Of a model process: generation reads memory more than it computes, so more threads help one process little."""

MAX_REMOTE_WORKERS = 8
"""Requests at once to a server, unless told otherwise: it may not be ours alone."""

FINISH_S = 10.0  # for samplers to close; what takes longer is killed
POLL_S = 0.02

_SUFFIX = ": it is started again on next use"


class Reply(msgspec.Struct, frozen=True):
    """A message of the worker: exactly one of `ready`, `line` and `refused` is set."""

    ready: bool = False
    line: bytes | None = None
    refused: str | None = None
    exit_code: int = 1


class Processes:
    """`eval.run.crew.Crew` over child processes, which end with this one."""

    def __init__(self, recipe: Recipe, slots: int) -> None:
        self.slots = slots
        self._recipe = recipe
        self._children: dict[int, ChildProcess] = {}
        self._dead: list[Died] = []  # found while sending, told by the next `wait`
        self._decoder = msgspec.msgpack.Decoder(Reply)

    @property
    def pids(self) -> dict[int, int]:
        """Process ids by slot. For tests and diagnosis."""
        return {slot: child.pid for slot, child in self._children.items()}

    def start(self, slot: int) -> None:
        child = ChildProcess(MODULE)
        self._children[slot] = child
        self._send(slot, self._recipe)

    def give(self, slot: int, task: Task) -> None:
        self._send(slot, encode_task(task))

    def wait(self, timeout_s: float) -> Sequence[Event]:
        if self._dead:
            events, self._dead = self._dead, []
            return events
        ready = [slot for slot, child in self._children.items() if child.pending]
        return [self._receive(slot) for slot in ready or self._poll(timeout_s)]

    def finish(self) -> None:
        for slot in list(self._children):
            self._send(slot, END)
        deadline = time.monotonic() + FINISH_S
        while any(child.alive for child in self._children.values()) and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def close(self) -> None:
        for child in self._children.values():
            child.kill()
        self._children.clear()

    def _poll(self, timeout_s: float) -> list[int]:
        """The slots that have something to say."""
        slots = {child.fileno(): slot for slot, child in self._children.items()}
        if not slots:
            time.sleep(timeout_s)
            return []
        poller = select.poll()
        for descriptor in slots:
            poller.register(descriptor, select.POLLIN)
        return [slots[descriptor] for descriptor, _ in poller.poll(timeout_s * 1000)]

    def _send(self, slot: int, message: object) -> None:
        try:
            self._children[slot].send(message)
        except ChildDiedError as error:
            self._dead.append(self._bury(slot, error))

    def _receive(self, slot: int) -> Event:
        try:
            reply = self._decoder.decode(self._children[slot].recv_bytes())
        except ChildDiedError as error:
            return self._bury(slot, error)
        if reply.refused is not None:
            return Refused(slot, reply.exit_code, reply.refused)
        return Ready(slot) if reply.line is None else Sampled(slot, reply.line)

    def _bury(self, slot: int, error: ChildDiedError) -> Died:
        self._children.pop(slot).kill()
        return Died(slot, str(error).removeprefix("worker process: ").removesuffix(_SUFFIX))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def slots_for(asked: int | None, model: str) -> tuple[int, int]:
    """(workers, threads of each model) for a run with a `local`, a `remote` or no (``) model on this machine."""
    if asked is not None and asked < 1:
        raise UsageError(f"--workers: {asked}: at least 1")
    available = cores()
    default = {"local": max(1, available // CORES_PER_MODEL), "remote": min(available, MAX_REMOTE_WORKERS)}
    workers = asked or default.get(model, available)
    return workers, max(1, available // workers)
