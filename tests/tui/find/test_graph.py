"""Definition, uses and the graph of the name under the cursor, by the keys, over a real index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tui.screens.finder import FinderScreen
from tui.screens.graph import IMPACT, MEMBERS, USERS, USES, GraphScreen

if TYPE_CHECKING:
    Guide = RepocoderApp = Any

SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 45)])


async def test_f12_goes_to_the_definition_and_f4_back(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        await guide.open(pilot, "shop/cart.py", 10, 17)  # return add_|tax(total)
        area = shop.workspace.area
        await pilot.press("f12")
        await guide.wait(pilot, lambda: area.current.file.path == "shop/prices.py")
        assert area.current.cursor_location == (5, 0)
        await pilot.press("f4")
        await guide.wait(pilot, lambda: area.current.file.path == "shop/cart.py")
        assert area.current.cursor_location[0] == 9


async def test_f12_lists_what_it_cannot_tell_apart(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        await guide.open(pilot, "notes/read me.md", 1, 1)
        shop.workspace.area.current.text = "x.apply()\n"
        shop.workspace.area.current.move_cursor((0, 3))
        screen = await guide.press(pilot, "f12", FinderScreen)
        assert "by the name alone" in guide.text(pilot, screen, "#finder-note")
        assert [line.split()[0] for line in guide.listed(pilot)] == ["Discount.apply", "Coupon.apply"]


@pytest.mark.parametrize("key", ["f12", "shift+f12", "f9"])
async def test_without_a_file_the_line_says_what_to_do(shop: RepocoderApp, guide: Guide, key: str) -> None:
    async with shop.run_test() as pilot:
        await guide.ready(pilot)
        await pilot.press(key)
        await guide.wait(
            pilot, lambda: "Open a file first" in guide.text(pilot, shop.workspace, "#status-completion")
        )


async def test_a_name_without_a_definition_is_named(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        await guide.open(pilot, "shop/cart.py", 9, 17)  # total = sum(…
        await pilot.press("f12")
        await guide.wait(
            pilot, lambda: "no definition of sum" in guide.text(pilot, shop.workspace, "#status-completion")
        )


async def test_uses_are_listed_with_their_code_and_enter_goes_there(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test(size=(160, 45)) as pilot:
        await guide.open(pilot, "shop/prices.py", 6, 5)
        screen = await guide.press(pilot, "shift+f12", FinderScreen)
        lines = guide.listed(pilot)
        assert any(
            line.startswith("shop/cart.py:10  return add_tax(total)  calls in Cart.total") for line in lines
        )
        assert "places in 1 file" in guide.text(pilot, screen, "#finder-note")
        await guide.type(pilot, "reduced")
        await pilot.press("enter")
        await guide.wait(pilot, lambda: shop.workspace.area.current.file.path == "shop/cart.py")
        assert shop.workspace.area.current.cursor_location[0] == 12


@SIZES
async def test_the_graph_is_a_tree_that_opens_and_leads_on(
    shop: RepocoderApp, guide: Guide, size: tuple[int, int]
) -> None:
    async with shop.run_test(size=size) as pilot:
        await guide.open(pilot, "shop/prices.py", 6, 5)
        await pilot.press("f9")
        await guide.wait(pilot, lambda: isinstance(shop.screen, GraphScreen) and shop.screen.is_mounted)
        screen = shop.screen
        branches = {node.data.way: node for node in screen._tree.root.children}
        assert list(branches) == [USES, USERS, MEMBERS, IMPACT]
        await guide.wait(pilot, lambda: all("  " in str(node.label) for node in branches.values()))
        users = {str(node.label).split()[0]: node for node in branches[USERS].children}
        assert set(users) == {"Cart.total", "Cart.reduced", "cart.py"}
        assert "calls at line 10" in str(users["Cart.total"].label)
        assert str(branches[IMPACT].label).startswith("a change may touch  ")
        ranked = [str(node.label) for node in branches[IMPACT].children]
        assert "#1" in ranked[0]
        assert any("print_total" in line and "2 uses away" in line for line in ranked)
        screen._tree.move_cursor(users["Cart.total"])
        await pilot.press("right")
        await guide.wait(pilot, lambda: users["Cart.total"].children)
        deeper = [str(node.label).split()[0] for node in users["Cart.total"].children]
        assert deeper == ["Cart.reduced", "print_total"]
        await pilot.press("right", "f9")
        await guide.wait(pilot, lambda: "Cart.reduced" in guide.text(pilot, screen, "#graph-title"))
        screen._tree.move_cursor(screen._tree.root.children[0])
        await guide.wait(pilot, lambda: screen._tree.root.children[0].children)
        await pilot.press("down", "enter")
        await guide.wait(pilot, lambda: shop.screen is shop.workspace)


async def test_escape_leaves_the_graph(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        editor = await guide.open(pilot, "shop/cart.py", 2)
        await pilot.press("f9")
        await guide.wait(pilot, lambda: isinstance(shop.screen, GraphScreen))
        await pilot.press("left", "left", "right", "escape")
        await guide.wait(pilot, lambda: shop.screen is shop.workspace)
        assert shop.workspace.area.current is editor
