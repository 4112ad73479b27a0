"""From two run folders to a report, every figure computed a second time in another way."""

from __future__ import annotations

import json
import math
import random
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.report.commands import compare, report
from eval.report.results import publish
from eval.types import RunConfig
from repocoder.errors import UsageError
from tests.eval.report.conftest import Record, RunMaker, record

N = 120


def outcomes(seed: int, rate: float) -> list[dict[str, float | None]]:
    """Exact match at a rate, a similarity, a coverage that every fourth task has not."""
    generator = random.Random(seed)
    found: list[dict[str, float | None]] = []
    for place in range(N):
        right = generator.random() < rate
        similarity = 100.0 if right else round(generator.uniform(0, 99), 4)
        coverage = None if place % 4 == 0 else float(generator.choice([0, 25, 50, 100]))
        found.append(
            {
                "exact_match": 100.0 * right,
                "edit_similarity_fuzz": similarity,
                "identifier_coverage": coverage,
            }
        )
    return found


def tasks() -> list[str]:
    return [f"repo{place % 3}/{place:03}" for place in range(N)]


@pytest.fixture
def two(make_run: RunMaker, config: RunConfig) -> tuple[Path, Path]:
    """In-file and RepoCoder with two passes; the second run lacks ten tasks and failed at one."""
    in_file, repocoder = replace(config, method="in-file"), replace(config, method="repocoder", passes=2)
    base, first, second = outcomes(1, 0.3), outcomes(2, 0.45), outcomes(3, 0.6)
    plain = [record(task, [base[place]], in_file) for place, task in enumerate(tasks())]
    passes = [record(task, [first[place], second[place]], repocoder) for place, task in enumerate(tasks())][
        :-10
    ]
    passes[5] = record(tasks()[5], [], repocoder, error="worker died: | twice")
    return make_run("in-file", in_file, plain, tasks=N), make_run("repocoder", repocoder, passes, tasks=N)


def row(data: dict[str, Any], method: str, number: int) -> dict[str, Any]:
    rows = [
        found for found in data["sections"][0]["rows"] if (found["method"], found["pass"]) == (method, number)
    ]
    assert len(rows) == 1
    found: dict[str, Any] = rows[0]
    return found


def test_means_and_intervals(two: tuple[Path, Path]) -> None:
    data = json.loads(report(two, as_data=True))
    base, second = outcomes(1, 0.3), outcomes(3, 0.6)
    right = [entry["exact_match"] or 0.0 for entry in base]
    found = row(data, "in-file", 1)["metrics"]["exact_match"]
    assert found["n"] == N
    assert found["mean"] == pytest.approx(statistics.fmean(right))
    error = statistics.pstdev(right) / math.sqrt(N)
    assert found["low"] == pytest.approx(found["mean"] - 1.96 * error, abs=0.4 * error)
    assert found["high"] == pytest.approx(found["mean"] + 1.96 * error, abs=0.4 * error)
    kept = [place for place in range(N - 10) if place != 5]
    coverage = [second[place]["identifier_coverage"] for place in kept if place % 4]
    found = row(data, "repocoder", 2)["metrics"]["identifier_coverage"]
    assert found["n"] == len(coverage)
    assert found["mean"] == pytest.approx(statistics.fmean(value or 0.0 for value in coverage))
    by_hand = [second[place]["exact_match"] or 0.0 for place in kept if place % 3 == 1]
    means = row(data, "repocoder", 2)["repositories"]["repo1"]["exact_match"]
    assert means == {"mean": pytest.approx(statistics.fmean(by_hand)), "n": len(by_hand)}


def test_differences_and_p_values(two: tuple[Path, Path]) -> None:
    stats = pytest.importorskip("scipy.stats")
    data = json.loads(report(two, as_data=True))
    kept = [place for place in range(N - 10) if place != 5]
    base = outcomes(1, 0.3)
    raw = []
    for number, after in ((1, outcomes(2, 0.45)), (2, outcomes(3, 0.6))):
        pairs = [(base[place]["exact_match"], after[place]["exact_match"]) for place in kept]
        helped, harmed = pairs.count((0.0, 100.0)), pairs.count((100.0, 0.0))
        found = row(data, "repocoder", number)["versus_in_file"]["exact_match"]
        assert (found["n"], found["helped"], found["harmed"]) == (len(kept), helped, harmed)
        assert found["same"] == len(kept) - helped - harmed
        assert found["helped_share"] == pytest.approx(100 * helped / len(kept))
        assert found["difference"] == pytest.approx(100 * (helped - harmed) / len(kept))
        assert found["test"] == "McNemar, exact"
        raw.append(float(stats.binomtest(helped, helped + harmed).pvalue))
        assert found["p"] == pytest.approx(raw[-1])
    low, high = sorted(raw)
    expected = {low: min(1.0, 2 * low), high: max(min(1.0, 2 * low), high)}
    for number, p in enumerate(raw, 1):
        holm = row(data, "repocoder", number)["versus_in_file"]["exact_match"]["p_holm"]
        assert holm == pytest.approx(expected[p])
    after = outcomes(3, 0.6)
    moved = np.array(
        [
            (after[place]["edit_similarity_fuzz"] or 0) - (base[place]["edit_similarity_fuzz"] or 0)
            for place in kept
        ]
    )
    found = row(data, "repocoder", 2)["versus_in_file"]["edit_similarity_fuzz"]
    permuted = stats.permutation_test(
        (moved,), np.mean, permutation_type="samples", n_resamples=9999, rng=np.random.default_rng(0)
    )
    assert found["test"] == "paired permutation"
    assert found["p"] == pytest.approx(permuted.pvalue, abs=0.01)
    assert found["difference"] == pytest.approx(moved.mean())
    assert found["low"] < found["difference"] < found["high"]


