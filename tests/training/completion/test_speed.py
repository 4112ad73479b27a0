"""The worker's side of the comparison with llama-bench; the tool itself needs a compiler and its sources."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from repocoder.models import EMBEDDED_FILE
from training.completion import speed
from training.completion.bench import run_step
from training.completion.speed import Worker, measure, run_bench
from training.completion.weights import TrainingError
from training.measured import read_measurement

TOOL = """#!/bin/sh
echo '[{"n_prompt": 512, "n_gen": 0, "avg_ts": 100.0}, {"n_prompt": 1500, "n_gen": 0, "avg_ts": 90.0},
       {"n_prompt": 0, "n_gen": 128, "avg_ts": 50.5}]'
"""


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """Says what llama-bench says."""
    path = tmp_path / "llama-bench-1" / "llama-bench"
    path.parent.mkdir()
    path.write_text(TOOL)
    path.chmod(stat.S_IRWXU)
    return path


def test_the_worker_is_timed_with_fresh_prompts_and_does_not_end_early() -> None:
    worker = Worker(EMBEDDED_FILE, 1)
    try:
        rates = [worker.prompt(200), worker.prompt(200), worker.decode(24)]
    finally:
        worker.close()
    assert all(rate > 0 for rate in rates)
    assert rates[1] < 3 * rates[0] + 1000  # nothing of the first prompt was reused


def test_both_sides_are_in_the_report(
    tool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speed, "find_tool", lambda: tool)
    report = tmp_path / "speed.json"
    arguments = [str(EMBEDDED_FILE), "--repetitions", "2", "--threads", "1", "--json", str(report)]
    assert speed.main(arguments) == 0
    assert "ratio" in capsys.readouterr().out
    told = json.loads(report.read_text())
    assert [row["test"] for row in told["rows"]] == ["prompt of 512", "prompt of 1500", "decoding 128"]
    for row, bench in zip(told["rows"], (100.0, 90.0, 50.5), strict=True):
        assert row["bench"] == bench and row["ratio"] == pytest.approx(row["worker"] / bench, abs=0.01)
        assert row["worker_range"][0] <= row["worker"] <= row["worker_range"][1]
    assert len(read_measurement(report, "2026-01-02").figures) == 3


def test_a_tool_that_fails_is_one_line(tool: Path) -> None:
    tool.write_text("#!/bin/sh\necho no model >&2\nexit 1\n")
    with pytest.raises(TrainingError, match="llama-bench: no model"):
        run_bench(tool, EMBEDDED_FILE, 1)
    with pytest.raises(TrainingError, match="install a C\\+\\+ compiler"):
        run_step([str(tool.parent / "nowhere")])


def test_a_model_of_a_short_context_is_refused(tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "find_tool", lambda: tool)
    monkeypatch.setattr(speed, "PROMPTS", (512, 4000))
    with pytest.raises(TrainingError, match="context is below"):
        measure(EMBEDDED_FILE, threads=1, repetitions=1)
