"""Escape sequences and markup from the repository and the model never reach the terminal (safety.md, 19)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from repocoder.terminal import safe
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


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_a_payload_in_every_place_stays_on_the_screen_as_marks(
    app: RepocoderApp, scripted: ScriptedEngine, ui: Driver, repository: Path, payload: str
) -> None:
    name = payload.replace("/", "_").replace("\0", "")
    content = payload.replace("\0", "")  # a NUL makes the file binary: it is not opened at all
    (repository / f"m{name}.py").write_bytes(f"before = 1  # {content}\n\n{content}\n".encode())
    hit = scripted.hits[0]
    evidence = replace(hit.evidence[0], why=f"why {payload}")
    chunk = msgspec.structs.replace(hit.chunk, path=f"m{payload}.py", name=f"name {payload}")
    scripted.hits = [replace(hit, chunk=chunk, evidence=(evidence,))]
    scripted.reason = f"gate {payload}"
    scripted.text = f"ghost {payload}\nghost2 {payload}"
    scripted.notes.append(f"note {payload}")
    async with app.run_test(size=(160, 40)) as pilot:
        editor = await ui.open(pilot, f"m{name}.py")
        before = editor.text
        editor.move_cursor((1, 0))
        await pilot.press("ctrl+n")
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


def test_marks_of_one_cell_are_those_of_the_sanitiser() -> None:
    assert visible("a\x1bb") == safe("a\x1bb")
    assert visible("a\tb") == "a\tb"
