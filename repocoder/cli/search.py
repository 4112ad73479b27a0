"""`search`."""

from __future__ import annotations

import click

from repocoder import jsonout
from repocoder.cli.options import Command, json_option, progress_option, repo_option
from repocoder.cli.place import repository
from repocoder.cli.session import open_engine, update_index
from repocoder.cli.show import dim, evidence_of, out, place_of, print_json, talk, timings_line

MAX_HITS = 1000


@click.command(cls=Command)
@click.argument("query")
@repo_option
@click.option(
    "-k", "count", type=click.IntRange(1, MAX_HITS), default=10, show_default=True, metavar="N", help="Hits."
)
@json_option
@progress_option
def search(query: str, repo: str | None, count: int, as_json: bool, progress: bool | None) -> None:
    """Search the repository, in plain language or code."""
    root = repository(repo)
    with open_engine(root) as engine:
        update_index(engine, progress)
        result = engine.search(query, count)
    if as_json:
        print_json(jsonout.search_json(result))
        return
    for number, hit in enumerate(result.hits, 1):
        out(f"{number:2} {place_of(hit)}  {dim(f'{hit.score:.4f}')}")
        for line in evidence_of(hit):
            out(f"     {dim(line)}")
    talk(f"{len(result.hits) or 'no'} hits, {timings_line(result.timings)}")
