"""Asking the repository, by the keys, over a real index and the real search."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Select

from indexer.types import Chunk, Span
from retrieval.types import Evidence, Hit
from tui.asking import AskPlaces, Filters, evidence
from tui.screens.ask import AskScreen

if TYPE_CHECKING:
    Guide = RepocoderApp = Any

SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 45)])


@SIZES
async def test_words_find_code_with_reasons_a_preview_and_a_way_there(
    shop: RepocoderApp, guide: Guide, size: tuple[int, int]
) -> None:
    async with shop.run_test(size=size) as pilot:
        workspace = await guide.ready(pilot)
        screen = await guide.press(pilot, "ctrl+r", AskScreen)
        assert (
            screen.query_one("#finder-list").styles.text_wrap == "nowrap"
        )  # its sheet and that of the finder
        listed = await guide.type(pilot, "add_tax")
        assert listed[0] == "shop/prices.py:6  module"
        preview = screen.query_one("#finder-preview")
        await guide.wait(pilot, lambda: preview.cursor_location == (5, 0))
        painted = guide.painted(pilot)
        assert "name #1  function `add_tax` is `add_tax`" in painted
        assert "return amount * (1 + RATE)" in painted
        assert "best first" in painted
        await pilot.press("enter")
        await guide.wait(pilot, lambda: workspace.area.current is not None)
        assert workspace.area.current.file.path == "shop/prices.py"
        assert workspace.area.current.cursor_location == (5, 0)


async def test_filters_narrow_and_are_kept_with_the_query(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test(size=(120, 40)) as pilot:
        workspace = await guide.ready(pilot)
        screen = await guide.press(pilot, "ctrl+r", AskScreen)
        everywhere = await guide.type(pilot, "cart")
        assert any("web/cart.js" in line for line in everywhere)
        assert any("shop/cart.py" in line for line in everywhere)
        languages = screen.query_one("#ask-language", Select)
        await guide.wait(pilot, lambda: len(languages._options) == 4)  # a blank, javascript, markdown, python
        await pilot.press("tab", *"*.js")
        await guide.answered(pilot, screen)
        assert all("web/cart.js" in line for line in guide.listed(pilot))
        screen.query_one("#ask-path").value = ""
        screen.query_one("#ask-kind", Select).value = "text"
        await pilot.pause()
        await guide.answered(pilot, screen)
        assert all("  text" in line for line in guide.listed(pilot))
        languages.value = "javascript"
        await pilot.pause()
        await guide.answered(pilot, screen)
        assert guide.listed(pilot) == []
        assert "passes the filters" in guide.painted(pilot)
        await pilot.press("escape")
        await guide.wait(pilot, lambda: shop.screen is workspace)
        again = await guide.press(pilot, "ctrl+r", AskScreen)
        assert again.query_one("#finder-query").value == "cart"
        assert again.query_one("#ask-kind", Select).value == "text"
        await guide.wait(pilot, lambda: again.query_one("#ask-language", Select).value == "javascript")


async def test_a_choice_of_a_filter_is_made_with_the_arrows(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test(size=(120, 40)) as pilot:
        await guide.ready(pilot)
        screen = await guide.press(pilot, "ctrl+r", AskScreen)
        kinds = screen.query_one("#ask-kind", Select)
        await pilot.press("tab", "tab", "enter")
        await guide.wait(pilot, lambda: kinds.expanded)
        await pilot.press("down", "enter")
        await guide.wait(pilot, lambda: kinds.value == "function")
        assert screen._asked.filters == Filters(kind="function")


async def test_the_selection_is_asked_at_once(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test(size=(120, 40)) as pilot:
        editor = await guide.open(pilot, "shop/cart.py", 1)
        editor.selection = ((0, 24), (0, 32))
        screen = await guide.press(pilot, "ctrl+r", AskScreen)
        assert screen.query_one("#finder-query").value == "Discount"
        assert guide.listed(pilot)[0] == "shop/prices.py:11  module"


async def test_escape_does_not_wait_for_a_search(
    shop: RepocoderApp, guide: Guide, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    asked = []
    started: list[str] = []
    ended: list[str] = []
    search, find = shop.engine.search, AskPlaces.find

    def counted(places: AskPlaces, query: str, stop: Any) -> Any:
        started.append(query)
        found = find(places, query, stop)
        ended.append(query)
        return found

    def slow(text: str, k: int) -> Any:
        asked.append(text)
        begun.set()
        go_on.wait(20)
        return search(text, k)

    async with shop.run_test() as pilot:
        workspace = await guide.ready(pilot)
        monkeypatch.setattr(shop.engine, "search", slow)
        monkeypatch.setattr(AskPlaces, "find", counted)
        try:
            await guide.press(pilot, "ctrl+r", AskScreen)
            await pilot.press("a")
            await guide.wait(pilot, begun.is_set)
            await pilot.press("b")
            await guide.wait(pilot, lambda: "ab" in started)
            await pilot.press("c", "escape")
            await guide.wait(pilot, lambda: shop.screen is workspace)
            assert not go_on.is_set()
        finally:
            go_on.set()
        await guide.wait(pilot, lambda: len(ended) == len(started))
        assert asked == ["a"]  # "ab" was given up before its turn, "abc" was never begun


def hit(path: str, kind: str = "function", language: str = "python", why: str = "why") -> Hit:
    chunk = Chunk(1, path, Span(1, 2, 0, 9), language, kind, "name", "", "def name(): ...")
    return Hit(chunk, 1.0, (Evidence("lexical", 2, 1.0, why),), chunk.text, 1, 2)


@pytest.mark.parametrize(
    ("filters", "paths"),
    [
        (Filters(), ["src/a.py", "src/deep/b.js", "tests/c.py"]),
        (Filters(path="src/"), ["src/a.py", "src/deep/b.js"]),
        (Filters(path="*.py"), ["src/a.py", "tests/c.py"]),
        (Filters(path="src/**/*.js"), ["src/deep/b.js"]),
        (Filters(path="!tests/"), ["src/a.py", "src/deep/b.js"]),
        (Filters(path="!"), ["src/a.py", "src/deep/b.js", "tests/c.py"]),
        (Filters(path="\\", kind="class"), ["tests/c.py"]),
        (Filters(kind="class"), ["tests/c.py"]),
        (Filters(language="javascript"), ["src/deep/b.js"]),
        (Filters(path="src/", language="python"), ["src/a.py"]),
    ],
)
def test_filters(filters: Filters, paths: list[str]) -> None:
    hits = [hit("src/a.py"), hit("src/deep/b.js", language="javascript"), hit("tests/c.py", "class")]
    assert [one.path for one in filter(filters.predicate(), hits)] == paths


def test_evidence_of_others_is_shown_harmless() -> None:
    shown = evidence(hit("a.py", why="\x1b]52;c;cHduZWQ=\x07 [red]x[/]\nsecond"))
    assert shown.plain == "words #2  ␛]52;c;cHduZWQ=␇ [red]x[/]␊second"
