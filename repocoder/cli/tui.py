"""`tui`: opens the terminal UI."""

from __future__ import annotations

import click

from repocoder.cli.opening import open_ui
from repocoder.cli.options import Command, repo_argument
from repocoder.cli.signals import SignalWatch


@click.command(cls=Command)
@repo_argument
@click.pass_obj
def tui(watch: SignalWatch | None, repo: str | None) -> int:
    """Open the terminal UI (the same as no command)."""
    return open_ui(repo, watch)
