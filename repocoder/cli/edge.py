"""The edge of the program: every error becomes one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from indexer.errors import RepocoderError, StorageError
from repocoder.cli.entries import ui_asked
from repocoder.cli.signals import SignalWatch
from repocoder.cli.talk import say

INTERNAL = 1

_SHOWN_LENGTH = 300


def run(arguments: Sequence[str] | None, watch: SignalWatch) -> int:
    """Run the command line (that of the process for None); returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    try:
        code = _run(given, watch)
        sys.stdout.flush()
    except BrokenPipeError:
        code = _forget_reader()
    return code


def _run(arguments: list[str], watch: SignalWatch) -> int:
    debug = "--debug" in arguments
    try:
        if ui_asked(arguments):
            from repocoder.cli.opening import open_ui

            return open_ui(arguments[0] if arguments else None, watch)
        from repocoder.cli.parsing import invoke

        return invoke(arguments, watch)
    except BrokenPipeError:
        raise
    except RepocoderError as error:
        return _report(str(error), error.exit_code, debug)
    except Exception as error:  # noqa: BLE001  # the edge: whatever went wrong is told in one line
        return _report_unexpected(error, debug)


def _report_unexpected(error: Exception, debug: bool) -> int:
    import sqlite3  # known here only by name, to tell its errors from ours

    if isinstance(error, OSError):
        place = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        why = error.strerror or type(error).__name__
        message = f"input or output failed{place}: {why}: check the disk and its permissions"
        return _report(message, StorageError.exit_code, debug)
    if isinstance(error, sqlite3.Error):
        message = f"the index cannot be used: {error}: check the disk, or run `repocoder index --rebuild`"
        return _report(message, StorageError.exit_code, debug)
    what = f"{type(error).__name__}: {error}"[:_SHOWN_LENGTH]
    return _report(f"internal error: {what}: run again with --debug", INTERNAL, debug)


def _report(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    say(message)
    return code


def _prepare_streams() -> None:
    """Data is UTF-8 whatever the locale; what a terminal cannot encode is shown, never an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def _forget_reader() -> int:
    """The reader has gone (`| head`): what it took was enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
