"""The line of keys: what it names, and what the mouse does on it."""

from __future__ import annotations

from typing import Any

import pytest

from tui.screens.help import HelpScreen
from tui.widgets.hints import Hints


@pytest.mark.parametrize("width", [40, 80, 120, 200])
async def test_entries_are_whole_and_leaving_and_help_are_there(app: Any, ui: Any, width: int) -> None:
    async with app.run_test(size=(width, 30)) as pilot:
        await ui.ready(pilot)
        line = ui.painted(pilot)[-1]
        assert line.rstrip().endswith("▏ F1 Help")
        assert "^Q Quit" in line
        names = [one.description for one in app.workspace.BINDINGS] + ["Quit", "Help"]
        shown = line.split()
        assert all(word in names for word in shown if word.isalpha() and len(word) > 1)


async def test_a_click_is_the_key(app: Any, ui: Any) -> None:
    async with app.run_test(size=(100, 30)) as pilot:
        await ui.ready(pilot)
        at = ui.painted(pilot)[-1].index("Help")
        await pilot.click(Hints, offset=(at, 0))
        await ui.wait(pilot, lambda: isinstance(app.screen, HelpScreen))


async def test_the_mouse_marks_an_entry_and_tells_more_of_it(app: Any, ui: Any) -> None:
    async with app.run_test(size=(100, 30)) as pilot:
        await ui.ready(pilot)
        hints = app.workspace.query_one(Hints)
        at = ui.painted(pilot)[-1].index("Quit")
        plain = list(app.screen._compositor.render_strips()[-1])
        await pilot.hover(Hints, offset=(at, 0))
        assert hints.tooltip == "Leave; asks when something is not saved"
        await ui.wait(pilot, lambda: list(app.screen._compositor.render_strips()[-1]) != plain)
        await pilot.hover("#files")
        assert hints.tooltip is None
        await ui.wait(pilot, lambda: list(app.screen._compositor.render_strips()[-1]) == plain)


async def test_it_follows_what_is_of_use(app: Any, ui: Any) -> None:
    async with app.run_test(size=(100, 30)) as pilot:
        await ui.ready(pilot)
        assert "Accept" not in ui.painted(pilot)[-1]
        await ui.ask(pilot)
        await ui.wait(pilot, lambda: "Accept" in ui.painted(pilot)[-1])
