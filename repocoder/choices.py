"""What a user pinned or excluded: places that completions always show, and places that they never show.

For the session, or for the repository: then in one JSON file in the folder of the index, never in the repository.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from indexer import disk
from repocoder.errors import UsageError
from retrieval.types import Place

FILE = "choices.json"
VERSION = 1

MAX_CHOICES = 200
"""Of one scope: a hundred times what a prompt holds."""

MAX_FILE_BYTES = 1 << 20
MAX_PLACE = 1000  # characters

Action = Literal["pin", "exclude"]
Scope = Literal["session", "project"]

_SYMBOL = re.compile(r"(.+)::([^:\s]+)", re.DOTALL)
_LINES = re.compile(r"(.+):([0-9]{1,9})(?:-([0-9]{1,9}))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Choice:
    """One place that is pinned or excluded."""

    place: Place
    action: Action
    scope: Scope


class _Entry(msgspec.Struct, frozen=True):
    place: str
    action: Action
    mark: str = ""  # see `retrieval.types.Place`


class _Content(msgspec.Struct, frozen=True):
    version: int
    choices: tuple[_Entry, ...]


def parse_place(text: str) -> Place:
    """`path`, `path:start-end` (or `path:line`) or `path::qualname`, the path relative to the repository's root.

    Raises UsageError for what cannot be inside the repository.
    """
    place = split_place(text)
    parts = place.path.split("/")
    if len(text) > MAX_PLACE or any(part in ("", ".", "..") for part in parts) or not _is_plain(text):
        raise UsageError(f"not inside the repository: {text[:MAX_PLACE]}: give a path below its root")
    return place


def split_place(text: str) -> Place:
    """The parts of a place as it is written, wherever its path leads. Raises UsageError for lines that cannot be."""
    if match := _SYMBOL.fullmatch(text):
        return Place(match[1], match[2])
    if match := _LINES.fullmatch(text):
        first, last = int(match[2]), int(match[3] or match[2])
        if not 1 <= first <= last:
            raise UsageError(f"no such lines: {text}: give START-END, both from 1, the smaller one first")
        return Place(match[1], lines=(first, last))
    return Place(text)


class Choices:
    """The choices for one repository. Any thread may call; what other processes change is seen at the next call."""

    def __init__(
        self,
        directory: Path,
        notes: list[str] | None = None,
        mark_of: Callable[[Place], str] = lambda _: "",
    ) -> None:
        """`directory` is the index's; nothing is read or made before it is needed. `notes` gets lines for the user.
        `mark_of` gives the marks by which chosen lines are found again.
        """
        self._directory = directory
        self._file = directory / FILE
        self._notes = [] if notes is None else notes
        self._mark_of = mark_of
        self._session: dict[Place, Action] = {}
        self._project: dict[Place, Action] = {}
        self._state: tuple[int, int, int] | None = None  # of the file as it was read last
        self._lock = threading.RLock()

    def pin(self, place: str, scope: Scope = "session") -> Choice:
        """Show a place in every prompt, as far as there is room. Raises UsageError; for the project StorageError."""
        return self._put(place, "pin", scope)

    def exclude(self, place: str, scope: Scope = "session") -> Choice:
        """Never show a place. Raises as `pin`."""
        return self._put(place, "exclude", scope)

    def clear(self, place: str) -> bool:
        """Forget what was chosen for a place, in both scopes; whether there was something. Raises as `pin`."""
        wanted = parse_place(place)
        with self._lock:
            known = self._session.pop(wanted, None) is not None
            self._refresh()
            if wanted in self._project:
                with self._change() as project:
                    known = project.pop(wanted, None) is not None or known
            return known

    def items(self) -> tuple[Choice, ...]:
        """All choices, those of the session first, each scope in the order in which it was chosen."""
        with self._lock:
            self._refresh()
            session = [Choice(place, action, "session") for place, action in self._session.items()]
            project = [Choice(place, action, "project") for place, action in self._project.items()]
            return (*session, *project)

    def places(self, action: Action) -> tuple[Place, ...]:
        """The places for which an action holds. For one place the session's word counts, not the project's."""
        with self._lock:
            self._refresh()
            holds = {**self._session, **{p: a for p, a in self._project.items() if p not in self._session}}
            return tuple(place for place, chosen in holds.items() if chosen == action)

    # ---- changes

    def _put(self, place: str, action: Action, scope: Scope) -> Choice:
        wanted = parse_place(place)
        if wanted.lines is not None:
            wanted = replace(wanted, mark=self._mark_of(wanted))
        with self._lock:
            if scope == "session":
                _set(self._session, wanted, action)
            else:
                with self._change() as project:
                    _set(project, wanted, action)
                self._session.pop(wanted, None)  # the newer word is the one that counts
        return Choice(wanted, action, scope)

    @contextlib.contextmanager
    def _change(self) -> Iterator[dict[Place, Action]]:
        """The choices of the project as they are now, written back at the end; one process at a time."""
        with disk.translated(self._file):
            disk.prepare_folder(self._directory)
            folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                self._refresh()
                changed = dict(self._project)
                yield changed
                self._write(changed)
                self._refresh()
            finally:
                os.close(folder)

    def _write(self, chosen: dict[Place, Action]) -> None:
        entries = tuple(_Entry(str(place), action, place.mark) for place, action in chosen.items())
        part = self._file.with_name(f"{FILE}.part")
        disk.remove(part)  # left by a process that died while it held the lock
        disk.create_file(part, msgspec.json.format(msgspec.json.encode(_Content(VERSION, entries))))
        disk.rename(part, self._file)

    # ---- the file

    def _refresh(self) -> None:
        """Read the file if it is another one than last time."""
        try:
            status = self._file.lstat()
        except OSError:
            self._project, self._state = {}, None
            return
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        if state != self._state:
            self._project, self._state = self._read(), state

    def _read(self) -> dict[Place, Action]:
        """What the file says; one that cannot be read is set aside with a note."""
        try:
            file = os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(file, "rb") as opened:
                data = opened.read(MAX_FILE_BYTES + 1)
            if len(data) > MAX_FILE_BYTES:
                raise ValueError(f"larger than {MAX_FILE_BYTES >> 20} MiB")
            content = msgspec.json.decode(data, type=_Content)
            if content.version != VERSION:
                raise ValueError(f"of version {content.version}, not {VERSION}")
            entries = content.choices[:MAX_CHOICES]
            return {replace(parse_place(entry.place), mark=entry.mark): entry.action for entry in entries}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError, msgspec.MsgspecError, UsageError) as error:
            self._set_aside(str(error))
            return {}

    def _set_aside(self, reason: str) -> None:
        aside = self._file.with_name(f"{FILE}.damaged")
        with contextlib.suppress(OSError):
            disk.replace(self._file, aside)
        self._notes.append(
            f"choices: {self._file}: {reason}: set aside as {aside.name}, pin and exclude again"
        )


def _set(chosen: dict[Place, Action], place: Place, action: Action) -> None:
    if place not in chosen and len(chosen) >= MAX_CHOICES:
        raise UsageError(f"too many choices: {place}: {MAX_CHOICES} are kept, remove one first")
    chosen.pop(place, None)  # what was chosen last stands last
    chosen[place] = action


def _is_plain(text: str) -> bool:
    """One line that JSON can carry."""
    return text.isprintable() and not any("\ud800" <= character <= "\udfff" for character in text)
