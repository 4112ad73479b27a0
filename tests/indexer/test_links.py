"""Linking in several processes: the same edges, whatever happens to a process."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from indexer import links
from indexer.build import Indexer
from indexer.store import DATABASE, FIRST_DATABASE
from indexer.types import Progress
from retrieval.postings import PostingsBuilder

SLICE = 3


@pytest.fixture(autouse=True)
def many_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MIN_FILES", 1)
    monkeypatch.setattr(links, "SLICE_FILES", SLICE)


def build(bench: Any, directory: Path, **kwargs: Any) -> Any:
    indexer = Indexer(bench.root, directory, derived=(PostingsBuilder(),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexer.pool, "size", 2)  # the pool is that of all tests
        return indexer.build(**kwargs)


def count_children(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    started: list[str] = []

    class Child(links.ChildProcess):
        def __init__(self, module: str, **kwargs: Any) -> None:
            started.append(module)
            super().__init__(module, **kwargs)

    monkeypatch.setattr(links, "ChildProcess", Child)
    return started


def test_the_same_edges_as_in_one_process(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = count_children(monkeypatch)
    report = build(bench, tmp_path / "many")
    assert started == [links.WORKER_MODULE] * 2
    assert report.edges > 0
    assert bench.state(tmp_path / "many") == bench.clean_state()


def test_a_worker_that_dies_costs_time_only(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "WORKER_MODULE", "indexer.no_such_worker")
    build(bench, tmp_path / "many")
    assert bench.state(tmp_path / "many") == bench.clean_state()


def test_cancelled_while_linking(bench: Any, tmp_path: Path) -> None:
    stop = threading.Event()

    def note(progress: Progress) -> None:
        if progress.stage == "resolve":
            stop.set()

    directory = tmp_path / "many"
    report = build(bench, directory, progress=note, cancel=stop)
    assert report.generation == 0
    assert any("cancelled" in line for line in report.notes)
    assert not (directory / DATABASE).exists()
    assert not (directory / FIRST_DATABASE).exists()
    assert build(bench, directory).generation == 1
    assert bench.state(directory) == bench.clean_state()
