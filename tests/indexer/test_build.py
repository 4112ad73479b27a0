"""Builds converge to what a clean build gives, and do no more than needed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from indexer import linking
from indexer.derived import Changes
from indexer.errors import IndexFailedError
from indexer.staging import SMALL
from indexer.types import Progress
from retrieval.postings import PostingsBuilder


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch, bench: Any) -> list[str]:
    """The paths that builds hand to the parse workers."""
    paths: list[str] = []
    pool = bench.indexer().pool
    parse = pool.parse

    def record(jobs: Any) -> Any:
        jobs = list(jobs)
        paths.extend(jobs)
        return parse(jobs)

    monkeypatch.setattr(pool, "parse", record)
    return paths


def test_first_build_indexes_all(bench: Any) -> None:
    state = bench.state()
    assert len(state["files"]) == 14
    assert any(kind == "calls" for *_, kind, _, _ in state["edges"])
    assert state["searches"]["vocab"]


def test_unchanged_files_are_not_read(bench: Any, parsed: list[str]) -> None:
    # The files were written just before they were first read, so they are compared once
    bench.indexer().build()
    report = bench.indexer().build()
    assert (report.changed, report.generation, parsed) == (0, 1, [])
    assert not bench.indexer().is_stale()


def test_only_the_changed_file_is_parsed(bench: Any, parsed: list[str]) -> None:
    bench.repository.write("pkg/mod3.py", "class Thing3:\n    other = 1\n")
    assert bench.indexer().is_stale()
    report = bench.indexer().build()
    assert (parsed, report.changed, report.generation) == (["pkg/mod3.py"], 1, 2)
    assert bench.state() == bench.clean_state()


def test_touched_file_is_not_parsed(bench: Any, parsed: list[str]) -> None:
    (bench.root / "pkg/mod3.py").touch()
    assert not bench.indexer().is_stale()
    assert bench.indexer().build().generation == 1
    assert parsed == []


def test_mtime_set_back_is_seen(bench: Any) -> None:
    place = bench.root / "pkg/mod3.py"
    before = place.stat()
    text = place.read_text()
    place.write_text(text.replace("Module 3", "Module X"))
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert place.stat().st_size == before.st_size
    assert bench.indexer().is_stale()
    bench.indexer().build()
    assert b"Module X" in bench.state()["files"]["pkg/mod3.py"][1]


def test_random_changes_converge(bench: Any) -> None:
    for _ in range(8):
        for _ in range(bench.repository.chance.randrange(1, 6)):
            bench.repository.change()
        bench.indexer().build()
        assert bench.state() == bench.clean_state()


def test_fifty_branch_switches_converge(bench: Any) -> None:
    texts = {place: place.read_text() for place in sorted((bench.root / "pkg").glob("mod*.py"))[:6]}
    for switch in range(50):
        for number, (place, text) in enumerate(texts.items()):
            if switch % 2 == 0 and number < 2:
                place.unlink(missing_ok=True)
            elif switch % 2 == 0:
                place.write_text(text.replace("Thing", "Item"))
            else:
                place.write_text(text)
        bench.indexer().build()
    assert bench.state() == bench.clean_state()


def test_files_that_change_during_the_build_converge(bench: Any) -> None:
    stop = threading.Event()
    place = bench.root / "pkg/mod1.py"

    def scribble() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            place.write_text(f"def version() -> int:\n    return {number:08d}\n")
            time.sleep(0.001)

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        for _ in range(5):
            bench.indexer().build()
            bench.state()
    finally:
        stop.set()
        thread.join()
    bench.indexer().build()
    assert bench.state() == bench.clean_state()


def test_ids_stay_where_nothing_changed(bench: Any) -> None:
    place = bench.root / "pkg/mod2.py"
    with bench.open() as old:
        before = {chunk.text: chunk.id for chunk in old.chunks_of("pkg/mod2.py")}
        symbols = {symbol.qualname: symbol.id for symbol in old.symbols_of("pkg/mod2.py")}
    place.write_text(place.read_text() + "\n\ndef appended() -> int:\n    return 1\n" + "# long\n" * 400)
    bench.indexer().build()
    with bench.open() as new:
        after = {chunk.text: chunk.id for chunk in new.chunks_of("pkg/mod2.py")}
        kept = {symbol.qualname: symbol.id for symbol in new.symbols_of("pkg/mod2.py")}
    assert all(after[text] == number for text, number in before.items() if text in after)
    assert not set(after.values()) & set(before.values()) - {before[t] for t in before if t in after}
    assert all(kept[qualname] == number for qualname, number in symbols.items())


class Recorder(PostingsBuilder):
    """Postings that note what they were told."""

    def __init__(self) -> None:
        self.calls: list[tuple[bool, list[int], list[str]]] = []

    def build(self, target: Any, previous: Any, changes: Changes) -> None:
        added = [chunk.path for chunk in changes.added]
        self.calls.append((previous is not None, changes.removed.tolist(), added))
        super().build(target, previous, changes)


def test_derived_gets_only_what_changed(bench: Any) -> None:
    recorder = Recorder()
    indexer = bench.indexer()
    object.__setattr__(indexer._site, "derived", (recorder,))
    bench.repository.write("pkg/mod3.py", "x = 1\n")
    (bench.root / "pkg/mod4.py").unlink()
    indexer.build()
    ((had_previous, removed, added),) = recorder.calls
    assert had_previous
    assert added == ["pkg/mod3.py"]
    assert removed == sorted(removed)
    assert len(removed) >= 2


def test_other_version_of_derived_builds_it_anew_without_parsing(bench: Any, parsed: list[str]) -> None:
    recorder = Recorder()
    recorder.version = "bm25/next"
    indexer = bench.indexer()
    object.__setattr__(indexer._site, "derived", (recorder,))
    assert indexer.is_stale()
    report = indexer.build()
    assert report.notes
    assert report.generation == 2
    assert parsed == []
    assert recorder.calls[0][0] is False
    assert set(recorder.calls[0][2]) == {
        path for path in bench.clean_state()["files"] if path != "pkg/__init__.py"
    }


def test_body_change_leaves_dependents_alone(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    linked: list[str] = []
    bench.indexer().build(progress=None)
    place = bench.root / "pkg/mod0.py"

    def note(progress: Progress) -> None:
        if progress.stage == "resolve":
            linked.append(progress.path)

    text = place.read_text()
    place.write_text(text.replace("return value +", "return value *"))
    bench.indexer().build(progress=note)
    assert linked == ["pkg/mod0.py"]
    linked.clear()
    place.write_text(text.replace("Thing0", "Object0"))
    bench.indexer().build(progress=note)
    assert len(linked) > 1
    assert bench.state() == bench.clean_state()


def test_edges_do_not_depend_on_what_the_resolver_remembers(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "CACHED_SOURCE_BYTES", 1)
    assert bench.state() == bench.clean_state()


def test_rebuild_parses_all_and_says_the_same(bench: Any, parsed: list[str]) -> None:
    before = bench.state()
    (bench.root / "pkg/mod4.py").unlink()
    bench.repository.write("pkg/mod4.py", "# again\n")
    report = bench.indexer().build(rebuild=True)
    assert len(parsed) == 14
    assert report.generation == 2
    after = bench.state()
    assert after == bench.clean_state()
    assert after != before


def test_binary_file_is_read_once(bench: Any, parsed: list[str]) -> None:
    (bench.root / "data.py").write_bytes(b"x = 1\n\0")
    time.sleep(0.1)  # older than the clock's tick
    assert bench.indexer().build().skipped == {"binary": 1}
    assert bench.indexer().build().skipped == {"binary": 1}
    assert parsed == ["data.py"]
    assert not bench.indexer().is_stale()
    (bench.root / "data.py").write_bytes(b"x = 1\n")
    assert bench.indexer().build().skipped == {}
    assert bench.state() == bench.clean_state()


@pytest.mark.parametrize("stop_after", [0, 40, 100, 150])
def test_cancelled_build_is_resumed(make_bench: Callable[[int], Any], stop_after: int) -> None:
    bench = make_bench(SMALL + 20)
    cancel = threading.Event()
    steps: list[Progress] = []

    def count(progress: Progress) -> None:
        steps.append(progress)
        if len(steps) > stop_after:
            cancel.set()

    report = bench.indexer().build(progress=count, cancel=cancel)
    assert report.generation == 0
    assert "cancelled" in report.notes[0]
    n_parsed = sum(step.stage == "parse" for step in steps)
    again: list[Progress] = []
    assert bench.indexer().build(progress=again.append).generation == 1
    saved = SMALL + 22 - sum(step.stage == "parse" for step in again)
    assert saved >= n_parsed - 1
    assert bench.state() == bench.clean_state()


def test_cancelled_update_leaves_the_old_index(bench: Any) -> None:
    before = bench.state()
    for _ in range(4):
        bench.repository.change()
    for stage in ("parse", "publish", "resolve", "derive"):
        cancel = threading.Event()
        bench.indexer().build(progress=lambda p, c=cancel, s=stage: p.stage == s and c.set(), cancel=cancel)
        assert bench.state() == before
    bench.indexer().build()
    assert bench.state() == bench.clean_state()


def test_missing_root_is_an_index_error(make_bench: Callable[[int], Any]) -> None:
    bench = make_bench(1)
    bench.root.rename(bench.root.with_name("moved"))
    with pytest.raises(IndexFailedError, match="No such file"):
        bench.indexer().build()
