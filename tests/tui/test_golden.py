"""What the screens look like: the real application over a real index, compared to the pictures in `golden/`.

`pytest tests/tui/test_golden.py --update-golden` writes them anew; look at them before you keep them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import FakeGenerator
from repocoder.types import Completion, SearchResult, Timings
from tests.tui.find.conftest import FILES, Guide
from tests.tui.golden.compare import check, difference, normalised, settled
from tui.app import RepocoderApp
from tui.chosen_model import ChosenModel
from tui.screens.ask import AskScreen
from tui.screens.finder import FinderScreen
from tui.screens.graph import GraphScreen

GOLDEN = Path(__file__).parent / "golden"
SIZES = {"compact": (80, 24), "wide": (160, 45)}
HOLE = "        return add_tax(discount.apply(self.total()))"
ANSWER = "reduced = discount.apply(self.total())\n        return add_tax(reduced)"
TIMINGS = Timings(retrieve_ms=12.0, gate_ms=1.0, prefill_ms=60.0, first_token_ms=80.0, total_ms=240.0)


class Frozen(Engine):
    """The engine, with the same times on every machine."""

    def complete(self, *arguments: Any, **named: Any) -> Completion:
        return replace(super().complete(*arguments, **named), timings=TIMINGS)

    def search(self, *arguments: Any, **named: Any) -> SearchResult:
        return replace(super().search(*arguments, **named), timings={"total_ms": 12.0})


class Indexed(NamedTuple):
    root: Path
    directory: Path


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Indexed:
    """A repository with a hole in `shop/cart.py`, and its index; nothing here writes to them."""
    place = tmp_path_factory.mktemp("golden")
    for name, text in FILES.items():
        path = place / "store" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(HOLE, "        "))
    found = Indexed(place / "store", place / "index")
    with _engine(found) as engine:
        engine.index()
    return found


def _engine(indexed: Indexed) -> Engine:
    channels = ("definitions", "similar")  # "edited lately" tells the time
    settings = Settings(embedder="none", workers=1, automatic="off", channels=channels)
    return Frozen(indexed.root, settings, generator=FakeGenerator(ANSWER), directory=indexed.directory)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths below the home are shown as such, so no picture has the name of a temporary folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.delenv(f"XDG_{name}_HOME", raising=False)
    for name in ("TEXTUAL_THEME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


# ---- the screens


async def workspace(app: RepocoderApp, pilot: Any, guide: Guide) -> None:
    await guide.open(pilot, "shop/prices.py")
    await guide.open(pilot, "shop/cart.py", 13, 8)
    await pilot.press("ctrl+n")
    editor = app.workspace.area.current
    assert editor is not None
    await guide.wait(pilot, lambda: not app.workspace.completing.running)
    await guide.wait(pilot, lambda: editor.ghost is not None and editor.ghost.rest == ANSWER)


async def why(app: RepocoderApp, pilot: Any, guide: Guide) -> None:
    await workspace(app, pilot, guide)
    await pilot.press("f3")


async def finder(app: RepocoderApp, pilot: Any, guide: Guide) -> None:
    await guide.ready(pilot)
    await guide.press(pilot, "ctrl+p", FinderScreen)
    await guide.type(pilot, "cart")
    await previewed(app, pilot, guide)


async def ask(app: RepocoderApp, pilot: Any, guide: Guide) -> None:
    await guide.ready(pilot)
    await guide.press(pilot, "ctrl+r", AskScreen)
    await guide.type(pilot, "the price with tax")
    await previewed(app, pilot, guide)


async def graph(app: RepocoderApp, pilot: Any, guide: Guide) -> None:
    await guide.open(pilot, "shop/prices.py", 6, 4)
    await pilot.press("f9")
    await guide.wait(pilot, lambda: isinstance(app.screen, GraphScreen))
    branches: Any = app.screen.query_one("#graph-tree")
    await guide.wait(pilot, lambda: all(re.search(r"\d", str(node.label)) for node in branches.root.children))
    await previewed(app, pilot, guide, "shop/prices.py")


async def settings(app: RepocoderApp, pilot: Any, guide: Guide) -> None:
    await guide.ready(pilot)
    await pilot.press("alt+s")
    await guide.wait(pilot, lambda: app.screen.query("#settings-list"))


async def diff(app: RepocoderApp, pilot: Any, guide: Guide) -> None:
    await workspace(app, pilot, guide)
    await pilot.press("alt+v")
    await guide.wait(pilot, lambda: app.screen.query("#diff-text"))


async def keys(app: RepocoderApp, pilot: Any, guide: Guide) -> None:
    await guide.open(pilot, "shop/cart.py", 13, 8)
    await pilot.press("f1")
    await guide.wait(pilot, lambda: app.screen.query("#help-page"))


async def empty(app: RepocoderApp, pilot: Any, guide: Guide) -> None:
    await guide.wait(pilot, lambda: app.workspace.is_mounted)
    status = app.workspace.query_one("#status-ground")
    await guide.wait(pilot, lambda: "0 files" in str(status.render()) and "no-such" in str(status.render()))


async def previewed(app: RepocoderApp, pilot: Any, guide: Guide, path: str = "") -> None:
    """Wait for the preview of a path, or of the first hit, where there is room for one."""
    screen: Any = app.screen
    preview = screen.query_one("Preview")
    wanted = path or screen._found.items[0].place.path
    await guide.wait(pilot, lambda: not preview.display or preview.file.path == wanted)


SCREENS: dict[str, Callable[[RepocoderApp, Any, Guide], Awaitable[None]]] = {
    "workspace": workspace,
    "why": why,
    "finder": finder,
    "ask": ask,
    "graph": graph,
    "settings": settings,
    "diff": diff,
    "help": keys,
    "empty": empty,
}


async def paint(app: RepocoderApp, name: str, size: tuple[int, int]) -> str:
    """The picture of a screen, once it has come to rest."""
    async with app.run_test(size=size) as pilot:
        app.theme = "textual-dark"
        await SCREENS[name](app, pilot, Guide())
        await settled(pilot)
        return app.export_screenshot(title="repocoder")


# ---- tests


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCREENS)
async def test_screen(name: str, size: str, indexed: Indexed, tmp_path: Path, update_golden: bool) -> None:
    if name == "empty":
        (tmp_path / "bare").mkdir()
        model = ChosenModel.local("no-such-model", None)
        settings = Settings(embedder="none", workers=1)
        engine = Engine(tmp_path / "bare", settings, generator=model, directory=tmp_path / "index")
    else:
        engine = _engine(indexed)
    with engine:
        svg = await paint(RepocoderApp(engine), name, SIZES[size])
    assert str(tmp_path) not in svg
    golden = GOLDEN / f"{name}-{size}.svg"
    how = "pytest tests/tui/test_golden.py --update-golden"
    check(svg, golden, tmp_path / golden.name, update=update_golden, how=how)


def test_no_picture_is_left_over() -> None:
    wanted = {f"{name}-{size}.svg" for name in SCREENS for size in SIZES}
    assert {path.name for path in GOLDEN.glob("*.svg")} == wanted


def test_a_picture_that_differs_is_told_line_by_line(tmp_path: Path) -> None:
    golden, written = tmp_path / "x.svg", tmp_path / "new" / "x.svg"
    picture = normalised((GOLDEN / "workspace-compact.svg").read_text(encoding="utf-8"))
    golden.write_text(picture, encoding="utf-8")
    check(picture, golden, written, update=False, how="again")
    assert not written.exists()
    other = picture.replace(">class</text>", ">klass</text>")
    assert other != picture
    with pytest.raises(AssertionError) as told:
        check(other, golden, written, update=False, how="again")
    message = str(told.value)
    assert str(written) in message and written.read_text(encoding="utf-8") == normalised(other)
    assert any(line.startswith("+") and "klass Cart" in line for line in message.splitlines())
    assert "shop.prices" not in message  # lines that are equal and not beside
    check(other, golden, written, update=True, how="again")
    check(other, golden, written, update=False, how="again")


def test_other_colours_are_told_too() -> None:
    picture = normalised((GOLDEN / "workspace-compact.svg").read_text(encoding="utf-8"))
    assert difference(picture, picture) == ""
    assert "other styles in lines" in difference(picture, picture.replace("font-style: italic", ""))
    assert "other styles" in difference(
        picture, picture.replace('rect fill="#121212"', 'rect fill="#121213"')
    )
