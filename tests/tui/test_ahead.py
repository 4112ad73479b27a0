"""What follows an accepted suggestion is asked for before anybody asks, and never in the way of who does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import FakeGenerator
from tui.app import RepocoderApp

FIRST = "helper.build(name)"
HOLE = (4, 12)


class Model(FakeGenerator):
    """Writes `FIRST` into the hole, `after` behind it and `below` elsewhere; the events hold back the last two."""

    def __init__(self, after: str, below: str = "") -> None:
        super().__init__(self.write)
        self.after, self.below = after, below
        self.go, self.go_below = threading.Event(), threading.Event()
        self.go.set()
        self.go_below.set()
        self.asked = 0

    def write(self, prompt: str) -> str:
        before = prompt.partition("<|fim_suffix|>")[0]
        if before.endswith("value = "):
            return FIRST
        self.asked += 1
        behind = before.endswith(FIRST)
        (self.go if behind else self.go_below).wait(20)
        return self.after if behind else self.below


@pytest.fixture
def make(repository: Path, tmp_path: Path) -> Iterator[Any]:
    made: list[Engine] = []

    def engine_with(model: Model, **settings: Any) -> RepocoderApp:
        chosen = Settings(workers=1, **{"automatic": "off", **settings})
        engine = Engine(repository, chosen, generator=model, directory=tmp_path / "index")
        made.append(engine)
        return RepocoderApp(engine)

    yield engine_with
    for engine in made:
        engine.close()


async def accept(app: Any, pilot: Any, ui: Any) -> Any:
    """Ask in the hole and accept all of it."""
    workspace = app.workspace
    await ui.wait(pilot, lambda: workspace.is_mounted and workspace.completing._ready, 30)
    editor = await workspace.area.open("main.py")
    await pilot.pause()
    editor.move_cursor(HOLE)
    await pilot.press("ctrl+n")
    await ui.wait(pilot, lambda: not workspace.completing.running and editor.ghost is not None)
    await pilot.press("tab")
    assert editor.document[4] == "    value = " + FIRST
    return editor


def ahead(app: Any) -> Any:
    return app.workspace.completing.ahead.request


async def test_the_answer_is_known_when_it_is_asked_for(make: Any, ui: Any) -> None:
    model = Model(".strip()\n")
    app = make(model)
    async with app.run_test(size=(100, 30)) as pilot:
        editor = await accept(app, pilot, ui)
        await ui.wait(pilot, lambda: model.asked == 1 and ahead(app) is None)
        assert editor.ghost is None  # nobody asked: nothing is shown
        await pilot.press("ctrl+n")
        await ui.wait(pilot, lambda: editor.ghost is not None and editor.ghost.rest)
        assert editor.ghost.rest == ".strip()"
        assert model.asked == 1
        await pilot.press("escape", ".", "s", "ctrl+n")  # typing what it says is no other question
        await ui.wait(pilot, lambda: editor.ghost is not None and editor.ghost.rest)
        assert editor.ghost.rest == "trip()"
        assert model.asked == 1


async def test_who_asks_for_just_this_takes_the_run_over(make: Any, ui: Any) -> None:
    model = Model(".strip()\n")
    model.go.clear()
    app = make(model)
    async with app.run_test(size=(100, 30)) as pilot:
        editor = await accept(app, pilot, ui)
        await ui.wait(pilot, lambda: model.asked == 1)
        await pilot.press("ctrl+n")
        assert ahead(app) is None
        assert app.workspace.completing.running
        model.go.set()
        await ui.wait(pilot, lambda: not app.workspace.completing.running)
        assert editor.ghost.rest == ".strip()"
        assert model.asked == 1


async def test_a_key_that_makes_it_stale_ends_it(make: Any, ui: Any) -> None:
    model = Model(".strip()\n", below="pass\n")
    model.go.clear()
    app = make(model)
    async with app.run_test(size=(100, 30)) as pilot:
        editor = await accept(app, pilot, ui)
        await ui.wait(pilot, lambda: model.asked == 1)
        run = app.workspace.completing.ahead._run
        await pilot.press("x")
        assert run.cancel.is_set()
        assert ahead(app) is None
        model.go.set()
        await pilot.press("ctrl+n")
        await ui.wait(pilot, lambda: not app.workspace.completing.running)
        assert editor.ghost.rest == "pass"


async def test_another_request_ends_it(make: Any, ui: Any) -> None:
    model = Model(".strip()\n", below="pass\n")
    model.go.clear()
    app = make(model)
    async with app.run_test(size=(100, 30)) as pilot:
        editor = await accept(app, pilot, ui)
        await ui.wait(pilot, lambda: model.asked == 1)
        run = app.workspace.completing.ahead._run
        editor.move_cursor((5, 4))
        await pilot.press("ctrl+n")
        assert run.cancel.is_set()
        model.go.set()
        await ui.wait(pilot, lambda: not app.workspace.completing.running)
        assert editor.ghost is None or editor.ghost.anchor == (5, 4)


async def test_where_nothing_follows_on_the_line_the_next_one_is_asked_about(make: Any, ui: Any) -> None:
    model = Model("", below="print(value)\n")
    app = make(model, automatic="on")
    async with app.run_test(size=(100, 30)) as pilot:
        editor = await accept(app, pilot, ui)
        await ui.wait(pilot, lambda: model.asked == 2 and ahead(app) is None)
        await pilot.press("enter")
        await ui.wait(pilot, lambda: editor.ghost is not None and editor.ghost.rest)
        assert editor.ghost.rest == "print(value)"
        assert editor.document[5] == "    "
        assert model.asked == 2


async def test_the_key_that_was_foreseen_does_not_end_it(make: Any, ui: Any) -> None:
    model = Model("", below="print(value)\n")
    model.go_below.clear()
    app = make(model)
    async with app.run_test(size=(100, 30)) as pilot:
        editor = await accept(app, pilot, ui)
        await ui.wait(pilot, lambda: model.asked == 2)
        run = app.workspace.completing.ahead._run
        await pilot.press("enter")
        assert not run.cancel.is_set()
        await pilot.press("ctrl+n")
        model.go_below.set()
        await ui.wait(pilot, lambda: not app.workspace.completing.running)
        assert editor.ghost.rest == "print(value)"
        assert model.asked == 2


async def test_it_can_be_turned_off(make: Any, ui: Any) -> None:
    model = Model(".strip()\n")
    app = make(model, speculate="off")
    async with app.run_test(size=(100, 30)) as pilot:
        await accept(app, pilot, ui)
        await pilot.pause(0.2)
        assert ahead(app) is None
        assert model.asked == 0


async def test_leaving_ends_it(make: Any, ui: Any) -> None:
    model = Model(".strip()\n")
    model.go.clear()
    app = make(model)
    async with app.run_test(size=(100, 30)) as pilot:
        await accept(app, pilot, ui)
        await ui.wait(pilot, lambda: model.asked == 1)
        run = app.workspace.completing.ahead._run
        app.workspace.stop()
        assert run.cancel.is_set()
        model.go.set()
