"""The undo journal: what was done to a file can be undone after a restart, as long as nobody else wrote the file.

One JSON file for each file of the repository, in the user's state folder, for the user's eyes only. It holds the text
that the steps replaced, and the SHA-256 of the content that the last step led to: steps are offered for that alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

import msgspec
from textual.document._document import EditResult, Location, Selection
from textual.document._edit import Edit
from textual.document._history import EditHistory

VERSION = 1

MAX_STEPS = 200  # the newest of one file

MAX_TEXT = 1 << 18
"""Characters of all steps of a file: a few whole functions each, not whole files again and again."""

MAX_FILES = 300
"""Of one repository; above it the journal that was not written for longest is dropped."""

MAX_FILE_BYTES = 8 << 20  # read at most: JSON escapes make it longer than its text


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One edit, as `textual.document._edit.Edit` needs it. Places are (row, column), 0-based."""

    text: str
    start: Location
    end: Location
    replaced: str
    result_end: Location
    before: tuple[Location, Location]  # the selection
    after: tuple[Location, Location]
    keep_offset: bool


class _Content(msgspec.Struct, frozen=True):
    version: int
    path: str
    sha256: str
    batches: list[list[Step]]  # oldest first


class Journal:
    """The undo steps of the files of one repository. Errors of the disk are told by `problem`, never raised."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made before the first file is kept."""
        self._folder = folder
        self.problem = ""  # why the last `keep` did not work, one line

    def keep(self, path: str, sha256: str, history: EditHistory) -> None:
        """Note the steps that led to the content with this digest, as it was just saved."""
        self.problem = ""
        batches = [[_step(edit) for edit in batch] for batch in history.undo_stack]
        data = msgspec.json.encode(_Content(VERSION, path, sha256, _bounded(batches)))
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._place(path), data)
            self._drop_oldest()
        except OSError as error:
            self.problem = f"undo journal: {self._folder}: {error.strerror}"

    def restore(self, path: str, sha256: str, history: EditHistory) -> int:
        """Give the steps back to an empty history, if the file still has the content that they led to.

        Returns how many there are. What cannot be read counts as none.
        """
        try:
            with self._place(path).open("rb") as file:
                content = msgspec.json.decode(file.read(MAX_FILE_BYTES), type=_Content)
        except (OSError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return 0
        if (content.version, content.path, content.sha256) != (VERSION, path, sha256):
            return 0
        history._undo_stack.extend([_edit(step) for step in batch] for batch in content.batches[-MAX_STEPS:])
        history.checkpoint()
        return len(content.batches)

    def _place(self, path: str) -> Path:
        name = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return self._folder / f"{name}.json"

    def _drop_oldest(self) -> None:
        places = list(self._folder.glob("*.json"))
        if len(places) > MAX_FILES:
            places.sort(key=lambda place: place.stat().st_mtime_ns)
            for place in places[: len(places) - MAX_FILES]:
                place.unlink(missing_ok=True)


def _step(edit: Edit) -> Step:
    result, before, after = edit._edit_result, edit._original_selection, edit._updated_selection
    assert result is not None  # an edit in the history was done
    assert before is not None
    return Step(
        edit.text,
        edit.from_location,
        edit.to_location,
        result.replaced_text,
        result.end_location,
        (before.start, before.end),
        (after.start, after.end) if after is not None else (before.start, before.end),
        edit.maintain_selection_offset,
    )


def _edit(step: Step) -> Edit:
    edit = Edit(step.text, step.start, step.end, step.keep_offset)
    edit._edit_result = EditResult(step.result_end, step.replaced)
    edit._original_selection = Selection(*step.before)
    edit._updated_selection = Selection(*step.after)
    return edit


def _bounded(batches: list[list[Step]]) -> list[list[Step]]:
    """The newest batches within the bounds, oldest first."""
    kept: list[list[Step]] = []
    size = 0
    for batch in reversed(batches[-MAX_STEPS:]):
        size += sum(len(step.text) + len(step.replaced) for step in batch)
        if size > MAX_TEXT:
            break
        kept.append(batch)
    return kept[::-1]


def _write(place: Path, data: bytes) -> None:
    """Replace a file; readable for its owner only."""
    part = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb"
        ) as file:
            file.write(data)
        part.replace(place)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
