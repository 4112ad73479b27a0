"""Opens the terminal UI, from a command line that is plain enough to be read without click.

The way to the first paint is short: what is imported on it is what is painted.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module

from repocoder.cli.place import repository
from repocoder.cli.signals import SignalWatch
from repocoder.config import load_settings
from repocoder.errors import UsageError


def open_ui(repo: str | None, watch: SignalWatch | None) -> int:
    """Run the UI on a repository, None for the one around the current folder; returns the exit code."""
    root = repository(repo)
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # it paints on stderr
        raise UsageError("no terminal: the UI needs one: use `repocoder complete` or another command")
    loaded = load_settings(root)
    if loaded.warnings:
        from repocoder.cli.show import warn

        for line in loaded.warnings:
            warn(line)
    gc.disable()  # imports make no garbage, but much to look through; the UI enables it when they are done
    app = import_module("tui.app")  # by name: this package does not depend on its front ends

    if watch is not None:
        watch.release()  # the UI restores the terminal itself
    exit_code: int = app.run(root, loaded.settings)
    return exit_code
