"""How a command uses the engine: settings and their warnings, progress of the index, notes at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from repocoder.cli.progress import ProgressLine, is_wanted
from repocoder.cli.show import note, warn
from repocoder.config import load_settings
from repocoder.errors import LockedError, StorageError, UsageError
from repocoder.paths import state_dir

if TYPE_CHECKING:
    from indexer.types import Progress
    from repocoder.engine import Engine

MAX_STDIN_BYTES = 8 << 20
"""As much as the engine takes for a buffer."""

INDEX_FILE = "index.sqlite"
"""Exists only once an index is complete."""

Result = TypeVar("Result")


@contextmanager
def open_engine(root: Path, overrides: Mapping[str, object] | None = None) -> Iterator[Engine]:
    """The engine on the repository at `root`, closed at the end; its notes go to stderr."""
    loaded = load_settings(root, overrides)
    for line in loaded.warnings:
        warn(line)
    from repocoder.engine import Engine  # brings numpy and the store
    from repocoder.rates import Rates

    with Engine(root, loaded.settings, rates=Rates(state_dir())) as engine:
        try:
            yield engine
        finally:
            for line in engine.notes:
                note(line)


def with_progress(wanted: bool | None, work: Callable[[Callable[[Progress], None] | None], Result]) -> Result:
    """Run `work` with a progress callback, or with None where nobody looks."""
    if not is_wanted(wanted):
        return work(None)
    line = ProgressLine()
    try:
        return work(line)
    finally:
        line.close()


def update_index(engine: Engine, progress: bool | None) -> None:
    """Build the index if there is none, update it if files changed.

    Who only reads is not stopped by another process that writes, or by a cache that cannot be written: where
    there is an index, the last one answers, and a note says so.
    """
    try:
        with_progress(progress, engine.ensure_index)
    except (LockedError, StorageError) as error:
        if not (engine.directory / INDEX_FILE).exists():
            raise
        note(f"{error}: the index of before answers")


def read_buffer() -> str:
    """The unsaved text on stdin. UsageError if it is not UTF-8 text of a sane size."""
    data = sys.stdin.buffer.read(MAX_STDIN_BYTES + 1)
    if len(data) > MAX_STDIN_BYTES:
        raise UsageError(f"stdin: larger than {MAX_STDIN_BYTES >> 20} MiB: complete in a smaller file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"stdin: not UTF-8 (byte {error.start}): convert it first") from error
