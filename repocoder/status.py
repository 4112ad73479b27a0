"""The index of a repository as it is on disk."""

from __future__ import annotations

from pathlib import Path

from indexer.types import Skip
from repocoder.sessions import Sessions
from repocoder.types import IndexStatus


def status_of(root: Path, directory: Path, sessions: Sessions, *, look: bool = True) -> IndexStatus:
    """What is indexed, what was skipped, and whether files changed since; that is False where not to `look`."""
    files = chunks = symbols = edges = generation = 0
    skips: tuple[Skip, ...] = ()
    exists = sessions.exists
    if exists:
        with sessions.lease() as session:
            counts = session.snapshot.counts()
            files, chunks = counts["files"], counts["chunks"]
            symbols, edges = counts["symbols"], counts["edges"]
            skips = session.snapshot.skips()
            generation = session.snapshot.generation
    return IndexStatus(
        root=str(root),
        directory=str(directory),
        exists=exists,
        stale=not exists or (look and sessions.indexer.is_stale()),
        generation=generation,
        files=files,
        chunks=chunks,
        symbols=symbols,
        edges=edges,
        bytes_on_disk=_bytes_below(directory),
        skips=skips,
    )


def _bytes_below(directory: Path) -> int:
    return sum(map(_bytes_of, directory.rglob("*")))


def _bytes_of(place: Path) -> int:
    try:
        return place.stat().st_size if place.is_file() else 0
    except OSError:  # a build that is running has replaced it
        return 0
