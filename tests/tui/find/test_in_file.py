"""Searching in the file, by the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from textual import events

from tui.widgets.searchable import MAX_MATCHES, matches

if TYPE_CHECKING:
    Guide = RepocoderApp = Any

SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 45)])


@SIZES
async def test_matches_are_marked_counted_and_gone_through(
    shop: RepocoderApp, guide: Guide, size: tuple[int, int]
) -> None:
    async with shop.run_test(size=size) as pilot:
        editor = await guide.open(pilot, "shop/prices.py", 9)
        bar = shop.workspace.area.find_bar
        await pilot.press("ctrl+f")
        await guide.wait(pilot, lambda: bar.has_focus_within)
        await pilot.press(*"amount")
        await pilot.pause()
        assert guide.text(pilot, shop.workspace, "#find-count") == "3 of 6"  # the first one below the cursor
        assert editor.selected_text == "amount"
        style = editor._match_style
        marked = [span for span in editor.get_line(5).spans if span.style == style]
        assert [(span.start, span.end) for span in marked] == [(12, 18)]
        await pilot.press("enter", "down")
        assert guide.text(pilot, shop.workspace, "#find-count") == "5 of 6"
        await pilot.press("up", "up", "up", "up", "up")
        assert guide.text(pilot, shop.workspace, "#find-count") == "6 of 6"  # around the start
        last = editor.selection
        await pilot.press("escape")
        await guide.wait(pilot, lambda: editor.has_focus)
        assert not bar.display
        assert editor.selection == last
        assert all(span.style != style for span in editor.get_line(5).spans)
        await pilot.press("ctrl+g")  # goes on without the line
        assert editor.match_number == 0
        assert editor.selection != last
        assert editor.selected_text == "amount"


async def test_what_is_selected_is_searched_and_typing_in_the_file_counts_anew(
    shop: RepocoderApp, guide: Guide
) -> None:
    async with shop.run_test() as pilot:
        editor = await guide.open(pilot, "shop/cart.py")
        editor.selection = ((0, 34), (0, 41))
        await pilot.press("ctrl+f")
        await pilot.pause()
        assert guide.text(pilot, shop.workspace, "#find-count") == "1 of 3"
        editor.focus()
        editor.insert("add_tax\n", (0, 0))
        await pilot.pause()
        assert len(editor.all_matches) == 4
        assert "4" in guide.text(pilot, shop.workspace, "#find-count")


async def test_no_match_says_so_and_another_file_is_searched_when_it_is_shown(
    shop: RepocoderApp, guide: Guide
) -> None:
    async with shop.run_test() as pilot:
        await guide.open(pilot, "shop/report.py")
        first = await guide.open(pilot, "shop/prices.py")
        await pilot.press("ctrl+f", *"print")
        await pilot.pause()
        assert guide.text(pilot, shop.workspace, "#find-count") == "no match"
        assert first.cursor_location == (0, 0)
        await pilot.press("escape", "ctrl+pageup", "ctrl+f")
        await pilot.pause()
        assert shop.workspace.area.current.file.path == "shop/report.py"
        assert guide.text(pilot, shop.workspace, "#find-count") == "1 of 3"


async def test_without_a_file_nothing_opens(shop: RepocoderApp, guide: Guide) -> None:
    async with shop.run_test() as pilot:
        await guide.ready(pilot)
        await pilot.press("ctrl+f", "ctrl+g", "alt+g", "ctrl+pageup", "alt+w")
        await pilot.pause()
        assert shop.workspace.area.find_bar is None


@pytest.mark.parametrize(
    ("needle", "found"),
    [
        ("", []),
        ("ab", [(0, 0, 2), (0, 3, 5), (2, 1, 3)]),
        ("AB", [(0, 3, 5)]),
        ("a.", []),
        ("(", [(2, 0, 1)]),
        ("b\nc", []),
    ],
)
def test_lower_case_finds_both_cases_and_nothing_is_a_pattern(
    needle: str, found: list[tuple[int, int, int]]
) -> None:
    assert matches(["ab AB", "", "(ab)"], needle) == found


def test_the_number_of_marks_is_bounded() -> None:
    assert len(matches(["a" * MAX_MATCHES, "aaa"], "a")) == MAX_MATCHES


async def test_keys_typed_ahead_of_the_search_do_not_go_into_the_text(
    shop: RepocoderApp, guide: Guide
) -> None:
    async with shop.run_test() as pilot:
        editor = await guide.open(pilot, "shop/prices.py", 9)
        for key in (
            "ctrl+f",
            *"amount",
        ):  # all at once, as a terminal sends what was typed while the program was busy
            shop.post_message(events.Key(key, key if len(key) == 1 else None))
        await guide.wait(pilot, lambda: editor.needle == "amount")
        assert not editor.unsaved
