"""Settings: defaults < user file < project file (harmless keys only) < environment < flags; with origins.

The user's file is trusted, so a mistake in it is an error. The project file belongs to the repository, which
is not trusted: it may set a few harmless keys; what else it holds is refused with a warning, not an error.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from repocoder import paths
from repocoder.errors import UsageError

if TYPE_CHECKING:
    from repocoder.types import RetrievalMode

PROJECT_FILE = ".repocoder.toml"
ENVIRONMENT_PREFIX = "REPOCODER_"

MAX_PROJECT_FILE_BYTES = 16 << 10
"""A dotted TOML key takes quadratic time: 9 s at 64 KiB, about half a second at 16 KiB."""

CHANNELS = ("definitions", "similar", "dense", "recent")
LEXICAL_BACKENDS = ("postings", "rank-bm25")
RETRIEVAL_MODES = ("auto", "always", "never")
METHODS = ("hybrid", "repocoder", "repoformer", "in-file")
GATES = ("auto", "free", "logistic", "token")
MEMORIES = ("mixed", "drafts", "off")
SWITCH = ("on", "off")

_ASSIGNED = re.compile(r"[a-z][a-z.-]*=[a-z0-9_+@,]+")  # an action of the UI and its keys
_MAX_PATTERNS = 200
_MAX_PATTERN_LENGTH = 200
_MAX_WARNINGS = 5
_SHOWN_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can set. None means: decided by the machine at hand."""

    model: str | None = None  # a recorded name or the path of a GGUF; None is the embedded model
    embedder: str | None = None  # see `repocoder.embedders`; None is the embedded one, for searches only
    max_tokens: int = 96
    passes: int = 2
    retrieval: RetrievalMode = "auto"
    method: Literal["hybrid", "repocoder", "repoformer", "in-file"] = "hybrid"  # ours, or a published one
    gate: Literal["auto", "free", "logistic", "token"] = "auto"  # what decides where retrieval is "auto"
    memory: Literal["mixed", "drafts", "off"] = "mixed"  # the repository's own text as a second predictor
    k: int = 8  # snippets that may enter a prompt
    prompt_tokens: int = 2048  # the whole prompt; less where the model's own context is smaller
    snippet_tokens: int = 1024  # of these, for snippets of other files: half, as RepoCoder has it
    latency_ms: int = 1500  # to the first text of a prompt that is read from its start; 0 is no limit
    speculate: Literal["on", "off"] = "on"  # the UI asks ahead, once a suggestion is accepted
    threads: int | None = None  # of the model
    workers: int | None = None  # processes that parse; this many cores are used at most
    nice: int = 0  # how much those processes give way to others, as `nice` does
    max_file_bytes: int = 1 << 20  # larger files are skipped
    lexical_backend: str = "postings"
    channels: tuple[str, ...] = CHANNELS
    exclude: tuple[str, ...] = ()  # patterns as in .gitignore, of files that are not indexed
    automatic: Literal["on", "off"] = "on"  # the UI suggests after a pause, or on a key only
    theme: str | None = None  # of the UI; None is its own choice
    keys: tuple[str, ...] = ()  # of the UI: "complete=ctrl+j" gives an action other keys


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, the origin of each key in words, and what was refused on the way, one line each."""

    settings: Settings
    origins: dict[str, str]
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Key:
    """How one setting is read. `check` takes a value of TOML's types; its ValueError says what is allowed."""

    kind: str  # integer | text | list: how a value of the environment is split before `check`
    check: Callable[[object], object]
    project: bool  # may the project file set it?
    meaning: str


def _integer(low: int, high: int, *, automatic: bool = False) -> Callable[[object], int | None]:
    allowed = f"a whole number from {low} to {high}" + (", or 0 for automatic" if automatic else "")

    def check(value: object) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool):
            if automatic and value == 0:
                return None
            if low <= value <= high:
                return value
        raise ValueError(allowed)

    return check


