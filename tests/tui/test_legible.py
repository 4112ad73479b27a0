"""Text can be read in every theme and without colours: the contrast of what is painted, as WCAG 2.1 counts it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color as RichColor
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region

from repocoder.types import Check
from tui.legible import READABLE, RECEDING, Legible, contrast, legible
from tui.messages import FileChosen
from tui.widgets.tour import Tour

SOURCE = '''"""Doc."""
# comment
import helper

@deco
class A(ValueError):
    x = 1 + 2.5
    y = "text" + f"{x}"


def main():
    value =\x20
    return value if True else None
'''
COLOURS = st.builds(ColorTriplet, *[st.integers(0, 255)] * 3)


@given(COLOURS, COLOURS, st.booleans())
def test_letters_move_until_they_can_be_read(
    letters: ColorTriplet, ground: ColorTriplet, italic: bool
) -> None:
    before = Style(
        color=RichColor.from_triplet(letters),
        bgcolor=RichColor.from_triplet(ground),
        bold=True,
        italic=italic,
    )
    after = legible(before, RichColor.parse("default"))
    least = RECEDING if italic else READABLE
    assert after.color is not None and after.color.triplet is not None
    assert contrast(after.color.triplet, ground) >= least
    assert (after == before) is (contrast(letters, ground) >= least)
    assert after.bgcolor == before.bgcolor
    assert (after.bold, after.italic) == (True, italic)


def test_contrast_is_that_of_wcag() -> None:
    white, black = ColorTriplet(255, 255, 255), ColorTriplet(0, 0, 0)
    assert contrast(white, black) == contrast(black, white) == pytest.approx(21)
    assert contrast(white, white) == 1
    assert contrast(ColorTriplet(0x77, 0x77, 0x77), white) == pytest.approx(
        4.48, abs=0.005
    )  # a known near miss


def test_lines_bars_and_the_colours_of_the_terminal_stay() -> None:
    faint = Style.parse("#303030 on #282828")
    own = Style.parse("red on default")
    segments = [Segment("├─ ", faint), Segment("▁▂▃", faint), Segment("text", own), Segment("text", None)]
    assert Legible().apply(segments, Color.parse("#282828")) == segments
    (changed,) = Legible().apply([Segment("text", Style.parse("#303030"))], Color.parse("#282828"))
    assert changed.style is not None and changed.style.color is not None
    assert contrast(changed.style.color.get_truecolor(), ColorTriplet(0x28, 0x28, 0x28)) >= READABLE


def hard_to_read(screen: Any, box: Region) -> list[tuple[str, float]]:
    """Pieces of text in a box whose contrast is too low; none of the terminal's own colours is known."""
    found = []
    strips = screen._compositor.render_strips()
    for row in range(box.y, box.bottom):
        for text, style, _ in strips[row].crop(box.x, box.right):
            if style is None or not any(map(str.isalnum, text)):
                continue
            if None in (style.color, style.bgcolor) or None in (style.color.triplet, style.bgcolor.triplet):
                continue
            ratio = contrast(style.color.triplet, style.bgcolor.triplet)
            if ratio < (RECEDING if style.italic else READABLE):
                found.append((text.strip(), round(ratio, 2)))
    return found


async def _busy_workspace(app: Any, pilot: Any, scripted: Any, ui: Any) -> None:
    """All that has a colour: code, a suggestion, its reasons, a failed check, tabs, an unsaved file, the tour."""
    before = scripted._completion

    def complete(*arguments: Any) -> Any:
        return replace(before(*arguments), checks=(Check("names", False, "no such name: x"),))

    scripted._completion = complete
    scripted.root.joinpath("main.py").write_text(SOURCE)
    editor = await ui.open(pilot, "helper.py")
    await pilot.press("z")
    app.workspace.post_message(FileChosen("main.py"))
    await ui.wait(pilot, lambda: app.workspace.area.current is not editor)
    editor = app.workspace.area.current
    editor.move_cursor((11, 12))
    await pilot.press("ctrl+n")
    await ui.wait(pilot, lambda: editor.ghost is not None and not app.workspace.completing.running)
    tour = Tour(app.engine.root / "no-mark", lambda: editor, id="tour")
    await app.workspace.mount(tour, before="#status")
    tour.update("words of the tour")
    await pilot.pause()


async def test_the_workspace_can_be_read_in_every_theme(app: Any, scripted: Any, ui: Any) -> None:
    async with app.run_test(size=(140, 40)) as pilot:
        await _busy_workspace(app, pilot, scripted, ui)
        assert "no such name" in "\n".join(ui.painted(pilot))
        bad = {}
        for theme in app.available_themes:
            app.theme = theme
            await pilot.pause()
            bad[theme] = hard_to_read(app.screen, app.screen.region)
        assert {theme: found for theme, found in bad.items() if found} == {}


@pytest.mark.parametrize(("key", "box"), [("alt+s", ".page"), ("ctrl+p", "#finder"), ("f1", "#help")])
async def test_pages_can_be_read_in_the_palest_themes(app: Any, ui: Any, key: str, box: str) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await ui.open(pilot)
        await pilot.press(key)
        await ui.wait(pilot, lambda: app.screen is not app.workspace and app.screen.query(box))
        for theme in ("solarized-light", "rose-pine-dawn", "atom-one-light", "gruvbox"):
            app.theme = theme
            await pilot.pause()
            assert hard_to_read(app.screen, app.screen.query_one(box).region) == [], theme


async def test_without_colours_everything_is_grey_and_can_be_read(
    scripted: Any, ui: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui.app import RepocoderApp

    monkeypatch.setenv("NO_COLOR", "1")
    app = RepocoderApp(scripted)
    async with app.run_test(size=(140, 40)) as pilot:
        await _busy_workspace(app, pilot, scripted, ui)
        for strip in app.screen._compositor.render_strips():
            for _, style, _ in strip:
                for colour in (style.color, style.bgcolor) if style is not None else ():
                    assert colour is None or colour.triplet is None or len(set(colour.triplet)) == 1
        assert hard_to_read(app.screen, app.screen.region) == []
        screen = "\n".join(ui.painted(pilot))
        for sign in ("● helper.py", "! names: no such name: x", "1\u00a0build", "-\u00a0other", "left out:"):
            assert sign in screen, sign  # nothing is told by a colour alone
