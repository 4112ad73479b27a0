"""Token sequences of a repository on disk, kept up to date file by file.

A folder for one index and one vocabulary: `memory.json` says which segments there are and which file lies where in
them; a segment is two arrays that a reader maps (`NNN.ids.npy` int32, `NNN.order.npy` uint32). There are at most two:
a large one, and one with what has changed since, which is written anew at each update and melts into the large one when
it has grown to a quarter of it. A file that changed is banned in the large one. All is derived from the index: what is
damaged or of another form is made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from indexer import disk
from repocoder.llm.ids import pieces
from repocoder.memory.suffixes import sort_places

FORMAT = 1
MANIFEST = "memory.json"
LOCK = "memory.lock"

MELT_SHARE = 0.25  # of the large segment's tokens: larger, and the segment of changes is merged into it
MOST_TOKENS = 8_000_000
"""Of a repository, 64 MB on disk and 15 s to sort; files beyond are not remembered, and the note says so."""

MOST_FILE_TOKENS = 200_000  # of one file: data in the shape of code repeats only itself
TOKENIZED_AT_ONCE = 8_000
"""Characters in one message to the model's worker, 10 to 25 ms of its time: a completion waits for no more of them."""

EMPTY = hashlib.sha256().hexdigest()

TokenizeMany = Callable[[Sequence[str]], list[list[int]]]


class Place(msgspec.Struct, frozen=True):
    """A file's stretch of a segment, half-open, empty where there was no room; `digest` of its bytes, hexadecimal."""

    path: str
    digest: str
    start: int
    end: int


class Segment(msgspec.Struct, frozen=True):
    """`name`: of its two files. Places that are out of date stay listed with an empty path."""

    name: str
    tokens: int
    places: list[Place]


class Manifest(msgspec.Struct, frozen=True):
    format: int = FORMAT
    vocabulary: int = 0
    segments: list[Segment] = []
    made: int = 0  # counts up, for names


@dataclass(frozen=True, slots=True)
class Update:
    """What an update did."""

    files: int  # remembered now
    tokenized: int  # of these, read in this update
    tokens: int
    left_out: int
    unread: int = 0  # left for the next update, because this one was cancelled


