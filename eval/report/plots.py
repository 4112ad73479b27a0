"""Draws the plots as SVG. The only module that imports matplotlib.

The same data give the same bytes: no date, a fixed salt for the names of parts, letters as outlines.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from eval.report.curves import (
    STAGES,
    BudgetLine,
    CoverageBar,
    GateCurve,
    Latency,
    budget_lines,
    coverage_bars,
    gate_curves,
    latencies,
)
from eval.report.summary import Estimate, Results

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#8C8C8C")
# ^ Okabe and Ito (2008), told apart with any colour vision; the last takes the place of their yellow
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "//", "..", "xx")
PANEL = (4.2, 3.2)  # inches
GATE_POINTS = 200  # of a curve, drawn
BAR = 0.32  # inches of height for each bar's row
STAGE_NAMES = {
    "gate_ms": "gate",
    "retrieve_ms": "retrieval",
    "prefill_ms": "prompt",
    "generate_ms": "generation",
}
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "repocoder",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.facecolor": "white",
}


def write_plots(results: Sequence[Results], folder: Path) -> list[Path]:
    """Draws what the results have data for; the files that were written. Older ones without data are removed."""
    drawings = {
        "em-by-budget.svg": draw_budgets(budget_lines(results)),
        "coverage.svg": draw_coverage(coverage_bars(results)),
        "gate.svg": draw_gates(gate_curves(results)),
        "latency.svg": draw_latencies(latencies(results)),
    }
    written = []
    for name, content in drawings.items():
        path = folder / name
        if content is None:
            path.unlink(missing_ok=True)
            continue
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written


def draw_budgets(lines: Sequence[BudgetLine]) -> bytes | None:
    """Exact match by tokens of the prompt, a panel for each benchmark."""
    if not lines:
        return None
    with _styled():
        figure, panels = _panels([line.benchmark for line in lines])
        for benchmark, axes in panels.items():
            shown = [line for line in lines if line.benchmark == benchmark]
            for place, line in enumerate(shown):
                budgets = [budget for budget, _ in line.points]
                estimates = [estimate for _, estimate in line.points]
                axes.errorbar(
                    budgets,
                    [estimate.mean for estimate in estimates],
                    yerr=_whiskers(estimates),
                    label=line.method,
                    color=COLOURS[place % len(COLOURS)],
                    marker=MARKERS[place % len(MARKERS)],
                    capsize=2,
                )
            axes.set_title(benchmark)
            axes.set_xlabel("prompt (tokens)")
            axes.set_ylabel("exact match (%)")
            axes.set_ylim(bottom=0)
            axes.grid(axis="y", alpha=0.3)
            axes.legend(frameon=False)
        return _svg(figure)


def draw_coverage(bars: Sequence[CoverageBar]) -> bytes | None:
    """What the contexts show of what the truths need, a panel for each benchmark and a pair of bars for each method."""
    if not bars:
        return None
    with _styled():
        most = max(sum(bar.benchmark == name for bar in bars) for name in {bar.benchmark for bar in bars})
        figure, panels = _panels([bar.benchmark for bar in bars], height=max(PANEL[1], 1.2 + 2 * BAR * most))
        for benchmark, axes in panels.items():
            shown = [bar for bar in bars if bar.benchmark == benchmark]
            parts: tuple[tuple[str, list[Estimate | None]], ...] = (
                ("identifier coverage", [bar.coverage for bar in shown]),
                ("gold definition hit", [bar.gold for bar in shown]),
            )
            for part, (name, estimates) in enumerate(parts):
                rows = [row for row, estimate in enumerate(estimates) if estimate is not None]
                known = [estimate for estimate in estimates if estimate is not None]
                axes.barh(
                    [row + (part - 0.5) * 0.38 for row in rows],
                    [estimate.mean for estimate in known],
                    height=0.38,
                    xerr=_whiskers(known),
                    label=name,
                    color=COLOURS[part],
                    hatch=HATCHES[part],
                    edgecolor="white",
                    error_kw={"capsize": 2, "linewidth": 0.8},
                )
            _name_rows(axes, [bar.method for bar in shown])
            axes.set_title(benchmark)
            axes.set_xlabel("percent, first pass")
            axes.set_xlim(0, 100)
        handles, names = next(iter(panels.values())).get_legend_handles_labels()
        figure.legend(handles, names, frameon=False, ncols=2, loc="outside upper center")
        return _svg(figure)


def draw_gates(curves: Sequence[GateCurve]) -> bytes | None:
    """Exact match by share of tasks that retrieve, beside a gate that draws lots."""
    if not curves:
        return None
    with _styled():
        figure, panels = _panels([curve.benchmark for curve in curves])
        for benchmark, axes in panels.items():
            shown = [curve for curve in curves if curve.benchmark == benchmark]
            for place, curve in enumerate(shown):
                colour = COLOURS[place % len(COLOURS)]
                shape = np.unique(np.linspace(0, len(curve.share) - 1, GATE_POINTS).astype(int))
                axes.plot(
                    curve.share[shape],
                    curve.quality[shape],
                    color=colour,
                    label=f"{curve.method}, by gate score",
                )
                axes.plot(
                    curve.share[[0, -1]],
                    curve.quality[[0, -1]],
                    color=colour,
                    linestyle=":",
                    label=f"{curve.method}, by lot",
                )
            axes.set_title(benchmark)
            axes.set_xlabel("tasks that retrieve (%)")
            axes.set_ylabel("exact match (%)")
            axes.set_xlim(0, 100)
            axes.grid(axis="y", alpha=0.3)
            axes.legend(frameon=False, fontsize=7)
        return _svg(figure)


def draw_latencies(entries: Sequence[Latency]) -> bytes | None:
    """Where the time of a sample goes, a stacked bar for each run."""
    if not entries:
        return None
    with _styled():
        figure = Figure(figsize=(2 * PANEL[0], 1.3 + BAR * len(entries)), layout="constrained")
        axes = figure.add_subplot()
        rows = range(len(entries))
        left = [0.0] * len(entries)
        for place, stage in enumerate(STAGES):
            widths = [entry.stages[stage] for entry in entries]
            axes.barh(
                list(rows),
                widths,
                left=left,
                height=0.7,
                label=STAGE_NAMES[stage],
                color=COLOURS[place],
                hatch=HATCHES[place],
                edgecolor="white",
            )
            left = [start + width for start, width in zip(left, widths, strict=True)]
        _name_rows(axes, [f"{entry.benchmark}, {entry.method}" for entry in entries])
        axes.set_xlabel("mean time of a sample, all passes (ms)")
        figure.legend(frameon=False, ncols=len(STAGES), loc="outside upper center")
        return _svg(figure)


def _panels(benchmarks: Sequence[str], height: float = PANEL[1]) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a panel for each different name, at most three beside each other."""
    names = list(dict.fromkeys(benchmarks))
    columns = min(3, len(names))
    rows = (len(names) + columns - 1) // columns
    figure = Figure(figsize=(PANEL[0] * columns, height * rows), layout="constrained")
    return figure, {
        name: figure.add_subplot(rows, columns, place) for place, name in enumerate(names, start=1)
    }


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)


def _whiskers(estimates: Sequence[Estimate]) -> tuple[list[float], list[float]]:
    """Lengths below and above the mean."""
    return (
        [max(0.0, estimate.mean - estimate.low) for estimate in estimates],
        [max(0.0, estimate.high - estimate.mean) for estimate in estimates],
    )


@contextmanager
def _styled() -> Iterator[None]:
    with mpl.rc_context(), mpl.style.context("default"):
        mpl.rcParams.update(_STYLE)
        yield


def _svg(figure: Figure) -> bytes:
    FigureCanvasSVG(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": creator()})
    return b"".join(line.rstrip() + b"\n" for line in stream.getvalue().splitlines())


def creator() -> str:
    """What the files say of who drew them: other versions draw other bytes."""
    return f"matplotlib {mpl.__version__}"
