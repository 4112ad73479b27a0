"""`models list`, `add`, `pull`, `verify` and `remove`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import to_builtins

from repocoder.cli.cards import print_card
from repocoder.cli.options import Command, json_option, progress_option
from repocoder.cli.progress import StatusLine, is_wanted
from repocoder.cli.show import bad, bold, dim, good, out, print_json
from repocoder.errors import ModelError
from repocoder.terminal import safe

if TYPE_CHECKING:
    from repocoder.models import ListedModel, ModelFile


@click.group()
def models() -> None:
    """List, add, download, check and remove models."""


@models.command("list", cls=Command)
@click.option("--verbose", is_flag=True, help="With the cards and all figures of the embedded models.")
@json_option
def list_command(verbose: bool, as_json: bool) -> None:
    """List the models that are here, and those worth downloading."""
    from repocoder.cards import embedded_cards
    from repocoder.models import RECOMMENDED, list_models

    here = list_models()
    cards = embedded_cards() if verbose else ()
    digests = {model.sha256 for model in here}
    missing = [model for model in RECOMMENDED if model.sha256 not in digests]
    if as_json:
        told = {
            "models": [asdict(model) for model in here],
            "recommended": [asdict(model) for model in missing],
        }
        print_json(told | ({"cards": [to_builtins(card) for card in cards]} if verbose else {}))
        return
    for model in here:
        _print_row(model)
        for card in cards:
            if card.name == model.name:
                print_card(card)
    for card in cards:
        if card.kind == "embedder":
            out(f'{bold(card.name)}  {_megabytes(card.bytes)}  embedded  for `embedder = "embedded"`')
            out(dim(f"  {card.path}"))
            print_card(card)
    if missing:
        out(dim("worth downloading, with `repocoder models pull NAME`:"))
    for offer in missing:
        out(f"{bold(offer.name)}  {_megabytes(offer.size)}  {safe(offer.note)}")


@models.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="Its name; by default the file's.")
@click.option("--link", is_flag=True, help="Only note where FILE is, instead of giving it a place here.")
@json_option
def add(file: Path, name: str | None, link: bool, as_json: bool) -> None:
    """Check a GGUF file and record it under a name."""
    from repocoder.models import add as add_model

    _print_file(add_model(file, name=name, link=link), as_json)


@models.command(cls=Command)
@click.argument("name")
@json_option
@progress_option
def pull(name: str, as_json: bool, progress: bool | None) -> None:
    """Download a recommended model; goes on where it was interrupted."""
    from repocoder.download import find_recommended
    from repocoder.download import pull as pull_model

    line = StatusLine() if is_wanted(progress) else None
    show = None if line is None else lambda done, total: line.show(_share(done, total))
    try:
        model = pull_model(find_recommended(name), progress=show)
    finally:
        if line is not None:
            line.close()
    _print_file(model, as_json)


@models.command(cls=Command)
@click.argument("names", metavar="[NAME]...", nargs=-1)
def verify(names: Sequence[str]) -> None:
    """Hash the files of models again; all of them if none is named."""
    from repocoder.models import list_models
    from repocoder.models import verify as verify_model

    wrong = 0
    for name in names or [model.name for model in list_models()]:
        try:
            model = verify_model(name)
        except ModelError as error:
            if names:
                raise
            wrong += 1
            out(f"{bold(name)}  {bad('damaged')}  {safe(str(error))}")
        else:
            out(f"{bold(name)}  {good('ok')}  {model.sha256}")
    if wrong:
        raise ModelError(
            f"models: {wrong} damaged: `repocoder models remove NAME`, then add or pull it again"
        )


@models.command(cls=Command)
@click.argument("name")
def remove(name: str) -> None:
    """Forget a model, and delete its file if it has its place here."""
    from repocoder.models import remove as remove_model

    deleted = remove_model(name)
    out(f"{bold(name)}: removed" + ("" if deleted else "; its file was not ours and stays"))


def _print_row(model: ListedModel) -> None:
    if model.problem:
        out(f"{bold(model.name)}  {bad('damaged')}  {safe(model.problem)}")
        return
    facts = f"{_megabytes(model.size)}  {model.origin}  template {model.template}  context {model.n_ctx}"
    out(f"{bold(model.name)}  {safe(facts)}")
    out(dim(f"  {model.path}"))
    if model.note:
        out(f"  {safe(model.note)}")


def _print_file(model: ModelFile, as_json: bool) -> None:
    if as_json:
        print_json({"name": model.name, "path": str(model.path), "sha256": model.sha256})
    else:
        out(f"{bold(model.name)}  {safe(str(model.path))}")
        out(f"  sha256 {model.sha256}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def _share(done: int, total: int) -> str:
    share = f" {100 * done // total}%" if total else ""
    return f"downloading {_megabytes(done)} of {_megabytes(total)}{share}"
