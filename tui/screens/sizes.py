"""The size classes of a screen, known before its widgets are made."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen


def take_size(screen: Screen[Any]) -> None:
    """Give a screen the classes of its breakpoints, which are in ascending order. For `compose`: Textual does so once
    it is laid out, and then finds the styles of every widget a second time."""
    width, height = screen.app.size
    for cells, breakpoints in (
        (width, screen.HORIZONTAL_BREAKPOINTS),
        (height, screen.VERTICAL_BREAKPOINTS),
    ):
        fitting = [name for least, name in breakpoints or () if cells >= least]
        screen.add_class(*fitting[-1:], update=False)
