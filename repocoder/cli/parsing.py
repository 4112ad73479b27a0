"""The command line by click: its commands, its usage errors, its completion in a shell."""

from __future__ import annotations

import os

import click

from repocoder.cli.entries import COMPLETION_VARIABLE
from repocoder.cli.root import cli
from repocoder.cli.signals import SignalWatch
from repocoder.cli.talk import say

USAGE = 2


def invoke(arguments: list[str], watch: SignalWatch) -> int:
    """Run a command; returns the exit code. Usage errors are told here, all others go on."""
    try:
        return _invoke(arguments, watch)
    except click.exceptions.Exit as done:  # after --help or --version
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.ClickException as error:
        return _report_usage(error)


def _invoke(arguments: list[str], watch: SignalWatch) -> int:
    """What click's own `main` does, but for its ways with broken pipes and interrupts, which are not ours."""
    completing = os.environ.get(COMPLETION_VARIABLE)
    if completing:
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "repocoder", COMPLETION_VARIABLE, completing)
    with cli.make_context("repocoder", arguments, obj=watch) as context:
        result = cli.invoke(context)
    return result if isinstance(result, int) else 0


def _report_usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    hint = f": see {context.command_path} --help" if context is not None else ""
    say(error.format_message().rstrip(".") + hint)
    return USAGE