def test_the_text_says_what_a_reader_must_know(two: tuple[Path, Path]) -> None:
    text = report(two)
    assert "| in-file | - | 120 |" in text
    assert "| repocoder | 2 | 110 |" in text
    assert "resampled: not the published list" in text
    assert "Origin of the tasks: 120 resampled." in text
    assert (
        "repocoder: 1 of 110 tasks failed and are in no mean (first: repo2/005: worker died: | twice)" in text
    )
    assert "repocoder: unfinished, 110 of 120 tasks are done" in text
    assert "The rows are not over the same tasks" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    headers = {line.count("|") for line in tables if "---" in line}
    assert {line.count("|") for line in tables} == headers


def test_report_writes_its_files(two: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    text = report(two, tmp_path / "out")
    written = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert written.startswith(text)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"report.md", "report.json", "coverage.svg", "latency.svg"}
    assert "![coverage](coverage.svg)" in written
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == json.loads(report(two, as_data=True))


def test_shards_count_as_one_run(make_run: RunMaker, config: RunConfig) -> None:
    found = [record(task, [entry], config) for task, entry in zip(tasks(), outcomes(1, 0.3), strict=True)]
    whole = make_run("whole", config, found)
    parts: list[list[Record]] = [found[1::2], found[::2]]
    halves = [make_run(f"half{n}", replace(config, shard=f"{n}/2"), part) for n, part in enumerate(parts, 1)]
    assert report(halves) == report([whole])
    assert "incomplete: shards 2/2 are missing" in report(halves[:1])


def test_compare_two_runs_and_two_passes(two: tuple[Path, Path]) -> None:
    data = json.loads(compare(two, as_data=True))
    assert data["first"] == "in-file"
    against = json.loads(report(two, as_data=True))
    for entry in data["differences"]:
        if entry["run"] == "repocoder pass 2" and entry["metric"] == "exact_match":
            assert (
                entry
                == {"run": "repocoder pass 2"} | row(against, "repocoder", 2)["versus_in_file"]["exact_match"]
            )
            break
    else:
        pytest.fail("no row of pass 2")
    assert "passes differs: 1, 2" in data["notes"]
    text = compare(two[1:])
    assert "Against repocoder pass 1:" in text
    assert "| repocoder pass 2 | EM |" in text


def test_what_cannot_be_compared_is_refused(
    two: tuple[Path, Path], make_run: RunMaker, config: RunConfig, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="one run of one pass"):
        compare(two[:1])
    other = replace(config, benchmark="repoeval-api")
    folder = make_run("api", other, [record("x/1", [{"exact_match": 0.0}], other)])
    with pytest.raises(UsageError, match="are different benchmarks"):
        compare([two[0], folder])
    elsewhere = make_run("elsewhere", config, [record("x/1", [{"exact_match": 0.0}], config)])
    with pytest.raises(UsageError, match="no scored task in common"):
        compare([two[0], elsewhere])
    with pytest.raises(UsageError, match="neither a run's folder nor results"):
        report([tmp_path])


def test_settings_do_not_share_a_table(two: tuple[Path, Path], make_run: RunMaker, config: RunConfig) -> None:
    native = replace(config, layout="native")
    folder = make_run("native", native, [record("x/1", [{"exact_match": 0.0}], native)])
    data = json.loads(report([*two, folder], as_data=True))
    assert [(entry["layout"], len(entry["rows"])) for entry in data["sections"]] == [
        ("native", 1),
        ("published", 3),
    ]


def test_kept_results_give_the_same_report(two: tuple[Path, Path], tmp_path: Path) -> None:
    for folder in two:
        publish(folder, tmp_path / "results")
    assert report([tmp_path / "results"]) == report(two)
    assert compare([tmp_path / "results"]) == compare(two)
