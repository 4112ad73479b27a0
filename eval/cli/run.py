"""`eval run` and `eval retrieval`: make the samples, then say what they score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eval.cli.selectors import layout_option, running, selectors
from repocoder.cli.options import Command, json_option, progress_option
from repocoder.cli.progress import StatusLine, is_wanted
from repocoder.cli.show import note, out, print_json, talk, warn
from repocoder.errors import UsageError
from repocoder.terminal import safe

if TYPE_CHECKING:
    from eval.run.planning import Asked, Staff
    from eval.run.running import Outline, Plan
    from eval.types import Benchmark


@click.command(cls=Command)
@selectors
@click.option(
    "--passes", type=click.IntRange(1, 4), default=1, show_default=True, help="Of retrieval and model."
)
@click.option(
    "--model",
    metavar="M",
    help="A recorded model's name, the path of a GGUF, or the URL of a /v1/completions server.",
)
@click.option("--remote-template", metavar="T", help="Fill-in-the-middle tokens of the model behind a URL.")
@layout_option
@click.option(
    "--memory",
    type=click.Choice(["mixed", "drafts", "off"]),
    default="off",
    show_default=True,
    help="The repository's own text as a second predictor.",
)
@click.option(
    "--gate",
    type=click.Choice(["free", "logistic", "token", "auto", "always"]),
    default="free",
    show_default=True,
    help="What decides whether hybrid and engine retrieve; always: nothing does.",
)
@click.option("--execute", is_flag=True, help="Run the unit tests on function bodies, in a sandbox.")
@running
@json_option
@progress_option
def run(**given: Any) -> None:
    """Complete the tasks of a benchmark, and score the texts."""
    _evaluate(given, with_model=True)


@click.command(cls=Command)
@selectors
@click.option("--model", metavar="M", help="The model whose tokenizer counts; it is not run.")
@layout_option
@running
@json_option
@progress_option
def retrieval(**given: Any) -> None:
    """Score what is retrieved for the tasks; no model is run."""
    _evaluate(given, with_model=False)


def _evaluate(given: dict[str, Any], *, with_model: bool) -> None:
    from eval.methods import METHODS
    from eval.run.benchmarks import open_benchmark
    from eval.run.planning import check_name, make_plan

    check_name("method", given["method"], METHODS)
    asked = asked_of(given, with_model=with_model)
    benchmark = open_benchmark(given["benchmark"], given["data"])
    plan, staff = make_plan(benchmark, asked)
    if given.get("execute"):
        from eval.run.executing import check_executable

        check_executable(plan)
    make_samples(plan, staff, given["progress"])
    if given.get("execute"):
        _execute(plan, benchmark, given["workers"], given["progress"])
    show_results(plan.out, given["as_json"])


def asked_of(given: dict[str, Any], *, with_model: bool) -> Asked:
    """The options of a command as the selectors of a run. Raises UsageError."""
    from eval.run.planning import Asked
    from eval.run.selection import parse_shard

    if given["retry_errors"] and not given["resume"]:
        raise UsageError("--retry-errors: goes with --resume: add it")
    if given.get("shard") is not None:
        parse_shard(given["shard"])
    names = (
        "method",
        "model",
        "embedder",
        "layout",
        "without",
        "limit",
        "seed",
        "shard",
        "context",
        "out",
        "resume",
        "retry_errors",
    )
    rest = {name: given[name] for name in (*names, "workers", "ray")}
    if with_model:
        rest |= {name: given[name] for name in ("passes", "remote_template", "memory", "gate")}
    return Asked(with_model=with_model, budget=given["budget"] or 0, texts=not given["no_texts"], **rest)


def make_samples(plan: Plan, staff: Staff, progress: bool | None, *, tell_notes: bool = True) -> Outline:
    """Run a plan. What it does is told on stderr before, what it did after."""
    from eval.run.running import run as make

    for line in plan.facts["notes"] if tell_notes else ():
        note(line)
    talk(f"repocoder: {len(plan.tasks)} tasks, {staff}; samples go to {safe(str(plan.out))}")
    go_on = f"repocoder: what is done is in {safe(str(plan.out))}: the same command with --resume goes on"
    outline = make(plan, staff.open, show_progress=is_wanted(progress), on_stop=lambda: talk(go_on))
    talk(f"repocoder: {outline.made} samples in {outline.seconds:.0f} s, {outline.done} in all")
    if outline.errors:
        warn(f"{outline.errors} samples failed and are in no mean: see `error` in {plan.out}/samples.jsonl")
    return outline


def _execute(plan: Plan, benchmark: Benchmark, workers: int | None, progress: bool | None) -> None:
    """The unit tests of what was generated; what could not be measured is told, never counted as failed."""
    from eval.run.executing import execute
    from eval.run.workers import cores

    line = StatusLine() if is_wanted(progress) else None
    show = None if line is None else lambda done, total: line.show(f"unit tests of task {done + 1}/{total}")
    try:
        judged = execute(plan, benchmark, workers or cores(), show)
    finally:
        if line is not None:
            line.close()
    told = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(judged.counts.items()))
    talk(f"repocoder: unit tests: {told or 'nothing to run'}")
    for reason, count in sorted(judged.reasons.items()):
        note(f"no pass rate for {count} tasks: {reason}")


def show_results(folder: Path, as_json: bool) -> None:
    """The scores of a run's folder: a table, or JSON on stdout."""
    from eval.report.results import summary_of
    from eval.report.scores import scores_of
    from eval.report.sections import sections
    from eval.report.summary import summarise
    from eval.report.tables import section_markdown

    results = summarise(scores_of(folder))
    if as_json:
        print_json({**summary_of(results), "samples": str(folder / "samples.jsonl")})
        return
    for section in sections([results]):
        out(section_markdown(section).rstrip("\n"))
