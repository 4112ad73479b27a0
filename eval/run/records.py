"""The folder of a run: `run.json` says what was asked for, `samples.jsonl` has one record a line.

A line is written at once (a killed process loses nothing) and brought to the disk at most `SYNC_S` later (a power cut
loses that much). What an interrupted write left of a last line is cut off when the run goes on.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from eval.report.samples import RUN_FILE, read_run
from eval.types import RunConfig
from indexer.lock import LOCK_FILE, try_lock
from repocoder.errors import LockedError, StorageError, UsageError

SAMPLES_FILE = "samples.jsonl"
SYNC_S = 1.0

_READ_BYTES = 1 << 20
_PLACES = frozenset({"model"})
"""Details that only say where things are on this machine: another one may go on."""


class Outcome(msgspec.Struct, frozen=True):
    """What going on needs of a record; the long texts are not read."""

    task_id: str
    repository: str
    error: str | None = None


_decoder = msgspec.json.Decoder(Outcome)


class RunFolder:
    """An open run that is ours alone. Made by `open_folder`."""

    def __init__(self, path: Path, description: dict[str, Any], samples: int) -> None:
        self.path = path
        self.outcomes: dict[str, Outcome] = {}  # by task, in the order in which they were written
        self.description = description  # of `run.json`
        self._samples = samples
        self._unsynced = False
        self._synced_at = time.monotonic()

    @property
    def samples_file(self) -> Path:
        return self.path / SAMPLES_FILE

    def add(self, line: bytes) -> Outcome:
        """Write the record of a task, one line of JSON without its end. Raises StorageError."""
        outcome = _decoder.decode(line)
        if outcome.task_id in self.outcomes:
            raise ValueError(f"sample {outcome.task_id} is there already")
        view = memoryview(line + b"\n")
        with _storage(self.samples_file):
            while view:
                view = view[os.write(self._samples, view) :]
        self.outcomes[outcome.task_id] = outcome
        self._unsynced = True
        self.sync_if_due()
        return outcome

    def sync_if_due(self) -> None:
        """Bring the lines to the disk if the oldest has waited long enough. Raises StorageError."""
        if time.monotonic() - self._synced_at >= SYNC_S:
            self.sync()

    def sync(self) -> None:
        """Bring the lines to the disk. Raises StorageError."""
        if self._unsynced:
            with _storage(self.samples_file):
                os.fsync(self._samples)
        self._unsynced = False
        self._synced_at = time.monotonic()

    def describe(self, facts: Mapping[str, Any]) -> None:
        """Add to what `run.json` says. Raises StorageError."""
        self.description.update(facts)
        _replace(self.path / RUN_FILE, _indented(self.description))

    def drop_errors(self) -> int:
        """Forget the samples that ended with an error, so that they are done again; how many. StorageError."""
        wrong = {name for name, outcome in self.outcomes.items() if outcome.error is not None}
        if wrong:
            self.rewrite(lambda line: None if _decoder.decode(line).task_id in wrong else line)
        for name in wrong:
            del self.outcomes[name]
        return len(wrong)

    def rewrite(self, change: Callable[[bytes], bytes | None]) -> None:
        """Replace each line, without its end, by what `change` gives, None for nothing; all of them or none.

        Raises StorageError.
        """
        part = self.samples_file.with_suffix(".part")
        with _storage(part):
            with self.samples_file.open("rb") as old, part.open("wb") as new:
                for line in old:
                    changed = change(line.rstrip(b"\n"))
                    if changed is not None:
                        new.write(changed + b"\n")
                new.flush()
                os.fsync(new.fileno())
            part.replace(self.samples_file)
            _sync_folder(self.path)
            os.close(self._samples)
            self._samples = _open_samples(self.samples_file)

    def close(self) -> None:
        """Raises StorageError."""
        try:
            self.sync()
        finally:
            os.close(self._samples)


@contextmanager
def open_folder(
    path: Path, config: RunConfig, facts: Mapping[str, Any], *, resume: bool
) -> Iterator[RunFolder]:
    """The folder of a run, locked while it is open.

    `facts` go into a new `run.json` beside the configuration. Raises UsageError if there is a run already and `resume`
    is not asked for, or one of another configuration; LockedError if another process has it; StorageError.
    """
    make_folder(path)
    with _locked(path):
        description = _description(path, config, facts, resume)
        with _storage(path):
            cut_torn_line(path / SAMPLES_FILE)
            samples = _open_samples(path / SAMPLES_FILE)
            _sync_folder(path)
        folder = RunFolder(path, description, samples)
        try:
            folder.outcomes.update({outcome.task_id: outcome for outcome in read_outcomes(path)})
            yield folder
        finally:
            folder.close()


def make_folder(path: Path) -> None:
    """The folder and those above it. Raises StorageError."""
    with _storage(path):
        path.mkdir(parents=True, exist_ok=True)


def read_outcomes(path: Path) -> Iterator[Outcome]:
    """What the samples of a run's folder say, in the order of the file. Raises StorageError if a line is damaged."""
    file = path / SAMPLES_FILE
    with _storage(file), file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield _decoder.decode(line)
            except msgspec.DecodeError as error:
                raise StorageError(
                    f"samples: {file}:{number}: damaged ({error}): remove that line, then --resume"
                ) from error


def _description(path: Path, config: RunConfig, facts: Mapping[str, Any], resume: bool) -> dict[str, Any]:
    """The content of `run.json`: the one that is there, or a new one."""
    with _storage(path):
        names = {entry.name for entry in path.iterdir()} - {LOCK_FILE, f"{RUN_FILE}.part"}
    if not names:
        description = {"config": asdict(config), **facts}
        _replace(path / RUN_FILE, _indented(description))
        return description
    if not resume:
        raise UsageError(f"output folder: {path}: is not empty: add --resume to go on, or give another --out")
    found = read_run(path)
    was, asked = _compared(found.config), _compared(config)
    for key in sorted(was.keys() | asked.keys()):
        if was.get(key) != asked.get(key):
            raise UsageError(
                f"run: {path}: was made with {key} {was.get(key)!r}, not {asked.get(key)!r}: "
                "ask for the same, or give another --out"
            )
    return {"config": asdict(found.config), "notes": list(found.notes), **found.facts}


def _compared(config: RunConfig) -> dict[str, Any]:
    """The configuration as far as samples depend on it."""
    known = asdict(config)
    details = known.pop("details")
    return known | {name: value for name, value in details.items() if name not in _PLACES}


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _storage(path):
        file = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        if not try_lock(file, exclusive=True):
            owner = os.pread(file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise LockedError(f"run: {path}: process {owner} is writing it: wait, or give another --out")
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(file)


def _open_samples(file: Path) -> int:
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)


def cut_torn_line(file: Path) -> None:
    """Cut off what follows the last end of a line."""
    if not file.exists():
        return
    with file.open("r+b") as samples:
        end = samples.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - _READ_BYTES)
            samples.seek(start)
            newline = samples.read(end - start).rfind(b"\n")
            end = start + newline + 1
            if newline >= 0:
                break
        samples.truncate(end)


def _indented(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2).encode("ascii") + b"\n"


def _replace(file: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old content or the new."""
    part = file.with_name(file.name + ".part")
    with _storage(file):
        with part.open("wb") as new:
            new.write(data)
            new.flush()
            os.fsync(new.fileno())
        part.replace(file)
        _sync_folder(file.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _storage(place: Path) -> Iterator[None]:
    """OSError becomes one line that names the place."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise StorageError(f"run: {place}: {why}: check the disk and its permissions") from error
