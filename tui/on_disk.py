"""Open files that other programs change on disk: a look at each of them every second, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from repocoder.errors import RepocoderError
from tui.messages import FileOnDisk

if TYPE_CHECKING:
    from repocoder.edits import TextFile

EVERY_S = 1.0
"""Between two looks: a stat of each open file."""

Signature = tuple[int, int, int]


def watch_files(
    root: Path,
    opened: Callable[[], Iterable[TextFile]],
    read: Callable[[str], TextFile],
    post: Callable[[FileOnDisk], object],
    stop: threading.Event,
) -> None:
    """Tell of open files that are not on disk as they were read, until `stop` is set; runs in a thread.

    `opened` gives the files as the editors know them. What is told is compared again where it is heard: the user may
    have saved or reloaded the file meanwhile.
    """
    seen: dict[str, tuple[Signature | None, str]] = {}
    while not stop.is_set():
        for file in list(opened()):
            now = _signature(root / file.path)
            if seen.get(file.path) == (now, file.sha256):
                continue
            seen[file.path] = (now, file.sha256)
            try:
                there = read(file.path)
            except RepocoderError as error:
                post(FileOnDisk(file.path, file.sha256, None, str(error)))
            else:
                post(FileOnDisk(file.path, file.sha256, there))
        stop.wait(EVERY_S)


def _signature(place: Path) -> Signature | None:
    """What changes when a file is written or replaced; None where there is none."""
    try:
        state = place.stat(follow_symlinks=False)
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
