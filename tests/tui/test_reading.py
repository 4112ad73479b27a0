"""The cursor's line is read before anybody asks: when it rests, and only while nothing else is to be done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import FakeGenerator
from tui.app import RepocoderApp
from tui.messages import FileChosen
from tui.reading import AFTER_KEY_S, AFTER_MOVE_S, AGAIN_S, ReadAhead


@dataclass
class Timer:
    """Runs when the test says so."""

    seconds: float
    action: Callable[[], None]
    stopped: bool = False

    def stop(self) -> None:
        self.stopped = True


@dataclass
class Place:
    """As much of an editor as says where the cursor is."""

    cursor_location: tuple[int, int] = (3, 0)
    file: Any = field(default_factory=lambda: SimpleNamespace(path="a.py"))
    document: Any = field(default_factory=lambda: SimpleNamespace(line_count=9))


class Desk:
    """A reader with timers of the test."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []
        self.started: list[Any] = []
        self.busy = False
        self.reader = ReadAhead(
            self.started.append, self._after, lambda editor: SimpleNamespace(), lambda: self.busy
        )

    def _after(self, seconds: float, action: Callable[[], None]) -> Timer:
        self.timers.append(Timer(seconds, action))
        return self.timers[-1]

    def look(self, place: Place, *, typed: bool = False) -> None:
        self.reader.look(place, typed=typed)  # type: ignore[arg-type]

    def pass_time(self) -> None:
        """The newest timer is over."""
        assert not self.timers[-1].stopped
        self.timers[-1].action()


def test_keys_on_a_line_do_not_put_off_its_reading() -> None:
    desk, place = Desk(), Place()
    desk.look(place, typed=True)
    place.cursor_location = (3, 1)
    desk.look(place, typed=True)
    desk.look(place)
    assert [(timer.seconds, timer.stopped) for timer in desk.timers] == [(AFTER_KEY_S, False)]
    desk.pass_time()
    assert [reading.line for reading in desk.started] == [("a.py", 3, 9)]
    desk.look(place, typed=True)
    assert len(desk.timers) == 1  # it is read already


def test_a_key_does_not_wait_for_as_long_as_a_move() -> None:
    desk, place = Desk(), Place()
    desk.look(place)
    desk.look(place, typed=True)
    assert [(timer.seconds, timer.stopped) for timer in desk.timers] == [
        (AFTER_MOVE_S, True),
        (AFTER_KEY_S, False),
    ]


def test_a_line_that_is_left_is_not_read() -> None:
    desk, place = Desk(), Place()
    desk.look(place)
    place.cursor_location = (4, 0)
    desk.look(place)
    assert [timer.stopped for timer in desk.timers] == [True, False]
    place.cursor_location = (5, 0)
    desk.pass_time()  # before anybody has said that the cursor is on the fifth
    assert desk.started == []


def test_while_the_engine_is_busy_it_is_tried_again() -> None:
    desk = Desk()
    desk.busy = True
    desk.look(Place())
    desk.pass_time()
    assert desk.started == []
    desk.busy = False
    assert desk.timers[-1].seconds == AGAIN_S
    desk.pass_time()
    assert len(desk.started) == 1


def test_whoever_asks_ends_the_wait() -> None:
    desk, place = Desk(), Place()
    desk.look(place)
    desk.reader.asked(place)  # type: ignore[arg-type]
    desk.look(place)
    assert [timer.stopped for timer in desk.timers] == [True]


@pytest.fixture
def blocked(
    repository: Path, tmp_path: Path
) -> Iterator[tuple[Engine, threading.Semaphore, threading.Event]]:
    """An engine whose model tells when it is asked, and answers when it may."""
    asked, go = threading.Semaphore(0), threading.Event()

    def slow(prompt: object) -> str:
        asked.release()
        go.wait(60)
        return "elper.build(name)\n"

    settings = Settings(workers=1, automatic="on")
    with Engine(repository, settings, generator=FakeGenerator(slow), directory=tmp_path / "index") as engine:
        yield engine, asked, go


async def test_a_file_that_is_shown_comes_before_what_nobody_asked_for_in_another(
    blocked: Any, ui: Any
) -> None:
    engine, asked, go = blocked
    app = RepocoderApp(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        workspace = app.workspace
        completing = workspace.completing
        await ui.wait(pilot, lambda: workspace.is_mounted and completing._ready)
        editor = await workspace.area.open("main.py")
        editor.focus()
        editor.move_cursor((4, 12))
        await pilot.press("h")
        await ui.wait(pilot, lambda: asked.acquire(blocking=False))
        run = completing._run
        assert run.editor is editor
        workspace.post_message(FileChosen("helper.py", 2))
        await ui.wait(pilot, lambda: run.cancel.is_set())
        assert editor.ghost is None
        go.set()
        reading = completing.reading
        await ui.wait(pilot, lambda: reading._reading and reading._reading.line[0] == "helper.py")
