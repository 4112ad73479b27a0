"""Archives of tasks and sources, unpacked once into the cache: safely, and never half.

An archive is found again by the SHA-256 of its content, so two copies of it share one tree, and a changed one gets a
tree of its own. The tree appears by one rename: whoever sees it sees all of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

from repocoder import paths
from repocoder.errors import StorageError, UsageError

SUFFIXES = (".tar.xz", ".tar.gz", ".tar", ".zip")

MAX_BYTES = 4 << 30  # the largest one, the official CrossCodeEval, has 0.9 GB unpacked
MAX_FILES = 200_000  # the largest one here has 14,343 files

_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    NotImplementedError,  # a way of compression that zipfile does not know
    RuntimeError,  # an encrypted zip
)


def benchmarks_dir() -> Path:
    """Where downloaded and unpacked benchmarks live; all of it can be made again."""
    return paths.cache_dir() / "benchmarks"


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpacked(archive: Path) -> Path:
    """The folder with the content of an archive, made when it is first asked for.

    Links and devices in it are left out. Raises UsageError if it is damaged, too large or names places outside of
    itself, StorageError if it cannot be read or its content cannot be written.
    """
    try:
        status = archive.stat()
        name = _name(archive, status.st_size, status.st_mtime_ns)
        target = _folder() / name
        if not target.is_dir():
            with _locked(target.with_name(f"{name}.lock")):
                if not target.is_dir():
                    _unpack(archive, target)
    except OSError as error:
        raise StorageError(
            f"unpack: {archive}: {error.strerror or error}: free some space, or make it readable"
        ) from error
    return target


@lru_cache(maxsize=64)
def _name(archive: Path, size: int, changed_ns: int) -> str:
    """What the folder of an archive is called; read once for each state of the file."""
    return sha256(archive)[:40]


def _folder() -> Path:
    folder = benchmarks_dir() / "unpacked"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.geteuid():
        raise StorageError(f"cache: {folder}: belongs to another user: remove it or set XDG_CACHE_HOME")
    return folder


@contextlib.contextmanager
def _locked(lock: Path) -> Iterator[None]:
    """One process at a time; the lock goes with its process, however that ends."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _unpack(archive: Path, target: Path) -> None:
    """Under the lock: remove what a killed process left, unpack beside the target, rename."""
    for stump in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(stump, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        unpack = _unpack_zip if zipfile.is_zipfile(archive) else _unpack_tar
        unpack(archive, _Tree(part, archive))
        part.rename(target)
    except _DAMAGE as error:
        raise UsageError(f"archive: {archive}: damaged or hostile ({error}): get it again") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


class _Tree:
    """A folder that fills with regular files only: without links in it, a name alone says where it lands."""

    def __init__(self, root: Path, archive: Path) -> None:
        self._root = root
        self._archive = archive
        self._folders: set[str] = set()  # made so far
        self._bytes = self._files = 0

    def count(self, size: int) -> None:
        """Hold what the archive claims to have against the limits."""
        self._bytes += size
        self._files += 1
        if self._bytes > MAX_BYTES or self._files > MAX_FILES:
            limit = f"more than {MAX_BYTES >> 30} GiB or {MAX_FILES} files"
            raise UsageError(f"archive: {self._archive}: {limit}: not an archive of a benchmark")

    def write(self, name: str, content: IO[bytes]) -> None:
        place = PurePosixPath(name)
        if not place.parts or place.is_absolute() or ".." in place.parts or "\\" in name or "\0" in name:
            raise tarfile.TarError(f"{name!r} would land outside")
        target = f"{self._root}/{place}"
        if (folder := os.path.dirname(target)) not in self._folders:  # noqa: PTH120 # 14,343 files
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            self._folders.add(folder)
        with open(target, "wb") as copy:
            shutil.copyfileobj(content, copy)


def _unpack_tar(archive: Path, tree: _Tree) -> None:
    with tarfile.open(archive, "r:*") as bundle:
        for member in bundle:
            tree.count(member.size)
            if member.isreg() and (content := bundle.extractfile(member)) is not None:
                tree.write(member.name, content)


def _unpack_zip(archive: Path, tree: _Tree) -> None:
    with zipfile.ZipFile(archive) as bundle:
        for member in bundle.infolist():
            tree.count(member.file_size)
            if not member.is_dir() and not stat.S_ISLNK(member.external_attr >> 16):
                with bundle.open(member) as content:  # gives `file_size` bytes at most
                    tree.write(member.filename, content)
