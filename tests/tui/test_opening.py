"""The engine is opened behind the first paint, and every thread that asks gets the same one."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from indexer.lock import LOCK_FILE
from repocoder.config import Settings
from tui import app
from tui.opening import OpenedLater


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """What opening does to the interpreter is undone: other tests share the process."""
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)
    gc.unfreeze()


class Opened:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.notes = ["a note"]
        self.closed = 0

    def status(self) -> str:
        return "opened"

    def close(self) -> None:
        self.closed += 1


def test_root_and_settings_are_known_before(tmp_path: Path) -> None:
    made: list[Opened] = []

    def opens(settings: Settings) -> Any:
        made.append(Opened(settings))
        return made[-1]

    later = OpenedLater(tmp_path / ".." / tmp_path.name, Settings(), opens)
    later.settings = replace(later.settings, k=3)
    assert (later.root, later.settings.k, later.notes, made) == (tmp_path.resolve(), 3, [], [])
    assert later.status() == "opened"
    assert made[0].settings.k == 3
    later.settings = replace(later.settings, k=4)
    assert made[0].settings.k == 4
    assert later.notes == ["a note"]
    with pytest.raises(AttributeError):
        _ = later.nothing_like_this
    later.close()
    assert [one.closed for one in made] == [1]


def test_it_is_opened_once_and_the_collector_runs_afterwards(tmp_path: Path) -> None:
    made: list[Opened] = []
    go_on = threading.Event()

    def opens(settings: Settings) -> Any:
        go_on.wait(10)
        made.append(Opened(settings))
        return made[-1]

    later = OpenedLater(tmp_path, Settings(), opens)
    gc.disable()
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(later.status) for _ in range(4)]
        go_on.set()
        assert [one.result() for one in answers] == ["opened"] * 4
    assert len(made) == 1
    assert gc.isenabled()


def test_one_that_cannot_be_opened_leaves_the_collector_on(tmp_path: Path) -> None:
    def opens(settings: Settings) -> Any:
        raise ImportError("no numpy")

    later = OpenedLater(tmp_path, Settings(), opens)
    gc.disable()
    with pytest.raises(ImportError):
        later.status()
    assert gc.isenabled()
    later.close()


def test_what_is_opened_after_the_end_is_closed(tmp_path: Path) -> None:
    opened = Opened(Settings())
    later = OpenedLater(tmp_path, Settings(), lambda _: cast("Any", opened))
    later.close()
    assert later.status() == "opened"
    assert opened.closed == 1


def test_the_program_builds_its_index_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real `run` and the real engine, with an application that only asks for the index."""
    owners: list[int] = []

    class Terminal:
        def isatty(self) -> bool:
            return True

    def run(self: app.RepocoderApp) -> None:
        assert self.engine.index().files == 1
        owners.append(int((self.engine.directory / LOCK_FILE).read_text()))

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.__stderr__", Terminal())
    monkeypatch.setattr(app.RepocoderApp, "run", run)
    root = tmp_path / "repo"
    root.mkdir()
    (root / "main.py").write_text("x = 1\n")
    assert app.run(root, Settings(workers=1, embedder="none")) == 0
    assert owners
    assert os.getpid() not in owners