class MemoryStore:
    """The folder of one vocabulary. Readers of other threads see one manifest or the next."""

    def __init__(self, folder: Path, vocabulary: int) -> None:
        self.folder = folder
        self._vocabulary = vocabulary
        self.manifest = self._read()

    def update(
        self,
        digests: Mapping[str, str],
        text_of: Callable[[str], str],
        tokenize_many: TokenizeMany,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        wait: bool = False,
    ) -> Update | None:
        """Remember exactly these files: path -> digest. None if another process is at it, which `wait` waits for.

        If cancelled, it keeps what it has read by then. Raises StorageError and what the callbacks raise; the memory is
        then as before.
        """
        disk.prepare_folder(self.folder)
        with disk.translated(self.folder), self._alone(wait=wait) as alone:
            if not alone:
                return None
            old = self.manifest = self._read()
            known = {place.path: place for segment in old.segments for place in segment.places if place.path}
            fresh = {
                path for path, digest in digests.items() if path not in known or known[path].digest != digest
            }
            if not fresh and len(known) == len(digests):
                return self._said(old, 0)
            kept = {path for path in known if path in digests and path not in fresh}
            base = old.segments[0] if old.segments else None
            in_base = {place.path for place in base.places} & kept if base else set()
            ids = self._tokens_of(digests, fresh, kept - in_base, text_of, tokenize_many, cancelled)
            unread = fresh - ids.keys()
            changes = sum(map(len, ids.values()))
            manifest = self._written(
                old, digests, ids, in_base, melt=changes > MELT_SHARE * _live(base, in_base)
            )
            return self._said(manifest, len(fresh) - len(unread), len(unread))

    def segment(self, ids: Path) -> Segment | None:
        """The segment whose ids are in this file; None if it was replaced meanwhile."""
        return next((one for one in self.manifest.segments if self.arrays(one)[0] == ids), None)

    def arrays(self, segment: Segment) -> tuple[Path, Path]:
        """Its files: ids and order."""
        return _arrays(self.folder, segment.name)

    def tokens(self, segment: Segment) -> NDArray[np.int32]:
        """Its ids, mapped. Raises OSError if it was replaced meanwhile."""
        ids: NDArray[np.int32] = np.load(self.arrays(segment)[0], mmap_mode="r", allow_pickle=False)
        return ids

    # ---- inside

    def _tokens_of(
        self,
        digests: Mapping[str, str],
        fresh: set[str],
        moved: set[str],
        text_of: Callable[[str], str],
        tokenize_many: TokenizeMany,
        cancelled: Callable[[], bool],
    ) -> dict[str, NDArray[np.int32]]:
        """Ids of the files that the new segment holds: fresh ones, and those of the last segment of changes."""
        found = {path: ids for path, ids in self._stored() if path in moved}
        waiting = [path for path in digests if path in fresh]
        room = MOST_TOKENS - sum(map(len, found.values()))
        ids: list[int] = []  # of the file that is being read
        for batch in _batches((path, text_of(path)) for path in waiting):
            if (
                cancelled() and not ids
            ):  # a file that is begun is read to its end: the next time would begin it again
                break
            for (path, _, is_last), some in zip(
                batch, tokenize_many([text for _, text, _ in batch]), strict=True
            ):
                ids += some
                if is_last:
                    fits = len(ids) <= min(room, MOST_FILE_TOKENS)
                    found[path] = np.array(ids if fits else (), np.int32)
                    room -= len(found[path])
                    ids = []
        return found

    def _stored(self) -> Iterator[tuple[str, NDArray[np.int32]]]:
        for segment in self.manifest.segments:
            ids = self.tokens(segment)
            for place in segment.places:
                if place.path:
                    yield place.path, ids[place.start : place.end]

    def _written(
        self,
        old: Manifest,
        digests: Mapping[str, str],
        ids: dict[str, NDArray[np.int32]],
        in_base: set[str],
        *,
        melt: bool,
    ) -> Manifest:
        """Write the new segment and then the manifest; remove what it no longer names."""
        segments: list[Segment] = []
        if not melt and old.segments:
            base = old.segments[0]
            segments = [msgspec.structs.replace(base, places=[_current(one, in_base) for one in base.places])]
        else:
            ids = {**{path: one for path, one in self._stored() if path in in_base}, **ids}
        made = old.made
        if ids or not segments:
            made += 1
            segments.append(self._write_segment(f"{made:06d}", digests, ids))
        manifest = Manifest(FORMAT, self._vocabulary, segments, made)
        part = self.folder / f"{MANIFEST}.part"
        part.unlink(missing_ok=True)
        disk.create_file(part, msgspec.json.encode(manifest))
        part.replace(self.folder / MANIFEST)
        self.manifest = manifest
        named = {place.name for segment in segments for place in _arrays(self.folder, segment.name)}
        for place in self.folder.glob("*.npy"):
            if place.name not in named:
                with suppress(OSError):
                    place.unlink()
        return manifest

    def _write_segment(
        self, name: str, digests: Mapping[str, str], ids: Mapping[str, NDArray[np.int32]]
    ) -> Segment:
        separator = np.array([self._vocabulary], np.int32)
        pieces: list[NDArray[np.int32]] = []
        places: list[Place] = []
        at = 0
        for path in sorted(ids):
            pieces += [separator, ids[path]]
            places.append(Place(path, digests[path], at + 1, at + 1 + len(ids[path])))
            at += 1 + len(ids[path])
        whole = np.concatenate([*pieces, separator])
        for place, array in zip(_arrays(self.folder, name), (whole, sort_places(whole)), strict=True):
            place.unlink(missing_ok=True)
            with os.fdopen(
                os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, disk.PRIVATE_FILE), "wb"
            ) as file:
                np.save(file, array, allow_pickle=False)
        return Segment(name, len(whole), places)

    def _read(self) -> Manifest:
        try:
            found = msgspec.json.decode((self.folder / MANIFEST).read_bytes(), type=Manifest)
        except (OSError, msgspec.MsgspecError):
            return Manifest()
        fits = found.format == FORMAT and found.vocabulary == self._vocabulary
        there = all(one.exists() for segment in found.segments for one in _arrays(self.folder, segment.name))
        return found if fits and there else Manifest(made=found.made)

    @contextmanager
    def _alone(self, *, wait: bool) -> Iterator[bool]:
        """The writer's lock; False if another process has it."""
        descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, disk.PRIVATE_FILE)
        try:
            flock(descriptor, LOCK_EX if wait else LOCK_EX | LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(descriptor)

    @staticmethod
    def _said(manifest: Manifest, tokenized: int, unread: int = 0) -> Update:
        places = [place for segment in manifest.segments for place in segment.places if place.path]
        left_out = sum(place.start == place.end and place.digest != EMPTY for place in places)
        tokens = sum(place.end - place.start for place in places)
        return Update(len(places) - left_out, tokenized, tokens, left_out, unread)


def _batches(files: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str, bool]]]:
    """Files (path, text) in their order, in lists of at most `TOKENIZED_AT_ONCE` characters; a longer one in portions,
    of which the last is marked."""
    batch: list[tuple[str, str, bool]] = []
    size = 0
    for path, text in files:
        portions = _portions(text)
        for number, portion in enumerate(portions, 1):
            begins = (
                len(portions) > 1 and number == 1
            )  # not behind others: between two lists a reader can stop
            if batch and (begins or size + len(portion) > TOKENIZED_AT_ONCE):
                yield batch
                batch, size = [], 0
            batch.append((path, portion, number == len(portions)))
            size += len(portion)
    if batch:
        yield batch


