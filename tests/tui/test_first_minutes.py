"""What a new user is told: the keys at the bottom, those of where one is, the tour; and that the mouse works, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.geometry import Offset

from tui.app import RepocoderApp


def _hints(ui: Any, pilot: Any) -> str:
    return str(ui.painted(pilot)[-1])


@pytest.mark.parametrize("width", [44, 60, 80, 120, 200])
async def test_no_key_at_the_bottom_is_cut_in_two(app: Any, ui: Any, width: int) -> None:
    async with app.run_test(size=(width, 24)) as pilot:
        await ui.ready(pilot)
        await pilot.pause()
        words = _hints(ui, pilot).replace("▏", " ").split()
        known = {"^Space", "Complete", "F3", "Why", "^S", "Save", "F2", "Files", "^P", "Open", "^R", "Ask"}
        known |= {"^T", "Symbol", "Alt+S", "Settings", "^Q", "Quit", "F1", "Help"}
        known |= {"→", "←", "Enter", "Select"}
        assert set(words) <= known
        assert words[-4:] == ["^Q", "Quit", "F1", "Help"]
        if width >= 80:
            assert {"Complete", "Save", "Open", "Ask", "Why"} <= set(words)


async def test_keys_of_ones_own_are_at_the_bottom_and_in_the_tour(
    scripted: Any, ui: Any, tmp_path: Path
) -> None:
    from dataclasses import replace

    scripted.settings = replace(scripted.settings, keys=("complete=alt+c", "find-files=f7"))
    app = RepocoderApp(scripted, session=tmp_path / "session.json")
    async with app.run_test(size=(100, 30)) as pilot:
        await ui.ready(pilot)
        await ui.wait(pilot, lambda: "1/3" in ui.text(pilot, "#tour"))
        await ui.wait(pilot, lambda: "Alt+C Complete" in _hints(ui, pilot))
        assert "F7 and some of its letters" in ui.text(pilot, "#tour")
        await ui.open(pilot)
        await ui.wait(pilot, lambda: "Alt+C asks at once" in ui.text(pilot, "#tour"))


async def test_the_tour_has_three_lines_and_is_over_for_good(scripted: Any, ui: Any, tmp_path: Path) -> None:
    session = tmp_path / "session.json"
    app = RepocoderApp(scripted, session=session)
    async with app.run_test(size=(80, 24)) as pilot:
        await ui.ready(pilot)
        told = []
        await ui.wait(pilot, lambda: "1/3" in ui.text(pilot, "#tour"))
        told.append(ui.text(pilot, "#tour"))
        await ui.open(pilot)
        await ui.wait(pilot, lambda: "2/3" in ui.text(pilot, "#tour"))
        told.append(ui.text(pilot, "#tour"))
        await ui.ask(pilot)
        await ui.wait(pilot, lambda: "3/3" in ui.text(pilot, "#tour"))
        told.append(ui.text(pilot, "#tour"))
        assert max(map(len, told)) <= 78  # whole at 80 columns
        await pilot.press("tab")
        await ui.wait(pilot, lambda: not app.workspace.query_one("#tour").display)
    again = RepocoderApp(scripted, session=session)
    async with again.run_test(size=(80, 24)) as pilot:
        await ui.ready(pilot)
        assert not again.workspace.query("#tour")


async def test_help_begins_with_the_keys_of_where_one_is(app: Any, ui: Any) -> None:
    async with app.run_test(size=(100, 40)) as pilot:

        async def asked() -> list[str]:
            await pilot.press("f1")
            await ui.wait(pilot, lambda: app.screen.query("#help-page"))
            page = str(app.screen.query_one("#help-page").render())
            await pilot.press("escape")
            await ui.wait(pilot, lambda: not app.screen.query("#help-page"))
            keys = [" ".join(row.split()) for row in page.splitlines() if row.strip()]
            assert len([row for row in keys if row.startswith("Ctrl+Q ")]) == 1
            return keys[:2]

        await ui.open(pilot)
        assert await asked() == ["Here", "Tab Take the whole suggestion"]
        await pilot.press("f3")
        assert await asked() == ["Here", "p Snippets: always show this one"]
        await pilot.press("ctrl+p")
        await ui.wait(pilot, lambda: app.screen.query("#finder"))
        assert await asked() == ["Here", "Esc Leave without choosing"]
        assert app.screen.query("#finder")  # and back to where it was asked from


async def test_the_mouse_opens_a_file_a_tab_and_a_key(app: Any, ui: Any) -> None:
    async with app.run_test(size=(120, 30)) as pilot:
        await ui.ready(pilot)

        async def click(words: str) -> None:
            await ui.wait(pilot, lambda: any(words in row for row in ui.painted(pilot)))
            rows = ui.painted(pilot)
            y = next(number for number, row in enumerate(rows) if words in row)
            await pilot.click(offset=Offset(rows[y].index(words) + 1, y))

        area = app.workspace.area
        for path in ("helper.py", "main.py"):
            await click(path)
            await ui.wait(pilot, lambda path=path: area.current and area.current.file.path == path)
        await click(" helper.py  main.py")  # the first tab
        await ui.wait(pilot, lambda: area.current.file.path == "helper.py")
        await click("Help")
        await ui.wait(pilot, lambda: app.screen.query("#help-page"))


async def test_what_is_copied_goes_to_the_clipboard(app: Any, ui: Any) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.open(pilot)
        editor.move_cursor((3, 0))
        await pilot.press(*["shift+right"] * 3, "ctrl+c")
        assert app.clipboard == "def"  # Textual writes OSC 52 with it
