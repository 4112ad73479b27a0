"""Escape sequences and markup from the repository and the model never reach the terminal (safety.md, 19)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from indexer.types import Chunk, Span
from repocoder.terminal import safe
from retrieval.types import Evidence, Hit
from tui.display import plain, plain_lines, visible

if TYPE_CHECKING:
    from pathlib import Path

    Driver = ScriptedEngine = RepocoderApp = Any

PAYLOADS = [
    "\x1b]52;c;cHduZWQ=\x07",
    "\x1b]0;title\x07",
    "\x1b[2J\x1b[H",
    "\x1b]8;;http://example.com\x1b\\link\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x9b31mred\x9b0m",
    "\x9d52;c;cHduZWQ=\x9c",
    "\x85\x84",
    "a\rb",
    "a\x08\x08b",
    "\x7f\x00\x0e\x0f",
    "[red]x[/]",
    "[/]",
    "[@click=app.quit]quit[/]",
    "\u202egnp.exe\u202c\u2066x\u2069",
    "\u200b\u200d\ufeff\U000e0041",
]
GROUP = 4
"""Payloads that one run of the application shows: starting it costs more than showing them."""

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e0fff]"
)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_displayed_is_harmless_and_literal(payload: str) -> None:
    for text in (plain(payload).plain, plain_lines(payload).plain, visible(payload)):
        assert not FORBIDDEN.search(text)
    assert len(visible(payload)) == len(payload)
    assert visible(visible(payload)) == visible(payload)
    assert plain("[red]x[/]").plain == "[red]x[/]"
    assert plain("[red]x[/]").spans == []


@pytest.mark.parametrize("first", range(0, len(PAYLOADS), GROUP))
async def test_payloads_in_every_place_stay_on_the_screen_as_marks(
    app: RepocoderApp, scripted: ScriptedEngine, ui: Driver, repository: Path, first: int
) -> None:
    async with app.run_test(size=(160, 40)) as pilot:
        for payload in PAYLOADS[first : first + GROUP]:
            await _show_everywhere(app, scripted, ui, pilot, repository, payload)


async def _show_everywhere(
    app: RepocoderApp, scripted: ScriptedEngine, ui: Driver, pilot: Any, repository: Path, payload: str
) -> None:
    """A payload in the name and content of a file, snippets, gate, suggestion, note and question."""
    name = "m" + payload.replace("/", "_").replace("\0", "") + ".py"
    content = payload.replace("\0", "")  # a NUL makes the file binary: it is not opened at all
    (repository / name).write_bytes(f"before = 1  # {content}\n\n{content}\n".encode())
    hit = make_hit(f"m{payload}.py", 3, f"name {payload}", f"why {payload}")
    scripted.hits = [hit]
    scripted.reason = f"gate {payload}"
    scripted.text = f"ghost {payload}\nghost2 {payload}"
    scripted.notes.append(f"note {payload}")
    editor = await ui.open(pilot, name)
    before = editor.text
    editor.move_cursor((1, 0))
    await pilot.press("f5", "ctrl+n")
    await ui.wait(pilot, lambda: not app.workspace.completing.running)
    await pilot.pause()
    screen = "\n".join(ui.painted(pilot))
    assert not FORBIDDEN.search(screen)
    for words in ("before = 1", "gate ", "ghost ", "ghost2 ", "name ", "why "):
        assert words in screen
    assert editor.text == before
    if payload.startswith("[red]"):
        assert "gate [red]x[/]" in screen
        assert "why [red]x[/]" in screen
        assert "m[red]x[_].py" in screen
    await pilot.press("z", "ctrl+q")
    await ui.wait(pilot, lambda: app.screen is not app.workspace)
    await pilot.pause()
    assert not FORBIDDEN.search("\n".join(ui.painted(pilot)))
    await pilot.press("escape", "ctrl+z")
    await ui.wait(pilot, lambda: app.screen is app.workspace)


def make_hit(path: str, line: int, name: str, why: str) -> Hit:
    chunk = Chunk(line, path, Span(line, line + 2, 0, 10), "python", "function", name, "", "def f(): ...")
    return Hit(chunk, 1.0, (Evidence("definitions", 1, 1.0, why),), chunk.text, line, line + 2)


def test_marks_of_one_cell_are_those_of_the_sanitiser() -> None:
    assert visible("a\x1bb") == safe("a\x1bb")
    assert visible("a\tb") == "a\tb"
