"""The editor: a code area that shows a suggestion of several lines at the cursor, beside the document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.document._document import EditResult, Location, Selection
from textual.document._edit import Edit
from textual.geometry import Offset, Region, Size, Spacing
from textual.strip import Strip

from repocoder.edits import TextFile
from tui.display import visible
from tui.document import split
from tui.ghost import Ghost, next_line, next_word
from tui.messages import Edited, GhostDropped, GhostTaken, GhostTurned, PreviewWanted
from tui.preview import Preview
from tui.widgets.code_area import CodeArea
from tui.widgets.painted_by_rows import Look

PREVIEW_LINES = 10
"""A longer suggestion is not overseen at a glance: taking all of it shows a diff first."""


class Editor(CodeArea):
    """One open file. The ghost is drawn, never in the document, until a key takes it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"editor--ghost"}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "accept_all", "Accept", id="accept-all", tooltip="Take the whole suggestion"),
        Binding(
            "alt+right",
            "accept_word",
            "Word",
            id="accept-word",
            key_display="^→",
            tooltip="Take the next word of the suggestion; Ctrl+Right does so too",
        ),
        Binding(
            "ctrl+down,alt+down,alt+l",
            "accept_line",
            "Line",
            id="accept-line",
            key_display="^↓",
            tooltip="Take the next line of the suggestion",
        ),
        Binding(
            "alt+n",
            "turn_ghost(1)",
            "Next",
            id="next-suggestion",
            tooltip="Show the next of several suggestions",
        ),
        Binding(
            "alt+p",
            "turn_ghost(-1)",
            "Previous",
            id="previous-suggestion",
            tooltip="Show the suggestion before it",
            show=False,
        ),
        Binding(
            "alt+v",
            "preview",
            "Preview",
            id="preview",
            tooltip="Show the suggestion as a diff before taking it",
            show=False,
        ),
        Binding("escape", "drop_ghost", "Dismiss", id="dismiss", tooltip="Cancel or dismiss the suggestion"),
    ]

    def __init__(self, file: TextFile, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        self._ghost: Ghost | None = None
        self._seen: tuple[Location, str] | None = None  # of the ghost: where, and what
        self._offered = (False, False, False)  # what the keys can do with it, as the hints have it
        super().__init__(file, id=id)

    # ---- edits

    def replace_all(self, file: TextFile) -> None:
        self.drop_ghost()
        super().replace_all(file)

    def edit(self, edit: Edit) -> EditResult:
        """An edit. One that types what the ghost proposes takes it along; any other drops the ghost."""
        ghost, self._ghost = self._ghost, None
        typed = "\n".join(split(edit.text)[0])
        result = super().edit(edit)
        if ghost is not None:
            if edit.top == edit.bottom == ghost.anchor and ghost.agrees(typed):
                self._ghost = ghost.take(typed, result.end_location)
                self.post_message(GhostTaken(self, whole=False))
            else:
                self.post_message(GhostDropped(self))
            self._show_ghost()
        if self._ghost is None:
            self.post_message(Edited(self, len(typed)))
        return result

    def undo(self) -> None:
        self.drop_ghost()
        super().undo()

    def redo(self) -> None:
        self.drop_ghost()
        super().redo()

    # ---- ghost

    @property
    def ghost(self) -> Ghost | None:
        """The suggestion at the cursor; its text is empty while it is being waited for."""
        return self._ghost

    def begin_ghost(self, *, quietly: bool = False) -> None:
        """Wait for a suggestion at the cursor: it is dropped when the cursor leaves or another text is
        typed. `quietly`: nobody asked for it, so the hints do not tell how to end it."""
        self._ghost = Ghost(self.cursor_location)
        self._paint_ghost()
        if not quietly:
            self._offer()

    def write_ghost(self, text: str) -> bool:
        """Show newer text of the model; False if it contradicts what was typed before any of it was shown."""
        if self._ghost is None:
            return False
        newer = self._ghost.rewrite(text.replace("\r\n", "\n"))
        if newer is None:
            return bool(self._ghost.rest)
        if newer != self._ghost:
            self._ghost = newer
            self._show_ghost()
        return True

    def close_ghost(self, texts: Iterable[str]) -> None:
        """The model has ended: `texts` are what it proposed. Without anything left to show the ghost is gone."""
        if self._ghost is not None:
            self._ghost = self._ghost.close(text.replace("\r\n", "\n") for text in texts)
            if not self._ghost.rest:
                self._ghost = None
            self._show_ghost()

    def action_turn_ghost(self, step: int) -> None:
        """Show the next or the previous of several suggestions."""
        if self._ghost is not None:
            self._ghost = self._ghost.turn(step)
            self._show_ghost()
            self.post_message(GhostTurned(self, *self._ghost.number))

    def drop_ghost(self) -> bool:
        """Refuse the suggestion; False if there was none."""
        if self._ghost is None:
            return False
        self.end_ghost()
        self.post_message(GhostDropped(self))
        return True

    def end_ghost(self) -> None:
        """Remove the suggestion without telling anybody."""
        self._ghost = None
        self._show_ghost()

    def action_drop_ghost(self) -> None:
        self.drop_ghost()

    def action_accept_all(self) -> None:
        """Take all of it; a long one is shown as a diff first."""
        if self._ghost is not None and len(self._ghost.lines) > PREVIEW_LINES:
            self.action_preview()
        else:
            self.accept_all()

    def action_preview(self) -> None:
        """Show what the suggestion would change."""
        if self._ghost is not None and self._ghost.rest:
            row, column = self._ghost.anchor
            lines = tuple(self.exact.lines)
            self.post_message(
                PreviewWanted(self, Preview(self.file.path, lines, row, column, self._ghost.rest))
            )

    def accept_all(self) -> None:
        """Put the whole suggestion into the document, as one step of undo."""
        self._accept(self._ghost.rest if self._ghost else "")
        self.end_ghost()
        self.post_message(GhostTaken(self, whole=True))

    def action_accept_word(self) -> None:
        self._accept(next_word(self._ghost.rest) if self._ghost else "")

    def action_accept_line(self) -> None:
        self._accept(next_line(self._ghost.rest) if self._ghost else "")

    def action_cursor_word_right(self, select: bool = False) -> None:
        if self._ghost is not None and self._ghost.rest and not select:
            self.action_accept_word()
        else:
            super().action_cursor_word_right(select)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("accept_all", "accept_word", "accept_line", "preview"):
            return self._ghost is not None and bool(self._ghost.rest)
        if action == "turn_ghost":
            return self._ghost is not None and self._ghost.number[1] > 1
        if action == "drop_ghost":
            return self._ghost is not None
        return super().check_action(action, parameters)

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        if key == "tab" and self._ghost is not None:
            return False
        return super().check_consume_key(key, character)

    def watch_selection(self, old: Selection, new: Selection) -> None:
        """A cursor that goes elsewhere leaves the suggestion behind."""
        if self._ghost is not None and new != Selection.cursor(self._ghost.anchor):
            self.drop_ghost()

    async def _on_key(self, event: events.Key) -> None:
        """Keys that mean something else here than in a plain text area."""
        if event.key == "tab" and self._ghost is not None and self._ghost.rest:
            event.stop()
            event.prevent_default()
            self.action_accept_all()
        elif event.key == "escape":
            event.prevent_default()  # Textual would move the focus on; the screen decides what Esc leaves
            if self.drop_ghost():
                event.stop()
            elif not self.selection.is_empty:
                event.stop()
                self.selection = Selection.cursor(self.cursor_location)

    def _accept(self, text: str) -> None:
        if text and self._ghost is not None:
            self.history.checkpoint()
            self.replace(text, self._ghost.anchor, self._ghost.anchor, maintain_selection_offset=False)
            self.history.checkpoint()

    def _show_ghost(self) -> None:
        self._paint_ghost()
        self._offer()

    def _offer(self) -> None:
        """Make the hints again, where other keys are of use now: that takes as long as painting a screen."""
        ghost = self._ghost
        offered = (ghost is not None, bool(ghost and ghost.rest), ghost is not None and ghost.number[1] > 1)
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    def _paint_ghost(self) -> None:
        """Paint it if there is anything new to see of it."""
        seen = (
            (self._ghost.anchor, self._ghost.rest) if self._ghost is not None and self._ghost.rest else None
        )
        if seen == self._seen:
            return
        self._seen = seen
        self._line_cache.clear()
        self._refresh_size()
        self.refresh()
        if self._ghost is not None and self._ghost.rest:
            self._scroll_to_ghost(len(self._ghost.lines))

    def _scroll_to_ghost(self, height: int) -> None:
        """Scroll the lines below the cursor into view; the cursor's own line stays visible."""
        x, y = self.wrapped_document.location_to_offset(self.cursor_location)
        shown = max(1, min(height, self.scrollable_content_region.height))
        self.scroll_to_region(
            Region(x, y, width=3, height=shown),
            spacing=Spacing(right=self.gutter_width),
            animate=False,
            force=True,
        )

    # ---- painting

    @property
    def _extra_rows(self) -> int:
        return len(self._ghost.lines) - 1 if self._ghost is not None else 0

    def _refresh_size(self) -> None:
        """As Textual's, with room for the virtual lines of the ghost."""
        width, height = self.document.get_size(self.indent_width)
        if self._ghost is not None and self._ghost.rest:
            row, column = self._ghost.anchor
            line = self.exact.get_line(row)
            widest = max(len(part.expandtabs(self.indent_width)) for part in self._ghost.lines)
            width = max(width, len(line.expandtabs(self.indent_width)) + widest, column + widest)
        self.virtual_size = Size(width + self.gutter_width + 1, height + self._extra_rows)
        self._refresh_scrollbars()

    def get_line(self, line_index: int) -> Text:
        """A line as it is painted, with the first line of the ghost after the cursor."""
        line = super().get_line(line_index)
        if self._ghost is not None and line_index == self._ghost.anchor[0] and self._ghost.rest:
            column = self._ghost.anchor[1]
            lines = self._ghost.lines
            after = line[column:] if len(lines) == 1 else Text("", end="")
            line = Text.assemble(
                line[:column], (visible(lines[0]), self._ghost_style), after, end="", no_wrap=True
            )
        return line

    def look(self, y: int) -> Look:
        ghost = self._ghost
        if ghost is None or not ghost.rest:
            return super().look(y)
        below = y + self.scroll_offset.y - ghost.anchor[0]
        if below < 0:
            return super().look(y)
        if below > self._extra_rows:
            return super().look(y - self._extra_rows)
        return (*self.look_of_line(ghost.anchor[0]), ghost.anchor, ghost.rest, below)

    def _has_marks(self, row: int) -> bool:
        return (self._ghost is not None and row == self._ghost.anchor[0]) or super()._has_marks(row)

    def render_line(self, y: int) -> Strip:
        """Rows below the cursor's are moved down by the virtual lines of the ghost."""
        extra = self._extra_rows
        if self._ghost is None or not extra:
            return super().render_line(y)
        below = y + self.scroll_offset.y - self._ghost.anchor[0]
        if below <= 0:
            return super().render_line(y)
        if below > extra:
            return super().render_line(y - extra)
        return self._render_ghost_row(below)

    def _render_ghost_row(self, number: int) -> Strip:
        assert self._ghost is not None
        row, column = self._ghost.anchor
        lines = self._ghost.lines
        after = self.document.get_line(row)[column:] if number == len(lines) - 1 else ""
        text = Text.assemble((visible(lines[number]), self._ghost_style), after, end="", no_wrap=True)
        text.expand_tabs(self.indent_width)
        width = max(self.virtual_size.width, self.region.width)
        left = self.scroll_offset.x
        strip = Strip(text.render(self.app.console), text.cell_len).crop(left, left + width)
        gutter = Strip([Segment(" " * self.gutter_width, self._theme.gutter_style)], self.gutter_width)
        body = strip.extend_cell_length(width - self.gutter_width, self._theme.base_style)
        return Strip.join([gutter, body]).apply_style(self.rich_style)

    @property
    def _ghost_style(self) -> Style:
        return self.letters("editor--ghost")

    def get_target_document_location(self, event: events.MouseEvent) -> Location:
        """The place under the mouse: rows of the ghost count as the cursor's line."""
        x = event.x - self.gutter_width + self.scroll_offset.x - self.gutter.left
        y = event.y + self.scroll_offset.y - self.gutter.top
        if self._ghost is not None:
            below = max(0, y - self._ghost.anchor[0])
            y -= min(below, self._extra_rows)
        return self.wrapped_document.offset_to_location(Offset(x, y))
