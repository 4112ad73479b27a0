"""The child of `repocoder.builds`: makes and updates one index, for a process that has keys to answer."""

from __future__ import annotations

import os
import queue
import threading
import time
from pathlib import Path

import msgspec

from indexer.build import Indexer
from indexer.errors import RepocoderError
from indexer.ipc import Channel, connect
from indexer.types import BuildReport, Progress
from indexer.walk import WalkOptions
from repocoder.builds import Build, Built, Cancel, Failed, Open, Order, Reply, Step
from repocoder.embedders import derived_of, open_embedder

PROGRESS_EVERY_S = 0.2
"""More often than this nobody reads a progress line."""


class Orders:
    """The orders of the parent; the build that runs is cancelled while it runs."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting: queue.SimpleQueue[Open | Build] = queue.SimpleQueue()
        self._state = threading.Lock()
        self._cancelled = 0  # the last number
        self._number = 0
        self._cancel = threading.Event()  # of the build that runs
        threading.Thread(target=self._read, name="reader", daemon=True).start()

    def next(self) -> Open | Build:
        return self._waiting.get()

    def begin(self, number: int) -> threading.Event:
        """What is set when the build of this number is cancelled."""
        with self._state:
            self._number, self._cancel = number, threading.Event()
            if number <= self._cancelled:
                self._cancel.set()
            return self._cancel

    def _read(self) -> None:
        decoder: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
        while (body := self._channel.recv_bytes()) is not None:
            order = decoder.decode(body)
            if isinstance(order, Cancel):
                with self._state:
                    self._cancelled = max(self._cancelled, order.number)
                    if self._number <= self._cancelled:
                        self._cancel.set()
            else:
                self._waiting.put(order)
        os._exit(0)  # the parent is gone; an index is sound whenever its writer ends


class Steps:
    """Sends the progress of one build: the begin of each stage, and in it as often as anybody reads it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stage, self._sent = "", 0.0

    def __call__(self, step: Progress) -> None:
        now = time.monotonic()
        if step.stage != self._stage or now - self._sent >= PROGRESS_EVERY_S:
            self._stage, self._sent = step.stage, now
            self._channel.send(Step(msgspec.structs.replace(step, path=_shown(step.path))))


def main() -> None:
    """Build until the parent closes the stream."""
    channel = connect()
    orders = Orders(channel)
    place = orders.next()
    assert isinstance(place, Open)
    indexer: Indexer | None = None
    while True:
        order = orders.next()
        assert isinstance(order, Build)
        try:
            indexer = indexer or _open(place)  # an encoder that the settings name may not be there
            reply: Reply = Built(carry_out(order, indexer, orders, channel))
        except RepocoderError as error:
            reply = Failed(type(error).__name__, _shown(str(error)))
        channel.send(reply)


def carry_out(order: Build, indexer: Indexer, orders: Orders, channel: Channel) -> BuildReport:
    """Build. Raises what `Indexer.build` does."""
    changed = None if order.changed is None else [os.fsdecode(path) for path in order.changed]
    report = indexer.build(
        rebuild=order.rebuild,
        changed=changed,
        retry_skipped=order.retry_skipped,
        progress=Steps(channel),
        cancel=orders.begin(order.number),
    )
    return msgspec.structs.replace(report, notes=tuple(map(_shown, report.notes)))


def _open(order: Open) -> Indexer:
    return Indexer(
        Path(os.fsdecode(order.root)),
        Path(os.fsdecode(order.directory)),
        derived=derived_of(open_embedder(order.embedder)),
        workers=order.workers,
        walk_options=WalkOptions(max_file_bytes=order.max_file_bytes, ignore=order.exclude),
        nice=order.nice,
    )


def _shown(text: str) -> str:
    """Without the surrogates of names that are not UTF-8, which cannot be sent."""
    return text.encode("utf-8", "replace").decode()


if __name__ == "__main__":
    main()
