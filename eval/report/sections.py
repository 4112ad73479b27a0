"""Results that may stand in one table: one benchmark, model, budget, context and layout; a row for each pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from eval.methods import ORACLES
from eval.report.catalogue import IN_FILE, Group, Metric, in_order, method_label, method_order
from eval.report.catalogue import metric as metric_of
from eval.report.comparisons import Difference, Pair, State, differences
from eval.report.summary import PassSummary, Results

LADDER = ("in-file", "repocoder", "oracle")  # the order that RepoCoder's paper reports


@dataclass(frozen=True, slots=True)
class Setting:
    """What all rows of a table have in common."""

    benchmark: str
    model: str  # "": no model was run
    model_sha256: str
    budget: int
    context: str
    layout: str

    @property
    def title(self) -> str:
        """`repoeval-line, model.gguf, left context, 2048 tokens`."""
        parts = [self.benchmark, self.model or "retrieval only", f"{self.context} context"]
        parts += [f"{self.layout} layout"] if self.model or self.layout != "published" else []
        parts += [f"{self.budget} tokens"] if self.budget else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Row:
    """One method after one pass."""

    results: Results
    summary: PassSummary
    versus_in_file: dict[
        str, Difference
    ]  # tested metrics; empty where there is no in-file run, and for itself

    @property
    def method(self) -> str:
        return self.results.run.config.method

    @property
    def state(self) -> State:
        return State(self.results.run, self.summary.number)

    @property
    def is_upper_bound(self) -> bool:
        return self.method in ORACLES


@dataclass(frozen=True, slots=True)
class Step:
    """From one state to the next one that should be better."""

    first: str
    second: str
    difference: Difference

    @property
    def is_better(self) -> bool:
        """Is the mean of the second one better, by however little?"""
        moved = self.difference.difference
        return moved > 0 if metric_of(self.difference.metric).higher_is_better else moved < 0


@dataclass(frozen=True, slots=True)
class Section:
    """One table and what belongs to it."""

    setting: Setting
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def metrics(self, group: Group) -> list[Metric]:
        """Those that any row has, in the order of columns."""
        names = {name for row in self.rows for name in row.summary.metrics}
        return [metric for metric in in_order(names) if metric.group == group]


def setting_of(results: Results) -> Setting:
    config = results.run.config
    return Setting(
        config.benchmark, config.model, config.model_sha256, config.budget, config.context, config.layout
    )


def sections(results: Sequence[Results]) -> list[Section]:
    """Groups results into tables, by benchmark and then by setting."""
    groups: dict[Setting, list[Results]] = {}
    for entry in results:
        groups.setdefault(setting_of(entry), []).append(entry)
    ordered = sorted(groups, key=lambda setting: (setting.benchmark, setting.model != "", setting.title))
    return [_section(setting, groups[setting]) for setting in ordered]


def _order(entry: Results) -> tuple[object, ...]:
    config = entry.run.config
    return (*method_order(config.method), config.memory != "off", config.gate, config.commit)


def _section(setting: Setting, members: Sequence[Results]) -> Section:
    ordered = sorted(members, key=_order)
    in_file = next((entry for entry in ordered if entry.run.config.method == IN_FILE), None)
    states = [(entry, summary) for entry in ordered for summary in entry.passes]
    names = {name for entry in members for name in entry.run.metrics}
    tested = [metric.name for metric in in_order(names) if metric.tested]
    asked: list[tuple[int, Pair]] = []
    if in_file is not None:
        base = State(in_file.run)
        asked = [
            (place, Pair(metric, base, State(entry.run, summary.number)))
            for place, (entry, summary) in enumerate(states)
            if entry is not in_file
            for metric in tested
        ]
    versus: list[dict[str, Difference]] = [{} for _ in states]
    for (place, _), found in zip(asked, differences([pair for _, pair in asked]), strict=True):
        if found is not None:
            versus[place][found.metric] = found
    rows = tuple(Row(entry, summary, found) for (entry, summary), found in zip(states, versus, strict=True))
    return Section(setting, rows, tuple(_notes(ordered, in_file)))


def _notes(members: Sequence[Results], in_file: Results | None) -> list[str]:
    """What a reader of the table must know."""
    runs = [entry.run for entry in members]
    notes = list(dict.fromkeys(note for run in runs for note in run.info.notes))
    notes += list(dict.fromkeys(_origin_note(run.origins) for run in runs if any(run.origins)))
    if len({frozenset(run.tasks) for run in runs}) > 1:
        notes.append(
            "The rows are not over the same tasks, so their means cannot be compared; the differences are over "
            "the tasks that both runs did."
        )
    for run in runs:
        name, wanted = run.config.method, run.info.facts.get("tasks")
        if run.failed:
            notes.append(
                f"{name}: {len(run.failed)} of {len(run.tasks)} tasks failed and are in no mean "
                f"(first: {min(run.failed)}: {run.failed[min(run.failed)]})"
            )
        if isinstance(wanted, int) and wanted > len(run.tasks):
            notes.append(f"{name}: unfinished, {len(run.tasks)} of {wanted} tasks are done")
        asked = run.gate_retrieve[~np.isnan(run.gate_retrieve)]
        if len(asked) and not asked.all() and name != IN_FILE:
            notes.append(
                f"{method_label(run.config)}: the gate let {100 * asked.mean():.1f} % of the tasks retrieve"
            )
    if any(run.config.method in ORACLES for run in runs):
        notes.append("† The query holds the truth: an upper bound, not a result.")
    if in_file is None and len(runs) > 1:
        notes.append("There is no in-file run of this setting, so no differences are shown.")
    return notes


def _origin_note(origins: dict[str, int]) -> str:
    counts = sorted(((count, name) for name, count in origins.items() if name), reverse=True)
    return f"Origin of the tasks: {', '.join(f'{count:,} {name}' for count, name in counts)}."


def ladder(section: Section, metric: str) -> list[Step]:
    """In-file, RepoCoder's passes, oracle: each step from one to the next; empty if a part is missing."""
    states = [
        (f"{row.method} pass {row.summary.number}" if row.method == LADDER[1] else row.method, row.state)
        for name in LADDER
        for row in section.rows
        if row.method == name
    ]
    if {state.method for _, state in states} != set(LADDER):
        return []
    pairs = list(pairwise(states))
    found = differences([Pair(metric, first, second) for (_, first), (_, second) in pairs])
    return [
        Step(first, second, difference)
        for ((first, _), (second, _)), difference in zip(pairs, found, strict=True)
        if difference is not None
    ]
