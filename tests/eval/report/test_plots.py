"""Plots: what they show, and that the same data give the same bytes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.report.curves import budget_lines, coverage_bars, gate_curve, gate_curves, latencies, prompt_budget
from eval.report.places import read_places
from eval.report.summary import Results
from eval.types import RunConfig
from tests.eval.report.conftest import RunMaker, record


def gated(make_run: RunMaker, config: RunConfig) -> list[Results]:
    """Four tasks; the gate's order is right: the first gains, the second does not, the third was not retrieved."""
    plain, hybrid = replace(config, method="in-file"), replace(config, method="hybrid")
    without = [0.0, 0.0, 100.0, 100.0]
    with_ = [100.0, 0.0, 100.0, 0.0]
    gates = [(True, 0.9), (True, 0.8), (False, 0.1), (True, 0.5)]
    base = [record(f"a/{n}", [{"exact_match": value}], plain) for n, value in enumerate(without)]
    found = [
        record(f"a/{n}", [{"exact_match": value}], hybrid, gate={"retrieve": gate[0], "score": gate[1]})
        for n, (value, gate) in enumerate(zip(with_, gates, strict=True))
    ]
    return read_places([make_run("in-file", plain, base), make_run("hybrid", hybrid, found)])


def test_gate_curve_by_hand(make_run: RunMaker, config: RunConfig) -> None:
    results = gated(make_run, config)
    (curve,) = gate_curves(results)
    assert curve.share.tolist() == [0.0, 25.0, 50.0, 75.0]
    assert curve.quality.tolist() == [50.0, 75.0, 75.0, 50.0]
    assert (curve.method, curve.n) == ("hybrid", 4)


def test_equal_gate_scores_cannot_be_parted(make_run: RunMaker, config: RunConfig) -> None:
    plain, hybrid = (entry.run for entry in gated(make_run, config))
    tied = replace(hybrid, gate_score=np.array([0.9, 0.5, 0.1, 0.5]))
    curve = gate_curve(tied, plain)
    assert curve is not None
    assert curve.share.tolist() == [0.0, 25.0, 75.0]
    assert curve.quality.tolist() == [50.0, 75.0, 50.0]
    assert gate_curve(replace(hybrid, gate_score=np.full(4, 0.5)), plain) is None


def sweep(make_run: RunMaker, config: RunConfig) -> list[Results]:
    scores = [
        {"exact_match": 100.0 * (n % 2), "identifier_coverage": 50.0, "gold_definition_hit": 0.0}
        for n in range(6)
    ]
    places = []
    for budget in (0, 512, 1024):
        asked = replace(config, budget=budget)
        found = [record(f"a/{n}", [entry], asked) for n, entry in enumerate(scores)]
        places.append(make_run(f"b{budget}", asked, found))
    other = replace(config, method="hybrid")
    places.append(
        make_run("hybrid", other, [record(f"a/{n}", [entry], other) for n, entry in enumerate(scores)])
    )
    return read_places(places)


def test_lines_bars_and_stages(make_run: RunMaker, config: RunConfig) -> None:
    results = sweep(make_run, config)
    (line,) = budget_lines(results)
    assert [(budget, estimate.mean) for budget, estimate in line.points] == [
        (512, 50.0),
        (1024, 50.0),
        (1948, 50.0),
    ]
    bars = coverage_bars(results)
    assert [(bar.method, bar.coverage.mean) for bar in bars] == [("bm25", 50.0), ("hybrid", 50.0)]
    first = latencies(results)[0]
    assert first.stages == {"gate_ms": 0.5, "retrieve_ms": 1.5, "prefill_ms": 20.0, "generate_ms": 30.0}


def test_prompt_budget_is_that_of_the_protocol(config: RunConfig) -> None:
    assert prompt_budget(config) == 1948
    assert prompt_budget(replace(config, benchmark="repoeval-function")) == 1548
    assert prompt_budget(replace(config, benchmark="crosscodeeval-java")) == 1998
    assert prompt_budget(replace(config, budget=700)) == 700


def drawn(results: Sequence[Results], folder: Path) -> dict[str, bytes]:
    plots = pytest.importorskip("eval.report.plots")
    return {path.name: path.read_bytes() for path in plots.write_plots(results, folder)}


def test_the_same_data_give_the_same_bytes(make_run: RunMaker, config: RunConfig, tmp_path: Path) -> None:
    results = sweep(make_run, config)
    first = drawn(results, tmp_path / "one")
    assert set(first) == {"em-by-budget.svg", "coverage.svg", "latency.svg"}
    assert drawn(results, tmp_path / "two") == first
    for content in first.values():
        assert ET.fromstring(content).tag.endswith("svg")
        assert b"date" not in content.lower()


def test_pictures_without_data_are_removed(make_run: RunMaker, config: RunConfig, tmp_path: Path) -> None:
    assert set(drawn(gated(make_run, config), tmp_path)) == {"gate.svg", "latency.svg"}
    (tmp_path / "em-by-budget.svg").write_text("old", encoding="utf-8")
    assert drawn([], tmp_path) == {}
    assert list(tmp_path.glob("*.svg")) == []
