"""What a session holds, and its file in the user's state folder."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

VERSION = 1

MAX_TABS = 20
"""Files that are opened again: who had more open had forgotten them."""

MAX_BYTES = 1 << 18  # of the file that is read: twenty tabs have a hundredth of it


class SavedTab(msgspec.Struct, frozen=True):
    """An open file, relative to the root; cursor 0-based; the first row in view."""

    path: str
    row: int
    column: int
    top: int


class SavedSession(msgspec.Struct, frozen=True):
    """What is restored. `panes` are the ids of the side panes, true if shown, where the user has said so."""

    version: int
    tabs: list[SavedTab]
    active: str
    panes: dict[str, bool]


def load_session(place: Path) -> tuple[SavedSession | None, str]:
    """What was saved, None if there is nothing to restore; and why it cannot be read, "" if it could."""
    try:
        with open(place, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        saved = msgspec.json.decode(data[:MAX_BYTES], type=SavedSession)
    except FileNotFoundError:
        return None, ""
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "damaged"
        return None, f"session not restored: {place}: {reason}"
    if saved.version != VERSION:
        return None, f"session not restored: {place}: of another version"
    return saved, ""


def save_session(place: Path, session: SavedSession) -> str:
    """Write it atomically, mode 0600; why it could not be written, "" if it was."""
    temporary = place.with_name(f".{place.name}-{secrets.token_hex(8)}.tmp")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(msgspec.json.encode(session))
        temporary.replace(place)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        return f"session not saved: {place}: {error.strerror}"
    return ""
