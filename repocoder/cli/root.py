"""The root command: its subcommands by import string, so that `--help` and a wrong word cost nothing."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from repocoder import __version__
from repocoder.cli.entries import COMMANDS
from repocoder.errors import UsageError

EPILOG = (
    "FILE:LINE[:COL]: LINE counts from 1, COL from 0 in characters; without COL the end of the line. "
    "An index that is missing or out of date is built on the way. stdout is data, stderr is talk."
)


class RootGroup(click.Group):
    """Loads a subcommand when it is asked for; a first word that is no command is the REPO of the UI."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.place.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word in COMMANDS:
            return super().resolve_command(ctx, args)
        if not Path(word).is_dir():
            raise UsageError(f"no such command or repository: {word}{_suggestion(word)}")
        return "tui", self.get_command(ctx, "tui"), args

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


def _suggestion(word: str) -> str:
    import difflib  # only needed once something is wrong

    close = difflib.get_close_matches(word, COMMANDS, n=1)
    return f": did you mean `repocoder {close[0]}`?" if close else ": see repocoder --help"


@click.group(
    cls=RootGroup,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    options_metavar="[OPTIONS]",
    subcommand_metavar="[COMMAND | REPO] ...",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="repocoder", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, debug: bool) -> object:
    """A code assistant that knows the whole repository and never leaves the machine.

    Without a command it opens the terminal UI on REPO, or on the repository around the current folder.
    """
    if context.invoked_subcommand is None:
        command = cli.get_command(context, "tui")
        assert command is not None
        with command.make_context("tui", [], parent=context) as inner:
            return command.invoke(inner)
    return None
