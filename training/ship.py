"""Put a model into the package: its file, its card with the figures, and the pages that are made of them.

    python -m training.ship MODEL.gguf --about ABOUT.json --report training/reports/X.json … [--context N]
    python -m training.ship --embedder --about ABOUT.json --report training/reports/embedder.json

ABOUT.json says what only a person knows: name, note, licence, summary, facts, sections (see `repocoder.cards`). Digest,
size, context and shape are read from the files, the figures from the reports. The model that was there before goes
away with its card. No code names the embedded model, so nothing else changes.
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from repocoder.cards import ASSETS, COMPLETION, EMBEDDER, Card, Section, read_card
from repocoder.errors import RepocoderError, UsageError
from repocoder.fim import EMBEDDED_MARK, detect, facts_of
from repocoder.gguf import GgufHeader, read_header
from repocoder.models import file_sha256
from training.measured import read_measurement
from training.pages import write_pages

MAX_BYTES = {"completion": 60_000_000, "embedder": 12_000_000}
"""What an embedded model may weigh."""

NOT_OF_THE_MODEL = (".md", ".json.part")
"""Endings of files in an encoder's folder that no digest is for: its card in prose."""


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says of a model."""

    name: str
    note: str
    summary: str
    licence: str = "Apache-2.0"
    facts: tuple[tuple[str, str], ...] = ()
    sections: tuple[Section, ...] = ()


def read_about(path: Path) -> About:
    try:
        return msgspec.json.decode(path.read_bytes(), type=About)
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"about: {path}: {error}: write what training/ship.py says") from error


def completion_card(model: Path, about: About, context: int | None) -> Card:
    """The card of a GGUF that is to become `NAME.gguf` of the assets. UsageError: llama.cpp's facts do not fit."""
    header = read_header(model)
    template = detect(facts_of(header))
    if template.name != EMBEDDED_MARK:
        raise UsageError(
            f"model: {model}: its template is {template.name}: export it with training.completion.export"
        )
    file = f"{about.name}.gguf"
    facts = tuple(about.facts) + tuple(_shape_facts(header))
    size = _checked_size("completion", model.stat().st_size)
    return Card(
        "completion", about.name, file, {file: file_sha256(model)}, size,
        context or header.n_ctx, about.note, about.licence, about.summary, facts, about.sections,
    )  # fmt: skip


def embedder_card(folder: Path, about: About, assets: Path = ASSETS) -> Card:
    """The card of an encoder's folder that is among the assets already."""
    paths = sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(NOT_OF_THE_MODEL)
    )
    if not paths:
        raise UsageError(f"embedder: {folder}: no files: export it with training.embedder.export")
    files = {path.relative_to(assets).as_posix(): file_sha256(path) for path in paths}
    size = _checked_size("embedder", sum(path.stat().st_size for path in paths))
    return Card(
        "embedder", about.name, folder.relative_to(assets).as_posix(), files, size,
        0, about.note, about.licence, about.summary, about.facts, about.sections,
    )  # fmt: skip


def put_completion(model: Path, card: Card, assets: Path = ASSETS) -> None:
    """Copy the file and write the card; the model before is taken away when both are there."""
    path = assets / COMPLETION.name
    before = read_card(path) if path.exists() else None
    target = assets / card.file
    if not (target.exists() and target.samefile(model)):
        part = target.with_suffix(".part")
        shutil.copyfile(model, part)
        part.chmod(0o644)
        part.replace(target)
    _write(card, path)
    if before is not None and before.name != card.name:
        (assets / before.file).unlink(missing_ok=True)
        (assets / f"{before.name}.md").unlink(missing_ok=True)


def _write(card: Card, path: Path) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")


def _checked_size(kind: str, size: int) -> int:
    if size > MAX_BYTES[kind]:
        raise UsageError(
            f"{kind}: {size / 1e6:.1f} MB, at most {MAX_BYTES[kind] / 1e6:.0f}: choose a smaller type"
        )
    return size


def _shape_facts(header: GgufHeader) -> list[tuple[str, str]]:
    def value(key: str) -> Any:
        return header.metadata.get(f"{header.architecture}.{key}", "?")

    heads, kv_heads = value("attention.head_count"), value("attention.head_count_kv")
    grouped = f"{heads} heads" if heads == kv_heads else f"{heads} heads, {kv_heads} of keys and values"
    pre = header.metadata.get("tokenizer.ggml.pre", "?")
    return [
        (
            "architecture",
            f"llama.cpp `{header.architecture}`: {header.n_parameters / 1e6:.1f} M parameters, width "
            f"{value('embedding_length')}, {value('block_count')} layers, {grouped}, feed-forward "
            f"{value('feed_forward_length')}, tied embeddings",
        ),
        ("tokenizer", f"byte-level BPE, {len(header.tokens):,} entries, pre-tokenizer `{pre}`"),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, nargs="?", help="a GGUF file")
    parser.add_argument("--embedder", action="store_true", help="the encoder in repocoder/assets/embedder")
    parser.add_argument("--about", type=Path, required=True)
    parser.add_argument("--report", type=Path, action="append", default=[], help="of a step, for the figures")
    parser.add_argument("--context", type=int, help="tokens that users may give it; the header's by default")
    parser.add_argument("--date", default=datetime.datetime.now(tz=datetime.UTC).date().isoformat())
    given = parser.parse_args(arguments)
    try:
        about = read_about(given.about)
        runs = tuple(read_measurement(path, given.date) for path in given.report)
        if given.embedder:
            card = embedder_card(ASSETS / "embedder", about)
            _write(msgspec.structs.replace(card, measurements=runs), EMBEDDER)
        elif given.model is not None:
            card = completion_card(given.model, about, given.context)
            put_completion(given.model, msgspec.structs.replace(card, measurements=runs))
        else:
            raise UsageError("ship: neither a GGUF file nor --embedder: give one")
        written = write_pages()
    except RepocoderError as error:
        print(f"ship: {error}", file=sys.stderr)
        return error.exit_code
    print("\n".join(str(path) for path in written))
    return 0


if __name__ == "__main__":
    sys.exit(main())