def _choice(*names: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if isinstance(value, str) and value in names:
            return value
        raise ValueError(f"one of {', '.join(names)}")

    return check


def _text(value: object) -> str:
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return value
    raise ValueError("a name or a path")


def _channels(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(name, str) and name in CHANNELS for name in value):
        return tuple(name for name in CHANNELS if name in value)
    raise ValueError(f"a list of {', '.join(CHANNELS)}")


def _patterns(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and len(value) <= _MAX_PATTERNS and all(map(_is_pattern, value)):
        return tuple(value)
    raise ValueError(
        f"a list of at most {_MAX_PATTERNS} patterns as in .gitignore, of one line and {_MAX_PATTERN_LENGTH} "
        "characters at most, without a leading !"
    )


def _is_pattern(value: object) -> bool:
    """Patterns can only leave files out: `!` would let a repository undo an exclusion of the user."""
    return (
        isinstance(value, str)
        and 0 < len(value.strip()) <= _MAX_PATTERN_LENGTH
        and not value.lstrip().startswith("!")
        and not any(mark in value for mark in "\0\n\r")
    )


def _key_names(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(
        isinstance(item, str) and _ASSIGNED.fullmatch(item) for item in value
    ):
        return tuple(value)
    raise ValueError('a list of actions with their keys, such as "complete=ctrl+j"')


KEYS: dict[str, Key] = {
    "model": Key("text", _text, False, "recorded name or path of a GGUF model"),
    "embedder": Key(
        "text",
        _text,
        False,
        "what makes vectors for searches and completions: `embedded`, `none`, or a sentence-transformers encoder;"
        " left out: `embedded`, for searches only",
    ),
    "max_tokens": Key("integer", _integer(1, 4096), True, "new tokens of a completion"),
    "passes": Key("integer", _integer(1, 4), True, "passes of the retrieve-generate loop"),
    "retrieval": Key("text", _choice(*RETRIEVAL_MODES), True, "whether snippets are retrieved"),
    "method": Key(
        "text",
        _choice(*METHODS),
        False,
        "what retrieves and builds the prompt: `hybrid` is ours; `repocoder`, `repoformer` and `in-file` are the"
        " published baselines, to compare with",
    ),
    "gate": Key(
        "text",
        _choice(*GATES),
        False,
        "what decides whether snippets are worth a prompt: a `free` rule, `logistic` weights (`repocoder calibrate`),"
        " the model's gate `token`; `auto`: the best that there is for this model",
    ),
    "memory": Key(
        "text",
        _choice(*MEMORIES),
        True,
        "the repository's own text as a second predictor: `mixed` with the model's, `drafts` for speed alone, `off`",
    ),
    "k": Key("integer", _integer(0, 64), True, "snippets that may enter a prompt"),
    "prompt_tokens": Key("integer", _integer(64, 1 << 17), False, "tokens of the whole prompt"),
    "snippet_tokens": Key("integer", _integer(0, 1 << 17), False, "tokens of the snippets in the prompt"),
    "latency_ms": Key(
        "integer",
        _integer(0, 60_000),
        False,
        "milliseconds to the first text: prompts are cut to what the model reads in them; 0 for no limit",
    ),
    "speculate": Key(
        "text", _choice(*SWITCH), False, "whether the UI asks for what follows an accepted suggestion"
    ),
    "threads": Key("integer", _integer(1, 512, automatic=True), False, "threads of the model"),
    "workers": Key("integer", _integer(1, 128, automatic=True), False, "processes that parse files"),
    "nice": Key("integer", _integer(0, 19), False, "how much parsing gives way to other programs"),
    "max_file_bytes": Key("integer", _integer(1, 64 << 20), False, "larger files are not indexed"),
    "lexical_backend": Key("text", _choice(*LEXICAL_BACKENDS), True, "what ranks similar code"),
    "channels": Key("list", _channels, True, "channels of retrieval that are on"),
    "exclude": Key("list", _patterns, True, "patterns of files that are not indexed"),
    "automatic": Key("text", _choice(*SWITCH), False, "whether the UI suggests code without being asked"),
    "theme": Key("text", _text, False, "colours of the UI, by name"),
    "keys": Key("list", _key_names, False, 'keys of the UI that are not the usual ones: "complete=ctrl+j"'),
}


def load_settings(root: Path, overrides: Mapping[str, object] | None = None) -> Loaded:
    """The settings for the repository at `root`. `overrides` are flags; None in it means: not given.

    Raises UsageError for a bad user file, environment variable or flag. Nothing in the project file raises.
    """
    values: dict[str, object] = {}
    origins = dict.fromkeys(KEYS, "default")
    user_file = paths.config_file()
    user = _read_user_file(user_file)
    project, warnings = _read_project_file(root / PROJECT_FILE)
    if "exclude" in project and "exclude" in user:  # a repository cannot undo what its user leaves out
        project["exclude"] = (*user["exclude"], *project["exclude"])
    for origin, layer in ((f"user file {user_file}", user), (f"project file {PROJECT_FILE}", project)):
        values.update(layer)
        origins.update(dict.fromkeys(layer, origin))
    for name, value in _read_environment(os.environ).items():
        values[name] = value
        origins[name] = f"environment {ENVIRONMENT_PREFIX}{name.upper()}"
    for name, value in _read_flags(overrides or {}).items():
        values[name] = value
        origins[name] = f"flag --{name.replace('_', '-')}"
    settings = replace(Settings(), **values)  # type: ignore[arg-type]  # checked by KEYS
    return Loaded(settings, origins, warnings)


def _read_user_file(path: Path) -> dict[str, Any]:
    try:
        table = _parsed(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"cannot read configuration: {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"bad configuration: {path}: not TOML: {error}") from error
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in KEYS:
            raise UsageError(f"bad configuration: {path}: unknown key {name!r}{_suggestion(name)}")
        try:
            values[name] = KEYS[name].check(value)
        except ValueError as error:
            raise UsageError(f"bad configuration: {path}: {name} must be {error}") from error
    return values


def _read_project_file(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Allowed values and warnings; a repository is not trusted, so nothing in its file raises."""
    try:
        data = _read_plain_file(path, MAX_PROJECT_FILE_BYTES)
        table = _parsed(data) if data is not None else {}
    except OSError as error:
        return {}, (f"{PROJECT_FILE}: ignored: {error.strerror or error}",)
    except (ValueError, RecursionError) as error:
        return {}, (f"{PROJECT_FILE}: ignored: {str(error)[:120]}",)
    values: dict[str, Any] = {}
    refused: list[str] = []
    for name, value in table.items():
        key = KEYS.get(name)
        if key is None:
            refused.append(
                f"{PROJECT_FILE}: {_shown(name)} ignored: no such key{_suggestion(name[:_SHOWN_LENGTH])}"
            )
        elif not key.project:
            refused.append(f"{PROJECT_FILE}: {name} ignored: only your own configuration may set it")
        else:
            try:
                values[name] = key.check(value)
            except ValueError as error:
                refused.append(f"{PROJECT_FILE}: {name} ignored: it must be {error}")
    if len(refused) > _MAX_WARNINGS:
        refused[_MAX_WARNINGS:] = [f"{PROJECT_FILE}: {len(refused) - _MAX_WARNINGS} more keys ignored"]
    return values, tuple(refused)


def _parsed(data: bytes) -> dict[str, Any]:
    """A TOML table; ValueError, RecursionError."""
    import tomllib  # most users have no file, and the UI starts without its parser

    return tomllib.loads(data.decode("utf-8"))


def _read_plain_file(path: Path, max_bytes: int) -> bytes | None:
    """The bytes of a regular file, None if there is none; never follows a link, never waits for a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a regular file")
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(f"larger than {max_bytes >> 10} KiB")
    return data


def _read_environment(environment: Mapping[str, str]) -> dict[str, object]:
    values = {}
    for name, key in KEYS.items():
        variable = ENVIRONMENT_PREFIX + name.upper()
        text = environment.get(variable, "").strip()
        if not text:
            continue
        try:
            values[name] = key.check(_from_text(key.kind, text))
        except ValueError as error:
            raise UsageError(f"bad environment: {variable}={_shown(text)}: must be {error}") from error
    return values


def _from_text(kind: str, text: str) -> object:
    if kind == "list":
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind == "integer" and text.isdecimal() and text.isascii() and len(text) < 20:
        return int(text)
    return text


def _read_flags(overrides: Mapping[str, object]) -> dict[str, object]:
    values = {}
    for name, value in overrides.items():
        if value is None:
            continue
        if name not in KEYS:
            raise ValueError(f"not a setting: {name}")
        try:
            values[name] = KEYS[name].check(value)
        except ValueError as error:
            raise UsageError(
                f"bad value: --{name.replace('_', '-')} {_shown(str(value))}: must be {error}"
            ) from error
    return values


def _suggestion(name: str) -> str:
    import difflib  # only needed once something is wrong, and 10 ms of the start

    close = difflib.get_close_matches(name, KEYS, n=1)
    return f": did you mean {close[0]!r}?" if close else ""


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "…")
