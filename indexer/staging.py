"""Parsed files on their way into the index.

A few are kept in memory until they are published. Many are also noted in a log as they come in, so that a build that
is killed or cancelled goes on where it was. The log is only ever appended to and is not synced: a record counts if its
CRC is right, so what a crash of the machine loses or tears is parsed again.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from indexer import disk
from indexer.errors import DamagedIndexError
from indexer.parse import Parsed
from indexer.plan import is_racy, same_bytes
from indexer.reading import Found
from indexer.types import Skip

SMALL = 64  # files: up to here parsing again costs less than noting them
LOG_FILE = "staged.log"
WRITE_BYTES = 1 << 20  # what is noted waits for so much,
WRITE_S = 1.0  # or so long: this much work a kill can cost
MAX_RECORD_BYTES = 1 << 28  # above is damage

_MAGIC = b"repocoder staged 1\n"
_RECORD = struct.Struct("<IIq")  # bytes and CRC-32 of the body, read_ns
_decoder = msgspec.msgpack.Decoder(Parsed)
_encoder = msgspec.msgpack.Encoder()


class Fresh(NamedTuple):
    """A parsed file, and when the build that read it began."""

    parsed: Parsed
    read_ns: int


class _Record(NamedTuple):
    found: Found
    digest: bytes
    read_ns: int
    start: int  # of the body
    size: int


class StagingLog:
    """The log in an index's folder. One process at a time has it open."""

    def __init__(self, directory: Path, key: str, read_ns: int) -> None:
        """Open it and see what an earlier build left. `key`: what the records depend on; a log of another is emptied.

        Raises OSError.
        """
        self._place = directory / LOG_FILE
        self._head = _MAGIC + key.encode() + b"\n"
        self._read_ns = read_ns
        self._records: dict[str, _Record] = {}
        self._waiting = bytearray()
        self._written_s = time.monotonic()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(self._place, flags, disk.PRIVATE_FILE)
        try:
            self._end = self._read()
            if os.fstat(self._file).st_size != self._end:
                os.ftruncate(self._file, self._end)
        except BaseException:
            os.close(self._file)
            raise

    @staticmethod
    def exists(directory: Path) -> bool:
        return (directory / LOG_FILE).exists()

    def useful(self, root: Path, wanted: Mapping[str, Found]) -> frozenset[str]:
        """Those of the `wanted` files that need not be parsed again: they are as they were when they were read."""
        return frozenset(
            path
            for path, now in wanted.items()
            if (old := self._records.get(path)) and _is_as(root, now, old)
        )

    def add(self, parsed: Parsed) -> None:
        """Note a file. Raises OSError."""
        body = _encoder.encode(parsed)
        self._waiting += _RECORD.pack(len(body), zlib.crc32(body), self._read_ns)
        self._waiting += body
        if len(self._waiting) >= WRITE_BYTES or time.monotonic() - self._written_s > WRITE_S:
            self.flush()

    def flush(self) -> None:
        """Hand what waits to the operating system. Raises OSError."""
        os.lseek(self._file, self._end, os.SEEK_SET)
        if self._waiting:
            disk.write(self._file, bytes(self._waiting))
        self._end += len(self._waiting)
        self._waiting.clear()
        self._written_s = time.monotonic()

    def read(self, path: str) -> Fresh:
        """A file that was noted by an earlier build. Raises KeyError, DamagedIndexError, OSError."""
        record = self._records[path]
        body = os.pread(self._file, record.size, record.start)
        try:
            return Fresh(_decoder.decode(body), record.read_ns)
        except msgspec.MsgspecError as error:  # it was sound when the log was opened
            raise DamagedIndexError(f"index: {self._place}: damaged ({error})") from None

    def remove(self) -> None:
        """What it holds is published, or of no use. Raises OSError."""
        self.close()
        disk.remove(self._place)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read(self) -> int:
        """Find the records; returns where the sound ones end."""
        with open(os.dup(self._file), "rb") as file:
            if file.read(len(self._head)) != self._head:
                os.ftruncate(self._file, 0)
                os.lseek(self._file, 0, os.SEEK_SET)
                disk.write(self._file, self._head)
                return len(self._head)
            end = len(self._head)
            while len(start := file.read(_RECORD.size)) == _RECORD.size:
                size, crc, read_ns = _RECORD.unpack(start)
                body = file.read(size) if size <= MAX_RECORD_BYTES else b""
                if len(body) != size or zlib.crc32(body) != crc:
                    break
                with contextlib.suppress(msgspec.MsgspecError):  # of another version: the key should tell
                    parsed = _decoder.decode(body)
                    place = end + _RECORD.size
                    self._records[parsed.path] = _Record(parsed.found, parsed.digest, read_ns, place, size)
                end += _RECORD.size + size
            return end


def _is_as(root: Path, now: Found, record: _Record) -> bool:
    if now != record.found:
        return False
    return not is_racy(now, record.read_ns) or same_bytes(root, now, record.digest) == now


def in_order(
    paths: Iterable[str], results: Iterator[Parsed | Skip], noted: Callable[[str], Fresh | None], read_ns: int
) -> Iterator[Fresh | Skip]:
    """One result for each path, in the order of `paths`, whatever order `results` has.

    `noted` has the files that are not among the results. What comes early is held: little, if the results come nearly
    in order.
    """
    early: dict[str, Parsed | Skip] = {}
    for path in paths:
        known = noted(path)
        if known is not None:
            yield known
            continue
        while path not in early:
            result = next(results)
            early[result.path] = result
        found = early.pop(path)
        yield found if isinstance(found, Skip) else Fresh(found, read_ns)
