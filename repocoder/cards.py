"""The cards of the models that come with the program: what each is, how it was made, and what it was measured to do.

One JSON file beside the assets for each model: `completion.json` and `embedder.json`. They are the only place that
knows names, digests and contexts of embedded files, so another model takes its place without a change of code
(`python -m training.ship`). A digest in a file of the wheel guards against what one in its code would: damage. Whoever
could forge the card could forge the code. A test compares both with the files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from repocoder.errors import ModelError

ASSETS = Path(__file__).parent / "assets"
COMPLETION, EMBEDDER = ASSETS / "completion.json", ASSETS / "embedder.json"


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured number. `reached` is None where there was no target."""

    measure: str  # with its unit
    value: str
    target: str = ""
    baseline: str = ""  # the same measure of the baseline, in the same run
    reached: bool | None = None


class Measurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures of one run."""

    title: str
    command: str
    date: str  # of the run, YYYY-MM-DD
    figures: tuple[Figure, ...]
    baseline: str = ""  # what the column of that name is
    note: str = ""  # on what data and machine, and what it does not say


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the card, in Markdown: data, recipe, prompt, limits."""

    title: str
    text: str


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model of this release. Paths are relative to `ASSETS`."""

    kind: Literal["completion", "embedder"]
    name: str
    file: str  # the GGUF file, or the folder of an encoder
    files: dict[str, str]  # path -> SHA-256, of every file of the model
    bytes: int  # of all files
    context: int  # tokens that it may be given; 0: no limit
    note: str  # one line for users
    licence: str
    summary: str
    facts: tuple[tuple[str, str], ...]  # label, value
    sections: tuple[Section, ...] = ()
    measurements: tuple[Measurement, ...] = ()

    @property
    def path(self) -> Path:
        return ASSETS / self.file


def read_card(path: Path) -> Card:
    """Raises ModelError for a card that is not there or not sound."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Card)
    except (OSError, msgspec.DecodeError) as error:
        raise ModelError(f"model card: {path}: {error}: install repocoder again") from error


def embedded_cards() -> tuple[Card, ...]:
    """Of the completion model, and of the embedder where the release has one."""
    return tuple(read_card(path) for path in (COMPLETION, EMBEDDER) if path == COMPLETION or path.exists())
