"""The index in the background: what is there is used at once, changes are taken in behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from repocoder.errors import RepocoderError
from tui.messages import (
    EngineOpened,
    IndexFailed,
    IndexNoted,
    IndexProgressed,
    IndexReady,
    ModelFailed,
    ModelReady,
)

if TYPE_CHECKING:
    from indexer.types import BuildReport, Progress
    from repocoder.engine import Engine

PROGRESS_EVERY_S = 0.2
"""More often than this nobody reads a progress line."""

QUIET_S = 0.5
"""A build after a save is done before this; only longer ones show progress."""

Post = Callable[[Message], bool]


def update_index(engine: Engine, post: Post, cancel: threading.Event) -> None:
    """Bring the index up to date and post how it goes; runs in a thread. What is there is told of first."""
    shown = 0.0

    def progress(step: Progress) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= PROGRESS_EVERY_S and not cancel.is_set():
            shown = now
            post(IndexProgressed(step))

    try:
        status = engine.status(look=False)
        if status.generation > 0:
            post(IndexReady(status, None))
        report = engine.index(progress=progress, cancel=cancel)
        if not cancel.is_set():
            post(IndexReady(engine.status(look=False), report))
    except RepocoderError as error:
        if not cancel.is_set():
            post(IndexFailed(str(error)))


def watch_index(engine: Engine, post: Post, stop: threading.Event) -> None:
    """Bring the index up to date, and keep it so while files change, until `stop` is set; runs in a thread."""
    update_index(engine, post, stop)
    started = shown = 0.0

    def progress(step: Progress) -> None:
        nonlocal started, shown
        now = time.monotonic()
        if step.stage == "walk" and not step.done:
            started = now
        if step.stage == "walk":  # a look that finds nothing has no end that is told of
            return
        if now - started >= QUIET_S and now - shown >= PROGRESS_EVERY_S and not stop.is_set():
            shown = now
            post(IndexProgressed(step))

    def ready(report: BuildReport) -> None:
        if report.changed or report.notes:
            post(IndexReady(engine.status(look=False), report))

    def noted(line: str) -> None:
        post(IndexNoted(line))

    try:
        engine.watch(stop, on_build=ready, on_note=noted, progress=progress)
    except RepocoderError as error:
        if not stop.is_set():
            post(IndexFailed(str(error)))


def load_model(engine: Engine, post: Post) -> None:
    """Open the engine, name the model, then load it, so that the first completion does not wait for it; runs in a
    thread."""
    try:
        engine.choices.items()
        post(EngineOpened())
        post(ModelReady(engine.model_info()))
        engine.warm_up()
    except RepocoderError as error:
        post(ModelFailed(str(error)))
