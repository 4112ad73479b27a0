"""What changed in a repository: by the notifications of the system, or by looking at every file now and then."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from indexer.errors import IndexFailedError
from indexer.ignore import IGNORE_FILES, IGNORED_FOLDERS, OUTPUT_FOLDERS, IgnoreRules, reason_by_name
from indexer.plan import is_racy
from indexer.reading import Found
from indexer.types import Skip
from indexer.walk import WalkOptions, list_folders, walk

STEP_MS = 40  # without news for so long, a burst is over; two steps pass between a save and its build
BURST_MS = 3000  # a burst that does not end is cut here
MANY = 1000  # paths: more come from a branch switch, and looking at everything is as quick
ARM_TRIES = 5  # folders may come and go while they are listed
POLL_S = 1.0  # between two looks at a small repository
POLL_SHARE = 20  # of the time, at most one part in so many is spent looking
QUIET_LOOKS = 5  # looks that wait for the end of a burst

EXCLUDE_FILE = ".git/info/exclude"
_SHAPE_FILES = frozenset({*IGNORE_FILES, "pyvenv.cfg"})  # they decide what of their folder is taken
_REMOTE = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "9p", "drvfs", "afs", "ceph", "glusterfs", "lustre", "beegfs",
        "vboxsf", "prl_fs", "vmhgfs", "virtiofs",
    }
)  # fmt: skip


class Seen(NamedTuple):
    """What may have changed: paths of files, or so much that everything has to be looked at."""

    paths: frozenset[str] = frozenset()
    everything: bool = False

    def __bool__(self) -> bool:
        return self.everything or bool(self.paths)

    def plus(self, other: Seen) -> Seen:
        return Seen(self.paths | other.paths, self.everything or other.everything)


NOTHING = Seen()
EVERYTHING = Seen(everything=True)


class BrokenSourceError(Exception):
    """The system does not report changes (any more); the message says why, in a few words."""


class Source(Protocol):
    """Where changes come from. What happens between two calls of `wait` is kept for the next."""

    def wait(self, stop: threading.Event, seconds: float) -> Seen:
        """The changes of a burst, once it is over; nothing after `seconds` or once `stop` is set.

        After `everything` the source is used up: folders have come or gone, so a new one has to be opened
        before the files are looked at. Raises BrokenSourceError, IndexFailedError if the root is gone.
        """
        ...

    def close(self) -> None: ...


class Notifications:
    """The system's notifications of each folder that is not ignored: none of links, none of `node_modules`."""

    def __init__(self, root: Path, options: WalkOptions) -> None:
        self._root = os.path.realpath(root)
        self._identity = root_identity(root)
        self._folders: dict[str, IgnoreRules | None] = {}
        self._notify = self._arm(options)

    def wait(self, stop: threading.Event, seconds: float) -> Seen:
        try:
            found = self._notify.watch(BURST_MS, STEP_MS, max(1, int(seconds * 1000)), stop)
        except WatchfilesRustInternalError as error:
            raise BrokenSourceError(f"notifications broke: {str(error)[:200]}") from error
        if root_identity(Path(self._root)) != self._identity:
            return EVERYTHING
        if isinstance(found, str):
            return NOTHING
        return self._judge_all({path for _, path in found})

    def close(self) -> None:
        self._notify.close()

    def _arm(self, options: WalkOptions) -> RustNotify:
        """Watch the folders there are. Afterwards they are listed again: one that was made in between is not missed."""
        listed = self._list(options)
        for _ in range(ARM_TRIES):
            places = [f"{self._root}/{folder}" if folder else self._root for folder in listed]
            exclude = Path(self._root, EXCLUDE_FILE).parent
            if exclude.is_dir() and exclude.resolve() == exclude:
                places.append(str(exclude))
            try:
                notify = RustNotify(places, False, False, 0, False, False)
            except (FileNotFoundError, PermissionError):
                listed = self._list(options)
                continue
            except (OSError, ValueError, WatchfilesRustInternalError) as error:
                raise BrokenSourceError(_one_line(error)) from error
            again = self._list(options)
            if again.keys() == listed.keys():
                self._folders = again
                return notify
            notify.close()
            listed = again
        raise BrokenSourceError("folders come and go too fast")

    def _list(self, options: WalkOptions) -> dict[str, IgnoreRules | None]:
        try:
            return {
                folder: rules
                for folder, rules, _, skips in list_folders(Path(self._root), options)
                if not any(skip.path == folder for skip in skips)  # it cannot be read
            }
        except OSError as error:
            raise gone(Path(self._root), error) from error

    def _judge_all(self, places: set[str]) -> Seen:
        paths: set[str] = set()
        for place in places:
            seen = self._judge(place)
            if seen is None:
                return EVERYTHING
            paths.update(seen)
        return Seen(frozenset(paths))

    def _judge(self, place: str) -> tuple[str, ...] | None:
        """The path to look at, () if it is ignored, None if everything has to be looked at."""
        path = place[len(self._root) + 1 :]
        if path in self._folders or path == EXCLUDE_FILE:
            return None
        folder, _, name = path.rpartition("/")
        if folder not in self._folders or name in IGNORED_FOLDERS:
            return ()
        rules = self._folders[folder]
        is_package_mark = name == "__init__.py" and folder.rpartition("/")[2] in OUTPUT_FOLDERS
        if name in _SHAPE_FILES or is_package_mark:
            return None
        if rules is None:
            return ()
        if _is_folder(place):
            return () if rules.ignores(path, True) else None
        return () if rules.ignores(path, False) or reason_by_name(name) else (path,)


