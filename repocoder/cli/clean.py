"""`clean`: removes the index of one repository, and nothing that is not an index."""

from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path

import click

from repocoder.cli.options import Command, repo_argument
from repocoder.cli.place import repository
from repocoder.cli.show import out
from repocoder.errors import IndexFailedError, StorageError, UsageError
from repocoder.paths import index_dir
from repocoder.terminal import safe

_OURS = re.compile(
    r"(?:index|first)\.sqlite.*|(?:seal|poison|choices|gate)\.json.*|gate-labels\.jsonl|lock|generations|memory"
)
"""All that an index folder ever holds. Anything else in it is not ours, and stays."""


@click.command(cls=Command)
@repo_argument
def clean(repo: str | None) -> None:
    """Remove the index of a repository.

    REPO may be the path of a repository that is gone.
    """
    root = Path(os.path.realpath(repo)) if repo is not None else repository(None)
    directory = index_dir(root)
    if not os.path.lexists(directory):
        if not root.is_dir():
            raise UsageError(f"no such repository: {root}: it has no index either")
        out(f"{safe(str(root))}: there is no index")
        return
    check_is_index(directory)
    size = sum(place.stat().st_size for place in directory.rglob("*") if place.is_file())
    has_choices = (directory / "choices.json").exists()
    remove_index(directory)
    pins = " and what was pinned" if has_choices else ""
    out(f"{safe(str(root))}: removed its index ({size / 1e6:.1f} MB){pins}")


def check_is_index(directory: Path) -> None:
    """Raise IndexFailedError unless `directory` is a folder of ours that holds an index and nothing else."""
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode):
        raise IndexFailedError(f"not an index folder: {directory}: it is a link or a file; remove it by hand")
    if found.st_uid != os.geteuid():
        raise IndexFailedError(f"not your index: {directory}: it belongs to another user")
    strange = sorted(name for name in os.listdir(directory) if not _OURS.fullmatch(name))
    if strange:
        raise IndexFailedError(f"not only an index: {directory}: it holds {strange[0]!r}; remove it by hand")


def remove_index(directory: Path) -> None:
    """Remove an index folder. Raises LockedError while an indexer works on it."""
    from indexer.lock import writer_lock

    with writer_lock(directory):
        leaving = directory.with_name(f".{directory.name}.removed-{os.getpid()}")
        try:
            directory.rename(leaving)  # at once, so that a reader sees the index or none
            shutil.rmtree(leaving)
        except OSError as error:
            raise StorageError(
                f"cannot remove: {directory}: {error.strerror}: check its permissions"
            ) from error
