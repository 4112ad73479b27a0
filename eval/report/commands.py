"""What `repocoder eval report` and `compare` print: text or JSON.

Places are run folders (shards of one run count as one), results that are kept (`*.json`), or folders of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.report.catalogue import in_order
from eval.report.comparisons import Pair, State, differences
from eval.report.curves import label_of
from eval.report.places import read_places
from eval.report.results import as_json
from eval.report.sections import sections
from eval.report.summary import Results
from eval.report.tables import (
    DIFFERENCE_HEADER,
    difference_cells,
    difference_json,
    markdown_table,
    section_json,
    section_markdown,
)
from eval.types import RunConfig
from repocoder.errors import StorageError, UsageError

REPORT_FILES = ("report.md", "report.json")


def report(places: Sequence[Path], out: Path | None = None, *, as_data: bool = False) -> str:
    """Tables of all places, as Markdown or JSON. With `out` also written there, with the plots as SVG.

    Raises UsageError for places that cannot be read, or if plots are wanted and matplotlib is not installed.
    """
    results = read_places(places)
    found = sections(results)
    text = "# Report\n\n" + "\n".join(section_markdown(section, level=2) for section in found)
    data = as_json({"sections": [section_json(section) for section in found]})
    if out is not None:
        drawn = draw(results, out)
        pictures = "".join(f"\n![{path.stem}]({path.name})\n" for path in drawn)
        _write(out, text + pictures, data)
    return data if as_data else text


def draw(results: Sequence[Results], folder: Path) -> list[Path]:
    """Writes the plots; what was written. Raises UsageError without matplotlib, StorageError."""
    try:
        from eval.report.plots import write_plots
    except ModuleNotFoundError as error:
        raise UsageError(f"plots: {error.name}: is not installed: install repocoder[eval]") from None
    try:
        return write_plots(results, folder)
    except OSError as error:
        raise StorageError(f"plots: {folder}: {error.strerror}: check the disk and its permissions") from None


def _write(out: Path, text: str, data: str) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in zip(REPORT_FILES, (text, data), strict=True):
            (out / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"report: {out}: {error.strerror}: check the disk and its permissions") from None


def compare(places: Sequence[Path], *, as_data: bool = False) -> str:
    """Paired tests of every metric: each run against the first one, on their common tasks.

    With one run: each of its passes against its first. Raises UsageError if there is nothing to compare.
    """
    results = read_places(places)
    states = _states(results)
    if len(states) < 2:
        raise UsageError("compare: one run of one pass: name a second run")
    base = states[0][1]
    if len({entry.run.config.benchmark for entry in results}) > 1:
        told = ", ".join(dict.fromkeys(entry.run.config.benchmark for entry in results))
        raise UsageError(f"compare: {told}: are different benchmarks: name runs of one")
    names = {name for _, state in states for name in state.run.metrics}
    tested = [metric.name for metric in in_order(names) if not metric.is_size]
    asked = [(label, Pair(name, base, state)) for label, state in states[1:] for name in tested]
    found = differences([pair for _, pair in asked])
    known = [(label, item) for (label, _), item in zip(asked, found, strict=True) if item is not None]
    if not known:
        raise UsageError("compare: the runs: have no scored task in common: name runs over the same tasks")
    notes = _unequal(results)
    if as_data:
        rows = [{"run": label, **difference_json(item)} for label, item in known]
        return as_json({"first": states[0][0], "differences": rows, "notes": notes})
    rows_text = [
        [
            label,
            difference_cells(item)[0],
            f"{item.first:.2f}",
            f"{item.second:.2f}",
            *difference_cells(item)[1:],
        ]
        for label, item in known
    ]
    header = ["run", DIFFERENCE_HEADER[0], "first", "this", *DIFFERENCE_HEADER[1:]]
    told = "".join(f"- {note}\n" for note in notes)
    return f"Against {states[0][0]}:\n\n{markdown_table(header, rows_text)}\n" + (f"\n{told}" if told else "")


def _states(results: Sequence[Results]) -> list[tuple[str, State]]:
    """What is compared, under names that tell them apart; the first is what all others are compared with."""
    if len(results) == 1:
        run = results[0].run
        return [
            (f"{run.config.method} pass {number}", State(run, number))
            for number in range(1, len(run.passes) + 1)
        ]
    labels = [label_of(entry.run.config, results) for entry in results]
    named = [
        label if labels.count(label) == 1 else f"{label}, {_others(entry.run.config)}"
        for label, entry in zip(labels, results, strict=True)
    ]
    states: list[tuple[str, State]] = [(named[0], State(results[0].run))]
    for label, entry in zip(named[1:], results[1:], strict=True):
        several = len(entry.passes) > 1
        states += [
            (f"{label} pass {summary.number}" if several else label, State(entry.run, summary.number))
            for summary in entry.passes
        ]
    return states


def _others(config: RunConfig) -> str:
    return f"{config.budget} tokens, seed {config.seed}, {config.commit}"


def _unequal(results: Sequence[Results]) -> list[str]:
    """Which parts of the configurations differ, but for the method: a difference may come from these."""
    notes = []
    for key in (
        "model",
        "model_sha256",
        "passes",
        "budget",
        "context",
        "layout",
        "memory",
        "gate",
        "without",
        "seed",
        "limit",
        "commit",
    ):
        values: list[Any] = [getattr(entry.run.config, key) for entry in results]
        if len(set(values)) > 1:
            notes.append(f"{key} differs: {', '.join(str(value) for value in values)}")
    failed = sum(len(entry.run.failed) for entry in results)
    return notes + ([f"{failed} samples failed and are compared with nothing"] if failed else [])
