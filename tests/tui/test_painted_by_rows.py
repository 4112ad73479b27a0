"""Rows that are left alone look as they would if all were painted again, whatever was done before."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from repocoder.engine import Engine
from tests.tui.conftest import Driver, ScriptedEngine
from tui.app import RepocoderApp
from tui.widgets.searchable import SearchableEditor

LINES = "".join(
    f"def function_{number}(name, other):  # {'x' * (number % 90)}\n    return (name)\n\n"
    for number in range(60)
)
KEYS = (
    "a", "(", ")", "enter", "backspace", "delete", "up", "down", "left", "right", "home", "end", "pageup", "pagedown",
    "shift+up", "shift+down", "ctrl+end", "ctrl+home", "ctrl+z", "ctrl+y", "tab", "escape", "ctrl+down",
)  # fmt: skip
GHOSTS = ("word", "two\n    lines", "a\n\n    b\n    c", "", "x" * 130)


def strips(app: RepocoderApp) -> list[list[Any]]:
    """The characters with their styles, as the compositor has them."""
    return [
        [(one.text, one.style) for one in strip.simplify()]
        for strip in app.screen._compositor.render_strips()
    ]


def forget(editor: SearchableEditor) -> None:
    """All that could be stale."""
    editor._styles_cache.clear()
    editor._line_cache.clear()
    editor._painted.clear()


@pytest.mark.parametrize("seed", range(2))
async def test_what_is_kept_is_what_would_be_painted(repository: Path, ui: Driver, seed: int) -> None:
    (repository / "main.py").write_text(LINES)
    app = RepocoderApp(cast("Engine", ScriptedEngine(repository)))
    rng = random.Random(seed)
    async with app.run_test(size=(100, 24)) as pilot:
        editor = cast(SearchableEditor, await ui.open(pilot))
        editor.cursor_blink = False  # or it may change between two looks
        themes = sorted(app.available_themes)
        others: tuple[Callable[[], object], ...] = (
            editor.begin_ghost,
            lambda: editor.write_ghost(rng.choice(GHOSTS)),
            lambda: editor.write_ghost(rng.choice(GHOSTS)),
            editor.end_ghost,
            lambda: editor.find(rng.choice(("function_1", "name", ""))),
            lambda: editor.go_to_match(1),
            lambda: editor.scroll_to(rng.randrange(20), rng.randrange(170), animate=False),
            lambda: editor.move_cursor((rng.randrange(150), rng.randrange(30))),
            lambda: setattr(app, "theme", rng.choice(themes)),
            lambda: app.set_focus(None),
            editor.focus,
        )
        for step in range(40):
            if rng.random() < 0.6:
                await pilot.press(done := rng.choice(KEYS))
            else:
                done = str(action := rng.choice(others))
                action()
            await pilot.pause()
            kept = strips(app)
            forget(editor)
            assert kept == strips(app), f"after step {step}: {done}"


async def test_a_key_paints_its_row_and_no_other(repository: Path, ui: Driver) -> None:
    (repository / "main.py").write_text(LINES)
    app = RepocoderApp(cast("Engine", ScriptedEngine(repository)))
    async with app.run_test(size=(100, 24)) as pilot:
        editor = cast(SearchableEditor, await ui.open(pilot))
        editor.move_cursor((4, 17))
        await pilot.pause()
        painted: list[int] = []
        render_line = editor.render_line
        editor.render_line = lambda y: (painted.append(y), render_line(y))[1]  # type: ignore[method-assign]
        await pilot.press("x")
        await pilot.pause()
        assert set(painted) == {4}