def _portions(text: str) -> list[str]:
    """A long text, cut where tokens end if it can be; elsewhere a cut changes the tokens beside it: that is no harm."""
    if len(text) <= TOKENIZED_AT_ONCE:
        return [text]
    portions = [""]
    for piece in pieces(text):
        for start in range(0, len(piece), TOKENIZED_AT_ONCE):
            part = piece[start : start + TOKENIZED_AT_ONCE]
            if len(portions[-1]) + len(part) > TOKENIZED_AT_ONCE:
                portions.append("")
            portions[-1] += part
    return portions


def bans(segment: Segment, paths: Iterable[str]) -> NDArray[np.int64]:
    """Sorted bounds of its stretches that hold these files, and of what is out of date."""
    banned = {"", *paths}
    return _bounds(segment, lambda place: place.path in banned)


def stretches(segment: Segment, is_wanted: Callable[[str], bool]) -> NDArray[np.int64]:
    """Sorted bounds of its stretches whose file is wanted."""
    return _bounds(segment, lambda place: bool(place.path) and is_wanted(place.path))


def origin(segment: Segment, place: int) -> Place | None:
    """The file that a place of it lies in."""
    return next((one for one in segment.places if one.start <= place < one.end), None)


def _bounds(segment: Segment, is_inside: Callable[[Place], bool]) -> NDArray[np.int64]:
    bounds: list[int] = []
    for place in segment.places:
        if is_inside(place):
            if bounds and bounds[-1] == place.start:
                bounds[-1] = place.end
            else:
                bounds += [place.start, place.end]
    return np.array(bounds, np.int64)


def _arrays(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.ids.npy", folder / f"{name}.order.npy"


def _current(place: Place, kept: set[str]) -> Place:
    return place if place.path in kept else msgspec.structs.replace(place, path="")


def _live(base: Segment | None, kept: set[str]) -> int:
    return sum(place.end - place.start for place in base.places if place.path in kept) if base else 0
