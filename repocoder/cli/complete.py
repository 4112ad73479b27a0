"""`complete`: the text on stdout, everything that explains it on stderr or in the JSON."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from repocoder import jsonout
from repocoder.cli.options import (
    Command,
    json_option,
    max_tokens_option,
    method_option,
    model_option,
    position_argument,
    progress_option,
    repo_option,
    retrieval_option,
    stdin_option,
)
from repocoder.cli.place import Place, parse_place
from repocoder.cli.progress import StatusLine, is_wanted
from repocoder.cli.session import open_engine, read_buffer, update_index
from repocoder.cli.show import dim, evidence_of, gate_line, place_of, print_json, talk, timings_line
from repocoder.terminal import safe

if TYPE_CHECKING:
    from repocoder.config import Settings
    from repocoder.engine import Engine
    from repocoder.types import Completion, CompletionRequest


REMEMBER_S = 3.0
"""For reading what is new in the repository into its memory; a large one is read over several completions."""

ORIGIN_LENGTH = 60  # characters of remembered words that are shown


@click.command(cls=Command)
@position_argument
@repo_option
@stdin_option
@model_option
@max_tokens_option
@click.option("--passes", type=int, metavar="N", help="Passes of the retrieve-generate loop, 1 to 4.")
@retrieval_option
@method_option
@json_option
@click.option("-q", "--quiet", is_flag=True, help="Only the text: nothing about it on stderr.")
@progress_option
def complete(
    position: str,
    repo: str | None,
    from_stdin: bool,
    as_json: bool,
    quiet: bool,
    progress: bool | None,
    **flags: Any,
) -> None:
    """Complete at a place; the text goes to stdout."""
    from repocoder.buffer import open_buffer  # brings the readers of the index

    place = parse_place(position, repo, must_exist=not from_stdin)
    with open_engine(place.root, flags) as engine:
        request = make_request(place, engine.settings, from_stdin=from_stdin)
        engine.model_info()  # a model that is missing is told before an index is built
        open_buffer(engine.root, request)  # so is a position that is not there
        update_index(engine, progress)
        engine.remember(REMEMBER_S)
        completion = _run(engine, request, show=is_wanted(progress) and not quiet)
    if as_json:
        print_json(jsonout.completion_json(completion))
        return
    _print_text(completion.text)
    if not quiet:
        _print_account(completion)


def _run(engine: Engine, request: CompletionRequest, *, show: bool) -> Completion:
    """Complete, and say on stderr how far it is: a large model takes seconds before the first token."""
    if not show:
        return engine.complete(request)
    line = StatusLine()
    line.show("reading the prompt")
    try:
        return engine.complete(
            request, on_text=lambda text, number: line.show(f"pass {number}: {len(text)} characters")
        )
    finally:
        line.close()


def make_request(place: Place, settings: Settings, *, from_stdin: bool) -> CompletionRequest:
    """The request for a place, with what the settings say; reads stdin if asked."""
    from repocoder.types import CompletionRequest

    return CompletionRequest(
        path=place.path,
        line=place.line,
        column=place.column,
        text=read_buffer() if from_stdin else None,
        max_tokens=settings.max_tokens,
        passes=settings.passes,
        retrieval=settings.retrieval,
    )


def _print_text(text: str) -> None:
    """To a pipe exactly the text; to a terminal what is safe, ended by a line end."""
    if not sys.stdout.isatty():
        sys.stdout.write(text)
    else:
        shown = safe(text, keep_newlines=True)
        sys.stdout.write(shown if shown.endswith("\n") else shown + "\n")
    sys.stdout.flush()


def _print_account(completion: Completion) -> None:
    from repocoder.models import EMBEDDED_NAME, EMBEDDED_NOTE

    ended = (
        f"{completion.completion_tokens} tokens ({completion.stop_reason}) from {completion.prompt_tokens}"
    )
    sure = "" if completion.mean_logprob is None else f", {completion.mean_logprob:.2f} nats a token"
    talk(f"{dim('model')}   {safe(completion.model.name)}: {ended}{sure}")
    if completion.model.name == EMBEDDED_NAME:
        talk(f"        {EMBEDDED_NOTE}")
    talk(f"{dim('gate')}    {gate_line(completion.gate)}")
    if len(completion.passes) > 1:
        for report in completion.passes:
            kept = "kept" if report.kept else "not kept"
            talk(f"{dim('pass')} {report.number}  {kept}: {safe(report.reason)}")
    for check in completion.checks:
        if not check.passed:
            talk(f"{dim('check')}   {safe(check.name)}: {safe(check.detail)}")
    for hit in completion.prompt.hits:
        talk(f"{dim('used')}    {place_of(hit)}")
        for line in evidence_of(hit):
            talk(f"          {dim(line)}")
    for origin in completion.origins:
        words = " ".join(origin.text.split())[:ORIGIN_LENGTH]
        talk(f"{dim('memory')}  {safe(f'{origin.path}:{origin.line}')} has `{safe(words)}`")
    for line in filter(None, (completion.prompt.limit, *completion.notes)):
        talk(f"{dim('note')}    {safe(line)}")
    talk(f"{dim('time')}    {timings_line(asdict(completion.timings))}")