class Polling:
    """Looks at the states of all files in intervals that grow with the time it takes."""

    def __init__(self, root: Path, options: WalkOptions, interval_s: float = POLL_S) -> None:
        self._root = root
        self._options = options
        self._least_s = interval_s
        self._took_s = 0.0
        self._looked_ns = 0
        self._files = self._look()

    def wait(self, stop: threading.Event, seconds: float) -> Seen:
        deadline = time.monotonic() + seconds
        while not stop.wait(max(self._least_s, POLL_SHARE * self._took_s)):
            changed = set(self._changes())
            if changed:
                for _ in range(QUIET_LOOKS):  # as long as it is quick: more may follow at once
                    if stop.wait(max(STEP_MS / 1000, self._took_s)) or not (more := set(self._changes())):
                        break
                    changed |= more
                return Seen(frozenset(changed))
            if time.monotonic() >= deadline:
                break
        return NOTHING

    def close(self) -> None:
        """Nothing is held."""

    def _look(self) -> dict[str, Found | Skip]:
        started = time.monotonic()
        self._looked_ns = time.time_ns()
        try:
            entries = walk(self._root, options=self._options)
            files = {entry.path: entry for entry in entries if not _is_left_by_name(entry)}
        except OSError as error:
            raise gone(self._root, error) from error
        self._took_s = time.monotonic() - started
        return files

    def _changes(self) -> Iterator[str]:
        """Paths that came, went, or may have changed since the last look; it takes a new one."""
        before, before_ns = self._files, self._looked_ns
        now = self._files = self._look()
        yield from before.keys() - now.keys()
        for path, found in now.items():
            old = before.get(path)
            if old != found or (isinstance(old, Found) and is_racy(old, before_ns)):
                yield path


def is_remote(root: Path) -> str:
    """The type of the file system if it does not tell of changes that other machines make, else ""."""
    place = os.path.realpath(root)
    kind, longest = "", -1
    for mount, type_ in _mounts():
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= longest:
            kind, longest = type_, len(mount)
    return kind if kind in _REMOTE or kind.startswith("fuse.") else ""


def _mounts() -> Iterable[tuple[str, str]]:
    """Mount points and types, in the order of mounting."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        before, _, after = line.partition(b" - ")
        fields, kind = before.split(), after.split()
        if len(fields) > 4 and kind:
            point = fields[4]
            for escaped, plain in ((rb"\040", b" "), (rb"\011", b"\t"), (rb"\012", b"\n"), (rb"\134", b"\\")):
                point = point.replace(escaped, plain)
            yield os.fsdecode(point), kind[0].decode("ascii", "replace")


def root_identity(root: Path) -> tuple[int, int]:
    """Device and inode. Raises IndexFailedError if the root is not there."""
    try:
        status = root.stat()
    except OSError as error:
        raise gone(root, error) from error
    if not stat.S_ISDIR(status.st_mode):
        raise IndexFailedError(f"repository: {root}: not a folder any more: name a folder that can be read")
    return status.st_dev, status.st_ino


def gone(root: Path, error: OSError) -> IndexFailedError:
    return IndexFailedError(f"repository: {root}: {error.strerror or error}: name a folder that can be read")


def _is_left_by_name(entry: Found | Skip) -> bool:
    return isinstance(entry, Skip) and bool(reason_by_name(entry.path.rpartition("/")[2]))


def _is_folder(place: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(place).st_mode)
    except OSError:  # gone; a folder that was watched is known by its name
        return False


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
