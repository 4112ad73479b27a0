"""Read a file to edit it, and write it back: atomically, and only over the bytes that were read.

Every folder and the file itself are opened without following links, so that a name that became a link
between reading and writing is refused instead of followed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repocoder.errors import StaleTargetError, StorageError, UsageError

BOM = b"\xef\xbb\xbf"

NEW_FILE_MODE = 0o666
"""Before the umask: what every editor gives a file that was not there."""

_READ_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file as it was read. `text` has the line ends of the file; `bom` says that three bytes precede it."""

    path: str  # relative to the repository root
    text: str
    bom: bool
    sha256: str  # of the bytes on disk

    def encode(self, text: str) -> bytes:
        """The bytes that `text` has in this file."""
        return (BOM if self.bom else b"") + text.encode("utf-8")


def read_text_file(root: Path, path: str, max_bytes: int) -> TextFile:
    """Read `path` under `root` for editing.

    Raises UsageError (exit 2) when it is not a regular file inside `root`, too large, binary or not UTF-8.
    """
    try:
        with _open_folder(root, path) as (folder, name):
            data, _ = _read_regular(folder, name, path, max_bytes)
    except FileNotFoundError as error:
        raise UsageError(f"no such file: {path}: it may have been removed") from error
    except OSError as error:
        raise UsageError(f"cannot open: {path}: {_reason(error)}") from error
    if b"\0" in data:
        raise UsageError(f"binary file: {path}: only text can be edited")
    bom = data.startswith(BOM)
    try:
        text = (data[len(BOM) :] if bom else data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"not UTF-8: {path}: byte {error.start} is not valid, convert the file first"
        ) from error
    return TextFile(path, text, bom, hashlib.sha256(data).hexdigest())


def replace_file(root: Path, path: str, data: bytes, *, expected_sha256: str | None) -> str:
    """Put `data` in place of the file atomically, keeping its mode, and return the SHA-256 of `data`.

    `expected_sha256` is that of the bytes the edit was made on; None writes over whatever is there. Raises
    StaleTargetError (exit 7) when the file on disk is another one, gone, or became a link, and StorageError
    (exit 6) when writing fails. In both cases the file is untouched and no other file is left behind.
    """
    try:
        with _open_folder(root, path) as (folder, name):
            before = _check_target(folder, name, path, expected_sha256)
            _write_beside(folder, name, path, data, before)
    except OSError as error:
        raise StorageError(f"cannot write: {path}: {_reason(error)}") from error
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def _open_folder(root: Path, path: str) -> Iterator[tuple[int, str]]:
    """Yield a descriptor of the folder that holds `path`, and the last part of its name."""
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise UsageError(f"not inside the repository: {path}: give a path below its root")
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = below
        yield folder, parts[-1]
    finally:
        os.close(folder)


def _read_regular(folder: int, name: str, path: str, max_bytes: int | None) -> tuple[bytes, os.stat_result]:
    """Bytes and state of a regular file; UsageError for anything else. O_NONBLOCK: a FIFO must not hang
    us."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise UsageError(f"not a regular file: {path}: only regular files can be edited")
        limit = state.st_size if max_bytes is None else max_bytes
        if state.st_size > limit:
            raise UsageError(f"too large: {path}: {state.st_size} bytes, the limit is {limit}")
        blocks = []
        while block := os.read(descriptor, _READ_BLOCK):
            blocks.append(block)
            if max_bytes is not None and len(blocks) * _READ_BLOCK > max_bytes + 2 * _READ_BLOCK:
                raise UsageError(f"too large: {path}: it grew above the limit of {limit} bytes")
        return b"".join(blocks), state
    finally:
        os.close(descriptor)


def _check_target(folder: int, name: str, path: str, expected_sha256: str | None) -> os.stat_result | None:
    """State of the file that will be replaced, None if there is none; raises when it is not the expected
    one."""
    try:
        data, state = _read_regular(folder, name, path, None)
    except FileNotFoundError as error:
        if expected_sha256 is None:
            return None
        raise StaleTargetError(
            f"removed on disk: {path}: write it anew or keep the change unsaved"
        ) from error
    except (OSError, UsageError) as error:
        if isinstance(error, PermissionError):
            raise
        raise StaleTargetError(f"no longer a regular file: {path}: nothing was written") from error
    if expected_sha256 is not None and hashlib.sha256(data).hexdigest() != expected_sha256:
        raise StaleTargetError(f"changed on disk: {path}: reload it or write over it")
    if not os.access(name, os.W_OK, dir_fd=folder, follow_symlinks=False):
        raise PermissionError("the file is read-only")
    return state


def _write_beside(folder: int, name: str, path: str, data: bytes, before: os.stat_result | None) -> None:
    """Write a new file in the same folder, fsync it and rename it over `name`; remove it again if that
    fails."""
    temporary = f".repocoder-{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, NEW_FILE_MODE if before is None else 0o600, dir_fd=folder)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if before is not None:
                _keep_attributes(folder, name, descriptor, before)
            os.fsync(descriptor)
        _check_unchanged(folder, name, path, before)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


def _keep_attributes(folder: int, name: str, descriptor: int, before: os.stat_result) -> None:
    """Give the new file the owner, extended attributes (access lists) and mode of the old one, as far as
    allowed."""
    with contextlib.suppress(OSError):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    with contextlib.suppress(OSError):
        old = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with open(old, "rb"):
            for attribute in os.listxattr(old):
                with contextlib.suppress(OSError):
                    os.setxattr(descriptor, attribute, os.getxattr(old, attribute))
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _check_unchanged(folder: int, name: str, path: str, before: os.stat_result | None) -> None:
    """The last look before the rename: the name must still stand for the file that was compared."""
    try:
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        if before is None:
            return
        raise StaleTargetError(f"removed on disk: {path}: write it anew or keep the change unsaved") from None
    if before is None or _identity(now) != _identity(before):
        raise StaleTargetError(f"changed on disk: {path}: reload it or write over it")


def _identity(state: os.stat_result) -> tuple[int, int, int, int, int]:
    return state.st_dev, state.st_ino, state.st_mode, state.st_size, state.st_mtime_ns


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
