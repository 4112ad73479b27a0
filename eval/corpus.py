"""The files that the baselines search: all of one language, as the papers have it.

A repository of a benchmark is taken as it lies there. In a user's own repository the rules of the index hold: what it
ignores is not read, and what looks like a secret is masked before anything can show it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from indexer.languages import language_named, language_of
from indexer.reading import MAX_FILE_BYTES
from indexer.secrets import mask_text
from indexer.walk import Found, walk
from repocoder.published.retrieval import TOGETHER


def benchmark_files(root: Path, language: str) -> dict[str, str]:
    """Path -> text of every file with an extension of the language; bytes that are not UTF-8 are replaced."""
    suffixes = language_named(language).extensions
    places = (place for place in sorted(root.rglob("*")) if place.suffix in suffixes)
    return {
        place.relative_to(root).as_posix(): _text_of(place)
        for place in places
        if place.is_file() and not place.is_symlink() and place.stat().st_size <= MAX_FILE_BYTES
    }


def own_files(root: Path, language: str) -> dict[str, str]:
    """The same of what the index would hold, masked; with the languages that this one shares names with."""
    group = next((group for group in TOGETHER if language in group), frozenset({language}))
    found: dict[str, str] = {}
    for path in _walked(root, group):
        with suppress(OSError):  # it may have gone since, or may not be read
            found[path] = mask_text(_text_of(root / path))
    return found


def _walked(root: Path, languages: frozenset[str]) -> Iterator[str]:
    for entry in walk(root):
        known = language_of(entry.path) if isinstance(entry, Found) else None
        if known is not None and known.name in languages:
            yield entry.path


def _text_of(place: Path) -> str:
    return place.read_bytes().decode("utf-8-sig", "replace").replace("\r\n", "\n")
