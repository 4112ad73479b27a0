"""Outcomes of several models on the same tasks as rows with intervals, and as a text for people.

Characters make vocabularies comparable: `nats_per_character` is the nats of the hole and of ending behind it, by the
characters of the hole and one for its end; `hole_nats_ratio` compares the holes alone, since a model that never
learnt to end loses most there. Only tasks that all models could be asked count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from training.completion.figures import Figure, Values, figure, ratio
from training.completion.measure import Condition, Outcome, Subject

TARGETS = {
    "nats_ratio": "at most 0.85 of the baseline's nats a character (line, with retrieval)",
    "exact": "at least 8.0 (line, with retrieval)",
    "gain": "at least 1.25 (line: exact match with retrieval by that without)",
    "quantised": "within 1.0 of the exact types",
}

Outcomes = dict[tuple[str, Condition, str], Outcome]  # by model, condition, task


class Row(msgspec.Struct):
    """Figures of one model, kind and condition; each is [value, low, high], null where it has none."""

    model: str
    kind: str
    retrieval: bool
    right: bool
    tasks: int
    exact: list[float | None]  # percent
    similarity: list[float | None]  # percent
    nats_per_token: list[float | None]  # with the end, which counts as a token
    nats_per_character: list[float | None]  # with the end, which counts as a character
    hole_nats_per_character: list[float | None]  # without the end
    end_nats: list[float | None]  # a hole
    empty: int
    prompt_tokens: float
    snippets: float
    seconds: float


class Comparison(msgspec.Struct):
    """One model against the baseline (nats, exact match) or against itself (gain of retrieval)."""

    name: str
    model: str
    kind: str
    retrieval: bool
    right: bool
    figure: list[float | None]
    over_packages: list[float | None]  # the interval if packages are drawn


class PackageRow(msgspec.Struct):
    model: str
    package: str
    tasks: int
    exact_with: float
    exact_without: float
    nats_per_character: float


class Report(msgspec.Struct):
    models: list[Subject]
    about: dict[str, Any]
    targets: dict[str, str]
    rows: list[Row]
    comparisons: list[Comparison]
    packages: list[PackageRow]


def compare(models: Sequence[Subject], outcomes: Sequence[Outcome], about: dict[str, Any]) -> Report:
    """All models side by side; the first is the baseline."""
    table = _common(models, outcomes)
    rows, comparisons = [], []
    for kind in _kinds(table):
        for condition in _conditions(table):
            for model in models:
                mine = _of(table, model, condition, kind)
                rows.append(_row(model, kind, condition, mine))
                if model is not models[0]:
                    comparisons += _against(
                        model, kind, condition, mine, _of(table, models[0], condition, kind)
                    )
                if condition.retrieval:
                    plain = Condition(False, condition.right)
                    comparisons += _gain(model, kind, condition, mine, _of(table, model, plain, kind))
    about = {**about, "left_out": about["tasks"] - len({key for _, _, key in table})}
    return Report(list(models), about, TARGETS, rows, comparisons, _packages(models, table))


def quantisation(models: Sequence[Subject], outcomes: Sequence[Outcome], about: dict[str, Any]) -> Report:
    """Types of one model: the first is the exact one. Exact match in points and equal texts, beside the rows."""
    report = compare(models, outcomes, about)
    table = _common(models, outcomes)
    report.comparisons = [one for one in report.comparisons if one.name in ("nats_ratio", "exact_difference")]
    for condition in _conditions(table):
        base = _of(table, models[0], condition, "all")
        for model in models[1:]:
            mine = _of(table, model, condition, "all")
            columns = {"equal": [float(a.text == b.text) for a, b in zip(mine, base, strict=True)]}
            equal = _comparison("equal_texts", model, "all", condition, columns, mine, _mean("equal"))
            report.comparisons.append(equal)
    return report


def _common(models: Sequence[Subject], outcomes: Sequence[Outcome]) -> Outcomes:
    """By model, condition and task: of tasks that every model has an outcome for in every condition."""
    table = {(one.model, one.condition, one.task): one for one in outcomes}
    conditions = {condition for _, condition, _ in table}
    keys = {key for _, _, key in table}
    whole = {
        key
        for key in keys
        if all((model.digest, condition, key) in table for model in models for condition in conditions)
    }
    return {place: one for place, one in table.items() if place[2] in whole}


def _of(table: Outcomes, model: Subject, condition: Condition, kind: str) -> list[Outcome]:
    """In the order of the tasks' keys, so that the lists of two models are paired."""
    found = [
        one for (digest, shown, _), one in table.items() if digest == model.digest and shown == condition
    ]
    return sorted((one for one in found if kind in ("all", one.kind)), key=lambda one: one.task)


