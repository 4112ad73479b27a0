"""The centre: one editor for each open file, of which one is shown, with its name above and the tabs of all."""

from __future__ import annotations

import threading
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, Static

from repocoder.errors import UsageError
from repocoder.paths import index_dir, state_dir
from tui.display import MUTED, plain
from tui.messages import FileOnDisk, TabsChanged
from tui.on_disk import watch_files

if TYPE_CHECKING:  # what an open file needs is imported with the first one
    from textual.widgets import TextArea

    from repocoder.edits import TextFile
    from tui.journal import Journal
    from tui.widgets.editor import Editor
    from tui.widgets.find_bar import FindBar
    from tui.widgets.searchable import SearchableEditor
    from tui.widgets.tab_strip import TabStrip

WELCOME = Content.from_markup(
    "[bold]repocoder[/bold] knows this repository\nand never leaves this machine.\n\n"
    "[bold $text-accent]F2 ↑ ↓ Enter[/]  a file of the tree\n"
    "[bold $text-accent]Ctrl+P[/]        a file by a few letters\n"
    "[bold $text-accent]Ctrl+R[/]        ask the repository\n\n"
    "In a file: write, and rest.\n"
    "[bold $text-accent]Ctrl+Space[/]    suggest at once (or Ctrl+N)\n"
    "[bold $text-accent]Tab[/]           take the suggestion\n"
    "[bold $text-accent]F3[/]            what it was made of, and why\n\n"
    "On disk only with [bold]Ctrl+S[/].  [bold]F1[/]: all keys."
)

MAX_LINE_CHARACTERS = 20_000
"""A line longer than this is not written by people, and painting it would block keys."""

MAX_PLACES = 100
"""Places that "back" remembers."""


