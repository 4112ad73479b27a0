"""Cards of embedded models on a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from repocoder.cli.show import bad, bold, dim, good, out

if TYPE_CHECKING:
    from repocoder.cards import Card, Figure, Measurement

WIDTH = 100
INDENT = "  "


def print_card(card: Card) -> None:
    """Facts, sections and every figure, two columns in from the left."""
    facts = [("licence", card.licence), *card.facts, *(("sha256", digest) for digest in card.files.values())]
    _print_text(card.summary)
    width = max(len(label) for label, _ in facts)
    for label, value in facts:
        _print_text(value, label.ljust(width))
    for section in card.sections:
        out(f"{INDENT}{bold(section.title)}")
        for paragraph in section.text.split("\n\n"):
            _print_text(paragraph)
    for measurement in card.measurements:
        _print_measurement(measurement)


def _print_measurement(run: Measurement) -> None:
    out(f"{INDENT}{bold(run.title)}  {dim(run.date)}")
    for figure in run.figures:
        _print_figure(figure)
    for label, value in (("baseline", run.baseline), ("note", run.note), ("command", run.command)):
        if value:
            _print_text(value, label)


def _print_figure(figure: Figure) -> None:
    marks = {True: good("reached"), False: bad("not reached"), None: ""}
    parts = [f"{figure.measure}: {bold(figure.value)}"]
    parts += [f"baseline {figure.baseline}"] if figure.baseline else []
    parts += [f"to reach: {figure.target}", marks[figure.reached]] if figure.target else []
    out(INDENT * 2 + "  ".join(part for part in parts if part))


def _print_text(text: str, label: str = "") -> None:
    """Wrapped, except lines that are indented already: those show a layout."""
    head = f"{INDENT * 2}{label} " if label else INDENT * 2
    if text.startswith("    "):
        out(textwrap.indent(text, INDENT))
        return
    wrapped = textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
    for number, line in enumerate(wrapped):
        out(line if number or not label else dim(head) + line[len(head) :])
