"""`pins list`, `add`, `exclude` and `remove`: what completions in a repository always show, and what never."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repocoder import jsonout
from repocoder.cli.options import Command, json_option, progress_option, repo_option
from repocoder.cli.place import locate, repository
from repocoder.cli.session import open_engine, update_index
from repocoder.cli.show import bold, note, out, print_json
from repocoder.errors import UsageError
from repocoder.paths import index_dir
from repocoder.terminal import safe

if TYPE_CHECKING:
    from repocoder.choices import Action
    from retrieval.types import Place

place_argument = click.argument("place", metavar="FILE[:START-END | ::NAME]")


@click.group()
def pins() -> None:
    """Pin or exclude files, definitions and snippets.

    What is pinned is shown in every prompt, as far as there is room; what is excluded never. Kept beside the
    index of the repository.
    """


@pins.command("list", cls=Command)
@repo_option
@json_option
def list_command(repo: str | None, as_json: bool) -> None:
    """List what is pinned and what is excluded."""
    from repocoder.choices import Choices

    notes: list[str] = []
    items = Choices(index_dir(repository(repo)), notes).items()
    for line in notes:
        note(line)
    if as_json:
        print_json(jsonout.choices_json(items))
        return
    for choice in items:
        out(f"{bold(f'{choice.action:7}')}  {safe(str(choice.place))}")
    if not items:
        note("nothing is pinned and nothing excluded: `repocoder pins add FILE`")


@pins.command(cls=Command)
@place_argument
@repo_option
@progress_option
def add(place: str, repo: str | None, progress: bool | None) -> None:
    """Show a place in every prompt.

    A whole FILE, the definition NAME of it (`FILE::Class.method`), or lines of it (`FILE:10-25`).
    """
    _choose(place, repo, "pin", progress)


@pins.command(cls=Command)
@place_argument
@repo_option
@progress_option
def exclude(place: str, repo: str | None, progress: bool | None) -> None:
    """Never show a place.

    A whole FILE, the definition NAME of it (`FILE::Class.method`), or lines of it (`FILE:10-25`).
    """
    _choose(place, repo, "exclude", progress)


@pins.command(cls=Command)
@place_argument
@repo_option
def remove(place: str, repo: str | None) -> None:
    """Forget that a place is pinned or excluded."""
    from repocoder.choices import Choices

    root, wanted = _find(place, repo)
    notes: list[str] = []
    known = Choices(index_dir(root), notes).clear(str(wanted))
    for line in notes:
        note(line)
    if not known:
        raise UsageError(f"neither pinned nor excluded: {wanted}: see `repocoder pins list`")
    out(f"{safe(str(wanted))}: removed")


def _choose(place: str, repo: str | None, action: Action, progress: bool | None) -> None:
    """Pin or exclude a place that the index has; UsageError for another."""
    from retrieval.places import lines_of

    root, wanted = _find(place, repo)
    with open_engine(root) as engine:
        update_index(engine, progress)
        with engine.snapshot() as snapshot:
            found = lines_of(wanted, snapshot)
        if isinstance(found, str):
            raise UsageError(f"no such place: {wanted}: {found}, see `repocoder status --skipped`")
        if action == "pin":
            engine.choices.pin(str(wanted), "project")
        else:
            engine.choices.exclude(str(wanted), "project")
    out(f"{safe(str(wanted))}: {'pinned' if action == 'pin' else 'excluded'}")


def _find(text: str, repo: str | None) -> tuple[Path, Place]:
    """The repository, by default the one around the current folder, and the place in it.

    FILE is looked up here, then in the repository.
    """
    from repocoder.choices import split_place

    given = split_place(text)
    root, path = locate(given.path, str(repository(repo)))
    return root, replace(given, path=path)
