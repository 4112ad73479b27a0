"""The repositories of a benchmark: folders that are there, or archives that are unpacked when first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eval.datasets.archives import SUFFIXES, unpacked
from eval.types import Task
from repocoder.errors import StorageError, UsageError


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Implements `eval.types.Sources`. Folders are asked before archives, each in order."""

    benchmark: str
    folders: tuple[Path, ...]  # which hold one folder for each repository
    archives: tuple[Path, ...]
    inner: str  # folder in an archive that holds the repositories; they may also be at its top
    advice: str  # what to do when a repository is not there

    def find(self, repository: str) -> Path | None:
        """The unpacked repository, None if the data does not have it."""
        if not _is_name(repository):
            return None
        for folder in self.folders:
            if (place := folder / repository).is_dir():
                return place
        for archive in self.archives:
            tree = unpacked(archive)
            for place in (tree / self.inner / repository, tree / repository):
                if place.is_dir():
                    return place
        return None

    def folder(self, repository: str) -> Path:
        """The unpacked repository. Raises UsageError if the data does not have it."""
        if (place := self.find(repository)) is None:
            raise UsageError(f"{self.benchmark}: no sources of {repository}: {self.advice}")
        return place


def archives_in(folder: Path, stem: str) -> tuple[Path, ...]:
    """Archives of a folder whose names begin with `stem`, in order of name."""
    found = (path for path in folder.glob(f"{stem}*") if path.name.endswith(SUFFIXES) and path.is_file())
    return tuple(sorted(found))


def read_source(path: Path) -> str:
    """A source file as text, without a byte order mark; line ends stay as they are.

    Raises UsageError if it is not there or not UTF-8, StorageError if it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"source file: {path}: not UTF-8 ({error}): get the sources again") from error
    except FileNotFoundError as error:
        raise UsageError(f"source file: {path}: not in the sources: get them again") from error
    except OSError as error:
        raise StorageError(
            f"source file: {path}: {error.strerror or error}: check that it can be read"
        ) from error


def target_text(folder: Path, task: Task) -> str:
    """The file of a task, in the folder of its repository: what `prefix + truth + suffix` must equal.

    Raises as `read_source`.
    """
    return read_source(folder / task.path)


def _is_name(repository: str) -> bool:
    return repository not in ("", ".", "..") and "/" not in repository and "\0" not in repository
