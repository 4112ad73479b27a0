"""Linking a first index in several processes: each resolves slices of the files, this one writes."""

from __future__ import annotations

import os
import select
import sqlite3
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path
from urllib.parse import quote

import msgspec

from indexer import disk
from indexer.ipc import ChildDiedError, ChildProcess, Limits
from indexer.linking import FileLinks, link, write_links

WORKER_MODULE = "indexer.link_worker"
SLICE_FILES = 32  # neighbours share what they import, so they are resolved in one process
AHEAD = 2  # slices that a worker has: it need not wait for the next
MIN_FILES = 400  # below, starting processes takes longer than they save
POLL_MS = 200  # how often a caller who wants to stop is asked
OnFile = Callable[[int, str], None]


class LinkSlice(msgspec.Struct, frozen=True, array_like=True):
    """Files to resolve, in one go."""

    number: int
    paths: list[str]


class LinkReply(msgspec.Struct, frozen=True, array_like=True):
    """What they link to, in the same order."""

    number: int
    links: list[FileLinks]


def link_first(
    connection: sqlite3.Connection, paths: Collection[str], on_file: OnFile, *, workers: int, nice: int
) -> None:
    """Write the edges of all files of a first index, whose rows are all there. `on_file` may raise to stop.

    With several workers the transaction is committed and a new one begun: they read the database while nothing
    is written. A first index counts only once it has its name, so nobody takes it for complete.
    """
    if workers < 2 or len(paths) < MIN_FILES:
        link(connection, paths, on_file)
        return
    place = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    disk.commit(connection)
    try:
        replies = _Run(place, sorted(paths), on_file).results(workers, nice)
    except ChildDiedError:  # it is only faster that way
        disk.begin(connection)
        link(connection, paths, on_file)
        return
    disk.begin(connection)
    for number in sorted(replies):  # in the order of the edges' table
        for links in replies.pop(number):
            write_links(connection, links, is_first=True)


class _Run:
    """Hands out slices, and collects what they link to."""

    def __init__(self, place: Path, paths: list[str], on_file: OnFile) -> None:
        # `immutable`: no locks, as the writer holds its own all the time.
        self._place = f"file:{quote(os.fsencode(place))}?mode=ro&immutable=1"
        self._slices = deque(
            LinkSlice(at, paths[at : at + SLICE_FILES]) for at in range(0, len(paths), SLICE_FILES)
        )
        self._n_slices = len(self._slices)
        self._on_file = on_file
        self._replies: dict[int, list[FileLinks]] = {}

    def results(self, workers: int, nice: int) -> dict[int, list[FileLinks]]:
        """By the number of the slice. Raises ChildDiedError, and what `on_file` raises."""
        children: dict[int, ChildProcess] = {}
        try:
            for _ in range(min(workers, self._n_slices)):
                child = ChildProcess(WORKER_MODULE, limits=Limits(nice=nice))
                children[child.fileno()] = child
                child.send(self._place)
                for _ in range(AHEAD):
                    self._give(child)
            while len(self._replies) < self._n_slices:
                self._collect(children)
        finally:
            for child in children.values():
                child.kill()
        return self._replies

    def _give(self, child: ChildProcess) -> None:
        if self._slices:
            child.send(self._slices.popleft())

    def _collect(self, children: dict[int, ChildProcess]) -> None:
        done = sum(map(len, self._replies.values()))
        self._on_file(done, "")
        poller = select.poll()
        for descriptor in children:
            poller.register(descriptor, select.POLLIN)
        for descriptor, _ in poller.poll(POLL_MS):
            child = children[descriptor]
            while True:
                reply = _decode(child.recv_bytes())
                self._replies[reply.number] = reply.links
                self._give(child)
                if not child.pending:
                    break


def _decode(body: bytes) -> LinkReply:
    try:
        return msgspec.msgpack.decode(body, type=LinkReply)
    except msgspec.DecodeError as error:
        raise ChildDiedError("link worker: sent a damaged reply") from error
