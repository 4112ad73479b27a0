"""What the words of a command line mean: a repository, and a place in a file of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from repocoder.errors import UsageError
from repocoder.paths import find_root

_POSITIONS = (
    re.compile(r"(.+):([0-9]{1,9}):([0-9]{1,9})", re.DOTALL),
    re.compile(r"(.+):([0-9]{1,9})", re.DOTALL),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor. `path` is relative to `root`; `line` counts from 1; `column` None is the end of the line."""

    root: Path
    path: str
    line: int
    column: int | None


@dataclass(frozen=True, slots=True)
class _Position:
    file: str
    line: int
    column: int | None


def repository(given: str | None) -> Path:
    """The root of the repository: `given` itself, else the one around the current folder."""
    if given is not None:
        if not _is_folder(given):
            raise UsageError(f"no such repository: {given}: give a folder")
        return Path(os.path.realpath(given))
    return _around(Path.cwd())


def parse_place(given: str, repo: str | None, *, must_exist: bool = True) -> Place:
    """FILE:LINE[:COL] as a place in its repository. A name may hold colons; the file that exists decides."""
    readings = [
        _Position(match[1], int(match[2]), int(match[3]) if match.re.groups == 3 else None)
        for match in (pattern.fullmatch(given) for pattern in _POSITIONS)
        if match is not None
    ]
    if not readings:
        raise UsageError(f"no position: {given}: give FILE:LINE or FILE:LINE:COL")
    for reading in readings:
        if any(_exists(candidate) for candidate in _candidates(reading.file, repo)):
            root, path = locate(reading.file, repo)
            return Place(root, path, reading.line, reading.column)
    if must_exist:
        raise UsageError(f"no such file: {readings[0].file}: give a file that exists, and LINE after a colon")
    root, path = locate(readings[0].file, repo)
    return Place(root, path, readings[0].line, readings[0].column)


def locate(file: str, repo: str | None) -> tuple[Path, str]:
    """The root and the path relative to it of `file`, which is looked up here and then in `repo`."""
    candidates = _candidates(file, repo)
    root = repository(repo) if repo is not None else _holder(Path(candidates[0]))
    inside = [place for place in candidates if _is_below(place, root)]
    if not inside:
        raise UsageError(
            f"outside of the repository: {file}: {root} does not hold it; name another with --repo"
        )
    chosen = next(filter(_exists, inside), inside[0])
    return root, os.path.relpath(chosen, root)


def _candidates(file: str, repo: str | None) -> list[str]:
    here = os.path.realpath(file)
    return [here] if repo is None else [here, os.path.realpath(Path(repo, file))]


def _holder(file: Path) -> Path:
    """The repository of a file: the one around it, else the current folder, else the folder of the file."""
    root = find_root(file.parent)
    if not (root / ".git").exists() and _is_below(str(file), here := Path(os.path.realpath(Path.cwd()))):
        return _around(here)
    return _around(file.parent)


def _around(folder: Path) -> Path:
    """The repository around `folder`; never a whole home folder or file system that nobody named."""
    root = find_root(folder)
    if not (root / ".git").exists() and root in (Path.home(), Path("/")):
        raise UsageError(
            f"no repository here: {folder}: go into one, or name the folder to index it all the same"
        )
    return root


def _exists(place: str) -> bool:
    try:
        Path(place).stat()
    except OSError:
        return False
    return True


def _is_folder(place: str) -> bool:
    return _exists(place) and Path(place).is_dir()


def _is_below(place: str, root: Path) -> bool:
    return Path(place) != root and Path(place).is_relative_to(root)
