"""Small copies of the benchmarks in the official layouts, and a cache of their own for the tests that unpack."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Writer = Callable[[Path, list[dict[str, Any]]], Path]
Make = Callable[..., dict[str, Any]]

MODULE = """\
import os


def first(path):
    return os.path.join(path, 'a')


def second(path):
    return first(path)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder that `repocoder.paths` names."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("REPOCODER_BENCHMARKS", raising=False)
    return tmp_path / "cache" / "repocoder" / "benchmarks"


@pytest.fixture
def write_lines() -> Writer:
    """Writes records as JSON Lines, packed as the name says."""

    def write(path: Path, records: list[dict[str, Any]]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        data = "".join(json.dumps(record) + "\n" for record in records).encode()
        path.write_bytes(lzma.compress(data) if path.suffix == ".xz" else data)
        return path

    return write


@pytest.fixture
def module() -> str:
    """The one source file of the small copies."""
    return MODULE


@pytest.fixture
def line_record() -> Make:
    """Makes a line task at the last line of `MODULE` as the official files write one; metadata can be changed."""

    def make(number: int, **changes: Any) -> dict[str, Any]:
        metadata = {
            "task_id": f"own_repo/{number}",
            "ground_truth": "    return first(path)",
            "fpath_tuple": ["own_repo", "pkg", "module.py"],
            "context_start_lineno": 3,
            "line_no": 8,
        }
        prompt = "\n".join(MODULE.split("\n")[3:8])  # without a line end
        return {"prompt": prompt, "metadata": metadata | changes}

    return make


@pytest.fixture
def statement_record() -> Make:
    """Makes a CrossCodeEval task as the official files write one; metadata can be changed."""

    def make(number: int, **changes: Any) -> dict[str, Any]:
        metadata = {
            "task_id": f"project_cc_python/{number}",
            "repository": "own-repo-1234567",
            "file": "pkg/module.py",
            "context_start_lineno": 0,
            "groundtruth_start_lineno": 8,
            "right_context_start_lineno": 9,
        }
        return {
            "prompt": MODULE[: MODULE.rindex("first(")],
            "groundtruth": "first(path)",
            "right_context": "\n",
            "metadata": metadata | changes,
        }

    return make
