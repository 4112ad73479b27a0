"""Printing for people. What is not our own text passes `safe`; colour only where wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from repocoder import jsonout
from repocoder.terminal import safe

if TYPE_CHECKING:
    from retrieval.types import GateDecision, Hit


def out(text: str = "") -> None:
    """A line of data on stdout. What comes from a repository must be `safe` already."""
    click.echo(text, color=_colour())


def talk(text: str) -> None:
    """A line on stderr, for the person at the terminal."""
    click.echo(text, err=True, color=_colour())


def warn(text: str) -> None:
    talk(f"repocoder: {click.style('warning', fg='yellow')}: {safe(text)}")


def note(text: str) -> None:
    talk(f"repocoder: note: {safe(text)}")


def print_json(value: object) -> None:
    click.echo(jsonout.dump(value))


def bold(text: str) -> str:
    return click.style(safe(text), bold=True)


def dim(text: str) -> str:
    return click.style(safe(text), dim=True)


def good(text: str) -> str:
    return click.style(safe(text), fg="green")


def bad(text: str) -> str:
    return click.style(safe(text), fg="red")


def table(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Rows of a name and a value, the values in one column."""
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    return [f"{name.ljust(width)}  {safe(value)}" for name, value in listed]


def place_of(hit: Hit) -> str:
    """`path:start-end`, and what is there."""
    lines = f"{safe(hit.path)}:{hit.start_line}-{hit.end_line}"
    what = f"{hit.chunk.kind} {hit.chunk.name}".strip()
    return f"{click.style(lines, fg='cyan')}  {safe(what)}"


def evidence_of(hit: Hit) -> list[str]:
    """Why each channel found it, one line a channel."""
    return [f"{item.source} #{item.rank}: {safe(item.why)}" for item in hit.evidence]


def gate_line(gate: GateDecision) -> str:
    """The decision of the gate with its reason."""
    verdict = "retrieve" if gate.retrieve else "no retrieval"
    return f"{verdict} (score {gate.score:.2f}, threshold {gate.threshold:.2f}): {safe(gate.reason)}"


def timings_line(timings: dict[str, float]) -> str:
    """`retrieve 12 ms, total 340 ms`."""
    return ", ".join(f"{safe(name.removesuffix('_ms'))} {value:.0f} ms" for name, value in timings.items())


def _colour() -> bool | None:
    """False where colour is not wanted; None lets click look whether the stream is a terminal."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
