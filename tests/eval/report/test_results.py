"""Results that are kept: two small files from which everything can be made again."""

from __future__ import annotations

import json
import lzma
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from eval.report.pages import RESULTS
from eval.report.results import load_results, publish, read_results, results_name, scores_path
from eval.report.scores import scores_of
from eval.report.summary import summarise
from eval.types import RunConfig
from repocoder.errors import UsageError
from tests.eval.report.conftest import RunMaker, record


def some_run(make_run: RunMaker, config: RunConfig) -> Path:
    gate = {"retrieve": True, "score": 0.123456, "threshold": 0.1, "reason": "", "features": {}}
    records = [
        record(
            f"{'ab'[place % 2]}/{place}",
            [{"exact_match": 100.0 * (place % 2), "identifier_coverage": None if place % 3 else 100 / 7}],
            config,
            gate=gate,
        )
        for place in range(9)
    ]
    records[4] = record("a/4", [], config, error="no such file")
    return make_run("one", config, records, tasks=9, data="/home/somebody/bench", peak_memory_bytes=1 << 30)


def test_what_is_published_comes_back(make_run: RunMaker, config: RunConfig, tmp_path: Path) -> None:
    folder = some_run(make_run, config)
    path = publish(folder, tmp_path / "results")
    assert path == tmp_path / "results" / "repoeval-line" / "bm25.tiny.json"
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["bm25.tiny.json", "bm25.tiny.scores.xz"]
    (found,) = load_results(tmp_path / "results")
    expected = summarise(scores_of(folder))
    assert found.run.config == expected.run.config
    for key in ("tasks", "repositories", "failed", "timings", "sources", "origins"):
        assert getattr(found.run, key) == getattr(expected.run, key)
    for mine, theirs in zip(found.run.passes, expected.run.passes, strict=True):
        assert mine.keys() == theirs.keys()
        for name, column in mine.items():
            np.testing.assert_array_equal(column, theirs[name])
    np.testing.assert_array_equal(found.run.gate_score, expected.run.gate_score)
    np.testing.assert_array_equal(found.run.gate_retrieve, expected.run.gate_retrieve)
    for name, estimate in found.passes[0].metrics.items():
        assert asdict(estimate) == pytest.approx(asdict(expected.passes[0].metrics[name]), abs=1e-6)


def test_the_summary_can_be_read_by_people(make_run: RunMaker, config: RunConfig, tmp_path: Path) -> None:
    text = publish(some_run(make_run, config), tmp_path).read_text(encoding="utf-8")
    data = json.loads(text)
    assert data["run"]["config"]["commit"] == "abc1234"
    assert data["failed"] == {"a/4": "no such file"}
    assert data["passes"][0]["metrics"]["exact_match"]["n"] == 8
    assert data["passes"][0]["repositories"]["b"]["exact_match"] == [100.0, 4]
    assert data["run"]["data"] == "bench"
    assert "/home" not in text


def test_publishing_twice_gives_the_same_bytes(make_run: RunMaker, config: RunConfig, tmp_path: Path) -> None:
    folder = some_run(make_run, config)
    first, second = publish(folder, tmp_path / "one"), publish(folder, tmp_path / "two")
    assert first.read_bytes() == second.read_bytes()
    assert scores_path(first).read_bytes() == scores_path(second).read_bytes()


def test_names_tell_settings_apart(config: RunConfig) -> None:
    assert results_name(replace(config, model="")) == "bm25.retrieval"
    assert results_name(replace(config, model="http://host:8080/v1/Big Model")) == "bm25.Big-Model"
    assert results_name(replace(config, budget=512, context="both")) == "bm25.tiny.both-budget-512"
    assert results_name(replace(config, details={"embedder": "/models/mini"})) == "bm25.tiny.mini"


def test_damaged_results_are_said(make_run: RunMaker, config: RunConfig, tmp_path: Path) -> None:
    path = publish(some_run(make_run, config), tmp_path)
    summary, scores = path.read_bytes(), scores_path(path).read_bytes()
    for bad_summary, bad_scores in (
        (summary[:-30], scores),
        (summary.replace(b'"format": 1', b'"format": 9'), scores),
        (summary.replace(b'\n "tasks": 9', b'\n "tasks": 8'), scores),
        (summary, scores[:-8]),
        (summary, lzma.compress(b"{}")),
        (summary, lzma.compress(lzma.decompress(scores).replace(b'"exact_match":[', b'"exact_match":[0,'))),
    ):
        assert (bad_summary, bad_scores) != (summary, scores)
        path.write_bytes(bad_summary)
        scores_path(path).write_bytes(bad_scores)
        with pytest.raises(UsageError, match="publish the run again"):
            read_results(path)


def test_a_run_without_scores_is_not_published(make_run: RunMaker, config: RunConfig, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no sample with scores"):
        publish(make_run("none", config, []), tmp_path)


def test_no_results_are_no_error(tmp_path: Path) -> None:
    assert load_results(tmp_path / "nowhere") == []


def test_kept_summaries_say_what_their_scores_say() -> None:
    """The results of this repository: every mean is that of the scores beside it, and nobody's folder is named."""
    for found in load_results(RESULTS):
        config = found.run.config
        for entry in found.passes:
            for name, estimate in entry.metrics.items():
                column = found.run.column(name, entry.number)
                values = column[~np.isnan(column)]
                assert len(values) == estimate.n, (config, name)
                assert values.mean() == pytest.approx(estimate.mean, abs=1e-5), (config, name)
                assert estimate.low <= estimate.mean <= estimate.high, (config, name)
    for path in RESULTS.glob("*/*.json"):
        assert '"/' not in path.read_text(encoding="utf-8"), path
