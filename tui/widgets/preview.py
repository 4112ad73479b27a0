"""A look at a file without opening it: read only, coloured as in the editor, with the line that is meant in view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from textual.message import Message

from repocoder.edits import TextFile
from repocoder.errors import RepocoderError
from tui.widgets.code_area import CodeArea

PAUSE_S = 0.06
"""The cursor of a list must rest for so long before a file is read for it."""

Read = Callable[[str], TextFile]


@dataclass
class PreviewRead(Message):
    """A file was read for the preview; `problem` says why it was not."""

    path: str
    file: TextFile | None
    problem: str = ""


class Preview(CodeArea, can_focus=False):
    """Shows one place at a time. `read` gives a file, raises RepocoderError, and is called in a thread."""

    def __init__(self, read: Read, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(TextFile("", "", False, ""), id=id)
        self._read_file = read
        self._wanted: tuple[str, int] = ("", 1)
        self.read_only = True
        self.show_line_numbers = False  # of nothing

    def on_mount(self) -> None:
        self._pause = self.set_timer(0, self._start_reading, pause=True)

    def look_at(self, path: str, line: int = 1) -> None:
        """Show a file with a line (1-based) in the upper third, once the keys rest."""
        self._wanted = (path, line)
        self._pause.stop()
        self._pause = self.set_timer(PAUSE_S, self._start_reading)

    def clear_look(self) -> None:
        """Show nothing."""
        self.look_at("")

    def _start_reading(self) -> None:
        path, _ = self._wanted
        if path == self.file.path:
            self._show_line()
        elif not path:
            self._take(TextFile("", "", False, ""))
        else:
            work = partial(self._read_in_thread, path)
            self.run_worker(work, thread=True, group="preview", exclusive=True, exit_on_error=False)

    def _read_in_thread(self, path: str) -> None:
        try:
            self.post_message(PreviewRead(path, self._read_file(path)))
        except RepocoderError as error:
            self.post_message(PreviewRead(path, None, str(error)))

    def on_preview_read(self, message: PreviewRead) -> None:
        message.stop()
        if message.path == self._wanted[0]:
            self._take(message.file or TextFile("", message.problem, False, ""))

    def _take(self, file: TextFile) -> None:
        self.file = file
        self.show_line_numbers = bool(file.path)
        self.load_text(file.text)
        self._show_line()
        self.colour_all(at_once=True)

    def _show_line(self) -> None:
        row, _ = self.clamp_visitable((self._wanted[1] - 1, 0))
        height = max(1, self.scrollable_content_region.height)
        self._colours.lex(self.exact.lines, row, min(row + height, self.document.line_count - 1))
        self._line_cache.clear()
        self.move_cursor((row, 0))
        self.scroll_to(0, max(0, row - height // 3), animate=False)
        self.refresh()
