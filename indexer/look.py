"""A walk of a few places: what `indexer.walk` would say of them, without looking at the rest of the repository."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from indexer.ignore import IGNORE_FILES, OUTPUT_FOLDERS
from indexer.reading import Found
from indexer.types import Skip
from indexer.walk import Listing, Start, WalkOptions, entries_of, list_folder, list_folders, start_at_root

# What decides about the whole folder that it lies in.
_DECISIVE = frozenset({"__init__.py", "pyvenv.cfg"})


def places_of(changed: Collection[str]) -> tuple[str, ...] | None:
    """The places that must be looked at if these paths changed, none below another; None: all of the repository.

    Paths are relative to the root, with `/` between their parts.
    """
    places: set[str] = set()
    for path in changed:
        folder, _, name = path.rpartition("/")
        if not path or name in IGNORE_FILES or path.startswith(".git/info"):
            return None
        is_decisive = name in _DECISIVE and (
            name != "__init__.py" or folder.rpartition("/")[2] in OUTPUT_FOLDERS
        )
        if is_decisive and not folder:
            return None
        places.add(folder if is_decisive else path)
    return tuple(sorted(place for place in places if not any(outer in places for outer in _outer(place))))


def _outer(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def look(root: Path, places: Collection[str], options: WalkOptions) -> Iterator[Found | Skip]:
    """What `walk` yields of these places (see `places_of`) and below them. Raises as it does."""
    looker = _Looker(root, options)
    for place in places:
        yield from looker.look(place)


class _Looker:
    """Goes down from the root to each place by the same steps as the walk, and lists each folder once."""

    def __init__(self, root: Path, options: WalkOptions) -> None:
        self._root = root
        self._options = options
        self._listed: dict[str, tuple[Listing, list[Start]]] = {}

    def look(self, place: str) -> Iterator[Found | Skip]:
        start: Start | None = start_at_root(self._root, self._options)
        name = place.rpartition("/")[2]
        for folder in [*reversed(list(_outer(place))), place]:
            assert start is not None
            listing, inner = self._list(start)
            files = [entry for entry in listing.files if folder == place and entry.name == name]
            skips = [
                skip for skip in listing.skips if skip.path == folder or place.startswith(f"{skip.path}/")
            ]
            yield from entries_of(listing._replace(files=files, skips=skips), self._options)
            start = next((one for one in inner if one.folder == folder), None)
            if start is None:
                return
        for below in list_folders(self._root, self._options, start):
            yield from entries_of(below, self._options)

    def _list(self, start: Start) -> tuple[Listing, list[Start]]:
        known = self._listed.get(start.folder)
        if known is None:
            known = self._listed[start.folder] = list_folder(self._root, start)
        return known
