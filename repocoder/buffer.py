"""The buffer at a cursor: bytes of a file or of an unsaved edit, decoded, as it is when a completion is asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from indexer.ignore import reason_by_name
from indexer.walk import REASONS, UnreadableError, read_file
from repocoder.errors import UsageError
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

    @property
    def around(self) -> tuple[str, str]:
        """The text before the cursor and behind it; a position that is not there is cut to the text."""
        lines = self.text.split("\n", max(0, self.line - 1))
        start = len(self.text) - len(lines[-1]) if len(lines) == self.line else len(self.text)
        return self.text[: start + self.column], self.text[start + self.column :]


def open_buffer(root: Path, request: CompletionRequest) -> Buffer:
    """Read what the request is about; UsageError says what is wrong. `query_at` checks the position."""
    data = (
        _read(root, request.path) if request.text is None else request.text.encode("utf-8", "surrogateescape")
    )
    if b"\0" in data:
        raise UsageError(f"binary file: {request.path}: choose a text file")
    try:
        text = data.decode("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"not UTF-8: {request.path} (byte {error.start}): convert the file to UTF-8 first"
        ) from error
    column = _end_of_line(text, request.line) if request.column is None else request.column
    return Buffer(request.path, text, data, request.line, column)


def _end_of_line(text: str, line: int) -> int:
    """Length of the 1-based line without its end; 0 for a line that is not there, which the query refuses."""
    lines = text.split("\n")
    return len(lines[line - 1].removesuffix("\r")) if 1 <= line <= len(lines) else 0


def _read(root: Path, path: str) -> bytes:
    if reason_by_name(path.rpartition("/")[2]) == "secret-file":
        raise UsageError(f"cannot complete here: {path}: {REASONS['secret-file']}")
    try:
        return read_file(root, path, MAX_BUFFER_BYTES)[0]
    except UnreadableError as error:
        meaning = "no such file, or a folder" if error.reason == "vanished" else REASONS[error.reason]
        raise UsageError(f"cannot complete here: {path}: {meaning}") from error
