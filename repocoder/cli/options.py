"""Options that several commands share, and the command class that gives each of them `--debug`."""

from __future__ import annotations

from typing import Any

import click


class Command(click.Command):
    """A subcommand. `--debug` is read at the edge; here it is only known, so that it may stand anywhere."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error."
            )
        )


repo_argument = click.argument("repo", metavar="[REPO]", required=False)
position_argument = click.argument("position", metavar="FILE:LINE[:COL]")

repo_option = click.option(
    "--repo", metavar="R", help="Root of the repository; by default the one around the file or folder."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON to stdout.")
stdin_option = click.option(
    "--stdin", "from_stdin", is_flag=True, help="Read the unsaved text of FILE from stdin."
)
model_option = click.option("--model", metavar="M", help="A recorded model's name, or the path of a GGUF.")
retrieval_option = click.option(
    "--retrieval", type=click.Choice(["auto", "always", "never"]), help="Whether snippets are retrieved."
)
method_option = click.option(
    "--method",
    type=click.Choice(["hybrid", "repocoder", "repoformer", "in-file"]),
    help="Our retrieval, or a published baseline with its own prompt.",
)
max_tokens_option = click.option("--max-tokens", type=int, metavar="N", help="New tokens at most.")
progress_option = click.option(
    "--progress/--no-progress",
    default=None,
    help="Show progress on stderr; by default if it is a terminal.",
)
