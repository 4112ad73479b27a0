"""Generations: immutable folders of derived files, each with a manifest, written last and checked first.

    generations/7/manifest.json          what belongs to the generation: sizes and SHA-256 of every file
    generations/7/postings/000001.ids.npy …

The database names the manifest's own SHA-256, so a generation counts only as a whole, and only the right one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from indexer import disk
from indexer.errors import DamagedIndexError
from indexer.lock import try_lock

FOLDER = "generations"
MANIFEST = "manifest.json"
FORMAT = 1
KEPT = 2  # generations: the current one, and the last for readers that are about to open it
MAX_MANIFEST_BYTES = 16 << 20
# A file may be written again without a new time of change for as long as the clock of the file system stands still,
# some milliseconds: so long after its last change it is not taken for known.
SETTLED_NS = 100_000_000
MAX_SOUND = 10_000  # files remembered: a generation has some dozens

# (device, inode, size, time of change) -> SHA-256 of files that this process has read and found sound
_SOUND: dict[tuple[int, int, int, int], str] = {}


class FileEntry(msgspec.Struct, frozen=True, array_like=True):
    size: int
    sha256: str


class Part(msgspec.Struct, frozen=True):
    """One derived structure. `files` is keyed by their names in its folder."""

    version: str
    files: dict[str, FileEntry]


class Manifest(msgspec.Struct, frozen=True):
    format: int
    repository: str
    generation: int
    parts: dict[str, Part]


class Verified:
    """A generation that a reader holds: while it is open, no writer removes the folder."""

    def __init__(self, folder: Path, manifest: Manifest, file: int) -> None:
        self.folder = folder
        self.manifest = manifest
        self._file = file

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def folder_of(directory: Path, generation: int) -> Path:
    return directory / FOLDER / str(generation)


def hold(directory: Path, generation: int, repository: str, manifest_sha256: str) -> Verified:
    """Open a generation, keep it from being removed, and check its manifest; not yet its files.

    Raises FileNotFoundError if it is gone (a writer went on), DamagedIndexError, OSError.
    """
    folder = folder_of(directory, generation)
    place = folder / MANIFEST
    file = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if not try_lock(file, exclusive=False) or not os.path.samestat(os.fstat(file), place.stat()):
            raise FileNotFoundError(place)  # it is being removed
        data = os.pread(file, MAX_MANIFEST_BYTES, 0)
        if hashlib.sha256(data).hexdigest() != manifest_sha256:
            raise DamagedIndexError(f"index: {place}: does not match the database")
        manifest = msgspec.json.decode(data, type=Manifest)
        if (manifest.format, manifest.repository, manifest.generation) != (FORMAT, repository, generation):
            raise DamagedIndexError(f"index: {place}: of another index")
    except msgspec.MsgspecError as error:
        os.close(file)
        raise DamagedIndexError(f"index: {place}: not readable ({error})") from None
    except BaseException:
        os.close(file)
        raise
    return Verified(folder, manifest, file)


def verify_part(folder: Path, name: str, part: Part, *, anew: bool = False) -> None:
    """Read all files of a part and compare: 80 to 1,500 MB a second. Raises DamagedIndexError, OSError.

    A file that this process has found sound and that nobody has written since is not read again, unless `anew`: a
    generation shares most files with the one before, and a running process opens one after every save.
    """
    place = folder / name
    try:
        with os.scandir(place) as entries:
            present = {entry.name: entry.stat(follow_symlinks=False).st_size for entry in entries}
        if present != {file: entry.size for file, entry in part.files.items()}:
            raise DamagedIndexError(f"index: {place}: files are missing or have other sizes")
        for file, entry in part.files.items():
            if not _is_as_written(place / file, entry, anew):
                raise DamagedIndexError(f"index: {place / file}: not as it was written")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise DamagedIndexError(f"index: {error.filename}: {error.strerror}") from None


class Draft:
    """A generation that is being written, under a name that no reader looks for."""

    def __init__(self, directory: Path, generation: int, repository: str) -> None:
        self._place = folder_of(directory, generation)
        self._generation = generation
        self._repository = repository
        self.folder = self._place.with_name(f"{generation}.new")
        self._parts: dict[str, Part] = {}

    def start(self) -> None:
        if not self._place.parent.exists():
            disk.make_folder(self._place.parent)
        disk.remove_tree(self.folder)
        disk.remove_tree(self._place)
        disk.make_folder(self.folder)

    def add_folder(self, name: str) -> Path:
        place = self.folder / name
        disk.make_folder(place)
        return place

    def add_part(self, name: str, version: str, previous: Path | None, before: Part | None) -> None:
        """Take in the files of a part: sync and hash them, unless they are links to the previous ones."""
        place = self.folder / name
        files: dict[str, FileEntry] = {}
        for file in sorted(place.iterdir()):
            old = before.files.get(file.name) if before else None
            if old is None or previous is None or not _is_same_file(file, previous / file.name):
                file.chmod(disk.PRIVATE_FILE)
                disk.sync_path(file)
                old = FileEntry(file.stat().st_size, _sha256(file))
            files[file.name] = old
        disk.sync_path(place)
        self._parts[name] = Part(version, files)

    def finish(self) -> str:
        """Write the manifest and give the folder its name, durably; returns the manifest's SHA-256."""
        manifest = Manifest(FORMAT, self._repository, self._generation, self._parts)
        data = msgspec.json.encode(manifest)
        disk.create_file(self.folder / MANIFEST, data)
        disk.sync_path(self.folder)
        disk.rename(self.folder, self._place)
        return hashlib.sha256(data).hexdigest()

    def discard(self) -> None:
        """Leave nothing behind after a failure."""
        with contextlib.suppress(OSError):
            disk.remove_tree(self.folder)
            disk.remove_tree(self._place)


def remove_others(directory: Path, current: int) -> None:
    """Remove what no reader needs: older generations, and folders of builds that were never published.

    A generation that a reader holds is left to a later build. Raises OSError.
    """
    base = directory / FOLDER
    if not base.exists():
        return
    for place in base.iterdir():
        number = int(place.name) if place.name.isascii() and place.name.isdigit() else -1
        if current - KEPT < number <= current or (0 <= number < current and _is_held(place)):
            continue
        if place.is_dir() and not place.is_symlink():
            disk.remove_tree(place)
        else:
            disk.remove(place)


def wanted_parts(manifest: Manifest, versions: Mapping[str, str]) -> dict[str, Part]:
    """The parts that a reader wants. Raises DamagedIndexError if one is missing or of another version."""
    parts: dict[str, Part] = {}
    for name, version in versions.items():
        part = manifest.parts.get(name)
        if part is None or part.version != version:
            has = part.version if part else "nothing"
            raise DamagedIndexError(f"index: {name}: made as {has}, wanted is {version}")
        parts[name] = part
    return parts


def _is_held(place: Path) -> bool:
    try:
        file = os.open(place / MANIFEST, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return not try_lock(file, exclusive=True)
    finally:
        os.close(file)


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False


def _is_as_written(place: Path, entry: FileEntry, anew: bool) -> bool:
    status = place.stat(follow_symlinks=False)
    state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if not anew and _SOUND.get(state) == entry.sha256:
        return True
    if _sha256(place) != entry.sha256:
        return False
    if time.time_ns() - status.st_mtime_ns > SETTLED_NS:
        if len(_SOUND) >= MAX_SOUND:
            _SOUND.clear()
        _SOUND[state] = entry.sha256
    return True


def _sha256(place: Path) -> str:
    with open(place, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
