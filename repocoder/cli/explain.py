"""`explain`: what a completion would use, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from repocoder import jsonout
from repocoder.cli.complete import make_request
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
from repocoder.cli.place import parse_place
from repocoder.cli.session import open_engine, update_index
from repocoder.cli.show import (
    bad,
    bold,
    dim,
    evidence_of,
    gate_line,
    good,
    note,
    out,
    place_of,
    print_json,
    timings_line,
)
from repocoder.terminal import safe

if TYPE_CHECKING:
    from repocoder.types import Explanation
    from retrieval.types import Considered

_SHOWN_NAMES = 24

_SHOWN_DROPPED = 24
"""Dropped candidates that the text shows: three times what a prompt holds."""


@click.command(cls=Command)
@position_argument
@repo_option
@stdin_option
@model_option
@retrieval_option
@method_option
@max_tokens_option
@json_option
@progress_option
def explain(
    position: str, repo: str | None, from_stdin: bool, as_json: bool, progress: bool | None, **flags: Any
) -> None:
    """Show what a completion would use.

    What would be retrieved with all candidates, and why each was kept or dropped; the gate and the prompt. The
    model is not run.
    """
    from repocoder.buffer import open_buffer  # brings the readers of the index

    place = parse_place(position, repo, must_exist=not from_stdin)
    with open_engine(place.root, flags) as engine:
        request = make_request(place, engine.settings, from_stdin=from_stdin)
        engine.model_info()  # its tokenizer counts the prompt
        open_buffer(engine.root, request)  # told before an index is built
        update_index(engine, progress)
        explanation = engine.explain(request)
    if as_json:
        print_json(jsonout.explanation_json(explanation))
    else:
        _print_query(explanation)
        _print_candidates(explanation)
        _print_prompt(explanation)


def _print_query(explanation: Explanation) -> None:
    query = explanation.query
    scope = f" in {safe(query.scope)}" if query.scope else ""
    out(f"{bold('cursor')}  {safe(query.path)}:{query.line}:{query.column} ({safe(query.language)}{scope})")
    names = ", ".join(query.identifiers[:_SHOWN_NAMES])
    more = len(query.identifiers) - _SHOWN_NAMES
    out(f"{bold('names')}   {safe(names) or 'none'}" + (f" and {more} more" if more > 0 else ""))
    out(f"{bold('gate')}    {gate_line(explanation.gate)}")


def _print_candidates(explanation: Explanation) -> None:
    kept = [one for one in explanation.candidates if one.kept]
    dropped = [one for one in explanation.candidates if not one.kept]
    dropped.sort(key=lambda one: one.stage == "channel")  # what a channel did not give is the longest list
    out(bold("candidates") + ("" if explanation.candidates else "  none"))
    for number, one in enumerate((*kept, *dropped[:_SHOWN_DROPPED]), 1):
        fate = good("in the prompt") if one.kept else bad(f"{one.stage}: {one.why}")
        out(f"{number:2} {place_of(one.hit)}  {dim(f'{one.hit.score:.4f}')}  {fate}")
        for line in evidence_of(one.hit):
            out(f"     {dim(line)}")
        if one.features:
            out(f"     {dim(_features_of(one))}")
    if len(dropped) > _SHOWN_DROPPED:
        out(dim(f"   and {len(dropped) - _SHOWN_DROPPED} more that were dropped: see --json"))
    for line in explanation.notes:
        note(line)


def _features_of(one: Considered) -> str:
    """`rrf 0.0164, prior 1.1`: what is 0 says nothing."""
    told = ", ".join(f"{name} {value:.3g}" for name, value in one.features.items() if value)
    return f"features: {told}"


def _print_prompt(explanation: Explanation) -> None:
    prompt = explanation.prompt
    out(
        f"{bold('prompt')}  {len(prompt.token_ids)} tokens: {prompt.snippet_tokens} snippets, "
        f"{prompt.prefix_tokens} prefix, {prompt.suffix_tokens} suffix; template {safe(prompt.template)}; "
        f"model {safe(explanation.model.name)}"
    )
    if prompt.limit:
        out(f"        {dim(safe(prompt.limit))}")
    for line in safe(prompt.text, keep_newlines=True).split("\n"):
        out(f"  {dim('|')} {line}")
    if prompt.typed.strip():
        out(f"        {dim('the model begins with')} {safe(prompt.typed)}{dim(', which is typed already')}")
    out(f"{bold('time')}    {timings_line(explanation.timings)}")
