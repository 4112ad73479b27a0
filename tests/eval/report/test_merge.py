"""Shards of one run become one folder that equals a run that was never split."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.report.merge import merge, task_order
from eval.report.samples import read_run
from eval.report.scores import scores_of
from eval.report.summary import summarise
from eval.run.selection import choose
from eval.types import RunConfig
from repocoder.errors import UsageError
from tests.eval.report.conftest import Record, RunMaker, record

TASKS = [f"{repository}/{number}" for repository in "ab" for number in range(10)]


def records(config: RunConfig, tasks: list[str], **more: object) -> list[Record]:
    return [
        record(task, [{"exact_match": 100.0 * (place % 3 == 0)}], config, **more)
        for place, task in enumerate(tasks)
    ]


def shards(make_run: RunMaker, config: RunConfig, ending: str = "") -> tuple[Path, Path, Path]:
    """The whole run, and the same in two shards that finished in another order."""
    whole = records(config, TASKS)
    one = make_run("whole", config, whole, started="2026-01-01", tasks=20, seconds=5.0)
    halves = [
        make_run(
            f"shard{number}",
            replace(
                config,
                shard=f"{number}/2",
                details={"machine": f"m{number}", "model": f"/m{number}/tiny.gguf"},
            ),
            list(reversed([entry | {"timings": {"retrieve_ms": 9.0 + number}} for entry in part])),
            ending,
            started=f"2026-01-0{number}",
            tasks=10,
            seconds=3.5,
            host="same",
        )
        for number, part in ((1, whole[:10]), (2, whole[10:]))
    ]
    return one, halves[0], halves[1]


def untimed(folder: Path) -> list[Record]:
    lines = (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "timings"} for line in lines]


@pytest.mark.parametrize("ending", ["", ".xz", ".gz"])
def test_two_shards_equal_one_run(make_run: RunMaker, config: RunConfig, tmp_path: Path, ending: str) -> None:
    whole, first, second = shards(make_run, config, ending)
    done = merge([second, first], tmp_path / "merged", TASKS)
    assert (done.samples, done.repeated, done.failed) == (20, 0, 0)
    assert untimed(tmp_path / "merged") == untimed(whole)
    assert summarise(scores_of(tmp_path / "merged")).passes == summarise(scores_of(whole)).passes
    info = read_run(tmp_path / "merged")
    assert info.config.shard == ""
    assert info.notes == ("resampled: not the published list",)
    assert info.facts["tasks"] == 20
    assert info.facts["seconds"] == 7.0
    assert info.facts["started"] == "2026-01-01"
    assert info.facts["host"] == "same"
    assert [shard["shard"] for shard in info.facts["shards"]] == ["2/2", "1/2"]
    assert not (tmp_path / "merged.part").exists()


def test_runs_of_different_configurations_are_refused(
    make_run: RunMaker, config: RunConfig, tmp_path: Path
) -> None:
    _, first, _ = shards(make_run, config)
    for place, (other, told) in enumerate(
        [
            (replace(config, shard="2/2", budget=512), "budget is 512, .* has 0"),
            (replace(config, shard="2/2", commit="fff0000"), "commit is 'fff0000'"),
            (replace(config, shard="2/2", details={"embedder": "m"}), "details.embedder is 'm', .* has None"),
        ]
    ):
        with pytest.raises(UsageError, match=told):
            merge([first, make_run(f"other{place}", other, [])], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_missing_shards_are_named(make_run: RunMaker, config: RunConfig, tmp_path: Path) -> None:
    third = make_run("third", replace(config, shard="3/4"), records(config, TASKS[:3]))
    with pytest.raises(UsageError, match="missing shards: 1/4, 2/4, 4/4: "):
        merge([third], tmp_path / "merged")
    done = merge([third], tmp_path / "merged", TASKS, partial=True)
    assert done.missing_shards == ("1/4", "2/4", "4/4")
    assert done.missing_tasks == 17
    notes = read_run(tmp_path / "merged").notes
    assert "incomplete: shards 1/4, 2/4, 4/4 are missing" in notes
    assert "incomplete: 17 tasks have no sample" in notes


def test_missing_tasks_are_named(make_run: RunMaker, config: RunConfig, tmp_path: Path) -> None:
    folder = make_run("one", config, records(config, TASKS[:-1]))
    with pytest.raises(UsageError, match="1 tasks have no sample: b/9: resume"):
        merge([folder], tmp_path / "merged", TASKS)
    with pytest.raises(UsageError, match="task b/8 is not one of the run"):
        merge([folder], tmp_path / "merged", TASKS[:-2])


def test_equal_samples_collapse_and_different_ones_are_refused(
    make_run: RunMaker, config: RunConfig, tmp_path: Path
) -> None:
    same = records(config, TASKS[:2])
    other = [entry | {"timings": {"retrieve_ms": 77.0}} for entry in same]
    other[0]["passes"] = [entry | {"timings": {"retrieve_ms": 99.0}} for entry in other[0]["passes"]]
    first, second = make_run("one", config, [*same, same[0]]), make_run("two", config, other)
    done = merge([first, second], tmp_path / "merged", TASKS[:2])
    assert (done.samples, done.repeated) == (2, 3)
    wrong = make_run("three", config, [same[1] | {"truth": "y = 1"}])
    with pytest.raises(
        UsageError, match=r"task a/1: .*one/samples.jsonl:2 and .*three/samples.jsonl:1 differ in truth"
    ):
        merge([first, wrong], tmp_path / "again")


def test_a_failed_sample_gives_way(make_run: RunMaker, config: RunConfig, tmp_path: Path) -> None:
    good = records(config, TASKS[:2])
    failed = record("a/0", [], config, error="worker died")
    folder = make_run("one", config, [failed, *good, record("a/1", [], config, error="again")])
    done = merge([folder], tmp_path / "merged", TASKS[:2])
    assert (done.samples, done.repeated, done.failed) == (2, 2, 0)
    assert untimed(tmp_path / "merged") == untimed(make_run("clean", config, good))


def test_nothing_is_written_over(make_run: RunMaker, config: RunConfig, tmp_path: Path) -> None:
    folder = make_run("one", config, records(config, TASKS[:2]))
    with pytest.raises(UsageError, match="is there already"):
        merge([folder], folder)
    with pytest.raises(UsageError, match="nothing"):
        merge([], tmp_path / "merged")


def test_shards_of_different_splits_are_refused(
    make_run: RunMaker, config: RunConfig, tmp_path: Path
) -> None:
    folders = [make_run(f"s{n}", replace(config, shard=f"1/{n}"), []) for n in (2, 3)]
    with pytest.raises(UsageError, match="1/2, 1/3: are of different splits"):
        merge(folders, tmp_path / "merged")


def test_the_order_comes_from_the_benchmark(
    make_run: RunMaker, config: RunConfig, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eval.datasets import load

    monkeypatch.setenv("REPOCODER_BENCHMARKS", str(shared))
    asked = replace(config, limit=12, seed=3)
    order = task_order(asked)
    assert order == tuple(task.id for task in choose(load("repoeval-line").tasks, 12, 3))
    folder = make_run("one", asked, records(asked, sorted(order, reverse=True)))
    merge([folder], tmp_path / "merged")
    assert tuple(entry["task_id"] for entry in untimed(tmp_path / "merged")) == order
    assert task_order(replace(config, benchmark="mined-by-someone")) == ()
