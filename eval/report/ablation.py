"""What each part of the engine is worth: the whole against the same run without it, on the same tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eval.ablations import ABLATIONS
from eval.report.catalogue import TRUTH_NATS, method_label
from eval.report.catalogue import metric as metric_of
from eval.report.comparisons import Difference, Pair, State, differences
from eval.report.sections import Setting, setting_of
from eval.report.summary import Results
from eval.report.tables import NOTHING, markdown_table, p_text
from eval.types import RunConfig

WORTH = ("identifier_coverage", "gold_definition_coverage", TRUTH_NATS)
"""By which a part is judged, where the runs have it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a table: what was left out, and what the whole has more, by metric."""

    names: tuple[str, ...]
    worth: dict[str, Difference]


@dataclass(frozen=True, slots=True)
class AblationTable:
    """The parts of one run that were left out."""

    setting: Setting
    whole: Results
    parts: tuple[Part, ...]


def split(results: Sequence[Results]) -> tuple[list[Results], list[Results]]:
    """Runs of the whole engine and of baselines; and those without a part."""
    whole = [entry for entry in results if not entry.run.config.without]
    return whole, [entry for entry in results if entry.run.config.without]


def ablation_tables(results: Sequence[Results]) -> list[AblationTable]:
    """A table for each whole run of which some run left out a part; a run whose whole is missing is in none."""
    whole, ablated = split(results)
    bases = {_identity(entry.run.config): entry for entry in whole}
    groups: dict[tuple[object, ...], list[Results]] = {}
    for entry in ablated:
        key = _identity(replace(entry.run.config, without=()))
        if key in bases:
            groups.setdefault(key, []).append(entry)
    ordered = sorted(groups, key=lambda key: setting_of(bases[key]).title)
    return [_table(bases[key], groups[key]) for key in ordered]


def ablation_markdown(table: AblationTable) -> str:
    """A line for each part: what the whole is better by, with its interval and the corrected p."""
    metrics = [name for name in WORTH if any(name in part.worth for part in table.parts)]
    header = ["without", "what is missing"]
    for name in metrics:
        header += [f"{metric_of(name).title_of_mean}: worth", "p (Holm)"]
    rows = []
    for part in table.parts:
        row = [", ".join(part.names), "; ".join(ABLATIONS[name].says for name in part.names)]
        for name in metrics:
            found = part.worth.get(name)
            row += [NOTHING, NOTHING] if found is None else [_worth(found), p_text(found.p_holm)]
        rows.append(row)
    config = table.whole.run.config
    means = ", ".join(
        f"{metric_of(name).title_of_mean} {table.whole.passes[-1].metrics[name].mean:.2f}" for name in metrics
    )
    title = f"### {table.setting.title}: {method_label(config)}"
    told = f"{len(table.whole.run.tasks):,} tasks; the whole has {means}."
    return f"{title}\n\n{told}\n\n{markdown_table(header, rows)}"


def _identity(config: RunConfig) -> tuple[object, ...]:
    """What two runs share of which one is the other without a part."""
    embedder = config.details.get("embedder", "")
    return (
        *(config.benchmark, config.method, config.passes, config.model, config.model_sha256, config.budget),
        *(config.context, config.layout, config.memory, config.gate, config.limit, config.seed, embedder),
        config.without,
    )


def _table(whole: Results, ablated: Sequence[Results]) -> AblationTable:
    order = {name: place for place, name in enumerate(ABLATIONS)}
    ordered = sorted(ablated, key=lambda entry: [order.get(name, -1) for name in entry.run.config.without])
    asked = [
        (place, Pair(metric, State(entry.run), State(whole.run)))
        for metric in WORTH
        for place, entry in enumerate(ordered)
        if metric in entry.run.metrics and metric in whole.run.metrics
    ]
    worth: list[dict[str, Difference]] = [{} for _ in ordered]
    for (place, pair), found in zip(asked, differences([pair for _, pair in asked]), strict=True):
        if found is not None:
            worth[place][pair.metric] = found
    parts = (Part(entry.run.config.without, found) for entry, found in zip(ordered, worth, strict=True))
    return AblationTable(setting_of(whole), whole, tuple(parts))


def _worth(found: Difference) -> str:
    return f"{found.difference:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"
