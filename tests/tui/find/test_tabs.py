"""Tabs, and what other programs do to the files in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tui.screens.choice import ChoiceScreen
from tui.widgets.editor_area import EditorArea

if TYPE_CHECKING:
    Guide = RepocoderApp = Any


async def test_tabs_are_turned_clicked_and_closed(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test(size=(120, 40)) as pilot:
        area = shop.workspace.area
        await guide.open(pilot, "shop/cart.py")
        strip = area.query_one("#tabs")
        assert not strip.display
        await guide.open(pilot, "web/cart.js")
        await guide.open(pilot, "shop/prices.py")
        await pilot.pause()
        assert str(strip.render()) == " cart.py  cart.js  prices.py "
        await pilot.press("ctrl+pagedown")
        assert area.current.file.path == "shop/cart.py"
        await pilot.press("ctrl+pageup", "ctrl+pageup")
        assert area.current.file.path == "web/cart.js"
        await pilot.press("x")
        await pilot.pause()
        assert str(strip.render()) == " cart.py  ● cart.js  prices.py "
        await pilot.click("#tabs", offset=(3, 0))
        await guide.wait(pilot, lambda: area.current.file.path == "shop/cart.py")
        await pilot.press("alt+w")
        await guide.wait(pilot, lambda: len(area.editors) == 2)
        assert area.current.file.path == "web/cart.js"  # the one before it
        assert area.current.has_focus


@pytest.mark.parametrize("answer", ["keep", "save", "discard"])
async def test_closing_unsaved_changes_asks(
    shop: RepocoderApp, guide: Guide, root: Path, answer: str
) -> None:
    before = (root / "web" / "cart.js").read_text()
    async with shop.run_test() as pilot:
        area = shop.workspace.area
        await guide.open(pilot, "web/cart.js")
        await pilot.press("z", "alt+w")
        await guide.wait(pilot, lambda: isinstance(shop.screen, ChoiceScreen))
        await pilot.click(f"#choice-{answer}")
        await guide.wait(pilot, lambda: shop.screen is shop.workspace)
        await guide.wait(pilot, lambda: len(area.editors) == (answer == "keep"))
        assert (root / "web" / "cart.js").read_text() == ("z" + before if answer == "save" else before)
        if answer != "keep":
            assert area.current is None
            assert shop.workspace.query_one("#welcome").display


async def test_a_clean_tab_shows_what_another_program_wrote(
    shop: RepocoderApp, guide: Guide, root: Path
) -> None:
    async with shop.run_test(notifications=True) as pilot:
        editor = await guide.open(pilot, "shop/cart.py", 4)
        before = editor.text
        (root / "shop" / "cart.py").write_text("# theirs\n\n\n\n")
        await guide.wait(pilot, lambda: editor.text == "# theirs\n\n\n\n")
        assert not editor.unsaved
        assert editor.cursor_location == (3, 0)
        await guide.wait(pilot, lambda: "changed on disk: shown as" in " ".join(guide.painted(pilot).split()))
        await pilot.press("ctrl+z")
        assert editor.text == before
        assert editor.unsaved


async def test_unsaved_changes_are_kept_and_marked(shop: RepocoderApp, guide: Guide, root: Path) -> None:
    async with shop.run_test(size=(120, 40)) as pilot:
        await guide.open(pilot, "web/cart.js")
        editor = await guide.open(pilot, "shop/cart.py")
        await pilot.press("z")
        mine = editor.text
        original = (root / "shop" / "cart.py").read_text()
        (root / "shop" / "cart.py").write_text("# theirs\n")
        await guide.wait(pilot, lambda: "changed on disk" in guide.text(pilot, shop.workspace, "#title"))
        assert editor.text == mine
        assert "! cart.py" in guide.text(pilot, shop.workspace, "#tabs")
        await pilot.press("ctrl+s")
        await guide.wait(pilot, lambda: isinstance(shop.screen, ChoiceScreen))
        assert (root / "shop" / "cart.py").read_text() == "# theirs\n"
        await pilot.press("escape")
        (root / "shop" / "cart.py").write_text(original)
        await guide.wait(pilot, lambda: "changed on disk" not in guide.text(pilot, shop.workspace, "#title"))
        assert editor.text == mine


async def test_a_file_that_is_gone_keeps_its_tab(shop: RepocoderApp, guide: Guide, root: Path) -> None:
    async with shop.run_test() as pilot:
        editor = await guide.open(pilot, "shop/cart.py")
        before = editor.text
        (root / "shop" / "cart.py").unlink()
        await guide.wait(pilot, lambda: "changed on disk" in guide.text(pilot, shop.workspace, "#title"))
        assert editor.text == before


async def test_what_the_editor_saves_itself_is_no_change(
    shop: RepocoderApp, guide: Guide, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    take = EditorArea.on_file_on_disk

    def listen(area: EditorArea, message: Any) -> None:
        told.append(message)
        take(area, message)

    monkeypatch.setattr(EditorArea, "on_file_on_disk", listen)
    async with shop.run_test() as pilot:
        editor = await guide.open(pilot, "web/cart.js")
        await pilot.press("z", "ctrl+s")
        await guide.wait(pilot, lambda: any(message.base == editor.file.sha256 for message in told))
        await pilot.press("z")
        assert editor.text.startswith("zz")
        assert "changed" not in guide.text(pilot, shop.workspace, "#title")
