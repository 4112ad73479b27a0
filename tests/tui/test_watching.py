"""The index of the running application follows files that other programs write."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from textual.widgets._toast import Toast

from repocoder.errors import IndexFailedError


async def test_a_build_of_the_watcher_is_shown(app: Any, scripted: Any, ui: Any) -> None:
    async with app.run_test() as pilot:
        await ui.ready(pilot)
        scripted.files = 5
        scripted.changes.append(5)
        await ui.wait(pilot, lambda: "5 files" in ui.text(pilot, "#status-ground"))


async def test_what_the_watcher_waits_for_is_told(app: Any, scripted: Any, ui: Any) -> None:
    async with app.run_test(notifications=True) as pilot:
        await ui.ready(pilot)
        scripted.watch_notes.append("index: [x] process 7 is writing it: waiting")
        await ui.wait(pilot, lambda: list(app.screen.query(Toast)))
        await ui.wait(pilot, lambda: any("process 7" in line for line in ui.painted(pilot)))


async def test_a_repository_that_is_gone_is_an_error_in_the_status_line(
    app: Any, scripted: Any, ui: Any, monkeypatch: Any
) -> None:
    ready = threading.Event()  # what is told of the index comes first: it would write over the error

    def fail(*_: object, **__: object) -> None:
        ready.wait()
        raise IndexFailedError("repository: fixture: gone")

    monkeypatch.setattr(scripted, "watch", fail)
    async with app.run_test() as pilot:
        try:
            await ui.ready(pilot)
        finally:
            ready.set()
        await ui.wait(pilot, lambda: "gone" in ui.text(pilot, "#status-ground"))


async def test_leaving_ends_the_watcher(app: Any, scripted: Any, ui: Any) -> None:
    async with app.run_test() as pilot:
        await ui.ready(pilot)
        workers = [worker for worker in app.workspace.workers if worker.group == "watch"]
        assert len(workers) == 1
        app.workspace.stop()
        await asyncio.wait_for(workers[0].wait(), 5)
