"""`index` and `status`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from repocoder import jsonout
from repocoder.cli.options import Command, json_option, progress_option, repo_argument
from repocoder.cli.place import repository
from repocoder.cli.session import open_engine, with_progress
from repocoder.cli.show import bold, dim, out, print_json, table
from repocoder.terminal import safe

if TYPE_CHECKING:
    from indexer.types import BuildReport
    from repocoder.types import IndexStatus


@click.command(cls=Command)
@repo_argument
@click.option("--rebuild", is_flag=True, help="Build from nothing.")
@click.option(
    "--retry-skipped", is_flag=True, help="Try files again that were given up as harmful or too costly."
)
@json_option
@progress_option
def index(repo: str | None, rebuild: bool, retry_skipped: bool, as_json: bool, progress: bool | None) -> None:
    """Build the index, or bring it up to date."""
    root = repository(repo)
    with open_engine(root) as engine:
        report = with_progress(
            progress,
            lambda show: engine.index(rebuild=rebuild, retry_skipped=retry_skipped, progress=show),
        )
    if as_json:
        print_json(jsonout.report_json(report))
    else:
        _print_report(str(root), report)


@click.command(cls=Command)
@repo_argument
@click.option("--skipped", is_flag=True, help="List every file that was skipped, with the reason.")
@json_option
def status(repo: str | None, skipped: bool, as_json: bool) -> None:
    """Show what is indexed, and what was skipped."""
    root = repository(repo)
    with open_engine(root) as engine:
        found = engine.status()
    if as_json:
        print_json(jsonout.status_json(found, with_skips=skipped))
    else:
        _print_status(found)
        if skipped:
            _print_skips(found)


def _print_report(root: str, report: BuildReport) -> None:
    changed = f"{report.changed} changed" if report.changed else "nothing changed"
    out(f"{bold(root)}: {changed}, {report.seconds:.1f} s, generation {report.generation}")
    out(
        f"{report.files} files, {report.chunks} chunks, {report.symbols} symbols, {report.edges} edges, "
        f"{sum(report.skipped.values())} skipped"
    )
    for reason, count in sorted(report.skipped.items()):
        out(dim(f"  {count} {reason}"))


def _print_status(found: IndexStatus) -> None:
    state = "out of date" if found.stale else "up to date"
    rows = [
        ("repository", found.root),
        ("index", found.directory),
        ("state", state if found.exists else "none: run `repocoder index`"),
    ]
    if found.exists:
        rows += [
            ("generation", str(found.generation)),
            ("files", str(found.files)),
            ("chunks", str(found.chunks)),
            ("symbols", str(found.symbols)),
            ("edges", str(found.edges)),
            ("on disk", f"{found.bytes_on_disk / 1e6:.1f} MB"),
        ]
        counts = Counter(skip.reason for skip in found.skips)
        skips = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
        rows.append(("skipped", skips or "none"))
    for line in table(rows):
        out(line)


def _print_skips(found: IndexStatus) -> None:
    from indexer.walk import REASONS

    for skip in sorted(found.skips, key=lambda skip: (skip.reason, skip.path)):
        meaning = REASONS.get(skip.reason, "")
        out(f"{safe(skip.path)}\t{skip.reason}" + (f"\t{dim(meaning)}" if meaning else ""))
