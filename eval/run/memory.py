"""The most memory that a run and its workers held at once."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

INTERVAL_S = 2.0
"""Between two looks: one costs some milliseconds, and what a run holds changes slowly."""


class PeakMemory:
    """Looks at this process and all below it while the context is open; 0 bytes where the system does not tell.

    Pages that processes share are counted once (PSS). Workers on other machines are not seen.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.bytes = max(self.bytes, sum(map(_proportional_bytes, _family(os.getpid()))))
            if self._stop.wait(INTERVAL_S):
                return


def _family(root: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            # "pid (name) state parent …": the name may hold anything, brackets too
            parent = int(place.read_bytes().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue  # it has just ended
        children.setdefault(parent, []).append(int(place.parent.name))
    found = [root]
    for process in found:
        found.extend(children.get(process, ()))
    return found


def _proportional_bytes(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
