"""The contract of `repocoder eval`: from a benchmark to a table, and what goes wrong on the way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from eval.cli import evaluation
from repocoder.models import EMBEDDED_NAME

RunEval = Callable[..., Any]
BENCHMARK = ("--benchmark", "repoeval-line")


def records(folder: Path) -> dict[str, Any]:
    lines = (folder / "samples.jsonl").read_text().splitlines()
    found = {record["task_id"]: record for record in map(json.loads, lines)}
    assert len(found) == len(lines)
    return found


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(entry) for key, entry in value.items() if key != "timings"}
    return [without_times(entry) for entry in value] if isinstance(value, list) else value


def test_every_command_has_help_of_one_line(run_eval: RunEval) -> None:
    shown = run_eval("--help")
    assert shown.code == 0
    for name in ("run", "retrieval", "score", "merge", "report", "compare", "mine", "fetch"):
        command = evaluation.get_command(click.Context(evaluation), name)
        assert command is not None
        short = command.get_short_help_str(200)
        assert short.rstrip(".") in shown.out, name
        assert run_eval(name, "--help").code == 0


def test_a_run_with_the_embedded_model(run_eval: RunEval, data: Path, tmp_path: Path) -> None:
    answer = run_eval(
        "run", *BENCHMARK, "--method", "in-file", "--data", data, "--out", "run", "--json", "--workers", "1"
    )
    summary = answer.json
    assert summary["tasks"] == 6
    assert summary["failed"] == {}
    assert summary["run"]["config"]["model"] == EMBEDDED_NAME
    metrics = summary["passes"][0]["metrics"]
    assert metrics["exact_match"]["n"] == 6
    assert {"edit_similarity_levenshtein", "edit_similarity_fuzz"} <= metrics.keys()
    assert summary["samples"] == str(tmp_path / "run" / "samples.jsonl")
    found = records(tmp_path / "run")
    one = found["acme_one/1"]["passes"][0]
    assert one["prompt"].endswith("circles = [Circle(radius) for radius in radii]\n")
    assert one["prediction"] is not None
    described = json.loads((tmp_path / "run" / "run.json").read_text())
    assert len(described["config"]["model_sha256"]) == 64
    assert described["machine"]["cores"] >= 1
    assert described["versions"]["python"]


def test_ctrl_c_says_how_to_go_on(
    run_eval: RunEval, data: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    asked = ["run", *BENCHMARK, "--method", "in-file", "--data", str(data), "--out", "run", "--workers", "1"]
    command = [sys.executable, "-m", "repocoder", "eval", *asked, "--progress"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as child:
        samples = tmp_path / "run" / "samples.jsonl"
        deadline = time.monotonic() + 60
        while not samples.exists() or not samples.read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=20)
    before = records(tmp_path / "run")
    assert child.returncode == 130, errors
    assert "the same command with --resume goes on" in errors
    assert "samples 0/6 0%" in errors or "samples 1/6 16%" in errors
    assert "Traceback" not in errors
    assert len(before) < 6
    resumed = run_eval(*asked, "--resume", "--json").json
    assert resumed["tasks"] == 6
    after = records(tmp_path / "run")
    assert {name: after[name] for name in before} == before


def test_retrieval_in_shards_equals_the_whole(run_eval: RunEval, data: Path, tmp_path: Path) -> None:
    asked = ("retrieval", *BENCHMARK, "--method", "hybrid", "--data", data, "--workers", "1")
    whole = run_eval(*asked, "--out", "whole")
    assert whole.code == 0, whole.err
    assert "hybrid" in whole.out
    assert "identifier coverage" in whole.out
    assert "samples go to" in whole.err
    for number in ("1", "2"):
        assert run_eval(*asked, "--shard", f"{number}/2", "--out", f"part{number}").code == 0
    assert run_eval("merge", "part1", "--out", "half").code == 2
    merged = run_eval("merge", "part1", "part2", "--out", "merged", "--json").json
    assert (merged["samples"], merged["failed"]) == (6, 0)
    assert without_times(records(tmp_path / "merged")) == without_times(records(tmp_path / "whole"))
    table = json.loads(run_eval("report", "whole", "--json").out)["sections"][0]["rows"][0]
    again = json.loads(run_eval("report", "part1", "part2", "--json").out)["sections"][0]["rows"][0]
    assert table["metrics"] == again["metrics"]
    assert "hybrid" in run_eval("report", "merged").out


def test_resume_refuses_does_nothing_twice_and_compares(
    run_eval: RunEval, data: Path, tmp_path: Path
) -> None:
    asked = ("retrieval", *BENCHMARK, "--data", data, "--workers", "1", "--limit", "4", "--method")
    assert run_eval(*asked, "in-file", "--out", "in-file").code == 0
    before = (tmp_path / "in-file" / "samples.jsonl").read_bytes()
    refused = run_eval(*asked, "in-file", "--out", "in-file")
    assert refused.code == 2
    assert "--resume" in refused.err.splitlines()[-1]
    other = run_eval(*asked, "bm25", "--out", "in-file", "--resume")
    assert other.code == 2
    assert "was made with method 'in-file', not 'bm25'" in other.err
    again = run_eval(*asked, "in-file", "--out", "in-file", "--resume")
    assert again.code == 0
    assert "0 samples in" in again.err
    assert (tmp_path / "in-file" / "samples.jsonl").read_bytes() == before
    assert run_eval(*asked, "hybrid", "--out", "hybrid").code == 0
    compared = run_eval("compare", "in-file", "hybrid")
    assert "identifier coverage" in compared.out
    assert "| hybrid |" in compared.out


def test_the_folder_is_named_by_what_was_asked(run_eval: RunEval, data: Path, tmp_path: Path) -> None:
    answer = run_eval(
        "retrieval", *BENCHMARK, "--method", "in-file", "--data", data, "--shard", "1/3", "--no-texts"
    )
    assert answer.code == 0, answer.err
    (folder,) = (tmp_path / "repocoder-eval" / "repoeval-line").iterdir()
    assert folder.name.startswith("in-file-retrieval-")
    assert folder.name.endswith("-shard-1-of-3")
    (only,) = (record for name, record in records(folder).items() if name == min(records(folder)))
    assert only["passes"][0]["prompt"] is None


def test_scores_of_anybodys_predictions(run_eval: RunEval, data: Path, tmp_path: Path) -> None:
    lines = [
        {"task_id": "acme_one/2", "prediction": "    return sum(areas)\n"},
        {"task_id": "acme_two/2", "prediction": "    return 0\n"},
    ]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    scored = run_eval("score", "mine.jsonl", *BENCHMARK, "--data", data, "--json").json
    assert (scored["n"], scored["n_tasks"]) == (2, 6)
    assert scored["scores"]["exact_match"] == 50.0
    assert scored["truth_scores"]["exact_match"] == 100.0
    shown = run_eval("score", "mine.jsonl", *BENCHMARK, "--data", data)
    assert "2 of 6 tasks" in shown.out
    assert "exact_match" in shown.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ("run", "--benchmark", "repoeval-lines"),
            2,
            "no such benchmark: repoeval-lines: did you mean repoeval-line?",
        ),
        (("run", "--benchmark", "humaneval"), 2, "there are repoeval-line, repoeval-api"),
        (("run", *BENCHMARK, "--method", "hybird"), 2, "no such method: hybird: did you mean hybrid?"),
        (("run", *BENCHMARK, "--shard", "3/2"), 2, "--shard: 3/2"),
        (("run", *BENCHMARK, "--shard", "x"), 2, "--shard: x"),
        (("run", *BENCHMARK, "--passes", "5"), 2, "--passes"),
        (("run", *BENCHMARK, "--limit", "0"), 2, "--limit"),
        (("run", *BENCHMARK, "--budget", "5"), 2, "--budget"),
        (("run", *BENCHMARK, "--retry-errors"), 2, "--resume"),
        (("run", *BENCHMARK, "--data", "missing"), 2, "missing: no such folder"),
        (("run", *BENCHMARK), 2, "repocoder eval fetch"),
        (("run",), 2, "Missing option '--benchmark'"),
        (("run", *BENCHMARK, "--data", "DATA", "--model", "no-such"), 4, "no such model: no-such"),
        (("run", *BENCHMARK, "--data", "DATA", "--model", "http://user:x@h"), 2, "REPOCODER_REMOTE_KEY"),
        (("run", *BENCHMARK, "--data", "DATA", "--model", "http://127.0.0.1:9"), 4, "127.0.0.1:9"),
        (("retrieval", *BENCHMARK, "--data", "DATA", "--model", "http://127.0.0.1:9"), 2, "give a GGUF"),
        (("retrieval", *BENCHMARK, "--data", "DATA", "--method", "engine"), 2, "use hybrid"),
        (("run", *BENCHMARK, "--data", "DATA", "--remote-template", "qwen"), 2, "--remote-template"),
        (
            ("run", *BENCHMARK, "--data", "DATA", "--execute"),
            2,
            "--execute: repoeval-line: only function bodies",
        ),
        (("score", "missing.jsonl", *BENCHMARK, "--data", "DATA"), 2, "missing.jsonl"),
        (("score", "x", "--benchmark", "y"), 2, "no such benchmark: y"),
        (("fetch", "repoeval"), 2, "no such benchmark: repoeval: did you mean repoeval-"),
        (("report", "missing"), 2, "missing"),
        (("compare", "missing"), 2, "missing"),
        (("merge", "missing", "--out", "new"), 2, "missing"),
        (("merge",), 2, "Missing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_error_matrix(
    run_eval: RunEval, data: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    answer = run_eval(*(str(data) if word == "DATA" else word for word in arguments))
    assert words in answer.line
    assert answer.code == code
    assert not (tmp_path / "repocoder-eval").exists()
