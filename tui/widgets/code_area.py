"""A code area: Textual's text area over an exact document, coloured by Pygments. It knows no completions."""

from __future__ import annotations

import time
from functools import partial
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import actions, events
from textual._text_area_theme import TextAreaTheme
from textual.binding import Binding, BindingType
from textual.document._document import EditResult
from textual.document._document_navigator import DocumentNavigator
from textual.document._edit import Edit
from textual.geometry import Offset
from textual.strip import Strip
from textual.timer import Timer
from textual.widgets import TextArea

from repocoder.edits import TextFile
from tui.colours import GROUPS, Colours, colour
from tui.document import DisplayedDocument, ExactDocument
from tui.messages import ColoursReady
from tui.widgets.painted_by_rows import Look, PaintedByRows

COLOUR_PAUSE_S = 0.4
"""Keys must rest for so long before the whole file is lexed again."""

FIRST_ROWS = 150
"""Rows that are coloured before the first paint: more than a screen, a few milliseconds."""

REST_S = 0.0005
"""How long the thread that lexes rests after each millisecond of work: a key waits no longer than that."""

UNDO_STEPS = 500

KEPT_LINES = 1_000
"""Painted lines that are kept: a few screens of them."""

BLOCK_OPENERS = (":", "(", "[", "{")
"""After one of these at its end, a new line is indented one step more."""


class LineTheme(TextAreaTheme):
    """Textual's own theme, but the cursor's line keeps the colours of its code."""

    def apply_css(self, text_area: TextArea) -> None:
        super().apply_css(text_area)
        if self.cursor_line_style is not None:
            self.cursor_line_style = Style(bgcolor=self.cursor_line_style.bgcolor)


