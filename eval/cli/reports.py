"""`eval merge`, `report` and `compare`: from the folders of runs to tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from repocoder.cli.options import Command, json_option
from repocoder.cli.show import out, print_json, warn
from repocoder.terminal import safe

folders_argument = click.argument(
    "folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path)
)


@click.command(cls=Command)
@folders_argument
@click.option(
    "--out", "target", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A new folder."
)
@click.option("--partial", is_flag=True, help="Merge although shards or samples are missing; a note says so.")
@json_option
def merge(folders: Sequence[Path], target: Path, partial: bool, as_json: bool) -> None:
    """Join the shards of one run into one folder."""
    from eval.report.merge import merge as merge_folders

    merged = merge_folders(folders, target, partial=partial)
    if as_json:
        print_json({**asdict(merged), "out": str(merged.out)})
        return
    out(f"{safe(str(merged.out))}: {merged.samples} samples, {merged.failed} of them failed")
    if merged.missing_shards:
        warn(f"shards {', '.join(merged.missing_shards)} are missing: the means are of a part")
