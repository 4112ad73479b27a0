"""The files of the repository as the tree shows them: by folder, with the reason for those that are not
indexed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repocoder.config import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the tree. `reason` says why a file is not indexed, "" if it is."""

    path: str
    folder: bool = False
    reason: str = ""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Listing:
    """Folder ("" is the root) -> what is in it, folders first, by name. Ignored files are absent."""

    folders: dict[str, tuple[Entry, ...]]
    reasons: dict[str, str] = field(default_factory=dict)  # path -> why it is not indexed


def list_files(root: Path, settings: Settings, stop: Callable[[], bool]) -> Listing | None:
    """Walk the repository; None if `stop` said so on the way."""
    from indexer.types import Skip  # here: the first paint does not wait for what walks
    from indexer.walk import WalkOptions, walk

    options = WalkOptions(max_file_bytes=settings.max_file_bytes, ignore=settings.exclude)
    found: dict[str, list[Entry]] = {"": []}
    reasons: dict[str, str] = {}
    for item in walk(root, options=options):
        if stop():
            return None
        reason = item.reason if isinstance(item, Skip) else ""
        if reason:
            reasons[item.path] = reason
        _add(found, Entry(item.path, reason=reason))
    return Listing({folder: _sorted(entries) for folder, entries in found.items()}, reasons)


def _add(found: dict[str, list[Entry]], entry: Entry) -> None:
    """Put the entry into its folder; folders that are new go into theirs."""
    while True:
        folder = entry.path.rpartition("/")[0]
        known = folder in found
        found.setdefault(folder, []).append(entry)
        if known:
            return
        entry = Entry(folder, folder=True)


def _sorted(entries: list[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: (not entry.folder, entry.name.lower(), entry.name)))
