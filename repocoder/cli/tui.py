"""`tui`: opens the terminal UI."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import click

from repocoder.cli.options import Command, repo_argument
from repocoder.cli.place import repository
from repocoder.cli.show import warn
from repocoder.cli.signals import SignalWatch
from repocoder.config import load_settings
from repocoder.errors import UsageError


@click.command(cls=Command)
@repo_argument
@click.pass_obj
def tui(watch: SignalWatch | None, repo: str | None) -> int:
    """Open the terminal UI (the same as no command)."""
    root = repository(repo)
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # it paints on stderr
        raise UsageError("no terminal: the UI needs one: use `repocoder complete` or another command")
    loaded = load_settings(root)
    for line in loaded.warnings:
        warn(line)
    gc.disable()  # imports make no garbage, but much to look through; the UI enables it when they are done
    app = import_module("tui.app")  # by name: this package does not depend on its front ends

    if watch is not None:
        watch.release()  # the UI restores the terminal itself
    exit_code: int = app.run(root, loaded.settings)
    return exit_code
