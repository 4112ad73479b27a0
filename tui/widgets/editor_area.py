"""The centre: one editor for each open file, of which one is shown, with its name above."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, Static, TextArea

from repocoder.edits import TextFile, read_text_file, replace_file
from repocoder.errors import UsageError
from repocoder.paths import index_dir, state_dir
from tui.display import plain
from tui.journal import Journal
from tui.widgets.editor import Editor

WELCOME = Content.from_markup(
    "[bold]repocoder[/bold] knows this repository and never leaves this machine.\n\n"
    "1  Choose a file on the left (F2, arrows, Enter).\n"
    "2  Put the cursor where code is missing.\n"
    "3  Press [bold]Ctrl+Space[/bold] (or Ctrl+N), then [bold]Tab[/bold] to accept.\n\n"
    "F1 lists all keys. Nothing is written to disk before Ctrl+S."
)

MAX_LINE_CHARACTERS = 20_000
"""A line longer than this is not written by people, and painting it would block keys."""

MAX_PLACES = 100
"""Places that "back" remembers."""


class EditorArea(Vertical):
    """Opens and saves files; keeps the places where the user came from."""

    def __init__(self, root: Path, max_bytes: int, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._root = root
        self._max_bytes = max_bytes
        self._editors: dict[str, Editor] = {}
        self._numbers = count()
        self._places: list[tuple[str, int]] = []
        self.journal = Journal(state_dir() / "undo" / index_dir(root).name)

    def compose(self) -> ComposeResult:
        yield Static(Content("no file"), id="title")
        with ContentSwitcher(initial="welcome", id="editors"):
            yield Static(WELCOME, id="welcome")

    @property
    def current(self) -> Editor | None:
        """The editor that is shown, None before the first file."""
        shown = self.query_one("#editors", ContentSwitcher).visible_content
        return shown if isinstance(shown, Editor) else None

    @property
    def recent(self) -> tuple[str, ...]:
        """Paths of the open files, the one that is shown first, then the most recent."""
        return tuple(reversed(self._editors))

    @property
    def unsaved(self) -> tuple[Editor, ...]:
        return tuple(editor for editor in self._editors.values() if editor.unsaved)

    async def open(self, path: str, line: int | None = None, column: int | None = None) -> Editor:
        """Show a file, at a line (1-based) and column (0-based) if they are given.

        Without a column the cursor goes to the first letter of the line. Raises UsageError when the file is not for
        editing.
        """
        here = self.current
        if path not in self._editors:
            file = self.read(path)
            editor = Editor(file, id=f"editor-{next(self._numbers)}")
            self.journal.restore(path, editor.file.sha256, editor.history)
            await self.query_one("#editors", ContentSwitcher).add_content(editor)
            self._editors[path] = editor
        if here is not None and (here.file.path != path or line is not None):
            self._places.append((here.file.path, here.cursor_location[0] + 1))
            del self._places[:-MAX_PLACES]
        return self._show(self._editors[path], line, column)

    def back(self) -> Editor | None:
        """Return to the last place from where a file was opened."""
        if not self._places:
            return None
        path, line = self._places.pop()
        return self._show(self._editors[path], line)

    def read(self, path: str) -> TextFile:
        """Read a file as it is on disk. Raises UsageError."""
        file = read_text_file(self._root, path, self._max_bytes)
        longest = max(map(len, file.text.split("\n")))
        if longest > MAX_LINE_CHARACTERS:
            raise UsageError(
                f"line too long: {path}: {longest} characters, at most {MAX_LINE_CHARACTERS} are shown"
            )
        return file

    def save(self, editor: Editor, *, overwrite: bool = False) -> int:
        """Write the buffer to its file and return the number of bytes.

        Raises StaleTargetError when the file changed on disk, unless `overwrite`, and StorageError.
        """
        file, text = editor.file, editor.exact.text
        data = file.encode(text)
        digest = replace_file(self._root, file.path, data, expected_sha256=None if overwrite else file.sha256)
        editor.file = TextFile(file.path, text, file.bom, digest)
        self.journal.keep(file.path, digest, editor.history)
        self._show_title()
        return len(data)

    def _show(self, editor: Editor, line: int | None, column: int | None = None) -> Editor:
        self.query_one("#editors", ContentSwitcher).current = editor.id
        self._editors[editor.file.path] = self._editors.pop(
            editor.file.path
        )  # the last one is the most recent
        if line is not None:
            row, _ = editor.clamp_visitable((line - 1, 0))
            text = editor.document[row]
            indented = len(text) - len(text.lstrip())
            editor.move_cursor(editor.clamp_visitable((row, indented if column is None else column)))
            editor.call_later(editor.call_after_refresh, editor.scroll_cursor_visible, center=True)
        self.screen.set_focus(editor)  # at once: the next key may be on its way
        self._show_title()
        return editor

    @on(TextArea.Changed)
    @on(TextArea.SelectionChanged)
    def _show_title(self) -> None:
        editor = self.current
        if editor is None:
            return
        row, column = editor.cursor_location
        mark = ("● ", "bold $text-warning") if editor.unsaved else ("  ", "")
        others = len([other for other in self.unsaved if other is not editor])
        title = Content.assemble(
            mark,
            plain(editor.file.path, "bold"),
            (f"  {row + 1}:{column + 1}", "$text-muted"),
            ("  unsaved" if editor.unsaved else "", "$text-warning"),
            (f"  (+{others} unsaved)" if others else "", "$text-warning"),
        )
        self.query_one("#title", Static).update(title)
