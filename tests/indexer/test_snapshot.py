"""Snapshots: one whole generation each, from any thread, whatever writers do."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import DamagedIndexError
from indexer.snapshot import Snapshot
from retrieval.postings import Postings


def test_no_index_yet(tmp_path: Path) -> None:
    with pytest.raises(DamagedIndexError, match="missing"):
        Snapshot.open(tmp_path / "none", tmp_path, derived_versions={})


def test_reads_what_was_parsed(bench: Any) -> None:
    with bench.open() as snapshot:
        path = "pkg/mod1.py"
        content = (bench.root / path).read_bytes()
        facts = snapshot.facts(path)
        assert snapshot.content(path) == content
        assert snapshot.language(path) == "python"
        assert "".join(chunk.text for chunk in snapshot.chunks_of(path)) == content.decode()
        assert [s.qualname for s in snapshot.symbols_of(path)] == [s.qualname for s in facts.symbols]
        (thing,) = snapshot.symbols_named("Thing1")
        assert (thing.path, thing.kind) == (path, "class")
        assert snapshot.symbol(thing.id) == thing
        ids = snapshot.all_chunk_ids()
        assert [chunk.id for chunk in snapshot.chunks(reversed(ids))] == list(reversed(ids))
        assert len(ids) == snapshot.counts()["chunks"]


def test_an_outline_is_the_facts_without_what_only_the_file_needs(bench: Any) -> None:
    with bench.open() as snapshot:
        for path in sorted(snapshot.paths()):
            facts, outline = snapshot.facts(path), snapshot.outline(path)
            for name in ("path", "language", "package", "symbols", "imports", "bindings"):
                assert getattr(outline, name) == getattr(facts, name)
            assert snapshot.n_lines(path) == facts.n_lines
            assert [chunk.span for chunk in snapshot.chunks_of(path)] == [fact.span for fact in facts.chunks]
            lines = {
                chunk.id: (path, chunk.span.start_line, chunk.span.end_line)
                for chunk in snapshot.chunks_of(path)
            }
            assert snapshot.lines_of([*lines, 999_999]) == lines
        assert snapshot.outline("nowhere.py") is None
        assert snapshot.n_lines("nowhere.py") == 0


def test_edges_run_both_ways(bench: Any) -> None:
    with bench.open() as snapshot:
        edges = snapshot.all_edges()
        assert edges
        ids = {symbol.id for symbol in snapshot.all_symbols()}
        for edge in edges[:50]:
            assert edge in snapshot.edges_from(edge.source)
            assert edge in snapshot.edges_to(edge.target)
            assert {edge.source, edge.target} <= ids


def test_what_is_not_there(bench: Any) -> None:
    with bench.open() as snapshot:
        assert snapshot.facts("nowhere.py") is None
        assert snapshot.chunks_of("nowhere.py") == ()
        assert snapshot.symbols_of("nowhere.py") == ()
        assert snapshot.symbols_named("no_such_name") == ()
        assert snapshot.derived_dir("vectors") is None
        for call in (lambda: snapshot.chunk(999_999), lambda: snapshot.symbol(999_999)):
            with pytest.raises(KeyError):
                call()
        with pytest.raises(KeyError):
            snapshot.content("nowhere.py")


def test_stays_at_its_generation(bench: Any) -> None:
    with bench.open() as old:
        text = old.content("pkg/mod1.py")
        for number in range(4):
            bench.repository.write("pkg/mod1.py", f"x = {number}\n")
            bench.indexer().build()
        assert old.content("pkg/mod1.py") == text
        assert len(Postings.open(old.derived_dir("postings")).ids) == len(old.all_chunk_ids())
    with bench.open() as new:
        assert (new.generation, new.content("pkg/mod1.py")) == (5, b"x = 3\n")


def test_readers_during_a_writer_see_whole_generations(bench: Any) -> None:
    """Every file holds the number of its generation; no reader may see two."""
    paths = [f"pkg/mod{number}.py" for number in range(8)]
    done = threading.Event()

    def write(number: int) -> None:
        for path in paths:
            bench.repository.write(path, f"def version_{number}() -> int:\n    return {number}\n")
        bench.indexer().build()

    def read() -> int:
        opened = 0
        while not done.is_set() or opened == 0:
            with bench.open() as snapshot:
                seen = {snapshot.content(path) for path in paths}
                assert len(seen) == 1
                names = {s.name for path in paths for s in snapshot.symbols_of(path) if s.qualname}
                assert len(names) == 1
                assert len(Postings.open(snapshot.derived_dir("postings")).ids) >= len(paths)
            opened += 1
        return opened

    write(0)
    with ThreadPoolExecutor(3) as threads:
        readers = [threads.submit(read) for _ in range(3)]
        for number in range(1, 12):
            write(number)
        done.set()
        assert all(reader.result() for reader in readers)


def test_threads_share_a_snapshot(bench: Any) -> None:
    with bench.open() as snapshot, ThreadPoolExecutor(4) as threads:
        paths = sorted(snapshot.paths()) * 10
        wanted = [len((bench.root / path).read_bytes()) for path in paths]
        read = threads.map(lambda path: sum(len(c.text.encode()) for c in snapshot.chunks_of(path)), paths)
        assert list(read) == wanted


def test_closing_twice_is_allowed(bench: Any) -> None:
    snapshot = bench.open()
    snapshot.close()
    snapshot.close()
