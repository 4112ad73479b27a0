"""The engine's end of the model worker: its process, typed messages, and waiting that can be cancelled."""

from __future__ import annotations

import os
import threading
import time
from typing import NoReturn, TypeVar

import msgspec

from indexer.ipc import ChildDiedError, ChildProcess
from repocoder.errors import ModelError
from repocoder.llm.messages import Cancel, Done, Failed, Load, Loaded, Order, Reply

MODULE = "repocoder.llm.worker"

POLL_S = 0.02
"""How often a wait looks at its cancel event. Cancelling must take less than 0.2 s in all."""

GRACE_S = 0.1
"""How long a cancelled order may take to say that it ended; after that it ends behind the user's back."""

STALL_S = 120.0
"""Silence after which a worker counts as dead. The longest step, a batch of a 7B model, takes some 20 s."""

LOAD_S = 600.0  # a file of several gigabytes from a slow disk
SEND_S = 10.0  # the worker's reader thread always reads

Wanted = TypeVar("Wanted", bound=Reply)


class Link:
    """One worker process. Used by one thread at a time."""

    def __init__(self, load: Load) -> None:
        self._path = os.fsdecode(load.path)
        self._child = ChildProcess(MODULE)
        self._decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)
        self._unfinished = 0  # number of a cancelled order whose end was not seen
        self._number = 0
        self.loaded: Loaded | None = None
        try:
            self.send(load)
        except ChildDiedError:  # at once: nobody else holds its pipes yet
            self.kill()
            raise

    @property
    def pid(self) -> int:
        return self._child.pid

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def send(self, order: Order) -> None:
        try:
            self._child.send(order, timeout=SEND_S)
        except TimeoutError:
            self._stalled()

    def wait_loaded(self, cancel: threading.Event | None) -> bool:
        """Wait for the model; False if cancelled meanwhile (loading goes on). ModelError if it fails."""
        if self.loaded is None:
            self.loaded = self.expect(Loaded, cancel, LOAD_S)
        return self.loaded is not None

    def wait_idle(self, cancel: threading.Event | None) -> bool:
        """Wait for the end of an order that was cancelled; False if cancelled meanwhile."""
        while self._unfinished:
            reply = self.receive(cancel)
            if reply is None:
                return False
            if isinstance(reply, Done | Failed):
                self._unfinished = 0
        return True

    def expect(
        self, kind: type[Wanted], cancel: threading.Event | None, limit_s: float = STALL_S
    ) -> Wanted | None:
        """The next reply, of the given kind; None if cancelled. ModelError if the order failed."""
        reply = self.receive(cancel, limit_s)
        if isinstance(reply, Failed):
            raise ModelError(f"model: {self._path}: {reply.why}: try another file")
        assert reply is None or isinstance(reply, kind)
        return reply

    def receive(self, cancel: threading.Event | None, limit_s: float = STALL_S) -> Reply | None:
        """The next reply; None as soon as `cancel` is set. ChildDiedError, also for a silent worker."""
        deadline = time.monotonic() + limit_s
        while cancel is None or not cancel.is_set():
            try:
                return self._decoder.decode(self._child.recv_bytes(POLL_S))
            except TimeoutError:
                if time.monotonic() > deadline:
                    self._stalled()
        return None

    def cancel(self, number: int) -> None:
        """End an order: wait a moment for its end, then leave it to the next caller's `wait_idle`."""
        self._unfinished = number
        self.send(Cancel(number))
        deadline = time.monotonic() + GRACE_S
        while self._unfinished and (left := deadline - time.monotonic()) > 0:
            try:
                reply = self._decoder.decode(self._child.recv_bytes(left))
            except TimeoutError:
                return
            if isinstance(reply, Done | Failed):
                self._unfinished = 0

    def kill(self) -> None:
        self._child.kill()

    def _stalled(self) -> NoReturn:
        self._child.kill()
        raise ChildDiedError(f"model worker: silent for {STALL_S:.0f} s: it is started again on next use")
