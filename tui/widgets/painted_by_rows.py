"""A text area of which only those rows are painted again that look other than they did.

Textual's own takes every change for one of the whole area, so that a key costs as much as a screen: two thirds of the
time between a key and its letter. Here each row says what it looks like, and those that say the same are left alone.
"""

from __future__ import annotations

from collections.abc import Collection

from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import TextArea

Look = tuple[object, ...]
"""Two rows that say the same look the same."""


class PaintedByRows(TextArea):
    """Rows are those of the area, the first that is shown being 0."""

    _shown: tuple[Look, list[Look]] | None = None  # what was painted last, None: unknown
    _look_again = False

    def look(self, y: int) -> Look:
        """What one row looks like, on the ground that `ground` tells."""
        raise NotImplementedError

    def ground(self) -> Look:
        """What all rows depend on."""
        return (
            self.scroll_offset,
            self.size,
            self.virtual_size.width,
            self.gutter_width,
            self.has_focus,
            self.app.theme,
            self.rich_style,
            self.background_colors,
            self.opacity,
            self.read_only,
        )

    def notify_style_update(self) -> None:
        self._shown = None
        super().notify_style_update()

    def _set_dirty(self, *regions: Region) -> None:
        """Textual's: all of it is to be painted again, or some regions. Which part of all that is, is seen when it is
        painted."""
        if regions:
            super()._set_dirty(*regions)
        else:
            self._look_again = True

    def _exchange_repaint_regions(self) -> Collection[Region]:
        self._find_changed()
        return super()._exchange_repaint_regions()

    def render_lines(self, crop: Region) -> list[Strip]:
        self._find_changed()
        return super().render_lines(crop)

    def _find_changed(self) -> None:
        if not self._look_again:
            return
        self._look_again = False
        ground, looks = self.ground(), [self.look(y) for y in range(self.size.height)]
        before, self._shown = self._shown, (ground, looks)
        if before is None or before[0] != ground:
            super()._set_dirty()
            return
        rows = [y for y, (old, new) in enumerate(zip(before[1], looks, strict=True)) if old != new]
        if rows:
            super()._set_dirty(*(Region(0, y, self.size.width, 1) for y in rows))
