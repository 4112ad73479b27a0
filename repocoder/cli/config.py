"""`config show` and `config validate`."""

from __future__ import annotations

from pathlib import Path

import click

from repocoder.cli.options import Command, json_option, repo_argument
from repocoder.cli.place import repository
from repocoder.cli.show import dim, out, print_json, warn
from repocoder.config import KEYS, PROJECT_FILE, Loaded, load_settings
from repocoder.errors import UsageError
from repocoder.paths import config_file, find_root
from repocoder.terminal import safe


@click.group()
def config() -> None:
    """Show the settings, with the origin of each value."""


@config.command(cls=Command)
@repo_argument
@json_option
def show(repo: str | None, as_json: bool) -> None:
    """Show each setting, its value and where it comes from."""
    loaded = load_settings(_root(repo))
    for line in loaded.warnings:
        warn(line)
    if as_json:
        print_json(_values(loaded))
        return
    width = max(map(len, KEYS))
    for name, row in _values(loaded).items():
        value = _words(row["value"])
        out(f"{name.ljust(width)}  {safe(value)}  {dim(str(row['origin']))}  {dim(KEYS[name].meaning)}")
    out(dim(f"user file: {config_file()}"))


@config.command(cls=Command)
@repo_argument
def validate(repo: str | None) -> None:
    """Check the user file, the project file and the environment; exit code 2 if something is refused."""
    root = _root(repo)
    loaded = load_settings(root)
    for line in loaded.warnings:
        warn(line)
    if loaded.warnings:
        raise UsageError(f"bad configuration: {root / PROJECT_FILE}: see the lines above")
    out("ok")


def _root(repo: str | None) -> Path:
    """Settings can be looked at anywhere, also where nothing would be indexed."""
    return repository(repo) if repo is not None else find_root(Path.cwd())


def _values(loaded: Loaded) -> dict[str, dict[str, object]]:
    return {name: {"value": getattr(loaded.settings, name), "origin": loaded.origins[name]} for name in KEYS}


def _words(value: object) -> str:
    if value is None:
        return "automatic"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value)