def _kinds(table: Outcomes) -> list[str]:
    return [*sorted({one.kind for one in table.values()}), "all"]


def _conditions(table: Outcomes) -> list[Condition]:
    return sorted(
        {condition for _, condition, _ in table}, key=lambda one: (not one.right, not one.retrieval)
    )


def _columns(outcomes: Sequence[Outcome], suffix: str = "") -> dict[str, list[float]]:
    columns = {
        "tasks": [1.0 for _ in outcomes],
        "exact": [one.exact for one in outcomes],
        "similarity": [one.similarity for one in outcomes],
        "nats": [one.nats + one.end_nats for one in outcomes],
        "hole_nats": [one.nats for one in outcomes],
        "end_nats": [one.end_nats for one in outcomes],
        "tokens": [one.tokens + 1.0 for one in outcomes],
        "characters": [one.characters + 1.0 for one in outcomes],
        "hole_characters": [float(one.characters) for one in outcomes],
    }
    return {f"{name}{suffix}": column for name, column in columns.items()}


def _mean(name: str) -> Callable[[Mapping[str, Values]], Values]:
    return ratio(name, "tasks")


def _row(model: Subject, kind: str, condition: Condition, outcomes: Sequence[Outcome]) -> Row:
    columns = _columns(outcomes)

    def shown(measure: Callable[[Mapping[str, Values]], Values]) -> list[float | None]:
        return figure(columns, measure).as_list()

    count = max(1, len(outcomes))
    return Row(
        model.name, kind, condition.retrieval, condition.right, len(outcomes),
        shown(_mean("exact")), shown(_mean("similarity")),
        shown(ratio("nats", "tokens")), shown(ratio("nats", "characters")),
        shown(ratio("hole_nats", "hole_characters")), shown(_mean("end_nats")),
        sum(not one.text.strip() for one in outcomes),
        round(sum(one.prompt_tokens for one in outcomes) / count, 1),
        round(sum(one.snippets for one in outcomes) / count, 2),
        round(sum(one.seconds for one in outcomes) / count, 3),
    )  # fmt: skip


def _against(
    model: Subject, kind: str, condition: Condition, mine: Sequence[Outcome], base: Sequence[Outcome]
) -> list[Comparison]:
    columns = {**_columns(mine), **_columns(base, "_base")}

    def nats(sums: Mapping[str, Values]) -> Values:
        return (sums["nats"] / sums["characters"]) / (sums["nats_base"] / sums["characters_base"])

    def of_holes(sums: Mapping[str, Values]) -> Values:
        return sums["hole_nats"] / sums["hole_nats_base"]

    def exact(sums: Mapping[str, Values]) -> Values:
        return (sums["exact"] - sums["exact_base"]) / sums["tasks"]

    return [
        _comparison("nats_ratio", model, kind, condition, columns, mine, nats),
        _comparison("hole_nats_ratio", model, kind, condition, columns, mine, of_holes),
        _comparison("exact_difference", model, kind, condition, columns, mine, exact),
    ]


def _gain(
    model: Subject, kind: str, condition: Condition, mine: Sequence[Outcome], plain: Sequence[Outcome]
) -> list[Comparison]:
    """Of retrieval: exact match with it by that without, and the same of nats a character."""
    if not plain:
        return []
    columns = {**_columns(mine), **_columns(plain, "_base")}
    return [
        _comparison("gain", model, kind, condition, columns, mine, ratio("exact", "exact_base")),
        _comparison("nats_gain", model, kind, condition, columns, mine, ratio("nats", "nats_base")),
    ]


