"""Cards of the embedded models as Markdown: `docs/models.md`, and a card beside each model's files.

    python -m training.pages

writes them again from `repocoder/assets/*.json` and `training/reports/contamination.json`. All of it is generated, so
that no figure can be older than its card; a test does it again and compares.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from eval.report.tables import markdown_table
from repocoder.cards import ASSETS, COMPLETION, EMBEDDER, Card, Measurement, read_card
from repocoder.errors import RepocoderError

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "models.md"
CONTAMINATION = ROOT / "training" / "reports" / "contamination.json"
COMMAND = "python -m training.pages"
WIDTH = 118

_HEAD = f"""# Embedded models

<!-- generated from repocoder/assets/*.json and training/reports by `{COMMAND}`: edit those, not this file -->

What repocoder carries with it, so that it does its job on a machine that can download nothing: what the models are, how
they were made, from what, and every figure that was measured, beside its target and the baseline of the same run.
`repocoder models list --verbose` shows the same on a terminal. The recipe is in
[training/](../training/README.md).
"""


def models_page(cards: Sequence[Card], contamination: dict[str, Any] | None) -> str:
    """The whole page. `contamination` is the report of `training.corpus`."""
    parts = [_HEAD, *(card_text(card, level=2) for card in cards)]
    if contamination is not None:
        parts.append(_contamination(contamination))
    return "\n".join(parts)


def card_text(card: Card, *, level: int = 1) -> str:
    """A card in Markdown, its title a heading of this level."""
    mark = "#" * level
    size = f"{card.bytes / 1e6:.1f} MB"
    facts = [("kind", card.kind), ("size", size), ("licence", card.licence), *card.facts]
    facts += [(f"SHA-256 of `{name}`", f"`{digest}`") for name, digest in card.files.items()]
    parts = [f"{mark} {card.name}\n", f"{_wrapped(card.summary)}\n", _table(["", ""], facts)]
    for section in card.sections:
        parts.append(f"{mark}# {section.title}\n\n{_wrapped(section.text)}\n")
    if card.measurements:
        parts.append(f"{mark}# Figures\n")
        parts += [_measurement(run, f"{mark}##") for run in card.measurements]
    return "\n".join(parts)


def _measurement(run: Measurement, mark: str) -> str:
    reached = {True: "yes", False: "**no**", None: ""}
    header = ["measure", "value", "to reach", "reached", "baseline"]
    rows = [[row.measure, row.value, row.target, reached[row.reached], row.baseline] for row in run.figures]
    told = [f"Baseline: {run.baseline}." if run.baseline else "", run.note, f"Measured on {run.date} with"]
    return (
        f"{mark} {run.title}\n\n{_table(header, rows)}\n"
        f"{_wrapped(' '.join(part for part in told if part))}\n\n    {run.command}\n"
    )


def _contamination(report: dict[str, Any]) -> str:
    """What of RepoEval and CrossCodeEval was looked for in the training data, and what was found and left out."""
    packages, content, corpus = report["packages"], report["by_content"], report["corpus"]
    rows = []
    for split, languages in corpus.items():
        listed = ", ".join(f"{name} {cell['bytes'] / 1e6:.1f}" for name, cell in languages.items())
        files = sum(cell["files"] for cell in languages.values())
        size = sum(cell["bytes"] for cell in languages.values())
        count = sum(package["split"] == split for package in packages)
        rows.append([split, f"{count:,}", f"{files:,}", f"{size / 1e6:.1f}", listed])
    licences = sorted({str(package["licence"]) for package in packages})
    text = (
        f"{len(report['benchmarks']['repositories']):,} repositories of the benchmarks were looked for by name, and "
        f"{content['files_compared']:,} files ({content['bytes_compared'] / 1e6:.0f} MB) were compared with the "
        f"benchmarks' own text ({report['benchmarks']['sampled_passages']:,} sampled passages). Left out: "
        f"{len(report['by_name']):,} matches of a name, {len(content['left_out']):,} files that share text. "
        "The whole report, package by package: [training/reports/contamination.md]"
        "(../training/reports/contamination.md)."
    )
    return (
        f"## Training data and contamination\n\n{_wrapped(text)}\n\n"
        f"{_table(['split', 'packages', 'files', 'MB', 'MB by language'], rows)}\n"
        f"{_wrapped('Licences of the packages: ' + ', '.join(licences) + '.')}\n"
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return markdown_table(list(header), [list(row) for row in rows]) + "\n"


def _wrapped(text: str) -> str:
    """Paragraphs to the width of the page; lists, tables and indented lines as they are."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        as_it_is = paragraph.startswith(("    ", "- ", "| ", "1. "))
        paragraphs.append(paragraph if as_it_is else textwrap.fill(paragraph, WIDTH, break_long_words=False))
    return "\n\n".join(paragraphs)


def write_pages() -> list[Path]:
    """Write the page and the cards beside the models; what was written."""
    written = []
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def rendered() -> dict[Path, str]:
    """Every generated file and its text, from the cards and reports as they are now."""
    cards = [read_card(path) for path in (COMPLETION, EMBEDDER) if path.exists()]
    report = msgspec.json.decode(CONTAMINATION.read_bytes()) if CONTAMINATION.exists() else None
    texts = {PAGE: models_page(cards, report)}
    return texts | {ASSETS / f"{card.name}.md": card_text(card) for card in cards}


def main() -> int:
    try:
        for path in write_pages():
            print(path.relative_to(ROOT))
    except RepocoderError as error:
        print(f"pages: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