class CodeArea(PaintedByRows):
    """One open file, shown with harmless characters and kept byte for byte."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+home", "to_start", "Start of file", id="file-start", tooltip="To the first line", show=False
        ),
        Binding("ctrl+end", "to_end", "End of file", id="file-end", tooltip="To the last line", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"code--{group}" for group in GROUPS.values()}

    def __init__(self, file: TextFile, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        self.file = file
        self._colours = Colours(file.path, [])
        self._colour_timer: Timer | None = None
        self._laid_out = False
        self._painted: dict[tuple[object, ...], Strip] = {}
        self._compared: tuple[int, TextFile] | None = None
        self._unsaved = False
        super().__init__(
            file.text,
            soft_wrap=False,
            tab_behavior="indent",
            show_line_numbers=True,
            max_checkpoints=UNDO_STEPS,
            id=id,
        )
        self.register_theme(LineTheme("repocoder"))
        self.theme = "repocoder"
        self.indent_type = "tabs" if "\n\t" in file.text else "spaces"

    @property
    def exact(self) -> ExactDocument:
        assert isinstance(self.document, ExactDocument)
        return self.document

    @property
    def unsaved(self) -> bool:
        if self._compared != (compared := (self.exact.revision, self.file)):
            self._compared, self._unsaved = compared, self.exact.text != self.file.text
        return self._unsaved

    @property
    def buffer(self) -> str:
        """The text as the file would hold it, with the byte order mark that it had."""
        return ("\ufeff" if self.file.bom else "") + self.exact.text

    def action_to_start(self) -> None:
        self.move_cursor((0, 0))

    def action_to_end(self) -> None:
        self.move_cursor(self.document.end)

    def replace_all(self, file: TextFile) -> None:
        """Show another version of the file; one step of undo leads back."""
        place = self.cursor_location
        self.file = file
        self.history.checkpoint()
        self._edit_as_is(Edit(file.text, (0, 0), self.document.end, maintain_selection_offset=False))
        self.history.checkpoint()
        self.move_cursor(self.clamp_visitable(place))

    def edit(self, edit: Edit) -> EditResult:
        """An edit by the user: new lines get the line end of the document."""
        edit.text = self.exact.with_own_ends(edit.text)
        return self._edit_as_is(edit)

    def _edit_as_is(self, edit: Edit) -> EditResult:
        return super().edit(edit)

    def _set_document(self, text: str, language: str | None) -> None:
        """Replaces Textual's choice of document: exact, and never one with a native parser."""
        document = ExactDocument(text, self._follow_change)
        self.document = document
        self.wrapped_document = DisplayedDocument(document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._colours = Colours(self.file.path, document.lines)
        self._compared = None
        self._colours.lex(document.lines, 0, min(FIRST_ROWS, document.line_count - 1))
        self._build_highlight_map()
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """As Textual's, but back to the left edge as soon as the cursor can be seen from there."""
        width = self.scrollable_content_region.width - 2 * self.gutter_width
        if self.scroll_x and self.wrapped_document.location_to_offset(self.cursor_location).x < width:
            self.scroll_to(x=0, animate=False)
        return super().scroll_cursor_visible(center, animate)

    def _watch_language(self, language: str | None) -> None:
        """Nothing: the language is known by the name of the file, and no parser is chosen by it."""

    async def _on_key(self, event: events.Key) -> None:
        """A new line is indented as the one before it. A key of the area's own is carried out before the next one is
        looked at: Textual lets it rise to the application first, and letters typed after it would overtake it."""
        if event.key == "enter" and not self.read_only:
            event.stop()
            event.prevent_default()
            self._replace_via_keyboard("\n" + self.indentation(), *self.selection)
        elif await self._run_own(event.key):
            event.stop()
            event.prevent_default()
        elif event.key.startswith("alt+"):
            event.prevent_default()  # a terminal sends the letter along: it is a command, not text

    def carries_out(self, key: str) -> bool:
        """Is this key carried out here before the next one is looked at? Esc may be for others, who get it later."""
        if key == "enter":
            return not self.read_only
        return key != "escape" and any(
            self.check_action(name, parameters)
            for _, name, parameters in (actions.parse(binding.action) for binding in self._own(key))
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text area scrolls by keys that lead to the next tab here."""
        return action not in ("page_left", "page_right") and super().check_action(action, parameters)

    async def _run_own(self, key: str) -> bool:
        """Run the action that the key has in this area, if any."""
        for binding in self._own(key):
            if await self.app.run_action(binding.action, self):
                return True
        return False

    def _own(self, key: str) -> list[Binding]:
        for namespace, bindings in self.screen._modal_binding_chain:
            if namespace is self:
                return [one for one in bindings.key_to_bindings.get(key, ()) if not one.priority]
        return []

    def indentation(self) -> str:
        """Of the line that Enter begins: white space at the start of the cursor's line, as far as the cursor is behind
        it; a step more in a block."""
        row, column = min(self.selection)
        before = self.document[row][:column]
        indentation = before[: len(before) - len(before.lstrip(" \t"))]
        if before.rstrip().endswith(BLOCK_OPENERS):
            indentation += "\t" if self.indent_type == "tabs" else " " * self.indent_width
        return indentation

    def letters(self, name: str) -> Style:
        """The style of a component class without its background, which belongs to the line."""
        style = self.get_component_rich_style(name)
        return Style(color=style.color, bold=style.bold, italic=style.italic, underline=style.underline)

    def get_line(self, line_index: int) -> Text:
        """A line as it is painted: harmless characters and colours."""
        line = Text(self.document.get_line(line_index), end="", no_wrap=True)
        for start, end, group in self._colours.runs(line_index):
            line.stylize(self.letters(f"code--{group}"), start, end)
        return line

    def _render_line(self, y: int) -> Strip:
        """As Textual's, which paints all lines again after each key: those that look as they did are kept."""
        row = self.scroll_offset.y + y
        if row >= self.document.line_count or self._has_marks(row):
            return super()._render_line(y)
        theme = self._theme
        look = (
            row,
            self.document.get_line(row),
            tuple(self._colours.runs(row)),
            self.scroll_offset.x,
            self.size.width,
            self.virtual_size.width,
            self.gutter_width,
            self.app.theme,
            theme and (theme.base_style, theme.gutter_style),
        )
        strip = self._painted.get(look)
        if strip is None:
            if len(self._painted) >= KEPT_LINES:
                self._painted.clear()
            strip = self._painted[look] = super()._render_line(y)
        return strip

    def look(self, y: int) -> Look:
        row = self.scroll_offset.y + y
        return self.look_of_line(row) if row < self.document.line_count else ()

    def look_of_line(self, row: int) -> Look:
        """What a line of the document looks like."""
        look = (row, self.exact.lines[row], self._colours.runs(row))
        if not self._has_marks(row):
            return look
        return (*look, self.selection, self._draw_cursor, self._matching_bracket_location)

    def _has_marks(self, row: int) -> bool:
        """Does the row show anything but its text and its colours: the cursor, a selection, a bracket?"""
        first, last = sorted((self.selection.start[0], self.selection.end[0]))
        bracket = self._matching_bracket_location
        return first <= row <= last or (bracket is not None and bracket[0] == row)

    def _follow_change(self, first: int, last_before: int, last_after: int) -> None:
        self._colours.change(self.exact.lines, first, last_before, last_after)
        self.colour_all()

    def on_mount(self) -> None:
        self.colour_all(at_once=True)

    def on_resize(self, event: events.Resize) -> None:
        """Keys that arrive before the first layout scroll in an area without size: put that right."""
        if not self._laid_out and event.size:
            self._laid_out = True
            self.scroll_to(0, 0, animate=False)
            self.call_after_refresh(self.scroll_cursor_visible)

    def colour_all(self, *, at_once: bool = False) -> None:
        """Lex the whole document in a thread, when the keys rest."""
        if self._colours.lexer is None or not self.is_attached:
            return
        if self._colour_timer is not None:
            self._colour_timer.stop()
        self._colour_timer = self.set_timer(0.01 if at_once else COLOUR_PAUSE_S, self._start_colouring)

    def _start_colouring(self) -> None:
        lines, colours = list(self.exact.lines), self._colours
        self.run_worker(
            partial(self._colour_in_thread, lines, colours, colours.revision),
            group="colours",
            thread=True,
            exclusive=True,
            exit_on_error=False,
        )

    def _colour_in_thread(self, lines: list[str], colours: Colours, revision: int) -> None:
        def rest_or_stop() -> bool:
            time.sleep(REST_S)
            return colours.revision != revision or not self.is_running

        rows = colour(colours.lexer, lines, stop=rest_or_stop)
        if rows is not None:
            self.post_message(ColoursReady(rows, revision))

    def on_colours_ready(self, message: ColoursReady) -> None:
        message.stop()
        if self._colours.replace(message.rows, message.revision):
            self._line_cache.clear()
            self.refresh()
