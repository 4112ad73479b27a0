"""The finder of definitions, by the keys, over a real index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tui.screens.finder import FinderScreen

if TYPE_CHECKING:
    Guide = RepocoderApp = Any

SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 45)])


@SIZES
async def test_a_definition_is_found_by_its_letters_and_enter_jumps(
    shop: RepocoderApp, guide: Guide, size: tuple[int, int]
) -> None:
    async with shop.run_test(size=size) as pilot:
        workspace = await guide.ready(pilot)
        await guide.press(pilot, "ctrl+t", FinderScreen)
        assert "type a part of a name" in guide.painted(pilot)
        listed = await guide.type(pilot, "addt")
        assert listed == ["add_tax  function  shop/prices.py:6", "addItem  function  web/cart.js:1"]
        await pilot.press("enter")
        await guide.wait(pilot, lambda: workspace.area.current is not None)
        assert workspace.area.current.file.path == "shop/prices.py"
        assert workspace.area.current.cursor_location == (5, 0)


async def test_a_method_is_found_with_its_class(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        await guide.ready(pilot)
        await guide.press(pilot, "ctrl+t", FinderScreen)
        assert (await guide.type(pilot, "Coupon.app"))[0].startswith("Coupon.apply  method")
        assert "1 definition" in guide.painted(pilot)


async def test_the_class_may_be_a_word_of_its_own(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        await guide.ready(pilot)
        await guide.press(pilot, "ctrl+t", FinderScreen)
        assert [line.split()[0] for line in await guide.type(pilot, "disc apply")] == ["Discount.apply"]


async def test_without_a_letter_it_is_the_outline_of_the_file(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        await guide.open(pilot, "shop/cart.py")
        await guide.press(pilot, "ctrl+t", FinderScreen)
        names = [line.split()[0] for line in guide.listed(pilot)]
        assert names[:2] == ["Cart", "Cart.__init__"]
        assert names[-1] == "empty_cart"
        assert "the definitions of shop/cart.py" in guide.painted(pilot)


async def test_an_index_that_cannot_be_read_is_named(
    shop: RepocoderApp, guide: Guide, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repocoder.errors import IndexFailedError

    def refuse() -> None:
        raise IndexFailedError("index: [x]: made by a newer version: update")

    async with shop.run_test() as pilot:
        await guide.ready(pilot)
        monkeypatch.setattr(shop.engine, "snapshot", refuse)
        await guide.press(pilot, "ctrl+t", FinderScreen)
        assert "index: [x]: made by a newer version" in guide.painted(pilot)
