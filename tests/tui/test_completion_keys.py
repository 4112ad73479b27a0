"""Asking, streaming, accepting and refusing, by the keys, in the real application at two sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from repocoder.errors import ModelError

if TYPE_CHECKING:
    Driver = ScriptedEngine = RepocoderApp = Any

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)])
TEXT = "import helper\n\n\ndef main():\n    value = \n    return value\n"
SUGGESTION = "helper.build(\n        name,\n    )"
COMPLETED = TEXT.replace("value = \n", f"value = {SUGGESTION}\n")


@pytest.mark.parametrize(
    ("size", "key"), [((80, 24), "ctrl+@"), ((120, 40), "ctrl+space"), ((80, 24), "ctrl+n")]
)
async def test_a_key_asks_and_tab_accepts_all_as_one_step(
    app: RepocoderApp, scripted: ScriptedEngine, ui: Driver, size: tuple[int, int], key: str
) -> None:
    async with app.run_test(size=size) as pilot:
        editor = await ui.ask(pilot, key)
        assert editor.text == TEXT
        assert editor.cursor_location == (4, 12)
        rows = [line for line in ui.painted(pilot) if "helper.build(" in line or "name," in line]
        assert len(rows) == 2
        assert "100+12 tokens, 321 ms" in ui.said(pilot)
        assert scripted.reason in ui.said(pilot)
        request = scripted.requests[0]
        assert (request.path, request.line, request.column, request.text) == ("main.py", 5, 12, TEXT)
        await pilot.press("tab")
        assert editor.text == COMPLETED
        assert editor.ghost is None
        await pilot.press("ctrl+z")
        assert editor.text == TEXT
        assert editor.cursor_location == (4, 12)
        await pilot.press("ctrl+y")
        assert editor.text == COMPLETED


@SIZES
async def test_virtual_lines_push_the_next_lines_down(
    app: RepocoderApp, ui: Driver, size: tuple[int, int]
) -> None:
    async with app.run_test(size=size) as pilot:
        await ui.ask(pilot)
        shown = ui.painted(pilot)
        first = next(number for number, line in enumerate(shown) if "value = helper.build(" in line)
        assert "name," in shown[first + 1]
        assert shown[first + 2].strip().startswith(")") or ")" in shown[first + 2]
        assert "return value" in shown[first + 3]
        await pilot.press("escape")
        await pilot.pause()
        assert "return value" in ui.painted(pilot)[first + 1]


async def test_words_and_lines_are_accepted_one_by_one(app: RepocoderApp, ui: Driver) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.ask(pilot)
        await pilot.press("ctrl+right")
        assert editor.document[4] == "    value = helper"
        await pilot.press("alt+right")
        assert editor.document[4] == "    value = helper."
        await pilot.press("ctrl+down")
        assert editor.document[4] == "    value = helper.build("
        await pilot.press("alt+l")
        assert editor.document[5] == "        name,"
        await pilot.press("ctrl+z")
        assert editor.document[5] == "    return value"
        assert editor.ghost is None


async def test_typing_what_it_says_takes_it_along_and_anything_else_dismisses(
    app: RepocoderApp, ui: Driver
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.ask(pilot)
        await pilot.press("h", "e", "l")
        assert editor.ghost is not None
        assert editor.ghost.rest == SUGGESTION[3:]
        assert editor.cursor_location == (4, 15)
        await pilot.press("x")
        assert editor.ghost is None
        assert editor.document[4] == "    value = helx"


async def test_a_cursor_that_leaves_drops_the_suggestion(app: RepocoderApp, ui: Driver) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        for key in ("up", "left", "home", "backspace", "ctrl+z", "pagedown"):
            editor = await ui.ask(pilot)
            assert editor.ghost is not None, key
            await pilot.press(key)
            assert editor.ghost is None, key


async def test_escape_cancels_at_once_while_it_streams(
    app: RepocoderApp, scripted: ScriptedEngine, ui: Driver
) -> None:
    scripted.go_on.clear()
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.open(pilot)
        editor.move_cursor((4, 12))
        await pilot.press("ctrl+n")
        await ui.wait(pilot, lambda: editor.ghost is not None and editor.ghost.rest)
        assert "Esc cancels" in ui.said(pilot)
        scripted.slow_to_end.clear()  # the engine needs a while to notice: nobody may wait for it
        await pilot.press("escape")
        assert editor.ghost is None
        assert "cancelled" in ui.said(pilot)
        assert not scripted.cancelled
        await pilot.press("h", "backspace")
        scripted.slow_to_end.set()
        await ui.wait(pilot, lambda: scripted.cancelled)
        assert editor.text == TEXT
        assert app.workspace.query_one("#snippets").hits == ()


async def test_keys_are_not_blocked_while_the_engine_works(
    app: RepocoderApp, scripted: ScriptedEngine, ui: Driver
) -> None:
    scripted.go_on.clear()
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.open(pilot)
        editor.move_cursor((4, 12))
        await pilot.press("ctrl+n")
        await ui.wait(pilot, lambda: editor.ghost is not None and editor.ghost.rest)
        await pilot.press("h")  # the engine is in the middle of its work and does not move
        assert editor.document[4] == "    value = h"
        scripted.go_on.set()
        await ui.wait(pilot, lambda: not app.workspace.completing.running)
        assert editor.ghost is not None
        assert editor.ghost.rest == SUGGESTION[1:]


async def test_the_second_pass_replaces_an_untouched_suggestion(
    app: RepocoderApp, scripted: ScriptedEngine, ui: Driver
) -> None:
    scripted.second = "other()"
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.ask(pilot)
        assert editor.ghost is not None
        assert editor.ghost.rest == "other()"


async def test_the_second_pass_leaves_a_touched_suggestion_alone(
    app: RepocoderApp, scripted: ScriptedEngine, ui: Driver
) -> None:
    scripted.second = "other()"
    scripted.go_on.clear()
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.open(pilot)
        editor.move_cursor((4, 12))
        await pilot.press("ctrl+n")
        await ui.wait(pilot, lambda: editor.ghost is not None and editor.ghost.rest)
        await pilot.press("h")
        scripted.go_on.set()
        await ui.wait(pilot, lambda: not app.workspace.completing.running)
        assert editor.ghost is not None
        assert editor.ghost.text == SUGGESTION


async def test_a_completion_waits_for_the_first_index(
    app: RepocoderApp, scripted: ScriptedEngine, ui: Driver
) -> None:
    scripted.indexed.clear()
    async with app.run_test(size=(80, 24)) as pilot:
        workspace = app.workspace
        await ui.wait(pilot, lambda: workspace.is_mounted and "parsing" in ui.text(pilot, "#status-ground"))
        editor = await workspace.area.open("main.py")
        editor.move_cursor((4, 12))
        await pilot.press("ctrl+n", "x", "backspace", "ctrl+n")
        assert "waiting" in ui.said(pilot)
        assert editor.text == TEXT
        assert scripted.requests == []
        scripted.indexed.set()
        await ui.wait(pilot, lambda: editor.ghost is not None and editor.ghost.rest == SUGGESTION)
        assert len(scripted.requests) == 1


async def test_an_error_of_the_engine_is_one_line(
    app: RepocoderApp, scripted: ScriptedEngine, ui: Driver
) -> None:
    scripted.error = ModelError("damaged model: [red]x\x1b]52;c;AA\x07: verify it")
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.ask(pilot)
        assert editor.ghost is None
        await ui.wait(pilot, lambda: "damaged model: [red]x␛]52" in ui.said(pilot))


async def test_a_bug_of_the_engine_does_not_end_the_program(
    app: RepocoderApp, scripted: ScriptedEngine, ui: Driver
) -> None:
    scripted.error = ZeroDivisionError("bug")
    async with app.run_test(size=(80, 24)) as pilot:
        await ui.ask(pilot)
        await ui.wait(pilot, lambda: "internal error in completion: ZeroDivisionError" in ui.said(pilot))
        await pilot.press("x")


async def test_an_empty_answer_says_why(app: RepocoderApp, scripted: ScriptedEngine, ui: Driver) -> None:
    scripted.text = ""
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.ask(pilot)
        assert editor.ghost is None
        assert "nothing to suggest" in ui.said(pilot)


async def test_asking_without_a_file_says_what_to_do(app: RepocoderApp, ui: Driver) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await ui.ready(pilot)
        await pilot.press("ctrl+n")
        assert "Open a file first" in ui.said(pilot)
