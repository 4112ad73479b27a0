"""Fusion: reciprocal ranks, features, dedupe, caps; evidence is never lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.types import Chunk, Span
from retrieval.fuse import MAX_PER_FILE, distance, fuse, is_side
from retrieval.pending import NothingToShowError, Pending
from retrieval.types import Evidence, Hit


def hit(source: str, rank: int, path: str, start: int, text: str | None = None, lines: int = 5) -> Hit:
    end = start + lines - 1
    shown = "\n".join(f"line {number}" for number in range(start, end + 1)) if text is None else text
    chunk = Chunk(hash((path, start)), path, Span(start, end, 0, 0), "python", "function", "f", "", shown)
    return Hit(chunk, 1.0, (Evidence(source, rank, 1.0, f"{source} {rank}"),), shown, start, end)


def test_what_two_channels_find_comes_first_and_keeps_both_reasons() -> None:
    channels = {
        "similar": [hit("similar", 1, "a.py", 1), hit("similar", 2, "b.py", 1)],
        "definitions": [hit("definitions", 1, "c.py", 1), hit("definitions", 2, "b.py", 1)],
    }
    found = fuse(channels, "q.py", k=8)
    assert found[0].path == "b.py"
    assert [evidence.source for evidence in found[0].evidence] == ["similar", "definitions"] or [
        evidence.source for evidence in found[0].evidence
    ] == ["definitions", "similar"]
    assert {one.path for one in found} == {"a.py", "b.py", "c.py"}


def test_overlapping_text_is_one_hit_and_the_longer_is_shown() -> None:
    channels = {
        "definitions": [hit("definitions", 1, "a.py", 10, lines=2)],
        "similar": [hit("similar", 1, "a.py", 8)],
    }
    (found,) = fuse(channels, "q.py", k=8)
    assert (found.start_line, found.end_line) == (8, 12)
    assert {evidence.source for evidence in found.evidence} == {"definitions", "similar"}


def test_an_outline_and_a_body_of_the_same_lines_are_two() -> None:
    outline = hit("definitions", 1, "a.py", 1, "class A:\n    def f(self): ...\n    def g(self): ...", 40)
    body = hit("similar", 1, "a.py", 20, "x = 1\ny = 2\nz = 3", 3)
    assert len(fuse({"definitions": [outline], "similar": [body]}, "q.py", k=8)) == 2


def test_the_same_text_twice_in_one_channel_counts_once() -> None:
    hits = [hit("similar", 1, "b.py", 1), hit("similar", 2, "a.py", 1), hit("similar", 3, "a.py", 2)]
    assert [one.path for one in fuse({"similar": hits}, "q.py", k=8)] == ["b.py", "a.py"]


def test_at_most_two_of_a_file() -> None:
    hits = [hit("similar", rank, "a.py", 100 * rank) for rank in range(1, 6)]
    assert [one.start_line for one in fuse({"similar": hits}, "q.py", k=8)] == [100, 200]


def test_nearer_and_imported_files_break_ties() -> None:
    def order(*paths: str, imported: frozenset[str] = frozenset()) -> list[str]:
        channels = {str(place): [hit("similar", 1, path, 1)] for place, path in enumerate(paths)}
        return [one.path for one in fuse(channels, "pkg/sub/q.py", k=8, imported=imported)]

    assert order("other/far.py", "pkg/sub/near.py") == ["pkg/sub/near.py", "other/far.py"]
    assert order("other/a.py", "other/b.py", imported=frozenset({"other/b.py"})) == [
        "other/b.py",
        "other/a.py",
    ]
    assert order("pkg/sub/test_a.py", "other/b.py") == ["other/b.py", "pkg/sub/test_a.py"]


def test_features_do_not_bury_rank() -> None:
    hits = [hit("similar", rank, f"f{rank}.py" if rank < 12 else "pkg/q2.py", 1) for rank in range(1, 13)]
    assert fuse({"similar": hits}, "pkg/q.py", k=12, imported=frozenset({"pkg/q2.py"}))[0].path == "f1.py"


def test_a_query_in_a_test_does_not_push_tests_down() -> None:
    hits = [hit("similar", 1, "tests/test_a.py", 1), hit("similar", 2, "tests/b.py", 1)]
    assert fuse({"similar": hits}, "tests/test_q.py", k=2)[0].path == "tests/test_a.py"


def pending(found: Hit, asked: list[Hit], margin: int) -> Pending:
    """The same hit, made when it is asked for; `asked` is told."""

    def make() -> Hit:
        asked.append(found)
        return found

    reach = found.start_line - margin, found.end_line + margin
    return Pending(found.path, found.score, found.evidence, reach, make)


def test_what_is_not_shown_and_overlaps_nothing_is_not_made() -> None:
    asked: list[Hit] = []
    found = [pending(hit("similar", rank, f"f{rank}.py", 1), asked, 9) for rank in range(1, 13)]
    near = [
        pending(hit("similar", 13 + place, "g.py", start), asked, 9) for place, start in enumerate((1, 12))
    ]
    assert len(fuse({"similar": [*found, *near]}, "q.py", k=4)) == 4
    assert {one.path for one in asked} == {"f1.py", "f2.py", "f3.py", "f4.py", "g.py"}


def test_a_candidate_that_shows_nothing_is_told_of() -> None:
    nothing = Pending("a.py", 1.0, (Evidence("similar", 1, 1.0, "why"),), (1, 9), lambda: None)
    with pytest.raises(NothingToShowError):
        fuse({"similar": [nothing]}, "q.py", k=3)


def test_distance_and_side() -> None:
    assert distance("a/b/c.py", "a/b/d.py") == 0
    assert distance("a/b/c.py", "a/d.py") == 1
    assert distance("c.py", "a/b/d.py") == 2
    assert [
        is_side(path) for path in ("tests/a.py", "a/test_b.py", "a/_vendor/b.py", "a/testing_tool.py")
    ] == [
        True,
        True,
        True,
        False,
    ]


places = st.tuples(
    st.sampled_from(["similar", "definitions", "dense"]), st.sampled_from("abc"), st.integers(1, 30)
)


@given(drawn=st.lists(places, max_size=25), k=st.integers(0, 8))
def test_invariants(drawn: list[tuple[str, str, int]], k: int) -> None:
    channels: dict[str, list[Hit]] = {}
    for source, name, start in drawn:
        found = channels.setdefault(source, [])
        found.append(hit(source, len(found) + 1, f"{name}.py", start))
    fused = fuse(channels, "q.py", k=k)
    later = {
        source: [pending(one, [], margin) for margin, one in enumerate(found)]
        for source, found in channels.items()
    }
    assert fused == fuse(later, "q.py", k=k)
    assert len(fused) <= k
    assert [one.score for one in fused] == sorted((one.score for one in fused), reverse=True)
    for path in "abc":
        chunks = [one for one in fused if all(found.source != "definitions" for found in one.evidence)]
        assert sum(one.path == f"{path}.py" for one in chunks) <= MAX_PER_FILE
    if k == 8 and len({name for _, name, _ in drawn}) * 2 <= k:
        best = {one.evidence[0].source for one in fused}
        assert not drawn or best  # something is always kept
