"""The file finder, by the keys, in the real application."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual import events

from tui.listing import Entry, Listing
from tui.messages import FilesListed
from tui.places import FilePlaces
from tui.screens.finder import FinderScreen

if TYPE_CHECKING:
    Guide = RepocoderApp = Any

SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 45)])


@SIZES
async def test_letters_of_a_name_find_the_file_and_enter_opens_it(
    shop: RepocoderApp, guide: Guide, size: tuple[int, int]
) -> None:
    async with shop.run_test(size=size) as pilot:
        workspace = await guide.ready(pilot)
        screen = await guide.press(pilot, "ctrl+p", FinderScreen)
        assert [line.split()[0] for line in guide.listed(pilot)][-2:] == ["report.py", "cart.js"]
        assert screen.query_one("#finder-preview").display is (size[0] >= 100)
        assert (await guide.type(pilot, "rpt"))[0].split() == ["report.py", "shop"]
        assert "1 of 6 files" in guide.painted(pilot)
        await pilot.press("enter")
        await guide.wait(pilot, lambda: workspace.area.current is not None)
        assert workspace.area.current.file.path == "shop/report.py"
        await guide.wait(pilot, lambda: workspace.area.current.has_focus)


async def test_enter_waits_for_the_answer_to_what_was_typed(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        workspace = await guide.ready(pilot)
        await guide.press(pilot, "ctrl+p", FinderScreen)
        await pilot.press(*"prices", "enter")
        await guide.wait(pilot, lambda: workspace.area.current is not None)
        assert workspace.area.current.file.path == "shop/prices.py"


async def test_a_finder_that_was_opened_before_the_files_were_listed_gets_them(
    shop: RepocoderApp, guide: Guide
) -> None:
    async with shop.run_test() as pilot:
        workspace = await guide.ready(pilot)
        listing, workspace.finding.listing = workspace.finding.listing, Listing({"": ()})
        await guide.press(pilot, "ctrl+p", FinderScreen)
        assert await guide.type(pilot, "prices") == []
        workspace.post_message(FilesListed(listing))
        await guide.wait(pilot, lambda: guide.listed(pilot))
        assert guide.listed(pilot)[0].split()[0] == "prices.py"


async def test_keys_typed_ahead_of_the_finder_are_not_lost(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        workspace = await guide.ready(pilot)
        keys = ["ctrl+p", *"report", "enter"]
        for key in keys:  # all at once, as a terminal sends what was typed while the program was busy
            shop.post_message(events.Key(key, key if len(key) == 1 else None))
        await guide.wait(pilot, lambda: workspace.area.current is not None)
        assert workspace.area.current.file.path == "shop/report.py"


async def test_escape_leaves_everything_as_it_was(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        editor = await guide.open(pilot, "shop/cart.py", 4)
        await guide.press(pilot, "ctrl+p", FinderScreen)
        await pilot.press(*"pri", "escape")
        await guide.wait(pilot, lambda: pilot.app.screen is shop.workspace)
        assert shop.workspace.area.current is editor
        assert editor.cursor_location == (3, 0)
        assert editor.has_focus


async def test_a_line_may_be_named_and_arrows_choose(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        workspace = await guide.ready(pilot)
        await guide.press(pilot, "ctrl+p", FinderScreen)
        assert [line.split()[0] for line in await guide.type(pilot, "cart:3")] == ["cart.js", "cart.py"]
        await pilot.press("down", "up", "down", "enter")
        await guide.wait(pilot, lambda: workspace.area.current is not None)
        assert workspace.area.current.file.path == "shop/cart.py"
        assert workspace.area.current.cursor_location[0] == 2


async def test_open_files_come_first_and_what_cannot_be_opened_is_absent(
    shop: RepocoderApp, guide: Guide
) -> None:
    async with shop.run_test() as pilot:
        await guide.open(pilot, "shop/report.py")
        await guide.open(pilot, "web/cart.js")
        await guide.press(pilot, "ctrl+p", FinderScreen)
        names = [line.split()[0] for line in guide.listed(pilot)]
        assert names[:2] == ["cart.js", "report.py"]
        assert ".env" not in names
        assert await guide.type(pilot, "zzz") == []
        assert "no file matches" in guide.painted(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, FinderScreen)


async def test_the_preview_follows_the_choice_with_colours(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test(size=(160, 45)) as pilot:
        await guide.ready(pilot)
        screen = await guide.press(pilot, "ctrl+p", FinderScreen)
        await guide.type(pilot, "prices:11")
        preview = screen.query_one("#finder-preview")
        await guide.wait(pilot, lambda: preview.file.path == "shop/prices.py")
        await guide.wait(pilot, lambda: preview.cursor_location == (10, 0))
        assert "class Discount" in guide.painted(pilot)
        assert any(span.style.bold for span in preview.get_line(10).spans)
        await guide.type(pilot, "zzz")
        await guide.wait(pilot, lambda: preview.text == "")


async def test_a_file_that_is_gone_is_named_in_the_preview(
    shop: RepocoderApp, guide: Guide, root: Path
) -> None:
    async with shop.run_test(size=(160, 45)) as pilot:
        await guide.ready(pilot)
        (root / "web" / "cart.js").unlink()
        screen = await guide.press(pilot, "ctrl+p", FinderScreen)
        await guide.type(pilot, "cart.js")
        await guide.wait(pilot, lambda: "no such file" in screen.query_one("#finder-preview").text)


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (300, 90)])
async def test_odd_sizes_do_not_break_it(shop: RepocoderApp, guide: Guide, size: tuple[int, int]) -> None:
    async with shop.run_test(size=size) as pilot:
        workspace = await guide.ready(pilot)
        await guide.press(pilot, "ctrl+p", FinderScreen)
        await pilot.press(*"report", "pagedown", "pageup", "enter")
        await guide.wait(pilot, lambda: workspace.area.current is not None)


def test_names_of_others_are_shown_harmless() -> None:
    names = ("\x1b]52;c;cHduZWQ=\x07.py", "[red]x[b].py", "a\nb.py", "\u202egnp.py")
    places = FilePlaces(Listing({"": tuple(map(Entry, names))}))
    labels = [item.label.plain for item in places.find("py", lambda: False).items]
    assert len(labels) == len(names)
    assert not any(character in "".join(labels) for character in "\x1b\x07\n\u202e")
    assert any(label.startswith("[red]x[b].py") for label in labels)
