"""A run with the repository's memory, by the real model: what the repository has elsewhere is likelier."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from eval.run.sampler import Record, SamplerOptions, open_sampler
from eval.types import RunConfig, Task

LINE = '    register_codec_of_the_house(name, width=width, order="little-endian")'
PREFIX = "from codecs_of import register_codec_of_the_house\n\n\ndef install(name, width):\n"
TASK = Task("toy/0", "repoeval-line", "line", "python", "toy", "main.py", PREFIX, LINE, "\n", 5, 0, "mined")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "toy"
    root.mkdir()
    for name in ("first", "second"):
        (root / f"{name}.py").write_text(PREFIX.replace("install", f"install_{name}") + LINE + "\n")
    (root / "main.py").write_text(PREFIX + LINE + "\n")
    return root


def sample(folder: Path, memory: str, task: Task = TASK) -> Record:
    config = RunConfig(TASK.benchmark, "in-file", model="embedded", layout="native", memory=memory)
    options = SamplerOptions({"toy": str(folder)}, indexes=str(folder.parent / "index"), threads=1)
    with open_sampler(asdict(config), asdict(options)) as sampler:
        return sampler.sample(task)


def test_the_truth_is_likelier_with_the_memory(folder: Path) -> None:
    without, drafts, mixed = (sample(folder, memory)["passes"][0] for memory in ("off", "drafts", "mixed"))
    assert drafts["truth_log_likelihood"] == without["truth_log_likelihood"]
    assert drafts["prediction"] == without["prediction"]
    assert mixed["truth_log_likelihood"] > without["truth_log_likelihood"] + 5
    assert mixed["scores"]["exact_match"] == 100
    assert without["scores"]["exact_match"] == 0


def test_what_stands_in_no_other_file_is_not_remembered(folder: Path) -> None:
    """The file of the hole has the truth on disk and in the index: it must not help."""
    for name in ("first", "second"):
        (folder / f"{name}.py").write_text("x = 1\n")
    head = "def install(name, width):\n"
    (folder / "main.py").write_text(head + LINE + "\n")
    task = replace(TASK, prefix=head, line=2)
    without, mixed = (sample(folder, memory, task)["passes"][0] for memory in ("off", "mixed"))
    assert mixed["scores"]["exact_match"] == 0
    assert mixed["truth_log_likelihood"] == pytest.approx(without["truth_log_likelihood"], abs=3)
