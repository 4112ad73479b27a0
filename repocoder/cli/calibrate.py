"""`calibrate`: the gate of one repository, learnt from its own code."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
import msgspec

from repocoder.cli.options import Command, json_option, model_option, progress_option, repo_argument
from repocoder.cli.place import repository
from repocoder.cli.progress import StatusLine, duration, is_wanted
from repocoder.cli.session import open_engine, update_index
from repocoder.cli.show import bold, dim, out, print_json, table, talk
from repocoder.cli.signals import Stopped
from repocoder.terminal import safe

if TYPE_CHECKING:
    from repocoder.gate.calibration import Calibration, OnLabel
    from repocoder.gate.weights import Interval

SHOWN_WEIGHTS = 6  # the strongest ones: the file has all


@click.command(cls=Command)
@repo_argument
@click.option("--holes", type=click.IntRange(1, 20_000), default=300, show_default=True, help="To label.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the choice of holes.")
@click.option(
    "--limit-s",
    type=click.FloatRange(1),
    metavar="S",
    help="Seconds for labelling; what is there by then counts.",
)
@model_option
@json_option
@progress_option
def calibrate(
    repo: str | None,
    holes: int,
    seed: int,
    limit_s: float | None,
    as_json: bool,
    progress: bool | None,
    **flags: Any,
) -> None:
    """Learn from REPO itself where snippets help its completions.

    Takes code out of the repository in memory, completes it with and without snippets, and fits weights for the gate.
    They are kept if they are better than the free rule. Nothing in REPO is written. Ctrl-C loses nothing: the same
    command goes on.
    """
    from repocoder.gate.calibration import CalibrationOptions
    from repocoder.gate.calibration import calibrate as run

    root = repository(repo)
    with open_engine(root, flags) as engine:
        engine.model_info()
        update_index(engine, progress)
        line = StatusLine() if is_wanted(progress) else None
        try:
            done = run(engine, CalibrationOptions(holes, seed, limit_s), on_label=_shown(line))
        except Stopped:
            if line is not None:
                line.close()
            talk("repocoder: what is labelled is kept: the same command goes on")
            raise
        finally:
            if line is not None:
                line.close()
    if as_json:
        print_json(_json(done))
    else:
        _print(done)


def _shown(line: StatusLine | None) -> OnLabel | None:
    if line is None:
        return None

    def show(labelled: int, wanted: int, seconds_left: float) -> None:
        left = f", {duration(seconds_left)} left" if seconds_left else ""
        line.show(f"labelling holes {labelled}/{wanted}{left}")

    return show


def _print(done: Calibration) -> None:
    weights = done.weights
    figures = weights.figures
    rows = [
        ("model", f"{weights.model}, memory {weights.memory}"),
        ("holes", f"{done.labelled} of {done.wanted}, {done.made} labelled now, in {duration(done.seconds)}"),
        ("with snippets", f"{figures.holes} in {figures.groups} files"),
        ("snippets", f"help {figures.helped:.0f} %, harm {figures.harmed:.0f} %, {figures.always:+.2f} points of"
                     " edit similarity on average"),
        ("area", _interval(figures.area, "{:.3f}")),
        ("area with a draft", _interval(figures.area_with_draft, "{:.3f}")),
        ("Brier score", f"{_interval(figures.brier, '{:.3f}')}, {figures.brier_constant:.3f} without features"),
        ("skipped", f"{_interval(figures.skipped, '{:.1f}')} % of the free rule's retrievals"),
        ("similarity", f"{_interval(figures.similarity, '{:+.2f}')} points against the free rule"),
        ("exact match", f"{_interval(figures.exact, '{:+.2f}')} points against the free rule"),
        ("prompt tokens", f"{_interval(figures.tokens, '{:.1f}')} % saved"),
    ]  # fmt: skip
    out(bold("out of sample, with 95 % intervals"))
    for line in table(rows):
        out(line)
    strongest = sorted(weights.features.items(), key=lambda item: -abs(item[1].weight))[:SHOWN_WEIGHTS]
    told = ", ".join(f"{name} {one.weight:+.2f}" for name, one in strongest)
    out(dim(f"strongest weights: {told}; threshold {weights.threshold:.3f}"))
    if done.refused is not None:
        out(
            f"{bold('not kept')}: {safe(done.refused)}: the free rule, or the package's weights, decide as before"
        )
    else:
        out(f"{bold('kept')}: {safe(str(done.path))}")


def _interval(found: Interval | None, form: str) -> str:
    if found is None:
        return "-"
    value, low, high = (form.format(one) for one in found)
    return f"{value} [{low}, {high}]"


def _json(done: Calibration) -> dict[str, Any]:
    return {
        **{name: value for name, value in asdict(done).items() if name not in ("weights", "path")},
        "path": None if done.path is None else str(done.path),
        "weights": msgspec.to_builtins(done.weights),
    }
