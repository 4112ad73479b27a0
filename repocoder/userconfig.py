"""Changes one key of the user's configuration file and leaves the rest as it is, comments too.

The file is the user's own: one that is not valid TOML is not touched, and a change that would do more than was meant
is refused. What is written is parsed again before it replaces the file, atomically.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from repocoder.config import KEYS
from repocoder.edits import replace_file
from repocoder.errors import StorageError, UsageError

MAX_FILE_BYTES = 1 << 20
"""Larger than any configuration that a person writes."""


def allowed(name: str) -> str:
    """What a setting may be, in words."""
    try:
        KEYS[name].check(object())
    except ValueError as error:
        return str(error)
    return "anything"


def parse_value(name: str, text: str) -> object:
    """A value as a person types it: a number, a name, or a list with commas. Raises UsageError."""
    text = text.strip()
    value: object = text
    if KEYS[name].kind == "list":
        value = [part.strip() for part in text.split(",") if part.strip()]
    elif KEYS[name].kind == "integer" and re.fullmatch(r"-?[0-9]{1,18}", text):
        value = int(text)
    _check(name, value)
    return value


def set_value(path: Path, name: str, value: object) -> None:
    """Give a key a value in the file at `path`, which is made if it is missing.

    Raises UsageError for a value that is not allowed or a file that is not valid TOML, StorageError when it cannot be
    written, StaleTargetError when somebody else wrote it meanwhile.
    """
    _check(name, value)
    before, digest = _read(path)
    _replace(path, _with(before, name, f"{name} = {_toml(value)}"), {name: value}, name, digest)


def unset_value(path: Path, name: str) -> bool:
    """Take a key out of the file; False if it is not in it. Raises as `set_value`."""
    before, digest = _read(path)
    if name not in _parse(path, before):
        return False
    _replace(path, _with(before, name, None), {}, name, digest)
    return True


def _check(name: str, value: object) -> None:
    if name not in KEYS:
        raise UsageError(f"no such setting: {name}: `repocoder config show` lists all")
    try:
        KEYS[name].check(value)
    except ValueError as error:
        raise UsageError(f"bad value: {name} must be {error}") from error


def _read(path: Path) -> tuple[str, str | None]:
    """The text of the file and the SHA-256 of its bytes; "" and None if there is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise UsageError(
                f"configuration: {path}: larger than {MAX_FILE_BYTES >> 10} KiB: edit it by hand"
            )
        return data.decode("utf-8"), hashlib.sha256(data).hexdigest()
    except FileNotFoundError:
        return "", None
    except UnicodeDecodeError as error:
        raise UsageError(
            f"configuration: {path}: not UTF-8, so it was left alone: repair it first"
        ) from error
    except OSError as error:
        raise StorageError(f"configuration: {path}: {error.strerror}: check the file") from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"configuration: {path}: not TOML, so it was left alone: {error}") from error


def _replace(path: Path, text: str, new: dict[str, object], name: str, digest: str | None) -> None:
    """Write `text` if it says what the file said but for the key `name`."""
    wanted = {key: value for key, value in _parse(path, _read(path)[0]).items() if key != name} | new
    try:
        sound = tomllib.loads(text) == wanted
    except ValueError:
        sound = False
    if not sound:
        raise UsageError(
            f"configuration: {path}: {name} cannot be changed without changing more: edit it by hand"
        )
    real = Path(os.path.realpath(path))  # a link, as of people who keep their files elsewhere, stays one
    try:
        real.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(real.parent, real.name, text.encode(), expected_sha256=digest)
    except OSError as error:
        raise StorageError(f"configuration: {path}: {error.strerror}: make the folder writable") from error


def _with(text: str, name: str, assignment: str | None) -> str:
    """The text with another assignment of a top-level key; None takes it out. A comment behind it stays."""
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    first, last = _find(lines, name)
    if first is None:
        if assignment is None:
            return text
        if any(
            line.lstrip().startswith("[") for line in lines
        ):  # tables follow: only above them it is on top
            return assignment + end_of_line + text
        joint = "" if not text or text.endswith("\n") else end_of_line
        return f"{text}{joint}{assignment}{end_of_line}"
    if assignment is None:
        return "".join([*lines[:first], *lines[last:]])
    comment = _comment(lines[last - 1]) if last - first == 1 else ""
    return "".join([*lines[:first], assignment + comment + end_of_line, *lines[last:]])


def _find(lines: list[str], name: str) -> tuple[int | None, int]:
    """The lines, half-open, of the assignment to a key; (None, 0) if there is none."""
    begins = re.compile(rf"""\s*(?:{name}|"{name}"|'{name}')\s*=""")
    for first, line in enumerate(lines):
        if begins.match(line):
            for last in range(first + 1, len(lines) + 1):
                try:
                    tomllib.loads("".join(lines[first:last]))
                except ValueError:
                    continue
                return first, last
    return None, 0


def _comment(line: str) -> str:
    """The comment at the end of an assignment, with the space before it."""
    body = line.rstrip("\r\n")
    for match in re.finditer(r"\s*#", body):
        try:
            tomllib.loads(body[: match.start()])
        except ValueError:
            continue
        return body[match.start() :]
    return ""


def _toml(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)
