"""`repocoder eval`: parsing and printing over the parts of the evaluation."""

from __future__ import annotations

import importlib

import click

_PLACES = {
    "run": "eval.cli.run:run",
    "retrieval": "eval.cli.run:retrieval",
    "score": "eval.cli.score:score",
    "merge": "eval.cli.reports:merge",
    "report": "eval.cli.reports:report",
    "compare": "eval.cli.reports:compare",
    "mine": "eval.cli.mine:mine",
    "fetch": "eval.cli.fetch:fetch",
}


class _Group(click.Group):
    """Loads a subcommand when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _PLACES.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.group("eval", cls=_Group)
def evaluation() -> None:
    """Measure completions and retrieval on RepoEval, CrossCodeEval or your own repository."""
