"""A benchmark of six tasks in the published format, and the command line over it."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from repocoder.cli import main

SHAPES = """class Circle:
    def __init__(self, radius):
        self.radius = radius

    def area_of_circle(self):
        return 3.14 * self.radius * self.radius
"""
USE = """from shapes import Circle


def total_area(radii):
    circles = [Circle(radius) for radius in radii]
    areas = [circle.area_of_circle() for circle in circles]
    return sum(areas)
"""
TARGETS = (4, 5, 6)  # 0-based lines of USE
REPOSITORIES = ("acme_one", "acme_two")


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one line of an error."""
        lines = [line for line in self.err.splitlines() if not line.startswith("repocoder: note:")]
        assert len(lines) == 1, self.err
        assert self.out == ""
        return lines[0].removeprefix("repocoder: ")


def record(repository: str, number: int) -> dict[str, Any]:
    lines = USE.splitlines(keepends=True)
    target = TARGETS[number]
    return {
        "prompt": "".join(lines[:target]),
        "metadata": {
            "task_id": f"{repository}/{number}",
            "ground_truth": lines[target].rstrip("\n"),
            "fpath_tuple": [repository, "use.py"],
            "context_start_lineno": 0,
            "line_no": target,
        },
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `--data`: three line-level tasks in each of two repositories."""
    folder = tmp_path_factory.mktemp("data")
    tasks = [record(repository, number) for repository in REPOSITORIES for number in range(len(TARGETS))]
    file = folder / "datasets" / "line_level_completion_2k_context_codex.test.jsonl"
    file.parent.mkdir()
    file.write_text("".join(json.dumps(task) + "\n" for task in tasks))
    for repository in REPOSITORIES:
        root = folder / "repositories" / "line_and_api_level" / repository
        root.mkdir(parents=True)
        (root / "shapes.py").write_text(SHAPES)
        (root / "use.py").write_text(USE)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    place = tmp_path_factory.mktemp("home")
    folders = {f"XDG_{name}_HOME": str(place / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REPOCODER_")}
    return {**inherited, **folders, "HOME": str(place), "TERM": "dumb"}


@pytest.fixture
def run_eval(
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., Answer]:
    """Runs `repocoder eval …` in this process, in an empty folder."""

    def run(*arguments: str | Path) -> Answer:
        capfd.readouterr()
        code = main(["eval", *map(str, arguments)])
        return Answer(code, *capfd.readouterr())

    monkeypatch.delenv("REPOCODER_BENCHMARKS", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    return run
