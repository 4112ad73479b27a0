"""Task files: JSON Lines, plain or packed, read into typed records. A line that does not fit is an error."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeVar

import msgspec

from repocoder.errors import StorageError, UsageError

PACKINGS = ("", ".xz", ".gz")
"""What may follow the name of a task file, in the order in which it is looked for."""

MAX_BYTES = 2 << 30  # unpacked; the largest file here has 41 MB

Record = TypeVar("Record")

_AGAIN = "get the file again, or name another copy with --data DIR"


def find_file(folder: Path, name: str) -> Path | None:
    """The task file of this name in a folder, however it is packed."""
    for packing in PACKINGS:
        if (path := folder / f"{name}{packing}").is_file():
            return path
    return None


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """All records of a task file, in order; fields that `kind` does not have are passed over.

    Raises UsageError that names the line which does not fit, StorageError if the file cannot be read.
    """
    decoder = msgspec.json.Decoder(kind)
    records: list[Record] = []
    for number, line in _lines(path):
        try:
            records.append(decoder.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise UsageError(f"task file: {path}: line {number}: {error}: {_AGAIN}") from error
    if not records:
        raise UsageError(f"task file: {path}: holds no task: {_AGAIN}")
    return records


def check_place(path: Path, number: int, *names: str) -> None:
    """Refuse a file or repository name that leads out of the folder of sources."""
    for name in names:
        place = PurePosixPath(name)
        if not place.parts or place.is_absolute() or ".." in place.parts or "\0" in name:
            raise UsageError(
                f"task file: {path}: task {number}: a path that leads outside ({name!r}): {_AGAIN}"
            )


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number, from 1, and bytes of each line that is not blank."""
    total = 0
    try:
        with _open(path) as file:
            for number, line in enumerate(file, 1):
                total += len(line)
                if total > MAX_BYTES:
                    raise UsageError(f"task file: {path}: more than {MAX_BYTES >> 30} GiB: not a task file")
                if line.strip():
                    yield number, line
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"task file: {path}: damaged ({error}): {_AGAIN}") from error
    except OSError as error:
        raise StorageError(
            f"task file: {path}: {error.strerror or error}: check that it can be read"
        ) from error


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".xz":
        return lzma.open(path, "rb")  # type: ignore[return-value]
    if path.suffix == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")
