"""`eval mine`: the same comparison on the user's own repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eval.cli.run import make_samples
from eval.cli.selectors import embedder_option, running, together
from repocoder.cli.options import Command, json_option, progress_option
from repocoder.cli.place import repository
from repocoder.cli.progress import StatusLine, is_wanted
from repocoder.cli.show import note, out, talk
from repocoder.errors import UsageError
from repocoder.terminal import safe

if TYPE_CHECKING:
    from eval.run.planning import Asked
    from eval.types import Benchmark

METHODS = ("in-file", "bm25", "repocoder", "hybrid", "oracle")
"""Nothing, two baselines, ours, and what retrieval could reach."""

TASKS_FILE = "tasks.jsonl"

_what = together(
    click.option("--tasks", type=click.IntRange(1), default=300, show_default=True, help="In all."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the choice."),
    click.option(
        "--since", default="", metavar="DATE", help="Only lines written after DATE: a model cannot know them."
    ),
    click.option("--language", default="", metavar="NAME", help="By default the one with most source."),
    click.option(
        "--method", "methods", multiple=True, metavar="NAME", help=f"By default {', '.join(METHODS)}."
    ),
    click.option(
        "--model", metavar="M", help="Also complete with it; else only what is retrieved is scored."
    ),
    click.option("--passes", type=click.IntRange(1, 4), default=1, show_default=True, help="With --model."),
)


@click.command(cls=Command)
@click.argument("repo")
@_what
@embedder_option
@running
@json_option
@progress_option
def mine(**given: Any) -> None:
    """Make tasks from a repository and compare methods on them.

    Lines, API calls and function bodies by RepoEval's rules; REPO is only read. The tasks go to --out, for `--benchmark
    DIR/tasks.jsonl` of the other commands.
    """
    from eval.methods import METHODS as KNOWN
    from eval.run.benchmarks import by_kind
    from eval.run.planning import check_name, check_outside, make_plan

    methods = [check_name("method", name, KNOWN) for name in given["methods"] or METHODS]
    if given["retry_errors"] and not given["resume"]:
        raise UsageError("--retry-errors: goes with --resume: add it")
    root = repository(given["repo"])
    place = given["out"] or _default_out(root)
    check_outside(place, [root])
    benchmark = _tasks(root, place / TASKS_FILE, given)
    for line in benchmark.notes:
        note(line)
    folders = []
    for part in by_kind(benchmark):
        for method in methods:
            folder = place / part.tasks[0].kind / f"{method}-{'model' if given['model'] else 'retrieval'}"
            plan, staff = make_plan(part, _asked(given, method, folder))
            talk(f"repocoder: {part.name}, {method}")
            make_samples(plan, staff, given["progress"], tell_notes=False)
            folders.append(plan.out)
    _report(folders, given["as_json"])


def _default_out(root: Path) -> Path:
    """Below the current folder as for all runs; in the user's data folder if that is inside the repository."""
    from eval.run.planning import OUT
    from repocoder.paths import data_dir

    name = f"mined-{root.name}"
    here = (OUT / name).absolute()
    return data_dir() / "evaluation" / name if here.is_relative_to(root) else here


def _asked(given: dict[str, Any], method: str, folder: Path) -> Asked:
    from eval.run.planning import Asked

    names = ("model", "passes", "embedder", "resume", "retry_errors", "workers", "ray")
    chosen = {name: given[name] for name in names}
    with_model = given["model"] is not None
    return Asked(method, with_model=with_model, out=folder, texts=not given["no_texts"], **chosen)


def _tasks(root: Path, file: Path, given: dict[str, Any]) -> Benchmark:
    """The tasks that are there already, or new ones, which are kept. Raises UsageError, StorageError."""
    from eval.mining import MineOptions, read_tasks, write_tasks
    from eval.mining import mine as mine_tasks
    from eval.run.records import make_folder

    if file.exists():
        if not given["resume"]:
            raise UsageError(f"mine: {file}: is there already: add --resume to go on, or give another --out")
        return read_tasks(file, root)
    line = StatusLine() if is_wanted(given["progress"]) else None
    show = None if line is None else lambda done, total: line.show(f"looking for tasks {done}/{total} files")
    options = MineOptions(given["tasks"], given["seed"], given["since"], given["language"])
    try:
        benchmark = mine_tasks(root, options, on_progress=show)
    finally:
        if line is not None:
            line.close()
    make_folder(file.parent)
    write_tasks(file, benchmark)
    talk(f"repocoder: {len(benchmark.tasks)} tasks are in {safe(str(file))}")
    return benchmark


def _report(folders: list[Path], as_json: bool) -> None:
    from eval.report.commands import report

    out(report(folders, as_data=as_json).rstrip("\n"))
