"""What finds something shows names and code of others harmless and literal (safety.md, 19)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import FakeGenerator
from tui.app import RepocoderApp
from tui.screens.ask import AskScreen
from tui.screens.finder import FinderScreen
from tui.screens.graph import GraphScreen

if TYPE_CHECKING:
    Guide = Any

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e0fff]"
)
PAYLOAD = "\x1b]52;c;cHduZWQ=\x07\x9b31m[red]x[/red][/]\u202egnp\u202c\u200b\x08"
NAME = "hostile " + PAYLOAD.replace("/", "_") + ".py"
TEXT = f"""def hostile():
    return 1  # {PAYLOAD}


def user():
    return hostile()  # {PAYLOAD}
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[RepocoderApp]:
    root = tmp_path / "store"
    root.mkdir()
    (root / NAME).write_text(TEXT)
    (root / "other.py").write_text("x = 1\n")
    (root / ".env").write_text("SECRET=1\n")
    settings = Settings(embedder="none", workers=1)
    with Engine(root, settings, generator=FakeGenerator(), directory=tmp_path / "index") as engine:
        engine.index()
        yield RepocoderApp(engine, session=tmp_path / "session.json")


async def test_no_payload_reaches_the_screen_of_what_finds(hostile: RepocoderApp, guide: Guide) -> None:
    async with hostile.run_test(size=(160, 45), notifications=True) as pilot:
        workspace = await guide.ready(pilot)
        await guide.open(pilot, "other.py")
        await guide.open(pilot, NAME, 6, 13)
        painted = {"tabs": guide.painted(pilot)}
        for key, typed, kind in (
            ("ctrl+p", "hostile", FinderScreen),
            ("ctrl+t", "hostile", FinderScreen),
            ("ctrl+r", "hostile", AskScreen),
            ("shift+f12", "", FinderScreen),
        ):
            screen = await guide.press(pilot, key, kind)
            if typed:
                await guide.type(pilot, typed)
            assert guide.listed(pilot), key
            await guide.wait(pilot, lambda s=screen: s.query_one("#finder-preview").file.path == NAME)
            painted[key] = guide.painted(pilot)
            await pilot.press("escape")
            await guide.wait(pilot, lambda: hostile.screen is workspace)
        await pilot.press("f9")
        await guide.wait(pilot, lambda: isinstance(hostile.screen, GraphScreen) and hostile.screen.is_mounted)
        await guide.wait(pilot, lambda: hostile.screen._tree.root.children[1].children)
        await guide.wait(pilot, lambda: hostile.screen.query_one("#graph-preview").file.path == NAME)
        painted["f9"] = guide.painted(pilot)
        await pilot.press("escape")
        await guide.wait(pilot, lambda: hostile.screen is workspace)
        await pilot.press("z")
        (hostile.engine.root / NAME).write_text("theirs\n")
        await guide.wait(pilot, lambda: "changed on disk" in guide.text(pilot, workspace, "#title"))
        await guide.wait(pilot, lambda: "your text is kept" in guide.painted(pilot))
        painted["notice"] = guide.painted(pilot)
    for where, screen in painted.items():
        assert not FORBIDDEN.search(screen), where
        assert "[red]x" in screen, where
        assert "␛]52;c;" in screen, where
