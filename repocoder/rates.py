"""How many prompt tokens a second each model reads on this machine, and what of a prompt the user's patience leaves.

On a CPU most of the time to the first token is the reading of the prompt, which takes twice as long for twice the
tokens. So the length of a prompt follows from the measured speed and from the time that a user is willing to wait.
"""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from indexer import disk
from repocoder.errors import StorageError
from repocoder.types import ModelInfo

FILE = "rates.json"
VERSION = 1
MAX_FILE_BYTES = 1 << 16

LEAST_READ = 192
"""Tokens that must have been read at once for a measurement: of fewer, the start of a call is a good part."""

REMEMBERED = 9  # measurements of a model; their median counts, so that a busy moment does not
MOST_MODELS = 32

GUESSED_BYTES_S = 1e10
"""Bytes of a model's file times tokens a second, before anything was measured: half of what two cores of a server of
2022 do with 8-bit weights. A guess that is too low costs context in one prompt, one that is too high seconds."""

LEAST_TOKENS = 384
"""Of a prompt, however slow the model: some twenty lines before the cursor, and as much of other files."""

STEP = 128
"""Tokens in which the limit moves: a prompt of another size has another beginning, which the model's cache lacks."""

TOLERANCE = 0.25
"""Share by which the speed must differ from the one that is reckoned with before that changes, for the same reason."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Tokens that a prompt may have, and why."""

    tokens: int
    why: str  # a clause for the user


class _Content(msgspec.Struct):
    version: int = VERSION
    rates: dict[str, list[float]] = {}


class Rates:
    """Measured speeds, kept in the state folder for the next program. Any thread may call.

    A folder that cannot be read or written is no error: what is measured then serves this program alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._rates: dict[str, list[float]] | None = None
        self._used: dict[str, float] = {}  # tokens a second that are reckoned with

    def limit(self, model: ModelInfo, threads: int | None, latency_ms: int) -> Limit | None:
        """What a prompt may have that is read within `latency_ms`; None where nothing is known of the model."""
        with self._lock:
            rate, how = self._rate(model, _key(model, threads))
        if rate is None:
            return None
        tokens = max(LEAST_TOKENS, int(rate * latency_ms / 1000) // STEP * STEP)
        return Limit(
            tokens,
            f"{model.name} reads {rate:,.0f} tokens a second here ({how}), and the first text is to come within "
            f"{latency_ms:,} ms",
        )

    def note(self, model: ModelInfo, threads: int | None, tokens: int, milliseconds: float) -> None:
        """So many tokens were read in so long."""
        if tokens < LEAST_READ or milliseconds <= 0:
            return
        with self._lock:
            key, rates = _key(model, threads), self._load()
            before = self._rate(model, key)
            rates[key] = [*rates.pop(key, []), 1000 * tokens / milliseconds][-REMEMBERED:]
            if self._rate(model, key) != before:
                self._save()

    def _rate(self, model: ModelInfo, key: str) -> tuple[float | None, str]:
        measured = self._load().get(key)
        if not measured:
            return (GUESSED_BYTES_S / model.bytes, "a guess from its size") if model.bytes else (None, "")
        now, used = median(measured), self._used.get(key)
        if used is None or abs(now - used) > TOLERANCE * used:
            self._used[key] = now
        return self._used[key], "measured"

    # ---- the file

    def _load(self) -> dict[str, list[float]]:
        if self._rates is None:
            self._rates = self._read()
        return self._rates

    def _read(self) -> dict[str, list[float]]:
        try:
            file = os.open(self._folder / FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(file, "rb") as opened:
                data = opened.read(MAX_FILE_BYTES + 1)
            content = msgspec.json.decode(data, type=_Content)
        except (OSError, RecursionError, msgspec.MsgspecError):
            return {}
        if content.version != VERSION:
            return {}
        sound = {key: rates[-REMEMBERED:] for key, rates in content.rates.items() if rates and min(rates) > 0}
        return dict(list(sound.items())[-MOST_MODELS:])

    def _save(self) -> None:
        """With what other programs wrote meanwhile of other models; the last one to write of a model wins."""
        rates = {**self._read(), **self._load()}
        content = _Content(rates=dict(list(rates.items())[-MOST_MODELS:]))
        part = self._folder / f"{FILE}.{os.getpid()}"
        with contextlib.suppress(OSError, StorageError):
            disk.prepare_folder(self._folder)
            disk.remove(part)
            disk.create_file(part, msgspec.json.encode(content))
            disk.replace(part, self._folder / FILE)


def _key(model: ModelInfo, threads: int | None) -> str:
    return f"{model.sha256[:16] or model.name}:{threads or 'all'}"
