"""The record of models in the user's data folder: names, places and digests, in one small JSON file."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from repocoder.errors import ModelError, StorageError

FILE = "models.json"
LOCK = "models.lock"
VERSION = 1
MAX_SEEN = 64  # digests of files that were used by path; the oldest go first


class Stamp(msgspec.Struct, frozen=True):
    """What tells that a file was touched. Equal stamps: its digest is taken to be the same."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        try:
            status = path.stat()
        except OSError as error:
            raise ModelError(f"model file: {path}: {error.strerror}: check the file") from error
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class Entry(msgspec.Struct, frozen=True):
    """One recorded model."""

    name: str
    path: str
    sha256: str
    origin: str  # added | linked | pulled
    stamp: Stamp | None


class _Seen(msgspec.Struct, frozen=True):
    path: str
    sha256: str
    stamp: Stamp


class _Content(msgspec.Struct):
    version: int = VERSION
    models: list[Entry] = []
    seen: list[_Seen] = []


class Record:
    """Reads are of one whole state; changes are made under a lock and replace the file at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / FILE

    def read(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in self._load().models}

    def put(self, entry: Entry) -> None:
        """Record a model, in place of one with its name."""
        with self._change() as content:
            content.models = [*(other for other in content.models if other.name != entry.name), entry]

    def drop(self, name: str) -> Entry | None:
        with self._change() as content:
            found = next((entry for entry in content.models if entry.name == name), None)
            content.models = [entry for entry in content.models if entry is not found]
        return found

    def seen(self, path: Path, stamp: Stamp) -> str | None:
        """The digest of a file used by path before, if nothing touched it since."""
        wanted = str(path)
        return next((s.sha256 for s in self._load().seen if s.path == wanted and s.stamp == stamp), None)

    def note_seen(self, path: Path, stamp: Stamp, sha256: str) -> None:
        with self._change() as content:
            others = [seen for seen in content.seen if seen.path != str(path)]
            content.seen = [*others, _Seen(str(path), sha256, stamp)][-MAX_SEEN:]

    def _load(self) -> _Content:
        try:
            content = msgspec.json.decode(self._file.read_bytes(), type=_Content)
        except FileNotFoundError:
            return _Content()
        except OSError as error:
            raise StorageError(f"cannot read: {self._file}: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise ModelError(f"record of models: {self._file}: damaged ({error}): delete it") from error
        if content.version != VERSION:
            raise ModelError(f"record of models: {self._file}: of another version of repocoder: delete it")
        return content

    @contextmanager
    def _change(self) -> Iterator[_Content]:
        part = self._file.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                content = self._load()
                yield content
                _write(part, msgspec.json.format(msgspec.json.encode(content)))
                part.replace(self._file)
            finally:
                os.close(lock)
        except OSError as error:
            raise StorageError(f"cannot write: {self._file}: {error.strerror}") from error


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
