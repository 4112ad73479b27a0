"""The least contrast of letters: whatever theme is chosen, text is not painted in nearly the colour of its ground.

Many themes put pale yellow on white or grey on grey. Terminals have the same remedy (`text_fg_override_threshold` of
kitty, `terminal.integrated.minimumContrastRatio` of VS Code).
"""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color as RichColor
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

READABLE = 4.5
"""Contrast of text, as WCAG 2.1 counts it and asks for at level AA."""

RECEDING = 3.0
"""Contrast of what is set in italics, comments and suggestions: seen, and seen to step back. WCAG asks for as much of
large text and of signs."""

STEPS = 6  # halvings that look for the least change of a colour


class Legible(LineFilter):
    """Moves the colour of letters towards black or white until they can be read on their ground. Lines and bars, which
    have no letters, stay as the theme has them."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        ground = background.rich_color
        return [
            Segment(text, legible(style, ground), control)
            if style is not None and style.color is not None and any(map(str.isalnum, text))
            else Segment(text, style, control)
            for text, style, control in segments
        ]


@lru_cache(maxsize=4096)
def legible(style: Style, ground: RichColor) -> Style:
    """The style with letters that can be read. `ground` is what is behind where the style has no colour for it."""
    letters, behind = style.color, style.bgcolor or ground
    if letters is None or letters.triplet is None or behind.triplet is None:
        return style  # the terminal's own colours: only it knows them
    least = RECEDING if style.italic else READABLE
    if contrast(letters.triplet, behind.triplet) >= least:
        return style
    return style + Style(color=RichColor.from_triplet(_moved(letters.triplet, behind.triplet, least)))


def contrast(first: ColorTriplet, second: ColorTriplet) -> float:
    """From 1, the same, to 21, black on white."""
    darker, brighter = sorted((_luminance(first), _luminance(second)))
    return (brighter + 0.05) / (darker + 0.05)


def _moved(letters: ColorTriplet, ground: ColorTriplet, least: float) -> ColorTriplet:
    """The letters as far towards black or white, whichever differs more from the ground, as they must go."""
    end = max(ColorTriplet(0, 0, 0), ColorTriplet(255, 255, 255), key=lambda one: contrast(one, ground))
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if contrast(_blend(letters, end, middle), ground) < least:
            low = middle
        else:
            high = middle
    return _blend(letters, end, high)


def _blend(first: ColorTriplet, second: ColorTriplet, share: float) -> ColorTriplet:
    return ColorTriplet(*(round(a + (b - a) * share) for a, b in zip(first, second, strict=True)))


def _luminance(color: ColorTriplet) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    red, green, blue = map(_linear, color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: int) -> float:
    share = part / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)
