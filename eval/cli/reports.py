"""`eval merge`, `report` and `compare`: from the folders of runs to tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from repocoder.cli.options import Command, json_option
from repocoder.cli.show import out, print_json, warn
from repocoder.errors import UsageError
from repocoder.terminal import safe

_EXISTING = click.Path(path_type=Path)

places_argument = click.argument("places", metavar="DIR...", nargs=-1, required=True, type=_EXISTING)


@click.command(cls=Command)
@places_argument
@click.option("--out", "target", required=True, type=_EXISTING, metavar="DIR", help="A new folder.")
@click.option("--partial", is_flag=True, help="Merge although shards or samples are missing; a note says so.")
@json_option
def merge(places: Sequence[Path], target: Path, partial: bool, as_json: bool) -> None:
    """Join the shards of one run into one folder."""
    from eval.report.merge import merge as merge_folders

    if not partial:
        for place in places:
            _check_complete(place)
    merged = merge_folders(places, target, partial=partial)
    if as_json:
        print_json({**asdict(merged), "out": str(merged.out)})
        return
    out(f"{safe(str(merged.out))}: {merged.samples} samples, {merged.failed} of them failed")
    if merged.missing_shards:
        warn(f"shards {', '.join(merged.missing_shards)} are missing: the means are of a part")


def _check_complete(folder: Path) -> None:
    """UsageError for a run that did not come to its end."""
    from eval.report.samples import numbered_lines, read_run, sample_file

    wanted = read_run(folder).facts.get("tasks")
    there = sum(1 for _ in numbered_lines(sample_file(folder)))
    if isinstance(wanted, int) and there < wanted:
        raise UsageError(
            f"merge: {folder}: has {there} of {wanted} samples: go on with its command and --resume, or say --partial"
        )


@click.command(cls=Command)
@places_argument
@click.option(
    "--out", "target", type=_EXISTING, metavar="DIR", help="Write report.md, report.json and plots there."
)
@json_option
def report(places: Sequence[Path], target: Path | None, as_json: bool) -> None:
    """Show tables of runs, or write them with plots.

    DIR is the folder of a run, results that were kept, or a folder of those; shards of one run count as one.
    """
    from eval.report.commands import report as report_places

    _print(report_places(places, target, as_data=as_json))


@click.command(cls=Command)
@places_argument
@json_option
def compare(places: Sequence[Path], as_json: bool) -> None:
    """Test each run against the first, paired over tasks.

    With one run: each of its passes against its first.
    """
    from eval.report.commands import compare as compare_places

    _print(compare_places(places, as_data=as_json))


def _print(text: str) -> None:
    out(text.rstrip("\n"))
