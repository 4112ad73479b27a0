"""Which files of a repository are indexed. Every file that is not, and is not ignored by a rule, has a
named reason.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from indexer.ignore import (
    IGNORED_FOLDERS,
    OUTPUT_FOLDERS,
    IgnoreRules,
    folder_rules,
    reason_by_name,
    root_rules,
)
from indexer.reading import MAX_FILE_BYTES, Found, UnreadableError, found_from_stat, read_file
from indexer.types import Skip

__all__ = [
    "REASONS",
    "Found",
    "Listing",
    "UnreadableError",
    "WalkOptions",
    "list_folders",
    "read_file",
    "walk",
]

MAX_DEPTH = 200  # folders: deeper trees are made, not written

REASONS: dict[str, str] = {
    "too-large": "larger than the size limit",
    "binary": "not text: by its name, or a NUL byte in its content",
    "generated": "written by a program: lock file, minified, or marked @generated",
    "secret-file": "its name says that it holds secrets: never opened",
    "special-file": "not a regular file: device, socket or FIFO",
    "symlink": "a link: not followed",
    "unreadable": "could not be opened or read",
    "not-utf8-name": "its name is not valid UTF-8",
    "vanished": "gone between listing and reading",
    "changing": "changed while it was read, several times",
    "too-deep": "nested in too many folders",
    "poison": "ended its parse worker twice: left out until it changes, or `index --retry-skipped`",
    "parse-timeout": "took too long to parse: indexed as lines of text",
    "parse-memory": "took too much memory to parse: indexed as lines of text",
}


class WalkOptions(msgspec.Struct, frozen=True):
    """What the user may set about the walk."""

    max_file_bytes: int = MAX_FILE_BYTES
    ignore: tuple[str, ...] = ()  # more patterns, in the syntax of .gitignore, relative to the root


class Listing(NamedTuple):
    """One folder: what the walk takes of it. `rules` is None for the output of a tool, of which nothing is taken."""

    folder: str
    rules: IgnoreRules | None
    files: list[os.DirEntry[str]]  # not ignored; links and special files too
    skips: list[Skip]  # folders that are not entered


class Start(NamedTuple):
    """A folder that is to be listed."""

    folder: str
    outer: IgnoreRules  # those around it
    depth: int


def walk(root: Path, *, options: WalkOptions | None = None) -> Iterator[Found | Skip]:
    """All files below `root` in a stable order, without following links. Nothing but ignore files is opened.

    Raises OSError if `root` itself cannot be listed.
    """
    options = options or WalkOptions()
    for listing in list_folders(root, options):
        yield from entries_of(listing, options)


def entries_of(listing: Listing, options: WalkOptions) -> Iterator[Found | Skip]:
    """What a walk yields of one folder."""
    yield from listing.skips
    start = f"{listing.folder}/" if listing.folder else ""
    for entry in listing.files:
        yield _judge(start + entry.name, entry, options)


def list_folders(root: Path, options: WalkOptions, start: Start | None = None) -> Iterator[Listing]:
    """The folders below `start` that are not ignored, itself first. Raises as `walk` does.

    Without `start` it begins at the root ("").
    """
    pending = [start or start_at_root(root, options)]
    while pending:
        listing, folders = list_folder(root, pending.pop())
        yield listing
        pending.extend(reversed(folders))


def start_at_root(root: Path, options: WalkOptions) -> Start:
    return Start("", root_rules(root, options.ignore), 0)


def list_folder(root: Path, start: Start) -> tuple[Listing, list[Start]]:
    """One folder and those in it that are to be entered. Raises OSError if the root cannot be listed."""
    folder, outer, depth = start
    try:
        entries = _list_folder(root, folder)
    except OSError:
        if not folder:
            raise
        return Listing(folder, None, [], [Skip(folder, "unreadable")]), []
    names = [entry.name for entry in entries]
    if folder and _is_tool_output(folder, names):
        return Listing(folder, None, [], []), []
    rules = folder_rules(root, folder, names, outer)
    before = f"{folder}/" if folder else ""
    folders: list[Start] = []
    listing = Listing(folder, rules, [], [])
    for entry in entries:
        path = before + entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name in IGNORED_FOLDERS or rules.ignores(path, True):
                continue
            if depth >= MAX_DEPTH or not _is_utf8(entry.name):
                reason = "too-deep" if depth >= MAX_DEPTH else "not-utf8-name"
                listing.skips.append(Skip(path, reason))
            else:
                folders.append(Start(path, rules, depth + 1))
        elif not rules.ignores(path, False):
            listing.files.append(entry)
    return listing, folders


def _is_tool_output(folder: str, names: list[str]) -> bool:
    """A virtual environment of any name; a `build` or `dist` that is not a package of that name."""
    is_output = folder.rpartition("/")[2] in OUTPUT_FOLDERS and "__init__.py" not in names
    return is_output or "pyvenv.cfg" in names


def _list_folder(root: Path, folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(root / folder if folder else root) as listing:
        return sorted(listing, key=lambda entry: entry.name)


def _judge(path: str, entry: os.DirEntry[str], options: WalkOptions) -> Found | Skip:
    if entry.is_symlink():
        return Skip(path, "symlink")
    reason = reason_by_name(entry.name)
    if reason:
        return Skip(path, reason)
    if not _is_utf8(entry.name):
        return Skip(path, "not-utf8-name")
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return Skip(path, "vanished")
    if not stat.S_ISREG(status.st_mode):
        return Skip(path, "special-file")
    if status.st_size > options.max_file_bytes:
        return Skip(path, "too-large")
    return found_from_stat(path, status)


def _is_utf8(name: str) -> bool:
    """Whether the name has no surrogates, which neither msgpack nor JSON can carry."""
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)
