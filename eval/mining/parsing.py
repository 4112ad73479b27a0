"""Holes of files, found in a child process: a file that a grammar crashes on costs that file, not the run."""

from __future__ import annotations

import msgspec

from eval.mining.holes import FileHoles
from indexer.ipc import ChildDiedError, ChildProcess, Limits

ANSWER_S = 60.0
"""Wall seconds for one file. Its parser gives up after 5 CPU seconds; others want the CPU too."""

MEMORY_BYTES = 1 << 30
WORKER_MODULE = "eval.mining.worker"


class Job(msgspec.Struct, frozen=True, array_like=True):
    """One file to look at."""

    data: bytes
    language: str


class HoleFinder:
    """Asks a child, which is started when first needed and again when it dies. For one thread."""

    def __init__(self) -> None:
        self._child: ChildProcess | None = None

    def find(self, data: bytes, language: str) -> FileHoles:
        """The holes of a file; `failed` where it cannot be parsed or ends its parser."""
        if self._child is None:
            self._child = ChildProcess(WORKER_MODULE, limits=Limits(address_space=MEMORY_BYTES))
        try:
            self._child.send(Job(data, language), timeout=ANSWER_S)
            return msgspec.msgpack.decode(self._child.recv_bytes(ANSWER_S), type=FileHoles)
        except (ChildDiedError, TimeoutError, msgspec.DecodeError):
            self.close()
            return FileHoles((), (), (), (), (), failed=True)

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def __enter__(self) -> HoleFinder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
