"""What may be shown: every text from the repository, the model or an error passes here on its way to the
terminal.

Textual reads a plain `str` as markup, so nothing here returns one for a widget: only `Content`.
"""

from __future__ import annotations

from pathlib import Path

from textual.content import Content

from repocoder.terminal import safe

MUTED = "$foreground 65%"
"""The style of what matters less, in a `Content`. Textual's own `$text-muted` is for style sheets: here its share is
lost, and what should step back would be the brightest text of all."""

REPLACEMENT = "\ufffd"
"""Stands in the editor for an unsafe character that has no visible mark of one cell."""


def plain(text: str, style: str = "") -> Content:
    """One line of foreign text, harmless and without markup."""
    content = Content(safe(text))
    return content.stylize(style) if style else content


def plain_lines(text: str, style: str = "") -> Content:
    """Foreign text of several lines, harmless and without markup."""
    content = Content(safe(text, keep_newlines=True))
    return content.stylize(style) if style else content


def visible(line: str) -> str:
    """A line of a document for display: as many characters as it has, each harmless; tabs stay.

    One for one, so that a column on the screen is a column of the document.
    """
    if safe(line, keep_newlines=True) == line:
        return line
    return "".join(map(_mark, line))


def _mark(character: str) -> str:
    mark = safe(character, keep_newlines=True)
    return mark if len(mark) == 1 else REPLACEMENT


def home_path(path: Path) -> str:
    """A path for the eye: "~/.config/repocoder/config.toml"."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # elsewhere, or nobody knows where home is
        return str(path)


def milliseconds(value: float) -> str:
    """A duration for the eye: "412 ms", "3.2 s"."""
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def duration(seconds: float) -> str:
    """A time to wait for the eye: "12 s", "3 min"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
