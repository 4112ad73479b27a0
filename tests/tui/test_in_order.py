"""No key overtakes another one, whatever a command opens, and however many keys a terminal delivers at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual.events import Key, Paste
from textual.widgets import Input

from tui import in_order

HELPER = "import os\n\ndef build(name):\n    return os.fspath(name)\n"


def send(app: Any, *keys: str) -> None:
    """All at once, as a terminal delivers what was typed while the program was busy."""
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else key[-1] if key.startswith("alt+") else None))


@pytest.mark.parametrize(
    "keys",
    [
        ("f2", "x", "escape", "z"),
        ("f3", "x", "escape", "z"),
        ("f1", "x", "escape", "z"),
        ("f8", "z"),
        ("ctrl+f", "x", "escape", "ctrl+home", "z"),
        ("ctrl+p", "x", "escape", "z"),
        ("alt+s", "x", "escape", "z"),
        ("f10", "x", "escape", "z"),
    ],
    ids=lambda keys: keys[0],
)
async def test_what_follows_a_command_goes_where_it_leads(app: Any, ui: Any, keys: tuple[str, ...]) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        editor = await ui.open(pilot)
        before = editor.text
        send(app, *keys)
        await ui.wait(pilot, lambda: "z" in editor.text)
        assert editor.text == "z" + before
        assert app.screen is app.workspace


async def test_in_a_field_too_keys_keep_their_order(app: Any, ui: Any) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await ui.open(pilot)
        send(app, "ctrl+f", "v", "q", "backspace", "backspace", "a", "home", "x", "end", "z")
        field = app.workspace.query_one("#find-query", Input)
        await ui.wait(pilot, lambda: "z" in field.value)
        assert field.value == "xaz"


async def test_a_file_that_opens_slowly_gets_what_is_typed_after_it_was_chosen(
    app: Any, ui: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        first = await ui.open(pilot)
        before, area = first.text, app.workspace.area
        opens = area.open

        async def slowly(*arguments: Any) -> Any:
            await asyncio.sleep(0.3)
            return await opens(*arguments)

        monkeypatch.setattr(area, "open", slowly)
        send(app, "ctrl+p", "h", "e", "l", "p", "e", "r")
        await ui.wait(
            pilot, lambda: app.screen.query("#finder-query") and app.screen._field.value == "helper"
        )
        await ui.wait(pilot, lambda: app.screen._is_answered)
        send(app, "enter", "z")
        app.post_message(Paste("pasted"))
        await ui.wait(pilot, lambda: area.current is not first and "pasted" in area.current.text)
        assert area.current.text == "zpasted" + HELPER
        assert first.text == before


async def test_another_tab_gets_what_is_typed_after_it_was_shown(app: Any, ui: Any) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        first = await ui.open(pilot)
        second = await ui.open(pilot, "helper.py")
        second.insert(f"{'wide' * 99}\n", second.document.end)  # the keys of tabs do not scroll it
        await pilot.pause()
        send(app, "ctrl+home", "ctrl+pagedown", "y", "alt+comma", "z")
        await ui.wait(pilot, lambda: "z" in second.text)
        assert second.text.startswith("z")
        assert first.text.startswith("y")


async def test_nothing_waits_for_long_if_a_message_is_lost(
    app: Any, ui: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_order, "LONGEST_S", 0.05)

    async def lose(message: object) -> None: ...

    async with app.run_test(size=(120, 40)) as pilot:
        editor = await ui.open(pilot)
        monkeypatch.setattr(app._keys, "come", lose)
        send(app, "f8", "z", "escape", "y")
        await ui.wait(pilot, lambda: "y" in editor.text)
        assert editor.text.startswith("zy")
        send(app, "f8")
        await pilot.pause(0.06)
        assert not app._keys.must_wait(Key("x", "x"))  # it is too long ago


@pytest.mark.parametrize(
    "keys",
    [
        ("alt+w",),
        ("f2", "end", "enter"),
        ("ctrl+p", "escape"),
        ("f1", "escape"),
        ("alt+s", "escape"),
        ("x", "ctrl+q", "escape"),
        ("x", "alt+w", "escape"),
        ("f3", "f3", "f2", "f2", "escape", "escape"),
    ],
    ids=" ".join,
)
async def test_no_message_is_lost(
    app: Any, ui: Any, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...]
) -> None:
    """Whatever a key opens, closes or removes."""
    monkeypatch.setattr(in_order, "LONGEST_S", 1000.0)
    async with app.run_test(size=(120, 40)) as pilot:
        await ui.open(pilot, "helper.py")
        await ui.open(pilot)
        for key in keys:
            await pilot.press(key)
            await ui.wait(pilot, lambda: app._keys._rising is None)


async def test_a_key_that_is_held_down_does_not_wait_for_itself(app: Any, ui: Any) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await ui.open(pilot)
        tree = app.workspace.query_one("#files")
        send(app, "f2")
        await ui.wait(pilot, lambda: tree.has_focus)
        keys = app._keys
        await ui.wait(pilot, lambda: keys._rising is None)
        waited: list[object] = []
        keys._waiting = Watched(waited)
        send(app, "up", "up", "down", "home", "end")
        await ui.wait(pilot, lambda: tree.cursor_line == tree.last_line)
        assert waited == []


class Watched(in_order.deque):  # type: ignore[type-arg]
    """Notes what is put in."""

    def __init__(self, noted: list[object]) -> None:
        super().__init__()
        self.noted = noted

    def append(self, one: object) -> None:
        self.noted.append(one)
        super().append(one)