class EditorArea(Vertical):
    """Opens and saves files; keeps the places where the user came from, and looks at what is on disk."""

    def __init__(self, root: Path, max_bytes: int, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._root = root
        self._max_bytes = max_bytes
        self._editors: dict[str, SearchableEditor] = {}  # in the order in which they were opened
        self._recent: list[str] = []  # the one that is shown last
        self._changed: set[str] = set()  # other on disk than in the editor, which has unsaved changes
        self._numbers = count()
        self._places: list[tuple[str, int]] = []
        self._stop = threading.Event()
        self._tabs: TabStrip | None = None
        self._find_bar: FindBar | None = None

    @cached_property
    def journal(self) -> Journal:
        """What was done to the files."""
        from tui.journal import Journal  # when a file is opened: the first paint does not wait for it

        return Journal(state_dir() / "undo" / index_dir(self._root).name)

    def compose(self) -> ComposeResult:
        yield Static(Content("no file"), id="title")
        with ContentSwitcher(initial="welcome", id="editors"):
            yield Static(WELCOME, id="welcome")

    async def _make_ready(self) -> None:
        """For the first file: the tabs, the line that searches, the look at the disk."""
        if self._find_bar is not None:
            return
        from tui.widgets.find_bar import FindBar
        from tui.widgets.tab_strip import TabStrip

        self._tabs, self._find_bar = TabStrip(id="tabs"), FindBar(lambda: self.current, id="find")
        await self.mount(self._tabs, before="#title")
        await self.mount(self._find_bar)
        watching = partial(
            watch_files, self._root, self._open_files, self.read, self.post_message, self._stop
        )
        self.run_worker(watching, thread=True, group="disk", exit_on_error=False)

    def on_unmount(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Look at the disk no longer."""
        self._stop.set()

    # ---- what is open

    @property
    def current(self) -> SearchableEditor | None:
        """The editor that is shown, None before the first file."""
        shown = self.query_one("#editors", ContentSwitcher).visible_content
        return next((editor for editor in self._editors.values() if editor is shown), None)

    @property
    def find_bar(self) -> FindBar | None:
        """Searches in the file that is shown; None before the first one."""
        return self._find_bar

    @property
    def editors(self) -> tuple[SearchableEditor, ...]:
        """Of all open files, in the order of their tabs."""
        return tuple(self._editors.values())

    @property
    def recent(self) -> tuple[str, ...]:
        """Paths of the open files, the one that is shown first, then the most recent."""
        return tuple(reversed(self._recent))

    @property
    def unsaved(self) -> tuple[Editor, ...]:
        return tuple(editor for editor in self._editors.values() if editor.unsaved)

    async def open(self, path: str, line: int | None = None, column: int | None = None) -> Editor:
        """Show a file, at a line (1-based) and column (0-based) if they are given.

        Without a column the cursor goes to the first letter of the line. Raises UsageError when the file is not for
        editing.
        """
        here = self.current
        editor = await self.add(path)
        if here is not None and (here is not editor or line is not None):
            self._places.append((here.file.path, here.cursor_location[0] + 1))
            del self._places[:-MAX_PLACES]
        return self._show(editor, line, column)

    async def add(self, path: str) -> SearchableEditor:
        """Open a file without showing it. Raises UsageError."""
        if path not in self._editors:
            from tui.widgets.searchable import SearchableEditor

            editor = SearchableEditor(self.read(path), id=f"editor-{next(self._numbers)}")
            self.journal.restore(path, editor.file.sha256, editor.history)
            await self._make_ready()
            await self.query_one("#editors", ContentSwitcher).add_content(editor)
            self._editors[path] = editor
            self._recent.insert(0, path)
        return self._editors[path]

    async def close(self, editor: Editor) -> None:
        """Close a file; what is not saved of it is lost. The most recent one of the others is shown."""
        path = editor.file.path
        del self._editors[path]
        self._recent.remove(path)
        self._changed.discard(path)
        self._places = [place for place in self._places if place[0] != path]
        if self._recent:
            self._show(self._editors[self._recent[-1]], None)
        else:
            self.query_one("#editors", ContentSwitcher).current = "welcome"
            if self._find_bar is not None:
                self._find_bar.display = False
            self._show_title()
            self.post_message(TabsChanged())
        await editor.remove()

    def turn(self, step: int) -> None:
        """Show the next (1) or previous (-1) tab."""
        here = self.current
        if here is not None:
            paths = list(self._editors)
            self._show(self._editors[paths[(paths.index(here.file.path) + step) % len(paths)]], None)

    def back(self) -> Editor | None:
        """Return to the last place from where a file was opened."""
        if not self._places:
            return None
        path, line = self._places.pop()
        return self._show(self._editors[path], line)

    # ---- disk

    def read(self, path: str) -> TextFile:
        """Read a file as it is on disk. Raises UsageError."""
        from repocoder.edits import read_text_file

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
        from repocoder.edits import TextFile, replace_file

        file, text = editor.file, editor.exact.text
        data = file.encode(text)
        digest = replace_file(self._root, file.path, data, expected_sha256=None if overwrite else file.sha256)
        editor.file = TextFile(file.path, text, file.bom, digest)
        self.journal.keep(file.path, digest, editor.history)
        self._changed.discard(file.path)
        self._show_title()
        return len(data)

    def _open_files(self) -> list[TextFile]:
        """The files as the editors know them; called in a thread."""
        return [editor.file for editor in tuple(self._editors.values())]

    def on_file_on_disk(self, message: FileOnDisk) -> None:
        """Another program has written an open file: show it, unless changes would be lost."""
        message.stop()
        editor = self._editors.get(message.path)
        if editor is None or editor.file.sha256 != message.base:
            return
        there = message.file
        if there is not None and there.sha256 == message.base:
            self._changed.discard(message.path)
        elif there is not None and not editor.unsaved:
            editor.replace_all(there)
            self._tell(
                message.path, "changed on disk: shown as it is there now; Ctrl+Z brings the old text back"
            )
        elif message.path not in self._changed:
            self._changed.add(message.path)
            what = "changed on disk" if there is not None else "cannot be read any more"
            self._tell(message.path, f"{what}: your text is kept; saving asks first", "warning")
        self._show_title()

    def _tell(
        self, path: str, what: str, severity: Literal["information", "warning"] = "information"
    ) -> None:
        self.notify(what, title=plain(path).plain, severity=severity, markup=False)

    # ---- showing

    def _show(self, editor: Editor, line: int | None, column: int | None = None) -> Editor:
        path = editor.file.path
        self.query_one("#editors", ContentSwitcher).current = editor.id
        self._recent.remove(path)
        self._recent.append(path)
        if line is not None:
            row, _ = editor.clamp_visitable((line - 1, 0))
            text = editor.document[row]
            indented = len(text) - len(text.lstrip())
            editor.move_cursor(editor.clamp_visitable((row, indented if column is None else column)))
            editor.call_later(editor.call_after_refresh, editor.scroll_cursor_visible, center=True)
        self.screen.set_focus(editor)  # at once: the next key may be on its way
        self._show_title()
        self._follow_in_find_bar()
        self.post_message(TabsChanged())
        return editor

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        if event.text_area is self.current:
            self._follow_in_find_bar()
        self._show_title()

    def _follow_in_find_bar(self) -> None:
        if self._find_bar is not None:
            self._find_bar.follow_editor()

    def on_text_area_selection_changed(self) -> None:
        self._show_title()

    def _show_title(self) -> None:
        editor = self.current
        here = "" if editor is None else editor.file.path
        if self._tabs is not None:
            from tui.widgets.tab_strip import Tab

            tabs = tuple(Tab(path, one.unsaved, path in self._changed) for path, one in self._editors.items())
            self._tabs.show(tabs, here)
        if editor is None:
            self.query_one("#title", Static).update(Content("no file"), layout=False)
            return
        row, column = editor.cursor_location
        mark = ("● ", "bold $text-warning") if editor.unsaved else ("  ", "")
        others = len([other for other in self.unsaved if other is not editor])
        title = Content.assemble(
            mark,
            plain(here, "bold"),
            (f"  {row + 1}:{column + 1}", MUTED),
            ("  unsaved" if editor.unsaved else "", "$text-warning"),
            ("  changed on disk" if here in self._changed else "", "bold $text-error"),
            (f"  (+{others} unsaved)" if others else "", "$text-warning"),
        )
        self.query_one("#title", Static).update(title, layout=False)
