"""The line with the open files: which is shown, which are not saved, which changed on disk. A click shows one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widgets import Static

from repocoder.terminal import safe
from tui.display import MUTED
from tui.messages import FileChosen


@dataclass(frozen=True, slots=True)
class Tab:
    """One open file. `changed`: it is another one on disk than in the editor, which has unsaved changes."""

    path: str
    unsaved: bool = False
    changed: bool = False


class TabStrip(Static):
    """Tabs in the order in which their files were opened; hidden while there is only one."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self.display = False
        self._shown: tuple[Sequence[Tab], str] = ((), "")
        self._places: list[tuple[int, int, str]] = []  # first and last cell (half-open) of a tab, its path

    def show(self, tabs: Sequence[Tab], active: str) -> None:
        """Show the tabs; the active one is always in view."""
        if (tabs, active) != self._shown:
            self._shown = (tabs, active)
            self.display = len(tabs) > 1
            self._paint()
            self.call_after_refresh(self._paint)  # it has no width before it was laid out

    def on_resize(self) -> None:
        self._paint()

    def on_click(self, event: events.Click) -> None:
        event.stop()
        for first, last, path in self._places:
            if first <= event.x < last:
                self.post_message(FileChosen(path))

    def _paint(self) -> None:
        tabs, active = self._shown
        names = _names([tab.path for tab in tabs])
        labels = [
            f" {'! ' if tab.changed else '● ' if tab.unsaved else ''}{name} "
            for tab, name in zip(tabs, names, strict=True)
        ]
        first = self._first_shown(labels, [tab.path for tab in tabs].index(active)) if active else 0
        parts: list[tuple[str, str]] = [("<", MUTED)] if first else []
        at = 1 if first else 0
        self._places = []
        for tab, label in list(zip(tabs, labels, strict=True))[first:]:
            style = "bold $text on $primary 40%" if tab.path == active else MUTED
            parts.append((label, f"{style} $text-warning" if tab.changed else style))
            self._places.append((at, at + cell_len(label), tab.path))
            at += cell_len(label)
        self.update(Content.assemble(*parts), layout=False)

    def _first_shown(self, labels: Sequence[str], active: int) -> int:
        """The first tab to show, so that the active one fits."""
        room = self.size.width - 2
        first = active
        while first and room - sum(map(cell_len, labels[first - 1 : active + 1])) >= 0:
            first -= 1
        return first


def _names(paths: Sequence[str]) -> list[str]:
    """The names of files, harmless; those of the same name with the folder that they are in."""
    names = [path.rpartition("/")[2] for path in paths]
    return [
        safe("/".join(path.split("/")[-2:]) if names.count(name) > 1 else name)
        for path, name in zip(paths, names, strict=True)
    ]
