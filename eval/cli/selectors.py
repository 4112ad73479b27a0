"""The options that say what is evaluated, shared by the commands that do it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

MIN_BUDGET = 128
"""Tokens of prompt: with fewer nothing can be measured."""


def together(*options: Callable[[Any], Any]) -> Callable[[Decorated], Decorated]:
    """Several options as one decorator, in the order of the help."""

    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


benchmark_option = click.option(
    "--benchmark",
    required=True,
    metavar="NAME",
    help="repoeval-line, crosscodeeval-python, …, or a file of `eval mine`; a wrong one lists all.",
)
data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A copy of the benchmark; by default what `repocoder eval fetch` got.",
)
method_option = click.option(
    "--method",
    default="hybrid",
    show_default=True,
    metavar="NAME",
    help="What retrieves; a wrong one lists all.",
)
embedder_option = click.option("--embedder", metavar="M", help="An encoder for the dense channel.")

layout_option = click.option(
    "--layout",
    type=click.Choice(["published", "native"]),
    default="published",
    show_default=True,
    help="Snippets as the papers put them, or as the model was trained on.",
)

selectors = together(
    benchmark_option,
    method_option,
    data_option,
    click.option(
        "--limit", type=click.IntRange(1), metavar="N", help="A sample of N tasks, the same for a seed."
    ),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the sample."),
    click.option("--shard", metavar="I/N", help="Only part I of N; `repocoder eval merge` joins them."),
    click.option(
        "--budget",
        type=click.IntRange(MIN_BUDGET),
        metavar="TOKENS",
        help="Of the whole prompt; by default that of the benchmark's protocol.",
    ),
    click.option(
        "--context",
        type=click.Choice(["left", "both"]),
        default="left",
        show_default=True,
        help="Whether what follows the hole is seen too.",
    ),
    embedder_option,
    click.option(
        "--without",
        multiple=True,
        metavar="PART",
        help="Leave out a part of the engine, to measure what it is worth; a wrong one lists all.",
    ),
)

running = together(
    click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where the samples go."),
    click.option("--resume", is_flag=True, help="Go on with the samples that are in --out."),
    click.option("--retry-errors", is_flag=True, help="With --resume: do samples that failed again."),
    click.option(
        "--workers", type=click.IntRange(1), metavar="N", help="Processes; by default by the cores."
    ),
    click.option("--ray", metavar="ADDRESS", help="Workers on a Ray cluster; `local` starts one here."),
    click.option(
        "--no-texts", is_flag=True, help="Leave prompts and snippets out of the samples: small files."
    ),
)
