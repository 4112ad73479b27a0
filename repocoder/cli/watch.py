"""`watch`: the index follows the files, one line for each build, until a signal ends it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import click

from repocoder import jsonout
from repocoder.cli.options import Command, json_option, progress_option, repo_argument
from repocoder.cli.place import repository
from repocoder.cli.progress import ProgressLine, is_wanted
from repocoder.cli.session import open_engine
from repocoder.cli.show import note, out, print_json

if TYPE_CHECKING:
    from indexer.types import BuildReport, Progress
    from repocoder.engine import Engine


@click.command(cls=Command)
@repo_argument
@click.option(
    "--polling", is_flag=True, help="Look at the files in intervals; do not rely on the system's events."
)
@json_option
@progress_option
def watch(repo: str | None, polling: bool, as_json: bool, progress: bool | None) -> None:
    """Keep the index up to date while files change."""
    root = repository(repo)
    with open_engine(root) as engine:
        _Following(engine, as_json, is_wanted(progress)).run(polling)


class _Following:
    """The watcher in a thread of its own: the main thread has to be free to hear signals."""

    def __init__(self, engine: Engine, as_json: bool, shows_progress: bool) -> None:
        self._engine = engine
        self._as_json = as_json
        self._shows_progress = shows_progress
        self._line: ProgressLine | None = None
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._failure: BaseException | None = None

    def run(self, polling: bool) -> None:
        thread = threading.Thread(target=self._watch, args=(polling,), name="watch", daemon=True)
        thread.start()
        try:
            self._ended.wait()  # a signal raises `Stopped` here
        finally:
            self._stop.set()
        if self._failure is not None:
            raise self._failure

    def _watch(self, polling: bool) -> None:
        try:
            self._engine.watch(
                self._stop,
                on_build=self._show,
                on_note=self._note,
                progress=self._show_progress if self._shows_progress else None,
                polling=polling,
            )
        except BaseException as error:  # noqa: BLE001  # raised again in the main thread
            self._failure = error
        finally:
            self._end_line()
            self._ended.set()

    def _show_progress(self, step: Progress) -> None:
        if self._line is None:
            self._line = ProgressLine()
        self._line(step)

    def _end_line(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _show(self, report: BuildReport) -> None:
        self._end_line()
        for line in report.notes:
            note(line)
        self._engine.notes.clear()  # told
        if self._as_json:
            print_json(jsonout.report_json(report))
            return
        skipped = sum(report.skipped.values())
        out(
            f"{time.strftime('%H:%M:%S')}  {report.changed} changed in {report.seconds:.2f} s: "
            f"{report.files} files, {report.chunks} chunks, {skipped} skipped, generation {report.generation}"
        )

    def _note(self, line: str) -> None:
        self._end_line()
        note(line)
