"""The session of a repository: open files, cursors, the tab and the panes that were shown, restored at the next start.

Kept in the user's state folder, for the user's eyes only, never in the repository. A file that is damaged, of another
version or not ours is ignored, and said so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from repocoder.errors import RepocoderError
from repocoder.paths import index_dir, state_dir

if TYPE_CHECKING:
    from tui.saved_session import SavedSession
    from tui.screens.desk import Desk


def session_file(root: Path) -> Path:
    """Where the session of a repository is kept: one for each real path, as its index."""
    return state_dir() / "sessions" / f"{index_dir(root).name}.json"


class Restoring:
    """Restores and saves the session of one workspace. Without a place there is nothing to do."""

    def __init__(self, desk: Desk, place: Path | None) -> None:
        self._desk = desk
        self._place = place
        self._saved: SavedSession | None = None
        self._ready = place is None  # nothing is saved before what was there has been restored

    async def restore(self) -> None:
        """Open what was open, the tab that was shown first; files that are gone are left out and counted."""
        if self._place is None:
            return
        if not _is_missing(self._place):
            from tui.saved_session import load_session  # after the first paint

            saved, problem = load_session(self._place)
            if problem:
                self._desk.notify(problem, title="session", markup=False)
            if saved is not None:
                await self._open(saved)
            self._saved = saved
        self._ready = True

    async def _open(self, saved: SavedSession) -> None:
        area = self._desk.area
        gone = 0
        from tui.saved_session import MAX_TABS

        for tab in saved.tabs[:MAX_TABS]:
            try:
                editor = await area.add(tab.path)
            except RepocoderError:
                gone += 1
                continue
            editor.move_cursor(editor.clamp_visitable((tab.row, tab.column)))
            editor.call_after_refresh(editor.scroll_to, 0, max(0, tab.top), animate=False)
        for name, shown in saved.panes.items():
            for pane in self._desk.query(f"#{name}") if name in PANES else ():
                pane.set_class(shown, "-shown").set_class(not shown, "-hidden")
        opened = [editor.file.path for editor in area.editors]
        if opened:
            await area.open(saved.active if saved.active in opened else opened[0])
        if gone:
            files = "file" if gone == 1 else "files"
            self._desk.say(Content(f"{gone} {files} of the last session cannot be opened any more"))

    def save(self) -> None:
        """Write the session if it is another one than before."""
        if self._place is None or not self._ready:
            return
        from tui.saved_session import save_session

        session = self._session()
        if session != self._saved:
            self._saved = session
            problem = save_session(self._place, session)
            if problem and self._desk.is_attached:
                self._desk.notify(problem, title="session", markup=False)

    def _session(self) -> SavedSession:
        from tui.saved_session import MAX_TABS, VERSION, SavedSession, SavedTab

        area = self._desk.area
        tabs = [
            SavedTab(editor.file.path, *editor.cursor_location, int(editor.scroll_offset.y))
            for editor in area.editors
            if _is_utf8(editor.file.path)
        ]
        panes = {}
        for name in PANES:
            pane = self._desk.query_one(f"#{name}")
            if pane.has_class("-hidden") or pane.has_class("-shown"):
                panes[name] = not pane.has_class("-hidden")
        current = area.current
        active = "" if current is None or not _is_utf8(current.file.path) else current.file.path
        return SavedSession(VERSION, tabs[-MAX_TABS:], active, panes)


PANES = ("files", "snippets")


def _is_missing(place: Path) -> bool:
    """Is there nothing to read? What reads it tells why it cannot."""
    try:
        place.lstat()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False


def _is_utf8(path: str) -> bool:
    """A name with bytes that are no UTF-8 cannot be written as JSON: such a file is opened by hand again."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
