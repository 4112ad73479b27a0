"""Suggestions without a key, several of them, typed ahead of, and how they fit their place in the document."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import FakeGenerator
from tui.app import RepocoderApp
from tui.ghost import Ghost
from tui.pace import LONGEST_PAUSE_S, SHORTEST_PAUSE_S, Pace, worth_asking

SUGGESTION = "helper.build(\n        name,\n    )"

# document with | at the cursor, what the model writes, the document after accepting all
PLACES = [
    ("def f(a):\n    |\n", "return a\n\n\ndef g():\n", "def f(a):\n    return a\n"),
    ("def f(a):\n|\n", "    return a\n", "def f(a):\n    return a\n"),
    ("def f(a):\n    |\n", "    return a\n", "def f(a):\n    return a\n"),
    (
        "def f(a):\n    if a:\n        return 1\n    ret|\n",
        "urn 2\n",
        "def f(a):\n    if a:\n        return 1\n    return 2\n",
    ),
    ("value = call(|)\n", "1, 2)\nother = 3\n", "value = call(1, 2)\n"),
    ("value = [|]\n", "1, 2]\n", "value = [1, 2]\n"),
    ("name = '|'\n", "text'\n", "name = 'text'\n"),
    ("def f(a, |):\n    return a\n", "b):\n    return a\n", "def f(a, b):\n    return a\n"),
    ("total = |\nprint(total)\n", "1 + 2\nprint(total)\n", "total = 1 + 2\nprint(total)\n"),
]


@pytest.fixture
def engine_with(repository: Path, tmp_path: Path) -> Any:
    """Makes the real Engine with a scripted generator."""
    made = []

    def make(answer: Any, **settings: Any) -> Engine:
        chosen = Settings(workers=1, **{"automatic": "off", "speculate": "off", **settings})
        engine = Engine(repository, chosen, generator=FakeGenerator(answer), directory=tmp_path / "index")
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()


async def _open(app: Any, pilot: Any, ui: Any, path: str = "main.py") -> Any:
    workspace = app.workspace
    await ui.wait(pilot, lambda: workspace.is_mounted and workspace.completing._ready, 30)
    editor = await workspace.area.open(path)
    await pilot.pause()
    return editor


async def test_an_accepted_text_fits_its_place(engine_with: Any, ui: Any, repository: Path) -> None:
    answers: list[str] = []
    app = RepocoderApp(engine_with(lambda prompt: answers[-1]))
    async with app.run_test(size=(100, 30)) as pilot:
        for number, (before, written, after) in enumerate(PLACES):
            name = f"place{number}.py"
            (repository / name).write_text(before.replace("|", ""))
            answers.append(written)
            editor = await _open(app, pilot, ui, name)
            above = before.partition("|")[0]
            place = (above.count("\n"), len(above.rpartition("\n")[2]))
            editor.move_cursor(place)
            await pilot.press("ctrl+n")
            await ui.wait(pilot, lambda: not app.workspace.completing.running)
            assert editor.ghost is not None, (before, ui.said(pilot), app.focused)
            assert editor.cursor_location == place, before
            await pilot.press("tab")
            assert editor.text == after, before


async def test_a_pause_after_typing_asks_without_a_key(engine_with: Any, ui: Any) -> None:
    engine = engine_with("elper.build(name)\n", automatic="on")
    app = RepocoderApp(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        editor = await _open(app, pilot, ui)
        editor.move_cursor((4, 12))
        await pilot.pause(0.3)
        assert not app.workspace.completing.waiting  # the cursor alone asks for nothing
        await pilot.press("h")
        await ui.wait(pilot, lambda: editor.ghost is not None and not app.workspace.completing.running)
        assert editor.ghost.rest == "elper.build(name)"
        assert editor.cursor_location == (4, 13)
        assert editor.document[4] == "    value = h"
        await pilot.press("e", "l")
        assert editor.ghost.rest == "per.build(name)"
        await pilot.press("escape", "f8")
        await ui.wait(pilot, lambda: "on Ctrl+Space" in ui.said(pilot))
        await pilot.press("p")
        await pilot.pause()
        assert not app.workspace.completing.waiting
        await pilot.press("f8", "e")  # on a busy machine the pause is over before one can look
        await ui.wait(pilot, lambda: app.workspace.completing.waiting or editor.ghost is not None)
        await pilot.press("escape")
        await pilot.pause()
        assert not app.workspace.completing.waiting


async def test_what_is_typed_while_the_model_thinks_is_part_of_its_text(engine_with: Any, ui: Any) -> None:
    go = threading.Event()
    app = RepocoderApp(engine_with(lambda prompt: (go.wait(20) and "helper.build(name)\n") or ""))
    async with app.run_test(size=(100, 30)) as pilot:
        editor = await _open(app, pilot, ui)
        editor.move_cursor((4, 12))
        await pilot.press("ctrl+n", "h", "e", "l")
        assert app.workspace.completing.running
        assert editor.ghost.rest == ""
        go.set()
        await ui.wait(pilot, lambda: not app.workspace.completing.running)
        assert editor.ghost.rest == "per.build(name)"
        await pilot.press("tab")
        assert editor.document[4] == "    value = helper.build(name)"
        go.clear()
        editor.move_cursor((5, 4))
        await pilot.press("ctrl+n", "x")
        go.set()
        await ui.wait(pilot, lambda: not app.workspace.completing.running)
        assert editor.ghost is None


async def test_a_key_ends_what_nobody_asked_for_at_once(engine_with: Any, ui: Any) -> None:
    """No answer about an older text is waited for, and none is asked for again before the keys rest."""
    go, asked = threading.Event(), threading.Semaphore(0)

    def slow(prompt: object) -> str:
        asked.release()
        go.wait(20)
        return "lper.build(name)\n"

    engine = engine_with(slow, automatic="on")
    app = RepocoderApp(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        editor = await _open(app, pilot, ui)
        editor.move_cursor((4, 12))
        completing = app.workspace.completing
        await pilot.press("h")
        await ui.wait(pilot, lambda: asked.acquire(blocking=False))
        completing.pace.note(60.0)  # the longest pause: what follows is not a matter of speed
        await pilot.press("e")
        await pilot.pause()
        assert not completing.running
        assert completing.waiting
        assert editor.ghost is None
        go.set()
        await ui.wait(pilot, lambda: editor.ghost is not None and not completing.running)
        assert editor.ghost.rest == "lper.build(name)"  # of a request that knew both letters
        assert editor.document[4] == "    value = he"


async def test_both_drafts_can_be_chosen_from(app: Any, scripted: Any, ui: Any) -> None:
    scripted.second = "helper.other()"
    async with app.run_test(size=(100, 30)) as pilot:
        editor = await ui.ask(pilot)
        assert editor.ghost.rest == "helper.other()"
        assert "2 suggestions" in ui.said(pilot)
        await pilot.press("alt+n")
        assert editor.ghost.rest == SUGGESTION
        await ui.wait(pilot, lambda: "suggestion 2 of 2" in ui.said(pilot))
        await pilot.press("alt+n")
        assert editor.ghost.rest == "helper.other()"
        await pilot.press("alt+p", "h", "alt+n", "alt+n", "tab")
        assert editor.document[4] == "    value = helper.build("
        assert editor.text.count("helper.build(") == 1


async def test_a_single_suggestion_has_no_next(app: Any, ui: Any) -> None:
    async with app.run_test(size=(100, 30)) as pilot:
        editor = await ui.ask(pilot)
        await pilot.press("alt+n")
        assert editor.ghost.rest == SUGGESTION
        assert not editor.check_action("turn_ghost", (1,))


def test_the_pause_follows_the_machine() -> None:
    pace = Pace()
    assert pace.pause_s == SHORTEST_PAUSE_S
    for _ in range(8):
        pace.note(1.0)
    assert SHORTEST_PAUSE_S < pace.pause_s < LONGEST_PAUSE_S
    slower = pace.pause_s
    for _ in range(8):
        pace.note(20.0)
    assert slower < pace.pause_s == LONGEST_PAUSE_S


@pytest.mark.parametrize(
    ("line", "column", "worth"),
    [
        ("", 0, True),
        ("    x = ", 8, True),
        ("call()", 5, True),
        ("value", 3, False),
        ("x" * 3000, 3000, False),
    ],
)
def test_nothing_is_suggested_inside_a_word(line: str, column: int, worth: bool) -> None:
    assert worth_asking(line, (0, column)) is worth


def test_a_ghost_knows_what_agrees_with_it() -> None:
    waiting = Ghost((0, 0)).take("ab", (0, 2))
    assert waiting.agrees("c")
    assert waiting.rewrite("a") is not None
    assert waiting.rewrite("x") is None
    written = waiting.rewrite("abcd")
    assert written is not None
    assert written.rest == "cd"
    closed = written.close(["abx", "zz", "abcd", "ab"])
    assert closed.choices == ("abcd", "abx")
    assert not closed.agrees("ce")
    assert closed.turn(1).rest == "x"
    assert closed.turn(1).turn(1) == closed
    assert closed.take("c", (0, 3)).number == (1, 1)
