"""`eval score`: official scores for anybody's predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eval.cli.selectors import benchmark_option, data_option
from repocoder.cli.options import Command, json_option
from repocoder.cli.show import note, out, print_json, table

if TYPE_CHECKING:
    from eval.metrics.predictions import Scored


@click.command(cls=Command)
@click.argument("predictions", type=click.Path(path_type=Path))
@benchmark_option
@data_option
@json_option
def score(predictions: Path, benchmark: str, data: Path | None, as_json: bool) -> None:
    """Score anybody's predictions with the official metrics.

    PREDICTIONS is a file of JSON lines, `{"task_id": …, "prediction": …}`, plain, .gz or .xz; a part of the tasks will
    do. Several predictions of a task are a list, of which the best counts.
    """
    from eval.metrics.predictions import score_file, scored_json
    from eval.run.benchmarks import open_benchmark

    loaded = open_benchmark(benchmark, data)
    scored = score_file(predictions, loaded)
    for line in loaded.notes:
        note(line)
    if as_json:
        print_json(scored_json(scored))
    else:
        _print(scored)


def _print(scored: Scored) -> None:
    out(f"{scored.benchmark}: {scored.n} of {scored.n_tasks} tasks")
    rows = [("metric", "score   truth")]
    for name, value in scored.scores.items():
        reachable = scored.truth_scores.get(name)
        rows.append((name, f"{_percent(value)}  {_percent(reachable)}"))
    for line in table(rows):
        out(line)


def _percent(value: float | None) -> str:
    return "     -" if value is None else f"{value:6.2f}"
