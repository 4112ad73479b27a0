"""The files that tasks are made of, as the index would read them: no links, no secrets, nothing generated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from eval.mining.holes import SUPPORTED
from indexer.analyze import reason_by_content
from indexer.languages import language_in, language_of
from indexer.reading import UnreadableError, read_file
from indexer.secrets import mask
from indexer.types import Skip
from indexer.walk import WalkOptions, walk
from retrieval.fuse import is_side

FAMILIES: dict[str, str] = {"tsx": "typescript", "cpp": "c"}
"""Languages whose files belong to one program -> the name that they go by; others go by their own."""

_TEST_FOLDERS = frozenset({"__tests__", "spec", "specs", "testdata", "fixtures", "e2e", "mocks", "__mocks__"})
_TEST_NAME = re.compile(
    r"conftest\.py|test_.*|.*[._-](test|tests|spec)\.[a-z]+|.*[a-z0-9](Test|Tests|Spec|IT)\.[a-z]+"
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: `data` as it is on disk, `text` with its secrets masked, decoded; both have the same lines."""

    path: str
    language: str
    data: bytes
    text: str
    is_aside: bool  # test, example or vendored: used only where there is nothing else


def family_of(language: str) -> str:
    """The name that a language's tasks go by."""
    return FAMILIES.get(language, language)


def languages_below(root: Path, options: WalkOptions) -> Counter[str]:
    """Bytes of source in each supported language family. Nothing is opened. Raises OSError."""
    sizes: Counter[str] = Counter()
    for found in walk(root, options=options):
        if isinstance(found, Skip):
            continue
        language = language_of(found.path)
        if language is not None and language.name in SUPPORTED:
            sizes[family_of(language.name)] += found.size
    return sizes


def read_sources(
    root: Path, family: str, options: WalkOptions, left_out: Counter[str]
) -> Iterator[SourceFile]:
    """The files of a family, in a stable order; `left_out` counts the others by reason. Raises OSError."""
    for found in walk(root, options=options):
        named = None if isinstance(found, Skip) else language_of(found.path)
        if isinstance(found, Skip) or named is None or family_of(named.name) != family:
            continue
        try:
            data, _ = read_file(root, found.path, options.max_file_bytes)
        except UnreadableError as error:
            left_out[error.reason] += 1
            continue
        reason = reason_by_content(data)
        try:
            text = mask(data).decode("utf-8")
        except UnicodeDecodeError:
            reason = reason or "not-utf-8"
        if reason:
            left_out[reason] += 1
            continue
        language = language_in(found.path, data) or named
        yield SourceFile(found.path, language.name, data, text, is_aside(found.path))


def is_aside(path: str) -> bool:
    """Tests, examples and vendored code, by the customs of all languages."""
    place = PurePosixPath(path)
    folders = {part.lower() for part in place.parts[:-1]}
    return is_side(path) or not _TEST_FOLDERS.isdisjoint(folders) or bool(_TEST_NAME.fullmatch(place.name))
