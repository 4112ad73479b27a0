"""The tour of the first run: three lines, each shown when it is of use. Who has seen the last one is not told again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from repocoder.paths import state_dir
from tui.keymap import key_names

if TYPE_CHECKING:
    from textual.screen import Screen

    from tui.widgets.editor import Editor

LAST = 3  # the line that is shown with the first suggestion


def tour_file() -> Path:
    """The mark of those who have done the tour."""
    return state_dir() / "tour-done"


class Tour(Static):
    """One line above the status lines, for those whose mark is not there yet."""

    def __init__(
        self,
        place: Path,
        current: Callable[[], Editor | None],
        *,
        id: str | None = None,  # noqa: A002  # Textual's name
    ) -> None:
        """`current` tells which editor is shown."""
        super().__init__(id=id)
        self._place = place
        self._current = current
        self._step = 0
        self._keys: Mapping[str, str] = {}

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def on_unmount(self) -> None:
        if self._step == LAST:
            self.end()

    def use_keys(self, keymap: Mapping[str, str]) -> None:
        """Tell of the keys that the user gave to actions."""
        self._keys = keymap
        self._show()

    def end(self) -> None:
        """Hide the line, now and at every later start; if the mark cannot be written, only now."""
        if not self.display:
            return
        self._step, self.display = 0, False
        with contextlib.suppress(OSError):
            self._place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._place.touch(mode=0o600)

    def _follow(self, _: Screen[object]) -> None:
        """Show the line for where the user is: no file, a file, a suggestion in it. The last one stays."""
        editor = self._current()
        step = 1 if editor is None else LAST if editor.ghost is not None and editor.ghost.rest else 2
        if self.display and step > self._step:
            self._step = step
            self._show()

    def _show(self) -> None:
        if self._step:
            self.update(Content.assemble((f"{self._step}/{LAST}  ", "bold"), *self._words(self._step)))

    def _words(self, step: int) -> list[tuple[str, str] | str]:
        """What a step says, in 76 columns at most."""
        if step == 1:
            return [
                "Open a file: ",
                *self._key("find-files", "ctrl+p"),
                " and some of its letters, or ↓ Enter here",
            ]
        if step == 2:
            return [
                "Write, and rest: code is suggested. ",
                *self._key("complete", "ctrl+space"),
                " asks at once",
            ]
        return [
            *self._key("accept-all", "tab"),
            " takes it, ",
            *self._key("accept-word", "ctrl+right"),
            " a word, ",
            *self._key("dismiss", "escape"),
            " drops it. ",
            *self._key("snippets", "f3"),
            ": where it is from",
        ]

    def _key(self, action: str, usual: str) -> list[tuple[str, str] | str]:
        return [(key_names(self._keys.get(action, usual)), "bold")]
