"""Where a copy of the benchmarks keeps what: our layout, one benchmark of it alone, and the official ones.

DIR/repoeval/datasets/*.test.jsonl*           DIR/crosscodeeval/<language>/line_completion*.jsonl*
DIR/repoeval/repositories/…                   DIR/crosscodeeval/<language>/repositories.tar.xz
DIR/datasets, DIR/repositories                DIR/<language>/…, or DIR is that folder
DIR/RepoCoder/datasets/datasets.zip, …        DIR/data/crosscodeeval_data.tar.xz, DIR/crosscodeeval_data/…
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from eval.datasets.archives import benchmarks_dir, unpacked
from eval.datasets.records import find_file
from eval.datasets.sources import Snapshots, archives_in
from repocoder.errors import UsageError

VARIABLE = "REPOCODER_BENCHMARKS"
"""Environment variable that names the folder with the benchmarks."""

_ADVICE = "get it with `repocoder eval fetch`, or name a copy with --data DIR"


@dataclass(frozen=True, slots=True)
class Place:
    """A task file that was found, and the sources that lie near it."""

    tasks: Path
    sources: Snapshots


def data_folder(data: Path | None) -> Path:
    """The folder to look in: what the user named, else `$REPOCODER_BENCHMARKS`, else what was fetched.

    Raises UsageError if there is none.
    """
    if data is not None:
        named, folder = "data", data
    elif value := os.environ.get(VARIABLE):
        named, folder = f"data (from {VARIABLE})", Path(value)
    else:
        named, folder = "benchmarks", benchmarks_dir()
    if not folder.is_dir():
        raise UsageError(f"{named}: {folder}: no such folder: {_ADVICE}")
    return folder.absolute()


def find_repoeval(data: Path, benchmark: str, level: str, files: tuple[str, ...]) -> Place:
    """The first of the task files `files`, and the repositories of `level`. Raises UsageError if none is there."""
    for name in files:
        for base in (data / "repoeval", data, data / "RepoCoder"):
            if (tasks := _repoeval_file(base, name)) is not None:
                repositories = base / "repositories"
                sources = Snapshots(
                    benchmark,
                    folders=(repositories / level, repositories / level / level, repositories),
                    archives=archives_in(repositories, level),
                    inner=level,
                    advice=_ADVICE,
                )
                return Place(tasks, sources)
    raise _absent(benchmark, data)


def _repoeval_file(base: Path, name: str) -> Path | None:
    folders = (base / "datasets", base)
    for folder in folders:
        if (found := find_file(folder, name)) is not None:
            return found
    for folder in folders:
        if (bundle := folder / "datasets.zip").is_file():
            tree = unpacked(bundle)
            found = find_file(tree, name) or find_file(tree / "datasets", name)
            if found is not None:
                return found
    return None


def find_crosscodeeval(data: Path, benchmark: str, language: str) -> Place:
    """The task file of a language, and its repositories where they are. Raises UsageError if it is not there."""
    for folder in _crosscodeeval_folders(data, language):
        if (tasks := find_file(folder, "line_completion.jsonl")) is not None:
            sources = Snapshots(
                benchmark,
                folders=(folder / "repositories", folder / "repositories" / language),
                archives=archives_in(folder, "repositories"),
                inner=language,
                advice="the official CrossCodeEval has none: name a copy that has repositories.tar.xz with --data DIR",
            )
            return Place(tasks, sources)
    raise _absent(benchmark, data)


def _crosscodeeval_folders(data: Path, language: str) -> list[Path]:
    """Where the task file may lie; an archive is unpacked only if no folder will do."""
    bases = (data / "crosscodeeval", data, data / "data")
    folders = [base / inner / language for base in bases for inner in ("", "crosscodeeval_data")]
    folders.append(data)
    if any(find_file(folder, "line_completion.jsonl") for folder in folders):
        return folders
    bundles = [base / "crosscodeeval_data.tar.xz" for base in bases]
    trees = [unpacked(bundle) for bundle in bundles if bundle.is_file()]
    return [tree / inner / language for tree in trees for inner in ("crosscodeeval_data", "")]


def _absent(benchmark: str, data: Path) -> UsageError:
    return UsageError(f"benchmark: {benchmark}: not in {data}: {_ADVICE}")
