"""The session of a repository is there again at the next start, and never in the way of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tui.app import RepocoderApp
from tui.restoring import session_file
from tui.saved_session import MAX_BYTES, MAX_TABS, SavedSession, SavedTab, load_session, save_session

if TYPE_CHECKING:
    from repocoder.engine import Engine

    Guide = Any

TAB = SavedTab("shop/cart.py", 3, 2, 0)


async def test_files_cursors_and_panes_are_there_again(
    engine: Engine, guide: Guide, root: Path, tmp_path: Path
) -> None:
    place = tmp_path / "state" / "sessions" / "store.json"
    first = RepocoderApp(engine, session=place)
    async with first.run_test(size=(120, 40)) as pilot:
        await guide.open(pilot, "shop/report.py")
        await guide.open(pilot, "shop/prices.py", 12, 4)
        await guide.open(pilot, "web/cart.js", 2, 3)
        await pilot.press("ctrl+pageup", "f3", "f3")
        await guide.wait(pilot, lambda: first.workspace.query_one("#snippets").has_class("-hidden"))
        first.leave()
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert os.listdir(place.parent) == [place.name]
    (root / "shop" / "report.py").unlink()

    second = RepocoderApp(engine, session=place)
    async with second.run_test(size=(120, 40)) as pilot:
        area = second.workspace.area
        await guide.wait(pilot, lambda: area.current is not None)
        assert [editor.file.path for editor in area.editors] == ["shop/prices.py", "web/cart.js"]
        assert [editor.cursor_location for editor in area.editors] == [(11, 4), (1, 3)]
        assert area.current.file.path == "shop/prices.py"
        await guide.wait(pilot, lambda: area.current.has_focus)
        assert not second.workspace.query_one("#snippets").display
        said = guide.text(pilot, second.workspace, "#status-completion")
        assert "1 file of the last session cannot be opened" in said


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[1]", b'{"version": 99', b"{" * 1000])
async def test_a_damaged_session_is_ignored_with_a_note(
    engine: Engine, guide: Guide, tmp_path: Path, data: bytes
) -> None:
    place = tmp_path / "session.json"
    place.write_bytes(data)
    saved, problem = load_session(place)
    assert saved is None
    assert problem == f"session not restored: {place}: damaged"
    if data == b"[1]":  # one of them in the application
        app = RepocoderApp(engine, session=place)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await guide.wait(pilot, lambda: "session not restored" in guide.painted(pilot))
            await guide.open(pilot, "shop/cart.py", 4)
            await guide.wait(pilot, lambda: load_session(place)[1] == "")


def test_a_session_of_another_version_is_ignored(tmp_path: Path) -> None:
    place = tmp_path / "session.json"
    assert save_session(place, SavedSession(99, [TAB], "shop/cart.py", {})) == ""
    assert load_session(place) == (None, f"session not restored: {place}: of another version")


def test_a_session_that_is_too_long_is_not_read_whole(tmp_path: Path) -> None:
    place = tmp_path / "session.json"
    place.write_bytes(b" " * MAX_BYTES + b"{}")
    assert "damaged" in load_session(place)[1]


def test_without_a_session_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert load_session(tmp_path / "none.json") == (None, "")


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    problem = save_session(tmp_path / "taken" / "session.json", SavedSession(1, [], "", {}))
    assert "session not saved" in problem
    place = tmp_path / "folder.json"
    place.mkdir()
    assert "session not saved" in save_session(place, SavedSession(1, [], "", {}))
    assert sorted(os.listdir(tmp_path)) == ["folder.json", "taken"]


def test_the_place_is_in_the_state_folder_and_not_in_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    one, other = tmp_path / "a" / "same", tmp_path / "b" / "same"
    for root in (one, other):
        assert session_file(root).is_relative_to(tmp_path / "state" / "repocoder")
    assert session_file(one) != session_file(other)


def test_a_session_holds_so_many_tabs(tmp_path: Path) -> None:
    place = tmp_path / "session.json"
    many = SavedSession(1, [TAB] * MAX_TABS, TAB.path, {"files": True})
    assert save_session(place, many) == ""
    assert load_session(place) == (many, "")
    assert place.stat().st_size < MAX_BYTES
