"""Files of predictions: how they are read, counted and refused."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.metrics import score
from eval.metrics.predictions import means, score_file, scored_json
from eval.types import Benchmark, Task
from repocoder.errors import UsageError

MakeTask = Callable[..., Task]


class NoSources:
    def folder(self, repository: str) -> Path:
        raise UsageError(f"sources: {repository}: there are none")


@pytest.fixture
def benchmark(make_task: MakeTask) -> Benchmark:
    tasks = (
        make_task("x = f(a)", id="one/0", repository="one"),
        make_task("y = g(b)", id="one/1", repository="one"),
        make_task('"text"', id="two/0", repository="two"),
        make_task("z", id="two/1", repository="two"),
    )
    return Benchmark("repoeval-line", "repoeval", "python", tasks, NoSources())


def written(path: Path, *records: object) -> Path:
    text = "".join(json.dumps(record) + "\n" for record in records)
    data = text.encode()
    path.write_bytes(
        gzip.compress(data) if path.suffix == ".gz" else lzma.compress(data) if path.suffix == ".xz" else data
    )
    return path


def said(task_id: str, prediction: object, **more: object) -> dict[str, object]:
    return {"task_id": task_id, "prediction": prediction, **more}


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.xz"])
def test_a_subset_is_scored_and_counted(name: str, tmp_path: Path, benchmark: Benchmark) -> None:
    path = written(
        tmp_path / name,
        said("two/0", '"text"', model="m"),
        said("one/1", "y = g(c)"),
        said("one/0", "x = f(a)"),
    )
    scored = score_file(path, benchmark)
    assert (scored.benchmark, scored.n, scored.n_tasks, scored.samples) == ("repoeval-line", 3, 4, 1)
    assert list(scored.tasks) == ["two/0", "one/1", "one/0"]
    assert scored.tasks["one/1"] == score(benchmark.tasks[1], "y = g(c)")
    assert scored.scores["exact_match"] == pytest.approx(200 / 3)
    assert scored.scores["identifier_f1"] == pytest.approx((100 + 200 / 3) / 2)  # not defined for two/0
    assert scored.truth_scores == dict.fromkeys(scored.scores, 100.0)
    assert {name: some.n for name, some in scored.repositories.items()} == {"one": 2, "two": 1}
    assert scored.repositories["one"].scores["exact_match"] == 50.0
    assert scored.repositories["two"].scores["exact_match"] == 100.0
    assert scored.repositories["two"].scores["identifier_f1"] is None


def test_of_several_samples_the_best_counts(tmp_path: Path, benchmark: Benchmark) -> None:
    path = written(tmp_path / "a.jsonl", said("one/0", ["no", "x = f(a)", "x"]), said("one/1", "y"))
    scored = score_file(path, benchmark)
    assert scored.samples == 3
    assert scored.tasks["one/0"]["exact_match"] == 100.0
    assert scored.scores["exact_match"] == 50.0


def test_the_truth_of_a_broken_rule_is_shown_beside(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task("f({ a: 1 });", id="a/0", benchmark="crosscodeeval-typescript", language="typescript")
    benchmark = Benchmark("crosscodeeval-typescript", "crosscodeeval", "typescript", (task,), NoSources())
    scored = score_file(written(tmp_path / "a.jsonl", said("a/0", task.truth)), benchmark)
    assert scored.scores == scored.truth_scores
    assert scored.truth_scores["exact_match"] == 0.0


def test_json_has_every_key_and_can_be_written(tmp_path: Path, benchmark: Benchmark) -> None:
    answer = scored_json(score_file(written(tmp_path / "a.jsonl", said("two/0", '"text"')), benchmark))
    assert json.loads(json.dumps(answer)) == answer
    assert set(answer) == {
        "benchmark", "n", "n_tasks", "samples", "scores", "truth_scores", "repositories", "tasks"
    }  # fmt: skip
    assert answer["repositories"]["two"] == {"n": 1, "scores": answer["tasks"]["two/0"]}


def test_blank_lines_a_mark_and_line_ends_of_windows_are_fine(tmp_path: Path, benchmark: Benchmark) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        "",
        json.dumps(said("one/0", "é")),
        "  ",
        json.dumps(said("one/1", "y = g(b)"), ensure_ascii=False),
    ]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert score_file(path, benchmark).n == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "a.jsonl:2: no JSON"),
        ("[" * 100_000, "a.jsonl:2: no JSON"),
        ("[1]", "a.jsonl:2: not of the form"),
        ('{"task_id": "one/1"}', "a.jsonl:2: not of the form"),
        ('{"task_id": "one/1", "prediction": null}', "a.jsonl:2: not of the form"),
        ('{"task_id": "one/1", "prediction": []}', "a.jsonl:2: not of the form"),
        ('{"task_id": "one/1", "prediction": ["a", 1]}', "a.jsonl:2: not of the form"),
        ('{"task_id": 1, "prediction": "a"}', "a.jsonl:2: not of the form"),
        ('{"prediction": "a"}', "a.jsonl:2: not of the form"),
        ('{"task_id": "three/0", "prediction": "a"}', "a.jsonl:2: 'three/0' is no task of repoeval-line"),
        ('{"task_id": "\\u001b[31m", "prediction": "a"}', r"a.jsonl:2: '\\x1b\[31m' is no task"),
        ('{"task_id": "one/0", "prediction": "a"}', "a.jsonl:2: 'one/0' was already in line 1"),
        ('{"task_id": "one/1", "prediction": "\udcff"}', "a.jsonl:2: not UTF-8"),
    ],
)
def test_a_bad_line_is_named(line: str, message: str, tmp_path: Path, benchmark: Benchmark) -> None:
    path = tmp_path / "a.jsonl"
    text = f"{json.dumps(said('one/0', 'x'))}\n{line}\n"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=message) as caught:
        score_file(path, benchmark)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_a_long_id_is_shortened(tmp_path: Path, benchmark: Benchmark) -> None:
    with pytest.raises(UsageError, match="no task") as caught:
        score_file(written(tmp_path / "a.jsonl", said("x" * 5000, "a")), benchmark)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", b"", "no prediction in it"),
        ("a.jsonl", b"\n \n", "no prediction in it"),
        ("a.jsonl.gz", b"{}", "not compressed as its name says"),
        ("a.jsonl.xz", b"{}", "not compressed as its name says"),
        (
            "a.jsonl.gz",  # without a time, which would be another name of the test in another second
            gzip.compress(b'{"task_id": "one/0", "prediction": "a"}\n' * 9, mtime=0)[:-12],
            "damaged",
        ),
        ("a.jsonl.xz", lzma.compress(b"{}\n" * 9)[:-12], "a.jsonl.xz"),
    ],
)
def test_a_bad_file_is_named(
    name: str, data: bytes, message: str, tmp_path: Path, benchmark: Benchmark
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=message):
        score_file(tmp_path / name, benchmark)


def test_a_file_that_is_not_there(tmp_path: Path, benchmark: Benchmark) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path / "none.jsonl.gz", tmp_path):
        with pytest.raises(UsageError, match="name a readable file"):
            score_file(path, benchmark)


def test_means_leave_out_what_is_not_defined() -> None:
    assert means([{"a": 1.0, "b": None}, {"a": 2.0, "b": None}, {"a": None, "c": 5.0}]) == {
        "a": 1.5,
        "b": None,
        "c": 5.0,
    }
    assert means([]) == {}