def _comparison(
    name: str,
    model: Subject,
    kind: str,
    condition: Condition,
    columns: dict[str, list[float]],
    outcomes: Sequence[Outcome],
    measure: Callable[[Mapping[str, Values]], Values],
) -> Comparison:
    columns = {"tasks": [1.0 for _ in outcomes], **columns}
    packages = [one.package for one in outcomes]
    return Comparison(
        name, model.name, kind, condition.retrieval, condition.right,
        figure(columns, measure).as_list(), figure(columns, measure, packages).as_list(),
    )  # fmt: skip


def _packages(models: Sequence[Subject], table: Outcomes) -> list[PackageRow]:
    """All kinds together, with right context if that was measured."""
    if not table:
        return []
    right = max(condition.right for _, condition, _ in table)
    rows = []
    for model in models:
        shown = {
            retrieval: _of(table, model, Condition(retrieval, right), "all") for retrieval in (True, False)
        }
        for package in sorted({one.package for one in shown[True]}):
            with_it, without = (
                [one for one in shown[key] if one.package == package] for key in (True, False)
            )
            nats = sum(one.nats + one.end_nats for one in with_it) / sum(
                one.characters + 1 for one in with_it
            )
            exact = _average(with_it), _average(without)
            rows.append(PackageRow(model.name, package, len(with_it), *exact, round(nats, 4)))
    return rows


def _average(outcomes: Sequence[Outcome]) -> float:
    return round(sum(one.exact for one in outcomes) / max(1, len(outcomes)), 2)


def text_of(report: Report) -> str:
    """For people: rows, comparisons with their targets, packages."""
    sizes = ", ".join(f"{model.name} ({model.bytes / 1e6:.1f} MB, {model.digest})" for model in report.models)
    lines = [sizes, ", ".join(f"{key} {value}" for key, value in report.about.items()), ""]
    lines.append(
        "kind  retr right  tasks  exact match %            edit sim.  nats/token  nats/char (with end)     "
        "end   empty  prompt  snip.  s    model"
    )
    for row in report.rows:
        lines.append(
            f"{row.kind:5} {_word(row.retrieval):4} {_word(row.right):5} {row.tasks:6}  {_shown(row.exact, 1):24} "
            f"{_value(row.similarity, 1):>8}  {_value(row.nats_per_token, 3):>9}   "
            f"{_shown(row.nats_per_character, 3):23} {_value(row.end_nats, 2):>5} {row.empty:6} "
            f"{row.prompt_tokens:7.0f} {row.snippets:6.1f} {row.seconds:5.2f}  {row.model}"
        )
    lines += ["", "comparisons: value [interval over tasks] [interval over packages]"]
    for one in report.comparisons:
        target = report.targets.get(one.name, "")
        lines.append(
            f"{one.name:16} {one.kind:5} retrieval {_word(one.retrieval):3} right {_word(one.right):3} "
            f"{_shown(one.figure, 3):24} {_interval(one.over_packages, 3):18} {one.model}"
            + (f"   target: {target}" if target and one.kind == "line" and one.retrieval else "")
        )
    lines += ["", "package: tasks, exact match % with and without retrieval, nats/char with"]
    for package in report.packages:
        lines.append(
            f"{package.package:16} {package.tasks:5} {package.exact_with:6.1f} {package.exact_without:6.1f} "
            f"{package.nats_per_character:7.3f}  {package.model}"
        )
    return "\n".join(lines)


def _word(yes: bool) -> str:
    return "yes" if yes else "no"


def _value(shown: Sequence[float | None], digits: int) -> str:
    return "-" if shown[0] is None else f"{shown[0]:.{digits}f}"


def _interval(shown: Sequence[float | None], digits: int) -> str:
    return "" if shown[1] is None or shown[2] is None else f"[{shown[1]:.{digits}f}, {shown[2]:.{digits}f}]"


def _shown(shown: Sequence[float | None], digits: int) -> str:
    return f"{_value(shown, digits)} {_interval(shown, digits)}"


__all__ = ["Comparison", "Figure", "PackageRow", "Report", "Row", "compare", "quantisation", "text_of"]
