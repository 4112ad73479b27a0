"""Tree, snippets, saving, conflicts, help and quitting, by the keys, in the real application."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.events import Key

if TYPE_CHECKING:
    Driver = ScriptedEngine = RepocoderApp = Any

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)])
TEXT = "import helper\n\n\ndef main():\n    value = \n    return value\n"


@SIZES
async def test_a_file_is_opened_from_the_tree(app: RepocoderApp, ui: Driver, size: tuple[int, int]) -> None:
    async with app.run_test(size=size) as pilot:
        workspace = await ui.ready(pilot)
        screen = "\n".join(ui.painted(pilot))
        assert "main.py" in screen
        assert "ignored.py" not in screen
        assert "secret-file" in screen
        await pilot.press("down", "down", "down", "down", "down")
        tree = workspace.query_one("#files")
        while tree.cursor_node.data.path != "main.py":
            await pilot.press("up")
        await pilot.press("enter")
        await ui.wait(pilot, lambda: workspace.area.current is not None)
        await pilot.pause()
        assert workspace.area.current.text == TEXT
        assert workspace.area.current.has_focus
        assert tree.display is (size[0] >= 100)


async def test_a_folder_is_filled_when_it_is_opened(app: RepocoderApp, ui: Driver) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        workspace = await ui.ready(pilot)
        await pilot.press("enter", "down", "enter")
        await ui.wait(pilot, lambda: workspace.area.current is not None)
        assert workspace.area.current.file.path == "package/inner.py"


async def test_arrows_open_and_close_folders(app: RepocoderApp, ui: Driver) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        workspace = await ui.ready(pilot)
        tree = workspace.query_one("#files")
        while tree.cursor_node.data.path != "package":
            await pilot.press("down")
        await pilot.press("right")
        await ui.wait(pilot, lambda: tree.cursor_node.is_expanded)
        await pilot.press("right")
        await ui.wait(pilot, lambda: tree.cursor_node.data.path == "package/inner.py")
        await pilot.press("left")
        await ui.wait(pilot, lambda: tree.cursor_node.data.path == "package")
        await pilot.press("left")
        await ui.wait(pilot, lambda: not tree.cursor_node.is_expanded)


@pytest.mark.parametrize(
    ("path", "reason"), [(".env", "secrets"), ("data.bin", "binary"), ("gone.py", "no such file")]
)
async def test_what_is_not_for_editing_is_refused_with_the_reason(
    app: RepocoderApp, ui: Driver, path: str, reason: str
) -> None:
    from tui.messages import FileChosen

    async with app.run_test(size=(80, 24)) as pilot:
        workspace = await ui.ready(pilot)
        workspace.post_message(FileChosen(path))
        await ui.wait(pilot, lambda: reason in ui.said(pilot))
        assert workspace.area.current is None


@SIZES
async def test_the_pane_lists_snippets_with_reasons_and_enter_jumps(
    app: RepocoderApp, ui: Driver, size: tuple[int, int]
) -> None:
    async with app.run_test(size=size) as pilot:
        await ui.ask(pilot)
        workspace = app.workspace
        pane = workspace.query_one("#snippets")
        assert pane.display is (size[0] >= 100)
        await pilot.press("f3")
        await ui.wait(pilot, lambda: pane.has_focus_within)
        await pilot.pause()
        screen = "\n".join(ui.painted(pilot))
        assert "defines `build`, imported" in screen
        assert "helper.py:3" in screen
        assert "left out: over the budget" in screen
        await pilot.press("enter")
        await ui.wait(pilot, lambda: workspace.area.current.file.path == "helper.py")
        assert workspace.area.current.cursor_location == (2, 0)
        await pilot.press("f4")
        await pilot.pause()
        assert workspace.area.current.file.path == "main.py"


@SIZES
async def test_side_panes_toggle_and_escape_returns(
    app: RepocoderApp, ui: Driver, size: tuple[int, int]
) -> None:
    async with app.run_test(size=size) as pilot:
        editor = await ui.open(pilot)
        tree = app.workspace.query_one("#files")
        await pilot.press("f2")
        await ui.wait(pilot, lambda: tree.has_focus)
        assert tree.display
        await pilot.press("escape")
        assert editor.has_focus
        await pilot.press("f2")
        await ui.wait(pilot, lambda: tree.has_focus)
        await pilot.press("f2")
        await pilot.pause()
        assert not tree.display
        assert editor.has_focus


async def test_typing_and_saving_writes_the_file(app: RepocoderApp, ui: Driver, repository: Path) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.open(pilot)
        editor.move_cursor((4, 12))
        await pilot.press("1", "enter", "x")
        assert editor.unsaved
        await pilot.pause()
        assert "unsaved" in ui.text(pilot, "#title")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert not editor.unsaved
        assert (repository / "main.py").read_text() == TEXT.replace("= \n", "= 1\n    x\n")
        assert "saved main.py" in ui.said(pilot)


@pytest.mark.parametrize(
    "data",
    [
        b"a\r\nb\r\n",
        b"\xef\xbb\xbfa\n",
        b"a\r\nb\nc\rd",
        b"a\x0cb\n",
        "a\x85b\u2028c\n".encode(),
        b"\x1b[31m\n",
        b"\ta\n",
    ],
)
async def test_saving_keeps_every_byte_that_was_not_edited(
    app: RepocoderApp, ui: Driver, repository: Path, data: bytes
) -> None:
    target = repository / "helper.py"
    target.write_bytes(data)
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.open(pilot, "helper.py")
        assert not editor.unsaved
        await pilot.press("z", "backspace")
        assert not editor.unsaved
        await pilot.press("enter", "ctrl+z", "z", "ctrl+s")
        await ui.wait(pilot, lambda: not editor.unsaved)
        start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        assert target.read_bytes() == data[:start] + b"z" + data[start:]


@pytest.mark.parametrize("answer", ["escape", "reload", "overwrite"])
async def test_a_file_that_changed_on_disk_is_not_overwritten_unasked(
    app: RepocoderApp, ui: Driver, repository: Path, answer: str
) -> None:
    target = repository / "main.py"
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ui.open(pilot)
        await pilot.press("z")
        target.write_text("theirs\n")
        await pilot.press("ctrl+s")
        await ui.wait(pilot, lambda: app.screen is not app.workspace)
        assert target.read_text() == "theirs\n"
        if answer == "escape":
            await pilot.press("escape")
        else:
            await pilot.click(f"#choice-{answer}")
        await ui.wait(pilot, lambda: app.screen is app.workspace)
        await pilot.pause()
        expected = {"escape": ("theirs\n", "z" + TEXT), "reload": ("theirs\n", "theirs\n")}
        disk, buffer = expected.get(answer, ("z" + TEXT, "z" + TEXT))
        assert (target.read_text(), editor.text) == (disk, buffer)
        if answer == "reload":
            await pilot.press("ctrl+z")
            assert editor.text == "z" + TEXT


@pytest.mark.parametrize("answer", ["stay", "save", "discard"])
async def test_quitting_with_unsaved_changes_asks(
    app: RepocoderApp, ui: Driver, repository: Path, answer: str
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await ui.open(pilot)
        await pilot.press("z", "ctrl+q")
        await ui.wait(pilot, lambda: app.screen is not app.workspace)
        assert "main.py" in "\n".join(ui.painted(pilot))
        await pilot.click(f"#choice-{answer}")
        if answer == "stay":
            await ui.wait(pilot, lambda: app.screen is app.workspace)
            assert app._exit is False
        else:
            await ui.wait(pilot, lambda: app._exit)
    assert (repository / "main.py").read_text() == ("z" + TEXT if answer == "save" else TEXT)


async def test_quitting_with_nothing_unsaved_does_not_ask(app: RepocoderApp, ui: Driver) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await ui.open(pilot)
        await pilot.press("ctrl+q")
        await ui.wait(pilot, lambda: app._exit)
    assert app.return_code == 0


@SIZES
async def test_help_names_every_key_and_escape_leaves(
    app: RepocoderApp, ui: Driver, size: tuple[int, int]
) -> None:
    async with app.run_test(size=size) as pilot:
        await ui.ready(pilot)
        await pilot.press("question_mark")
        await ui.wait(pilot, lambda: app.screen is not app.workspace)
        page = str(app.screen.query_one("#help-page").render())
        for words in ("Ctrl+Space", "Ctrl+S", "F2", "F3", "Tab", "Alt+→", "Ctrl+↓", "Esc"):
            assert words in page
        await pilot.press("escape")
        await ui.wait(pilot, lambda: app.screen is app.workspace)
        await pilot.press("f1", "f1")
        await ui.wait(pilot, lambda: app.screen is app.workspace)


def test_every_binding_has_a_name_and_a_tooltip() -> None:
    from tui.app import RepocoderApp
    from tui.screens.choice import ChoiceScreen
    from tui.screens.help import HelpScreen
    from tui.screens.workspace import WorkspaceScreen
    from tui.widgets.editor import Editor

    for owner in (RepocoderApp, WorkspaceScreen, Editor, HelpScreen, ChoiceScreen):
        for binding in owner.BINDINGS:
            assert binding.id, binding
            assert binding.tooltip or not binding.show, binding


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (80, 1), (1, 24), (300, 90)])
async def test_odd_sizes_do_not_break_it(app: RepocoderApp, ui: Driver, size: tuple[int, int]) -> None:
    async with app.run_test(size=size) as pilot:
        editor = await ui.ask(pilot)
        await pilot.press(
            "f2", "escape", "f3", "escape", "f1", "escape", "tab", "down", "x", "ctrl+q", "escape"
        )
        await pilot.pause()
        assert "x" in editor.text


async def test_resizing_moves_between_layouts(app: RepocoderApp, ui: Driver) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await ui.ask(pilot)
        pane = app.workspace.query_one("#snippets")
        assert pane.display
        await pilot.resize_terminal(80, 24)
        await ui.wait(pilot, lambda: not pane.display)
        await pilot.resize_terminal(1, 1)
        await pilot.pause()
        await pilot.resize_terminal(120, 40)
        await ui.wait(pilot, lambda: pane.display)


async def test_the_embedded_model_is_called_weak(app: RepocoderApp, ui: Driver) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await ui.ready(pilot)
        await ui.wait(pilot, lambda: "scripted-1m" in ui.text(pilot, "#status-ground"))
        assert "weak" in ui.text(pilot, "#status-ground")


async def test_letters_do_not_overtake_the_keys_before_them(app: RepocoderApp, ui: Driver) -> None:
    """A terminal may deliver many keys at once: typed fast, or while the program was busy."""
    async with app.run_test(size=(120, 40)) as pilot:
        workspace = await ui.ready(pilot)
        await ui.open(pilot, "main.py")
        for key in ("ctrl+end", "x", "up", "home", "y", "ctrl+home", "z"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await ui.wait(pilot, lambda: "z" in workspace.area.current.text)
        assert workspace.area.current.text == "z" + TEXT.replace("    return", "y    return") + "x"
