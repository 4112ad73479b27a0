"""The buffer at a cursor: bytes of a file or of an unsaved edit, decoded, with the position checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from indexer.walk import read_file
from repocoder.errors import StorageError, UsageError
from repocoder.types import CompletionRequest

MAX_BUFFER_BYTES = 8 << 20
"""A buffer above this is refused: tokenising and parsing it would take seconds and no editor shows it well."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """Text at a place. `line` is 1-based, `column` 0-based characters."""

    path: str
    text: str
    data: bytes
    line: int
    column: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def open_buffer(root: Path, request: CompletionRequest) -> Buffer:
    """Read what the request is about and check its position; UsageError says what is wrong."""
    data = _read(root, request.path) if request.text is None else request.text.encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise UsageError(f"binary file: {request.path}: choose a text file")
    try:
        text = data.decode("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"not UTF-8: {request.path} (byte {error.start}): convert the file to UTF-8 first") from error
    lines = split_lines(text)
    if not 1 <= request.line <= len(lines):
        raise UsageError(f"no such line: {request.path}:{request.line}: the file has {len(lines)}")
    length = len(lines[request.line - 1])
    column = length if request.column is None else request.column
    if not 0 <= column <= length:
        raise UsageError(f"no such column: {request.path}:{request.line}:{column}: the line has {length} characters")
    return Buffer(request.path, text, data, request.line, column)


def split_lines(text: str) -> list[str]:
    """Lines without their ends, split at \\n, \\r\\n and \\r only; at least one, and one more after a final line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _read(root: Path, path: str) -> bytes:
    try:
        data, _ = read_file(root, path, MAX_BUFFER_BYTES)
    except FileNotFoundError as error:
        raise UsageError(f"no such file: {path}: give a path inside {root}") from error
    except IsADirectoryError as error:
        raise UsageError(f"a folder: {path}: give FILE:LINE") from error
    except ValueError as error:
        raise UsageError(f"cannot complete in {path}: {error}") from error
    except OSError as error:
        raise StorageError(f"cannot read: {path}: {error.strerror}") from error
    return data
