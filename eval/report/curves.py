"""The data of the plots, without a library that draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eval.methods import ORACLES
from eval.protocols import protocol_for
from eval.report.catalogue import COVERAGE, EXACT_MATCH, GOLD, IN_FILE, method_label, method_order
from eval.report.scores import RunScores
from eval.report.summary import Estimate, Results
from eval.types import Family, Kind, RunConfig

STAGES = ("gate_ms", "retrieve_ms", "prefill_ms", "generate_ms")


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """Exact match of one method by tokens of the prompt."""

    benchmark: str
    method: str  # or more, if that does not tell it from others
    points: tuple[tuple[int, Estimate], ...]  # (prompt tokens, percent), rising


@dataclass(frozen=True, slots=True)
class CoverageBar:
    """What the context of one method shows of what the truth needs; percent."""

    benchmark: str
    method: str  # or more, if that does not tell it from others
    coverage: Estimate
    gold: Estimate | None


@dataclass(frozen=True, slots=True)
class GateCurve:
    """Quality by share of tasks that retrieve, if only the highest gate scores do.

    Up to the share for which the run did retrieve: what retrieval would have given beyond it was not measured.
    """

    benchmark: str
    method: str  # or more, if that does not tell it from others
    share: NDArray[np.float64]  # percent of the tasks that retrieve, rising from 0
    quality: NDArray[np.float64]  # mean exact match, percent
    n: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Mean milliseconds of one sample, by stage; the gate's are taken out of those of retrieval."""

    benchmark: str
    method: str  # or more, if that does not tell it from others
    stages: dict[str, float]


def label_of(config: RunConfig, results: Sequence[Results]) -> str:
    """The method, and whatever else tells it from the other results."""
    several = len({entry.run.config.model for entry in results if entry.run.config.model}) > 1
    standard = RunConfig(benchmark="", method="")
    parts = [method_label(config), config.model if several else ""]
    parts += [f"{config.context} context" if config.context != standard.context else ""]
    parts += [config.layout if config.layout != standard.layout else ""]
    return ", ".join(part for part in parts if part)


def budget_lines(results: Sequence[Results], metric: str = EXACT_MATCH) -> list[BudgetLine]:
    """A line for each method that was run with more than one budget; its last pass."""
    found: dict[tuple[str, str], dict[int, Estimate]] = {}
    for entry in sorted(results, key=lambda entry: (entry.run.config.benchmark, _order(entry))):
        config = entry.run.config
        estimate = entry.last.metrics.get(metric) if entry.last else None
        if estimate is not None:
            key = (config.benchmark, label_of(config, results))
            found.setdefault(key, {})[prompt_budget(config)] = estimate
    return [
        BudgetLine(*key, tuple(sorted(points.items()))) for key, points in found.items() if len(points) > 1
    ]


def _order(entry: Results) -> tuple[bool, int, str]:
    return method_order(entry.run.config.method)


def prompt_budget(config: RunConfig) -> int:
    """Tokens of the prompt: those that were asked for, else the protocol's."""
    if config.budget:
        return config.budget
    family: Family = "crosscodeeval" if config.benchmark.startswith("crosscodeeval") else "repoeval"
    kind: Kind = "function" if config.benchmark.endswith("-function") else "line"
    return protocol_for(family, kind, both_sides=config.context == "both", layout="published").prompt_tokens


def coverage_bars(results: Sequence[Results]) -> list[CoverageBar]:
    """One for each method of each benchmark, first pass, standard budget; runs without a model come first."""
    found: dict[tuple[bool, int, str, str, str], CoverageBar] = {}
    for entry in sorted(results, key=lambda entry: entry.run.config.model):
        config = entry.run.config
        if config.budget or not entry.passes or COVERAGE not in entry.passes[0].metrics:
            continue
        metrics = entry.passes[0].metrics
        bar = CoverageBar(config.benchmark, method_label(config), metrics[COVERAGE], metrics.get(GOLD))
        found.setdefault((*_order(entry), bar.benchmark, bar.method), bar)
    return sorted((found[key] for key in sorted(found)), key=lambda bar: bar.benchmark)


def gate_curves(results: Sequence[Results], metric: str = EXACT_MATCH) -> list[GateCurve]:
    """One for each run with a gate whose scores differ and an in-file run of the same setting."""
    curves = []
    for entry in results:
        config = entry.run.config
        if config.budget or config.method == IN_FILE or config.method in ORACLES:
            continue
        base = next((other.run for other in results if _is_base(other.run.config, config)), None)
        curve = gate_curve(entry.run, base, metric) if base is not None else None
        if curve is not None:
            curves.append(replace(curve, method=label_of(config, results)))
    return curves


def _is_base(base: RunConfig, config: RunConfig) -> bool:
    keys = ("benchmark", "model", "model_sha256", "budget", "context", "layout")
    return base.method == IN_FILE and all(getattr(base, key) == getattr(config, key) for key in keys)


def gate_curve(run: RunScores, in_file: RunScores, metric: str = EXACT_MATCH) -> GateCurve | None:
    """The curve of one run; None if its gate did not tell the tasks apart."""
    plain = dict(zip(in_file.tasks, in_file.column(metric), strict=True))
    without = np.array([plain.get(task, np.nan) for task in run.tasks])
    with_, score = run.column(metric), run.gate_score
    known = ~(np.isnan(with_) | np.isnan(without) | np.isnan(score))
    score, retrieved = score[known], run.gate_retrieve[known] == 1
    if len(np.unique(score)) < 2 or not retrieved.any():
        return None
    gain = (with_ - without)[known][retrieved]
    order = np.argsort(-score[retrieved], kind="stable")
    ranked = score[retrieved][order]
    last_of_score = np.append(ranked[1:] != ranked[:-1], True)  # a threshold cannot part equal scores
    total = np.cumsum(gain[order])[last_of_score]
    count = (np.arange(len(ranked)) + 1)[last_of_score]
    n = int(known.sum())
    start = float(without[known].mean())
    return GateCurve(
        benchmark=run.config.benchmark,
        method=run.config.method,
        share=np.append(0.0, 100 * count / n),
        quality=np.append(start, start + total / n),
        n=n,
    )


def latencies(results: Sequence[Results]) -> list[Latency]:
    """One for each run of a model with the standard budget, by benchmark."""
    found = []
    for entry in sorted(results, key=_order):
        config, timings = entry.run.config, entry.run.timings
        if config.model and not config.budget and timings:
            stages = {name: timings[name].mean if name in timings else 0.0 for name in STAGES}
            stages["retrieve_ms"] = max(0.0, stages["retrieve_ms"] - stages["gate_ms"])
            found.append(Latency(config.benchmark, label_of(config, results), stages))
    return sorted(found, key=lambda entry: entry.benchmark)
