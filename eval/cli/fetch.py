"""`eval fetch`: the official data, from where their authors published them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from repocoder.cli.options import Command, json_option, progress_option
from repocoder.cli.progress import StatusLine, is_wanted
from repocoder.cli.show import out, print_json
from repocoder.terminal import safe


@click.command(cls=Command)
@click.argument("names", metavar="[BENCHMARK]...", nargs=-1)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the archives go; by default the cache.",
)
@json_option
@progress_option
def fetch(names: Sequence[str], data: Path | None, as_json: bool, progress: bool | None) -> None:
    """Download the official data of benchmarks.

    All of them if none is named; what is there is checked and kept.
    """
    from eval.datasets import NAMES
    from eval.datasets.fetch import fetch as fetch_archives
    from eval.run.planning import check_name

    for name in names:
        check_name("benchmark", name, NAMES)
    line = StatusLine() if is_wanted(progress) else None
    show = None if line is None else lambda name, done, total: line.show(_share(name, done, total))
    try:
        found = fetch_archives(names or NAMES, data, show)
    finally:
        if line is not None:
            line.close()
    if as_json:
        rows = [{"path": str(one.path), "size": one.size, "sha256": one.sha256} for one in found]
        print_json({"archives": rows})
        return
    for one in found:
        out(f"{safe(str(one.path))}  {one.size / 1e6:.0f} MB  sha256 {one.sha256}")


def _share(name: str, done: int, total: int) -> str:
    size = f" of {total / 1e6:.0f} MB {100 * done // total}%" if total else " MB"
    return f"downloading {safe(name)} {done / 1e6:.0f}{size}"
