"""What a run left is read back, and what is wrong with it is said in one line."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

import pytest

from eval.report.samples import read_run, read_samples
from eval.report.scores import scores_of
from eval.types import RunConfig
from repocoder.errors import UsageError
from tests.eval.report.conftest import RunMaker, record


@pytest.mark.parametrize("ending", ["", ".xz", ".gz"])
def test_samples_come_back_in_order(make_run: RunMaker, config: RunConfig, ending: str) -> None:
    records = [record(f"a/{n}", [{"exact_match": 0.0}, {"exact_match": 100.0}], config) for n in (3, 1, 2)]
    folder = make_run("one", config, records, ending, tasks=3)
    info = read_run(folder)
    assert info.config == config
    assert info.facts == {"tasks": 3}
    samples = list(read_samples(folder))
    assert [sample.task_id for sample in samples] == ["a/3", "a/1", "a/2"]
    assert samples[0].passes[1].scores == {"exact_match": 100.0}
    assert samples[0].passes[1].context_tokens == 20


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"method": "oracle"}, "method is 'oracle', run.json says 'bm25'"),
        ({"benchmark": "repoeval-api"}, "benchmark is 'repoeval-api'"),
        ({"passes": []}, "neither a pass nor an error"),
        ({"passes": [{"number": 2, "scores": {}}]}, "passes are numbered [2]"),
        ({"passes": [{"number": 1, "scores": {"exact_match": "high"}}]}, "$.passes[0].scores"),
        ({"passes": [{"number": 1}]}, "missing required field `scores`"),
        ({"task_id": 7}, "$.task_id"),
    ],
)
def test_a_wrong_record_is_named_by_file_and_line(
    make_run: RunMaker, config: RunConfig, change: dict[str, object], fault: str
) -> None:
    good = record("a/1", [{"exact_match": 0.0}], config)
    folder = make_run("one", config, [good, good | {"task_id": "a/2"} | change])
    with pytest.raises(UsageError) as caught:
        list(read_samples(folder))
    assert f"{folder / 'samples.jsonl'}:2: " in str(caught.value)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_torn_last_line_is_left_out_and_a_torn_middle_is_not(make_run: RunMaker, config: RunConfig) -> None:
    folder = make_run("one", config, [record("a/1", [{"exact_match": 0.0}], config)])
    path = folder / "samples.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    assert len(list(read_samples(folder))) == 1
    path.write_bytes(whole + whole[:40] + b"\n" + whole)
    with pytest.raises(UsageError, match=r"samples\.jsonl:2: "):
        list(read_samples(folder))


def test_what_is_no_run_is_said(make_run: RunMaker, config: RunConfig) -> None:
    folder = make_run("one", config, [])
    (folder / "samples.jsonl").unlink()
    with pytest.raises(UsageError, match=r"has no samples"):
        list(read_samples(folder))
    (folder / "run.json").write_text('{"config": {"method": "bm25"}}', encoding="utf-8")
    with pytest.raises(UsageError, match=r"run\.json.*missing required field `benchmark`"):
        read_run(folder)
    (folder / "run.json").unlink()
    with pytest.raises(UsageError, match=r"has no run\.json"):
        read_run(folder)


def test_cut_archives_are_said(make_run: RunMaker, config: RunConfig) -> None:
    folder = make_run("one", config, [record("a/1", [{"exact_match": 0.0}], config)], ".xz")
    path = folder / "samples.jsonl.xz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UsageError, match="cut or damaged"):
        list(read_samples(folder))


def test_memory_does_not_grow_with_the_prompts(make_run: RunMaker, config: RunConfig) -> None:
    """24 MB of prompts are read in less than 4."""
    entry = record("a/0", [{"exact_match": 100.0}], config)
    entry["passes"][0]["prompt"] = "x" * 60_000
    folder = make_run("one", config, [])
    text = json.dumps(entry)
    with (folder / "samples.jsonl").open("w", encoding="utf-8") as file:
        for number in range(400):
            file.write(text.replace('"a/0"', f'"a/{number}"', 1) + "\n")
    tracemalloc.start()
    run = scores_of(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(run.tasks) == 400
    assert peak < 4 << 20


def test_columns_say_what_the_records_say(make_run: RunMaker, config: RunConfig) -> None:
    run_config = replace(config, passes=2)
    records = [
        record(
            "b/1",
            [{"exact_match": 0.0, "coverage": None}, {"exact_match": 100.0, "coverage": 1 / 3}],
            run_config,
        ),
        record("a/1", [{"exact_match": 100.0}], run_config, gate={"retrieve": False, "score": 0.25}),
        record("a/0", [], run_config, error="no sources: a: take data that has them"),
    ]
    records[0]["passes"][1] |= {"truth_log_likelihood": -6.0, "truth_tokens": 4}
    run = scores_of(make_run("one", run_config, records))
    assert run.tasks == ("a/0", "a/1", "b/1")
    assert run.repositories == ("a", "a", "b")
    assert run.failed == {"a/0": "no sources: a: take data that has them"}
    first, second = (run.column("exact_match", number).tolist() for number in (1, 2))
    assert first[1:] == [100.0, 0.0]
    assert second[1:] == [100.0, 100.0]  # one sample stopped after its first pass
    assert str(first[0]) == str(second[0]) == "nan"
    assert run.column("coverage").tolist()[2] == 0.3333
    assert run.column("truth_nats_per_token").tolist()[2] == 1.5
    assert run.column("context_tokens").tolist()[1:] == [10.0, 20.0]
    assert run.gate_score.tolist()[1] == 0.25
    assert run.gate_retrieve.tolist()[1] == 0.0
    assert run.sources == {"windows": 2}
    assert run.timings["prefill_ms"].mean == 20.0


def test_a_task_that_is_there_twice_is_refused(make_run: RunMaker, config: RunConfig) -> None:
    twice = [record("a/1", [{"exact_match": 0.0}], config)] * 2
    with pytest.raises(UsageError, match="task a/1 is there twice"):
        scores_of(make_run("one", config, twice))
