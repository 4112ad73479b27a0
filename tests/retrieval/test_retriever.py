"""The facade: channels on and off, evidence, gate, search for a person."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.snapshot import Snapshot
from retrieval import lexical
from retrieval.gate import Mode
from retrieval.query import query_at
from retrieval.retriever import Found, RetrievalSettings, Retrieved, Retriever
from retrieval.trace import Trace
from retrieval.types import Hit, Query

FILES = {
    "shapes/area.py": """\
        class Circle:
            '''A round shape.'''

            def __init__(self, radius: float) -> None:
                self.radius = radius

            def surface(self) -> float:
                return 3.14 * self.radius ** 2


        def total_surface(shapes: list) -> float:
            '''Sum of all surfaces.'''
            return sum(shape.surface() for shape in shapes)
        """,
    "shapes/report.py": """\
        from shapes.area import total_surface


        def describe(shapes, title):
            text = title.upper()
            surface = total_surface(shapes)
            return f"{text}: {surface}"
        """,
    "main.py": """\
        from shapes.area import Circle, total_surface


        def run(shapes, title):
            text = title.upper()
            surface = total_surface(shapes)
            return surface
        """,
    "lonely.py": "zebra = 'quagga'\n",
    "tests/test_area.py": """\
        from shapes.area import Circle


        def test_circle():
            assert Circle(1).radius == 1
        """,
}


@pytest.fixture(scope="module")
def snapshot(index_files: Callable[..., Snapshot]) -> Snapshot:
    return index_files(FILES)


def ask(snapshot: Snapshot, path: str, line: int, column: int) -> Query:
    text = snapshot.content(path).decode()
    return query_at(path, text, line, column, facts=snapshot.facts(path))


def retrieve(snapshot: Snapshot, settings: RetrievalSettings | None = None, mode: Mode = "auto") -> Retrieved:
    retriever = Retriever(snapshot, settings=settings)
    return retriever.retrieve(ask(snapshot, "main.py", 6, 14), k=8, mode=mode)


def test_both_channels_and_their_reasons(snapshot: Snapshot) -> None:
    found = retrieve(snapshot)
    assert found.gate.retrieve
    assert {"definitions_ms", "similar_ms", "fuse_ms", "gate_ms"} <= found.timings.keys()
    sources = {evidence.source for hit in found.hits for evidence in hit.evidence}
    assert sources == {"definitions", "similar"}
    area = next(hit for hit in found.hits if hit.path == "shapes/area.py" and "total_surface" in hit.text)
    assert any("total_surface" in evidence.why for evidence in area.evidence)
    assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)


@pytest.mark.parametrize("channel", ["definitions", "similar"])
def test_each_channel_can_be_left_out(snapshot: Snapshot, channel: str) -> None:
    found = retrieve(snapshot, RetrievalSettings(channels=(channel,)))
    assert {evidence.source for hit in found.hits for evidence in hit.evidence} == {channel}


def test_no_channels_no_hits(snapshot: Snapshot) -> None:
    found = retrieve(snapshot, RetrievalSettings(channels=()))
    assert found.hits == ()
    assert not found.gate.retrieve


def test_never_looks_at_nothing(snapshot: Snapshot) -> None:
    found = retrieve(snapshot, mode="never")
    assert (found.hits, found.gate.retrieve, found.timings) == ((), False, {})


def test_a_hole_that_needs_nothing(snapshot: Snapshot) -> None:
    query = query_at("lonely.py", "aardvark = ", 1, 11, facts=snapshot.facts("lonely.py"))
    found = Retriever(snapshot).retrieve(query, k=8, mode="auto")
    assert not found.gate.retrieve
    assert "no name near the cursor" in found.gate.reason
    assert Retriever(snapshot).retrieve(query, k=8, mode="always").gate.retrieve


def test_the_reference_scorer_gives_the_same_hits(snapshot: Snapshot) -> None:
    mine = retrieve(snapshot)
    theirs = retrieve(snapshot, RetrievalSettings(lexical_backend="rank-bm25"))
    assert [(hit.path, hit.start_line, hit.end_line) for hit in mine.hits] == [
        (hit.path, hit.start_line, hit.end_line) for hit in theirs.hits
    ]


def test_what_is_explained_is_what_is_found(snapshot: Snapshot) -> None:
    """A trace has every candidate read at once; without one they are read when they are chosen."""
    query = ask(snapshot, "main.py", 6, 11)
    retriever = Retriever(snapshot)
    plain = retriever.retrieve(query, k=8, mode="always")
    assert len(plain.hits) > 1
    assert retriever.retrieve(query, k=8, mode="always", trace=Trace()).hits == plain.hits


def test_a_candidate_that_shows_nothing_gives_its_rank_to_the_next(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    retriever = Retriever(snapshot, settings=RetrievalSettings(channels=("similar",)))
    query = ask(snapshot, "main.py", 6, 14)
    whole = retriever.retrieve(query, k=8, mode="always").hits
    show = lexical._Search.show

    def without(search: lexical._Search, found: lexical.Ranked, rank: int) -> Hit | None:
        return None if found.id == whole[0].chunk.id else show(search, found, rank)

    monkeypatch.setattr(lexical._Search, "show", without)
    left = retriever.retrieve(query, k=8, mode="always").hits
    assert [hit.chunk.id for hit in left] == [hit.chunk.id for hit in whole[1:]]
    assert [hit.evidence[0].rank for hit in left] == list(range(1, len(whole)))
    assert left == retriever.retrieve(query, k=8, mode="always", trace=Trace()).hits


def test_a_new_file_is_found_after_the_next_build(
    index_files: Callable[..., Snapshot], tmp_path: Path
) -> None:
    index_files(FILES, at=tmp_path)
    fresh = {"fresh.py": "def rotate_hexagon(angle):\n    return angle % 60\n"}
    snapshot = index_files(fresh, at=tmp_path)
    assert Retriever(snapshot).search("rotate_hexagon", 3).hits[0].path == "fresh.py"


def first(found: Found) -> tuple[str, str]:
    hit = found.hits[0]
    return hit.path, hit.chunk.name


@pytest.mark.parametrize(
    "text", ["total_surface", "Total_Surface", "total_surf", "where is total_surface used"]
)
def test_search_by_name(snapshot: Snapshot, text: str) -> None:
    found = Retriever(snapshot).search(text, 5)
    assert found.hits[0].path == "shapes/area.py"
    assert "def total_surface" in found.hits[0].text


def test_search_prefers_the_definition_to_its_test(snapshot: Snapshot) -> None:
    assert Retriever(snapshot).search("Circle", 5).hits[0].path == "shapes/area.py"
    assert (
        Retriever(snapshot)
        .search("Circle.surface", 5)
        .hits[0]
        .evidence[0]
        .why.startswith("method `Circle.surface`")
    )


def test_search_in_words(snapshot: Snapshot) -> None:
    found = Retriever(snapshot).search("sum of all surfaces", 5)
    assert found.hits[0].path == "shapes/area.py"
    assert {"symbols_ms", "lexical_ms", "fuse_ms"} <= found.timings.keys()


@pytest.mark.parametrize("text", ["", "   ", "()", "qqqqzzzz"])
def test_search_for_nothing(snapshot: Snapshot, text: str) -> None:
    assert Retriever(snapshot).search(text, 5).hits == ()


def test_several_threads_at_once(snapshot: Snapshot) -> None:
    retriever = Retriever(snapshot)
    expected = [hit.start_line for hit in retriever.retrieve(ask(snapshot, "main.py", 6, 14), k=8).hits]
    results: list[list[int]] = []

    def work() -> None:
        found = retriever.retrieve(ask(snapshot, "main.py", 6, 14), k=8)
        results.append([hit.start_line for hit in found.hits])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 6
