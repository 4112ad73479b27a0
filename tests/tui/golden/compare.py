"""Pictures of screens as files that can be compared: what varies is taken out, what differs is told line by line."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from difflib import unified_diff
from pathlib import Path
from typing import Any

from textual.widgets import Input, TextArea
from textual.worker import WorkerState

CELL = 12.2  # width of a character in the pictures of Textual

CONTEXT = 1  # equal lines shown around those that differ

ENDLESS = {"watch", "disk"}  # groups of workers that run as long as the application

_TEXT = re.compile(r'<text class="([\w-]+)" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', re.DOTALL)
_GROUND = re.compile(r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"')
_STYLE = re.compile(r"\.terminal-(r\d+) \{ (.*?) \}")


async def settled(pilot: Any) -> None:
    """Return when no worker is at work, nothing blinks, and the screen has come to rest."""
    app, before = pilot.app, None
    app.animation_level = "none"
    for _ in range(400):
        for widget in app.screen.query("*"):
            if isinstance(widget, Input | TextArea):
                widget.cursor_blink = False
                widget._cursor_visible = widget.has_focus  # it may have been stopped while it was dark
            if isinstance(widget, TextArea) and widget.has_focus:
                widget.show_cursor = False  # lines with one may be kept from before it was stopped
                widget._line_cache.clear()
                widget.refresh()
        await pilot.pause(0.05)
        busy = any(
            worker.state in (WorkerState.PENDING, WorkerState.RUNNING) and worker.group not in ENDLESS
            for worker in app.workers
        )
        now = None if busy else [list(strip) for strip in app.screen._compositor.render_strips()]
        if now is not None and now == before:
            return
        before = now
    raise AssertionError("the screen does not come to rest")


def normalised(svg: str) -> str:
    """The picture without what is no part of it: numbers of identity, the font's address, outlines around each line."""
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+-", "terminal-", svg)
    svg = re.sub(r'<clipPath id="terminal-line-\d+">.*?</clipPath>\s*', "", svg, flags=re.DOTALL)
    svg = re.sub(r' clip-path="url\(#terminal-line-\d+\)"', "", svg)
    svg = svg.replace(
        "<svg class=", '<svg xml:space="preserve" class=', 1
    )  # else viewers draw no indentation
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def lines_of(svg: str) -> list[str]:
    """The text of a picture, line by line."""
    return ["".join(text for _, text, _ in parts) for parts in _rows(svg)]


def difference(expected: str, actual: str) -> str:
    """Which lines of text differ; if none does, which have other colours. "" for equal pictures."""
    if expected == actual:
        return ""
    before, after = lines_of(expected), lines_of(actual)
    if before != after:
        return "\n".join(_changes(before, after))
    painted = zip(_rows(expected), _rows(actual), strict=True)
    rows = [number for number, (old, new) in enumerate(painted, 1) if old != new]
    if not rows:
        return "the text is the same; grounds or sizes differ"
    shown = "\n".join(f"{number:>4} {after[number - 1].rstrip()}" for number in rows)
    return f"the text is the same; other styles in lines {', '.join(map(str, rows))}:\n{shown}"


def check(svg: str, golden: Path, written: Path, *, update: bool, how: str) -> None:
    """Compare a picture with its file, or write the file with `update`. A picture that differs is left at `written`."""
    picture = normalised(svg)
    if update:
        golden.write_text(picture, encoding="utf-8")
        return
    expected = golden.read_text(encoding="utf-8") if golden.exists() else ""
    differs = difference(expected, picture) if expected else "there is no picture to compare it with yet"
    if differs:
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(picture, encoding="utf-8")
        raise AssertionError(
            f"{golden.name} is not what is painted now:\n{differs}\nnew picture: {written}\nif it is right: {how}"
        )


def _rows(svg: str) -> list[list[tuple[str, str, str]]]:
    """For each line its parts from left to right: style, text, ground; spaces that were not painted are filled in."""
    styles = dict(_STYLE.findall(svg))
    found: dict[float, list[tuple[float, str, str]]] = {}
    for name, x, y, text in _TEXT.findall(svg):
        if name != "terminal-title":
            style = styles.get(name.removeprefix("terminal-"), "")
            found.setdefault(float(y), []).append((float(x), style, html.unescape(text).replace("\xa0", " ")))
    grounds: dict[float, list[str]] = {}
    for fill, x, y, width in _GROUND.findall(svg):
        grounds.setdefault(float(y), []).append(f"{fill} {x} {width}")
    rows = []
    for (_, parts), ground in zip(sorted(found.items()), _in_order(grounds, len(found)), strict=True):
        row, at = [("", "", ground)], 0
        for x, style, text in sorted(parts):
            column = round(x / CELL)
            row += [("", " " * (column - at), "")] if column > at else []
            row.append((style, text, ""))
            at = column + len(text.rstrip("\n"))
        rows.append([(style, text.rstrip("\n"), under) for style, text, under in row])
    return rows


def _in_order(grounds: dict[float, list[str]], count: int) -> list[str]:
    """What is painted below each line; as many as there are lines."""
    lines = [" ".join(parts) for _, parts in sorted(grounds.items())]
    return [*lines, *[""] * count][:count]


def _changes(before: list[str], after: list[str]) -> Iterable[str]:
    for line in list(unified_diff(before, after, "expected", "painted", n=CONTEXT, lineterm="")):
        yield line.rstrip()
