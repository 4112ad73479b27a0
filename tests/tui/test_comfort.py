"""Keys of one's own, themes, the palette, help in sections, and what other open files give to a completion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tui.keymap import keymap_of


async def test_keys_of_ones_own_hold_and_are_in_the_help(app: Any, scripted: Any, ui: Any) -> None:
    scripted.settings = replace(scripted.settings, keys=("complete=alt+c", "accept-all=alt+a", "fly=f8"))
    async with app.run_test(size=(120, 60)) as pilot:
        editor = await ui.ask(pilot, "alt+c")
        assert editor.ghost is not None
        await pilot.press("alt+a")
        assert "helper.build(" in editor.text
        await pilot.press("f1")
        await ui.wait(pilot, lambda: app.screen is not app.workspace)
        rows = str(app.screen.query_one("#help-page").render()).splitlines()
        assert [row for row in rows if row.startswith("Alt+C ") and "complete" in row]


def test_an_unknown_action_is_named(app: Any) -> None:
    bindings = app.workspace.BINDINGS
    keymap, unknown = keymap_of(("complete=ctrl+j", "nothing=f1"), bindings)
    assert keymap == {"complete": "ctrl+j"}
    assert unknown == ("keys: no such action: nothing: F1 lists all",)


async def test_the_suggestion_is_readable_in_every_theme(app: Any, ui: Any) -> None:
    async with app.run_test(size=(100, 30)) as pilot:
        await ui.ask(pilot)
        for theme in app.available_themes:
            app.theme = theme
            await pilot.pause()
            row = next(
                strip
                for strip in pilot.app.screen._compositor.render_strips()
                if "helper.build(" in strip.text
            )
            ghost = next(segment for segment in row if "elper.build(" in segment.text)
            plain = next(segment for segment in row if "value" in segment.text)
            assert ghost.style is not None
            letters, ground = ghost.style.color, ghost.style.bgcolor
            assert letters != ground or letters.is_default, theme  # default: the terminal's own two colours
            assert ghost.style.italic, theme  # not by colour alone
            assert ghost.style.bgcolor == plain.style.bgcolor, theme


async def test_the_palette_has_the_actions_of_the_workspace(app: Any, ui: Any) -> None:
    async with app.run_test(size=(100, 30)) as pilot:
        await ui.open(pilot)
        names = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Complete", "Settings", "Models", "Machine", "Automatic", "Help"} <= names
        command = next(one for one in app.get_system_commands(app.screen) if one.title == "Settings")
        await command.callback()
        await ui.wait(pilot, lambda: app.screen is not app.workspace and app.screen.query("#settings-list"))
        await pilot.press("escape")
        await ui.wait(pilot, lambda: app.screen is app.workspace)


async def test_unsaved_text_of_other_files_goes_with_the_request(app: Any, scripted: Any, ui: Any) -> None:
    async with app.run_test(size=(100, 30)) as pilot:
        await ui.open(pilot, "helper.py")
        await pilot.press("z")
        await ui.ask(pilot)
        (request,) = scripted.requests
        ((path, text),) = request.open_buffers
        assert path == "helper.py"
        assert text.startswith("zimport os")
        await pilot.press("escape", "x", "ctrl+n")
        await ui.wait(pilot, lambda: len(scripted.requests) == 2)
        assert [path for path, _ in scripted.requests[1].open_buffers] == ["helper.py"]


def test_every_binding_of_the_pages_has_a_name_and_a_tooltip() -> None:
    from tui.screens.diff import DiffScreen
    from tui.screens.doctor import DoctorScreen
    from tui.screens.models import ModelsScreen
    from tui.screens.prompt import PromptScreen
    from tui.screens.settings import SettingsScreen
    from tui.widgets.snippets import SnippetPane

    for owner in (DiffScreen, DoctorScreen, ModelsScreen, PromptScreen, SettingsScreen, SnippetPane):
        for binding in owner.BINDINGS:
            assert binding.id, binding
            assert binding.tooltip, binding


def test_names_of_actions_are_given_once(app: Any) -> None:
    names = [binding.id for bindings in app.workspace.sections().values() for binding in bindings]
    assert len(names) == len(set(names))
