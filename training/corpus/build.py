"""The corpus, step by step: gather, compare with the benchmarks, remove duplicates, write the list of files."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from indexer.errors import StorageError
from training.corpus.catalogue import Package, Split
from training.corpus.contamination import MAX_PASSAGES, BenchmarkIndex
from training.corpus.duplicates import Duplicate, Print, find_duplicates
from training.corpus.fingerprint import code_of, passages, signature
from training.corpus.select import language_of_file, reason_by_content, reason_by_path
from training.corpus.sources import (
    Listing,
    in_environment,
    in_npm_archive,
    in_standard_library,
    in_wheel,
    installed_digest,
    installed_version,
)


class CorpusFile(msgspec.Struct, frozen=True):
    """One line of `files.jsonl`."""

    package: str  # the folder below packages/
    path: str  # in that folder
    language: str  # the indexer's name
    bytes: int
    split: Split

    @property
    def key(self) -> str:
        return f"{self.package}/{self.path}"


@dataclass(slots=True)
class Gathered:
    """What was taken of a package, before files are compared with each other."""

    package: Package
    files: list[CorpusFile] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)  # reason of `select.REASONS` -> files
    note: str = ""  # why nothing was taken, or what differs from the catalogue

    @property
    def modules(self) -> set[str]:
        """The names at its top that Python code imports."""
        return {
            file.path.partition("/")[0].removesuffix(".py")
            for file in self.files
            if file.language == "python"
        }


@dataclass(frozen=True, slots=True)
class Contaminated:
    """A file that is left out for what it shares with a benchmark."""

    file: CorpusFile
    passages: int  # sampled ones that both have


@dataclass(frozen=True, slots=True)
class Compared:
    """What is left after the comparisons, and what is not."""

    files: list[CorpusFile]
    contaminated: list[Contaminated]
    touched: int  # files that stay though they share a little with a benchmark
    duplicates: list[Duplicate]


def gather(package: Package, archive: Path | None, packages: Path) -> Gathered:
    """Write the package's files that are taken to `packages/<folder>/` and say which they are.

    Files of an earlier run that are not taken any more are removed. Raises UsageError for a damaged or hostile
    archive and for what is not installed, StorageError if the folder cannot be written.
    """
    gathered = Gathered(package, note=_difference(package))
    listing = _listing(package, archive, gathered.left_out)
    if (
        package.kind != "stdlib" and not listing.has_licence
    ):  # the interpreter's own stands wherever its packager put it
        gathered.note = "carries no text of a licence: nothing was taken"
        return gathered
    root = packages / package.folder
    for path, data in listing.members:
        language = language_of_file(path, data)
        reason = reason_by_content(data) if language else "language"
        if reason:
            gathered.left_out[reason] += 1
            continue
        _write(root / path, data)
        gathered.files.append(CorpusFile(package.folder, path, language, len(data), package.split))
    _remove_others(root, {file.path for file in gathered.files})
    return gathered


def compare(files: list[CorpusFile], packages: Path, benchmarks: BenchmarkIndex) -> Compared:
    """Leave out what a benchmark holds, then what the corpus holds twice."""
    prints, contaminated, touched = [], [], 0
    for number, file in enumerate(files, 1):
        code = code_of((packages / file.key).read_bytes().decode("utf-8"))
        found = passages(code)
        overlap = benchmarks.overlap(found)
        if overlap > MAX_PASSAGES:
            contaminated.append(Contaminated(file, overlap))
        else:
            touched += overlap > 0
            prints.append(Print(file.key, file.split, hashlib.sha256(code).digest(), signature(code), found))
        if number % 1000 == 0:
            progress(f"compared {number:,} of {len(files):,} files")
    duplicates = find_duplicates(prints)
    gone = {one.file.key for one in contaminated} | {one.key for one in duplicates}
    return Compared([file for file in files if file.key not in gone], contaminated, touched, duplicates)


def write_list(files: Iterable[msgspec.Struct], target: Path) -> None:
    """One object a line, replaced at once. Raises StorageError."""
    part = target.with_suffix(".part")
    try:
        with part.open("wb") as out:
            out.writelines(msgspec.json.encode(file) + b"\n" for file in files)
        part.replace(target)
    except OSError as error:
        raise StorageError(
            f"corpus: {target}: {error.strerror}: free some space or name another folder"
        ) from error


def progress(words: str) -> None:
    """A line for who waits."""
    sys.stderr.write(f"corpus: {words}\n")


def _difference(package: Package) -> str:
    """What an installed package is that the catalogue does not say; the recipe goes on with it."""
    if package.kind != "installed":
        return ""
    version = installed_version(package.name)
    if version != package.version:
        return f"installed at {version}, the catalogue's is {package.version}"
    return (
        "" if installed_digest(package.name) == package.sha256 else "files differ from those of the catalogue"
    )


def _listing(package: Package, archive: Path | None, left_out: Counter[str]) -> Listing:
    def wanted(path: str) -> bool:
        reason = reason_by_path(path) or ("" if language_of_file(path, b"") else "language")
        if not reason and ((package.keep and not _any(path, package.keep)) or _any(path, package.leave_out)):
            reason = "data"
        if reason:
            left_out[reason] += 1
        return not reason

    if package.kind == "installed":
        return in_environment(package.name, wanted)
    if archive is None:
        return in_standard_library(wanted)
    return (in_wheel if package.kind == "wheel" else in_npm_archive)(archive, wanted)


def _any(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _write(target: Path, data: bytes) -> None:
    try:
        if target.is_file() and target.read_bytes() == data:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except OSError as error:
        raise StorageError(
            f"corpus: {target}: {error.strerror}: free some space or name another folder"
        ) from error


def _remove_others(root: Path, taken: set[str]) -> None:
    for folder, names, files in os.walk(root, topdown=False):
        place = Path(folder)
        for name in files:
            if str((place / name).relative_to(root)) not in taken:
                (place / name).unlink()
        if not names and not any(place.iterdir()):
            shutil.rmtree(place)
