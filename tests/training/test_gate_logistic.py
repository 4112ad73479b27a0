"""The gate of the package: no repository of a benchmark, labels that are kept, and a report of what was refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from repocoder.errors import UsageError
from repocoder.gate.features import FEATURES
from repocoder.gate.fitting import why_refused
from repocoder.gate.weights import SHIPPED, GateFile, shipped
from training import gate
from training.completion.weights import TrainingError


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of RepoEval; those of CrossCodeEval come from its archives, which are not here."""
    monkeypatch.setattr(gate, "benchmark_folder", lambda: Path("nowhere"))
    monkeypatch.setattr(
        gate, "repositories", lambda _: ["huggingface/diffusers", "pytorch/rl", "owner/some-repo"]
    )


@pytest.mark.usefixtures("benchmarks")
def test_a_repository_of_a_benchmark_is_refused() -> None:
    assert gate.check_names(["encode/httpx"]) == 3
    for name in ("huggingface/diffusers", "fork/diffusers", "any/some_repo"):
        with pytest.raises(TrainingError, match="of a benchmark by its name"):
            gate.check_names([name])


def test_without_the_benchmarks_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPOCODER_BENCHMARKS", raising=False)
    with pytest.raises(UsageError, match="REPOCODER_BENCHMARKS"):
        gate.check_names(["encode/httpx"])


def test_what_the_package_carries_is_worth_it_and_in_the_report() -> None:
    report = msgspec.json.decode(gate.REPORT.read_bytes(), type=gate.Report)
    assert report.benchmark_repositories > 100 and report.tried
    for one in report.tried:
        assert one.refused == why_refused(one.figures)
    kept = {(one.model, one.memory): one for one in report.tried if one.refused is None}
    assert {(one.model, one.memory) for one in shipped().gates} == kept.keys()
    for weights in shipped().gates:
        assert weights.figures == kept[weights.model, weights.memory].figures
        assert {*weights.features} == {*FEATURES}
    assert msgspec.json.decode(SHIPPED.read_bytes(), type=GateFile) == shipped()


@pytest.mark.usefixtures("benchmarks")
def test_labels_of_several_repositories_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the embedded model: few holes are refused with a line, and the second run labels nothing again."""
    lines = [f"    value_{n} = combine_parts(first_{n}, second={n}, third=[{n}])" for n in range(6)]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "code.py").write_text("\n".join(["def make():", *lines]) + "\n")
    given = ["--work", str(tmp_path / "work"), "--holes", "2", "--repositories"]
    given += [f"owner/{name}={tmp_path / name}" for name in ("one", "two")]
    given += ["--assets", str(tmp_path / "gate.json"), "--report", str(tmp_path / "report.json")]
    for new in (2, 0):
        assert gate.main(given) == 2
        told = capsys.readouterr().err
        assert told.count(f"2 labels of 2 holes, {new} new") == 2 and "too few" in told
    assert not (tmp_path / "gate.json").exists()
