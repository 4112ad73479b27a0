"""The files of a package, wherever they are: in a wheel, in an npm archive, installed, in the standard library.

Archives are not trusted: what is a link, a device, or names a place outside is an error or is passed over, and
nothing is unpacked that was not asked for.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import stat
import sysconfig
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from repocoder.errors import UsageError

MAX_MEMBERS = 50_000  # of one archive; the largest here has 9,000
MAX_UNPACKED = 1 << 30  # bytes that the members read from one archive may have together

LICENCE_FILE = re.compile(r"(?i)(?:^|/)(?:licen[cs]es?|copying|notice|copyright)(?:[._-][^/]*)?(?:/[^/]+)?$")

Wanted = Callable[[str], bool]
"""Whether the file at a path in the package is to be read."""


class Member(NamedTuple):
    """A file of a package."""

    path: str  # relative, with slashes
    data: bytes


class Listing(NamedTuple):
    """What a package has, and those of its files that were asked for, read when they are needed."""

    paths: tuple[str, ...]
    members: Iterator[Member]

    @property
    def has_licence(self) -> bool:
        """Whether it carries the text of a licence."""
        return any(LICENCE_FILE.search(path) for path in self.paths)


def in_wheel(archive: Path, wanted: Wanted) -> Listing:
    """The files of a wheel. Raises UsageError if it is damaged or hostile, here or while members are read."""
    with _guard(archive), zipfile.ZipFile(archive) as bundle:
        entries = [entry for entry in bundle.infolist() if not entry.is_dir()]
    _check(archive, [entry.filename for entry in entries])
    regular = [entry for entry in entries if not stat.S_ISLNK(entry.external_attr >> 16)]
    chosen = [entry for entry in regular if wanted(entry.filename)]
    _check_size(archive, sum(entry.file_size for entry in chosen))

    def members() -> Iterator[Member]:
        with _guard(archive), zipfile.ZipFile(archive) as bundle:
            for entry in chosen:
                with bundle.open(entry) as file:  # gives `file_size` bytes at most
                    yield Member(entry.filename, file.read())

    return Listing(tuple(entry.filename for entry in regular), members())


def in_npm_archive(archive: Path, wanted: Wanted) -> Listing:
    """The files of an npm archive without the folder around them. Raises UsageError as `in_wheel`."""
    with _guard(archive), tarfile.open(archive, "r:gz") as bundle:
        entries = [entry for entry in bundle if not entry.isdir()]
    _check(archive, [entry.name for entry in entries])
    regular = [entry for entry in entries if entry.isreg()]
    chosen = {entry.name for entry in regular if wanted(_inside(entry.name))}
    _check_size(archive, sum(entry.size for entry in regular if entry.name in chosen))

    def members() -> Iterator[Member]:
        with _guard(archive), tarfile.open(archive, "r:gz") as bundle:
            for entry in bundle:
                if entry.isreg() and entry.name in chosen and (file := bundle.extractfile(entry)) is not None:
                    yield Member(_inside(entry.name), file.read())

    return Listing(tuple(_inside(entry.name) for entry in regular), members())


def in_environment(name: str, wanted: Wanted) -> Listing:
    """The files of an installed distribution, those outside of site-packages left out.

    Raises UsageError if it is not installed.
    """
    distribution = _distribution(name)
    paths = [path for path in _recorded(distribution) if ".." not in PurePosixPath(path).parts]
    root = Path(str(distribution.locate_file("")))
    return Listing(tuple(paths), _files(root, [path for path in paths if wanted(path)]))


def installed_version(name: str) -> str:
    """The version of an installed distribution. Raises UsageError if it is not installed."""
    return _distribution(name).version


def installed_digest(name: str) -> str:
    """SHA-256 of the paths and digests that an installation recorded for its Python files, sorted.

    It does not depend on where or by what the distribution was installed. Raises UsageError if it is not installed.
    """
    whole = hashlib.sha256()
    for file in sorted(_distribution(name).files or [], key=str):
        if file.suffix == ".py" and file.hash is not None:
            whole.update(f"{file} {file.hash.mode}={file.hash.value}\n".encode())
    return whole.hexdigest()


def in_standard_library(wanted: Wanted, root: Path | None = None) -> Listing:
    """The files of the standard library of the running Python, without what is installed beside it."""
    root = root or Path(sysconfig.get_path("stdlib"))
    paths = [
        str(path.relative_to(root))
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink() and "site-packages" not in path.parts
    ]
    return Listing(tuple(paths), _files(root, [path for path in paths if wanted(path)]))


def _distribution(name: str) -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise UsageError(f"corpus: {name}: not installed: install the project with all its extras") from None


def _recorded(distribution: importlib.metadata.Distribution) -> list[str]:
    return sorted(str(file) for file in distribution.files or [])


def _files(root: Path, paths: list[str]) -> Iterator[Member]:
    for path in paths:
        place = root / path
        if place.is_file() and not place.is_symlink():
            yield Member(path, place.read_bytes())


def _inside(name: str) -> str:
    """A path in an npm archive without its first folder, `package/` as a rule."""
    return name.partition("/")[2] or name


def _check(archive: Path, names: list[str]) -> None:
    if len(names) > MAX_MEMBERS:
        raise UsageError(f"archive: {archive}: more than {MAX_MEMBERS} files: not a package of source code")
    for name in names:
        place = PurePosixPath(name)
        if not place.parts or place.is_absolute() or ".." in place.parts or "\\" in name or "\0" in name:
            raise UsageError(f"archive: {archive}: {name!r} would land outside: do not use this archive")


def _check_size(archive: Path, size: int) -> None:
    if size > MAX_UNPACKED:
        raise UsageError(f"archive: {archive}: more than {MAX_UNPACKED >> 30} GiB of sources: not a package")


class _guard:  # noqa: N801 # read as a verb: `with _guard(archive)`
    """Whatever a damaged archive raises becomes one line."""

    _DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)

    def __init__(self, archive: Path) -> None:
        self._archive = archive

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, self._DAMAGE) and not isinstance(error, UsageError):
            raise UsageError(f"archive: {self._archive}: damaged ({error}): fetch it again") from error
        if isinstance(error, OSError):
            raise UsageError(f"archive: {self._archive}: {error}: fetch it again") from error
