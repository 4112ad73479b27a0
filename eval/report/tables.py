"""Tables in Markdown and as JSON data.

Only what was measured is in them; figures of papers are in `published` and never in the same table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from eval.report.catalogue import Group, Metric, method_label
from eval.report.catalogue import metric as metric_of
from eval.report.comparisons import Difference
from eval.report.sections import Row, Section, Step
from eval.report.summary import Estimate, by_repository
from repocoder.terminal import safe

NOTHING = "-"
GROUPS: tuple[tuple[Group, str], ...] = (
    ("completion", "Completions"),
    ("context", "Context"),
)
REPOSITORIES_SHOWN = 8  # as many as RepoEval has
SMALLEST_P = 0.001  # smaller ones are shown as "< 0.001"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; text in its cells cannot break it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell(text) for text in line) + " |" for line in lines)


def cell(text: str) -> str:
    return safe(text).replace("|", "\\|")


def section_markdown(section: Section, *, level: int = 3) -> str:
    """The tables of one setting with their notes. `level` of its headline."""
    title = f"{'#' * level} {cell(section.setting.title)}"
    parts = [title]
    for group, name in GROUPS:
        metrics = section.metrics(group)
        if metrics:
            parts += [f"{name}: mean [95 % interval]", means_table(section, metrics)]
    parts += [note_list(section.notes)] if section.notes else []
    if any(row.versus_in_file for row in section.rows):
        parts += ["Differences to in-file, over the tasks of both", differences_table(section)]
    repositories = repositories_table(section)
    parts += [repositories] if repositories else []
    return "\n\n".join(parts) + "\n"


def note_list(notes: Sequence[str]) -> str:
    return "\n".join(f"- {safe(note)}" for note in notes)


def means_table(section: Section, metrics: Sequence[Metric]) -> str:
    """A row for each method and pass, a column for each metric."""
    rows = [
        [
            *_label(row),
            f"{len(row.results.run.tasks):,}",
            *(estimate_text(metric, row) for metric in metrics),
        ]
        for row in section.rows
    ]
    return markdown_table(["method", "pass", "tasks", *(metric.title for metric in metrics)], rows)


def _label(row: Row) -> list[str]:
    passes = len(row.results.passes)
    return [
        method_label(row.results.run.config) + (" †" if row.is_upper_bound else ""),
        str(row.summary.number) if passes > 1 else NOTHING,
    ]


def estimate_text(metric: Metric, row: Row) -> str:
    """`41.88 [39.50, 44.31]`, with the number of tasks where not all have such a score."""
    found = row.summary.metrics.get(metric.name)
    if found is None:
        return NOTHING
    shown = [
        math.exp(value) if metric.exponential else value for value in (found.mean, found.low, found.high)
    ]
    mean, low, high = (f"{value:,.{metric.decimals}f}" for value in shown)
    counted = "" if found.n == len(row.results.run.tasks) else f" of {found.n:,}"
    return f"{mean} [{low}, {high}]{counted}"


def differences_table(section: Section) -> str:
    """A row for each method, pass and tested metric: against in-file."""
    rows = [
        [*_label(row), *difference_cells(found)]
        for row in section.rows
        for found in row.versus_in_file.values()
    ]
    return markdown_table(["method", "pass", *DIFFERENCE_HEADER], rows)


DIFFERENCE_HEADER = (
    "metric",
    "tasks",
    "difference",
    "p",
    "p (Holm)",
    "test",
    "helped %",
    "harmed %",
    "same %",
)


def difference_cells(found: Difference) -> list[str]:
    """What a row of differences says about one; a logarithmic metric is shown as it is averaged."""
    metric = metric_of(found.metric)
    title = metric.title_of_mean
    counts = found.shares
    return [
        title,
        f"{found.n:,}",
        f"{found.difference:+.2f} [{found.low:+.2f}, {found.high:+.2f}]",
        p_text(found.p),
        p_text(found.p_holm),
        found.test,
        *(f"{100 * count / counts.total:.1f}" for count in (counts.helped, counts.harmed, counts.same)),
    ]


def p_text(p: float) -> str:
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.3f}"


def repositories_table(section: Section) -> str:
    """Means of the first metric, a line for each repository; "" where there are too many or only one."""
    names = sorted({name for row in section.rows for name in row.results.run.repositories})
    metrics = [*section.metrics("completion"), *section.metrics("context")]
    if not metrics or not 1 < len(names) <= REPOSITORIES_SHOWN:
        return ""
    metric = metrics[0]
    columns = []
    for row in section.rows:
        means = by_repository(row.results.run, row.summary.number)
        cells = [means.get(name, {}).get(metric.name) for name in names]
        whole = row.summary.metrics.get(metric.name)
        columns.append([*(f"{mean[0]:.2f}" if mean else NOTHING for mean in cells), _drawn(whole)])
    label = [" pass ".join(part for part in _label(row) if part != NOTHING) for row in section.rows]
    lines = [*names, "interval, drawing repositories"]
    body = [[line, *(column[place] for column in columns)] for place, line in enumerate(lines)]
    return markdown_table([f"{metric.title} by repository", *label], body)


def _drawn(found: Estimate | None) -> str:
    if found is None or found.low_by_repository is None or found.high_by_repository is None:
        return NOTHING
    return f"[{found.low_by_repository:.2f}, {found.high_by_repository:.2f}]"


def ladder_table(steps: Sequence[Step], title: str) -> str:
    """The steps of RepoCoder's order and whether each is better; `title` is the metric's."""
    rows = [
        [
            f"{step.first} → {step.second}",
            f"{step.difference.first:.2f} → {step.difference.second:.2f}",
            "yes" if step.is_better else "no",
            *difference_cells(step.difference)[1:5],
        ]
        for step in steps
    ]
    return markdown_table(["step", title, "better?", *DIFFERENCE_HEADER[1:5]], rows)


def section_json(section: Section) -> dict[str, Any]:
    """The same as data, with all digits."""
    return {
        **asdict(section.setting),
        "rows": [_row_json(row) for row in section.rows],
        "notes": list(section.notes),
    }


def _row_json(row: Row) -> dict[str, Any]:
    run = row.results.run
    return {
        "method": row.method,
        "pass": row.summary.number,
        "is_upper_bound": row.is_upper_bound,
        "commit": run.config.commit,
        "tasks": len(run.tasks),
        "failed": len(run.failed),
        "limit": run.config.limit,
        "seed": run.config.seed,
        "metrics": {name: asdict(found) for name, found in row.summary.metrics.items()},
        "repositories": {
            name: {metric: {"mean": mean, "n": n} for metric, (mean, n) in means.items()}
            for name, means in by_repository(run, row.summary.number).items()
        },
        "versus_in_file": {name: difference_json(found) for name, found in row.versus_in_file.items()},
        "timings": {stage: asdict(timing) for stage, timing in run.timings.items()},
    }


def difference_json(found: Difference) -> dict[str, Any]:
    """A difference as data, with counts and shares."""
    data = asdict(found)
    counts = data.pop("shares")
    total = found.shares.total
    return {**data, **counts, **{f"{name}_share": 100 * count / total for name, count in counts.items()}}
