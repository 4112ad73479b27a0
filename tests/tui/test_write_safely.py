"""Long suggestions are shown as a diff first; what was done to a file can be undone after a restart."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocoder.paths import state_dir
from tui.app import RepocoderApp
from tui.preview import Preview, diff

TEXT = "import helper\n\n\ndef main():\n    value = \n    return value\n"
LONG = "[\n" + "".join(f"        {number},\n" for number in range(12)) + "    ]"


async def test_a_long_suggestion_is_shown_as_a_diff_before_it_is_taken(
    app: Any, scripted: Any, ui: Any
) -> None:
    scripted.text = LONG
    async with app.run_test(size=(100, 40)) as pilot:
        editor = await ui.ask(pilot)
        await pilot.press("tab")
        await ui.wait(pilot, lambda: app.screen is not app.workspace)
        await pilot.pause()
        screen = "\n".join(ui.painted(pilot))
        assert "+14 -1 lines" in screen
        assert "-     value =" in screen
        assert "+     value = [" in screen
        assert editor.text == TEXT
        await pilot.press("escape")
        await ui.wait(pilot, lambda: app.screen is app.workspace)
        assert (editor.text, editor.ghost.rest) == (TEXT, LONG)
        await pilot.press("tab")
        await ui.wait(pilot, lambda: app.screen is not app.workspace)
        await pilot.press("enter")
        await ui.wait(pilot, lambda: app.screen is app.workspace)
        assert editor.text == TEXT.replace("value = \n", f"value = {LONG}\n")
        await pilot.press("ctrl+z")
        assert editor.text == TEXT


async def test_a_short_one_is_shown_on_a_key(app: Any, ui: Any) -> None:
    async with app.run_test(size=(100, 40)) as pilot:
        editor = await ui.ask(pilot)
        await pilot.press("alt+v")
        await ui.wait(pilot, lambda: app.screen is not app.workspace)
        await pilot.press("y")
        await ui.wait(pilot, lambda: "helper.build(" in editor.text)


@given(
    lines=st.lists(st.text("ab \t", max_size=5), min_size=1, max_size=12),
    text=st.text("ab\n", max_size=12),
    data=st.data(),
)
def test_a_diff_says_exactly_what_changes(lines: list[str], text: str, data: Any) -> None:
    row = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[row])))
    rows = diff(Preview("f", tuple(lines), row, column, text))
    first = max(0, row - 4)
    before = lines[first : row + 5]
    at = row - first
    after = [*before[:at], *(before[at][:column] + text + before[at][column:]).split("\n"), *before[at + 1 :]]
    assert [line for mark, _, line in rows if mark in " -"] == before
    assert [line for mark, _, line in rows if mark in " +"] == after
    assert [number for mark, number, _ in rows if mark in " +"] == list(
        range(first + 1, first + 1 + len(after))
    )


async def _edit_and_save(scripted: Any, ui: Any, repository: Path) -> None:
    async with (first := RepocoderApp(cast("Any", scripted))).run_test(size=(100, 40)) as pilot:
        editor = await ui.ask(pilot)
        await pilot.press("tab", "down", "end", "enter", *"# x", "ctrl+s")
        await ui.wait(pilot, lambda: not editor.unsaved)
        first.workspace.stop()
    assert "# x" in (repository / "main.py").read_text()


async def test_steps_can_be_undone_after_a_restart(scripted: Any, ui: Any, repository: Path) -> None:
    await _edit_and_save(scripted, ui, repository)
    saved = (repository / "main.py").read_text()
    (kept,) = state_dir().rglob("*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    async with RepocoderApp(cast("Any", scripted)).run_test(size=(100, 40)) as pilot:
        editor = await ui.open(pilot)
        assert editor.text == saved
        for _ in range(12):
            await pilot.press("ctrl+z")
        assert editor.text == TEXT
        for _ in range(12):
            await pilot.press("ctrl+y")
        assert editor.text == saved
        assert (repository / "main.py").read_text() == saved


@pytest.mark.parametrize("harm", ["file", "journal", "version"])
async def test_steps_of_another_content_are_not_offered(
    scripted: Any, ui: Any, repository: Path, harm: str
) -> None:
    await _edit_and_save(scripted, ui, repository)
    (kept,) = state_dir().rglob("*.json")
    if harm == "file":
        with (repository / "main.py").open("a") as file:
            file.write("# theirs\n")
    elif harm == "journal":
        kept.write_bytes(kept.read_bytes()[:-7])
    else:
        kept.write_bytes(kept.read_bytes().replace(b'"version":1', b'"version":2'))
    text = (repository / "main.py").read_text()
    async with RepocoderApp(cast("Any", scripted)).run_test(size=(100, 40)) as pilot:
        editor = await ui.open(pilot)
        await pilot.press("ctrl+z")
        assert editor.text == text


async def test_a_journal_that_cannot_be_written_is_said_and_the_file_is_saved(
    app: Any, ui: Any, repository: Path
) -> None:
    state_dir().parent.mkdir(parents=True, exist_ok=True)
    state_dir().write_text("in the way")
    async with app.run_test(size=(120, 40)) as pilot:
        editor = await ui.open(pilot)
        await pilot.press("z", "ctrl+s")
        await ui.wait(pilot, lambda: not editor.unsaved)
        assert "undo journal" in ui.said(pilot)
    assert (repository / "main.py").read_text() == "z" + TEXT


@pytest.mark.parametrize(
    "payload", ["\x1b]52;c;AA\x07", "\x9b31m", "[red]x[/]", "\u202egnp", "a\rb", "\x00\x7f"]
)
async def test_payloads_in_a_diff_stay_marks(app: Any, ui: Any, payload: str) -> None:
    from tui.screens.diff import DiffScreen

    async with app.run_test(size=(100, 30)) as pilot:
        await ui.ready(pilot)
        app.push_screen(DiffScreen(Preview(f"p{payload}.py", (f"l {payload}",), 0, 0, f"n {payload}\n")))
        await ui.wait(pilot, lambda: app.screen.query("#diff-text"))
        await pilot.pause()
        screen = "\n".join(ui.painted(pilot))
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", screen)
        assert "+ n " in screen
        assert ("[red]x[/]" in screen) is (payload == "[red]x[/]")
