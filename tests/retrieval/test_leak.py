"""Nothing that gives the hole away is ever retrieved."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from indexer.snapshot import Snapshot
from retrieval.leak import VISIBLE_AFTER, VISIBLE_BEFORE, guard_for
from retrieval.query import query_at
from retrieval.retriever import RetrievalSettings, Retriever
from retrieval.types import Exclusion, Query

CANARY = "canary_that_sings"


def query(line: int, lines: int, *exclusions: Exclusion) -> Query:
    prefix = "x\n" * (line - 1)
    return Query("a.py", "python", line, 0, prefix, "x\n" * (lines - line), "", (), exclusions=exclusions)


def test_the_visible_window_is_banned_in_the_own_file_only() -> None:
    guard = guard_for(query(200, 500), 500)
    assert not guard.allows("a.py", 200 - VISIBLE_BEFORE, 200 - VISIBLE_BEFORE)
    assert not guard.allows("a.py", 1, 400)
    assert guard.allows("a.py", 1, 199 - VISIBLE_BEFORE)
    assert guard.allows("a.py", 201 + VISIBLE_AFTER, 500)
    assert guard.allows("b.py", 1, 400)
    assert guard.allows("a.py", 1, 400, outline=True)


def test_an_exclusion_bans_what_comes_after_it_in_the_own_file() -> None:
    guard = guard_for(query(200, 500, Exclusion("a.py", 200, 203), Exclusion("b.py", 5, 9)), 500)
    assert not guard.allows("a.py", 450, 460)
    assert not guard.allows("a.py", 1, 400, outline=True)
    assert guard.allows("a.py", 1, 100)
    assert not guard.allows("b.py", 9, 20)
    assert guard.allows("b.py", 10, 20)


def test_lines_that_moved_since_the_index_widen_the_window() -> None:
    line = 201 + VISIBLE_AFTER
    assert guard_for(query(200, 500), 500).allows("a.py", line, line)
    assert not guard_for(query(200, 500), 510).allows("a.py", line + 9, line + 9)


def test_a_stretch_is_clipped_at_the_bans() -> None:
    guard = guard_for(query(200, 500, Exclusion("b.py", 30, 40)), 500)
    assert guard.clip("b.py", 15, 35, anchor=20) == (15, 29)
    assert guard.clip("b.py", 35, 60, anchor=50) == (41, 60)
    assert guard.clip("b.py", 15, 60, anchor=33) is None
    assert guard.clip("c.py", 15, 60, anchor=33) == (15, 60)


TARGET = f"""from helper import scale


def far_above(values, width):
    total = scale(values, width)
    return total


{chr(10).join(f"FILLER_{number} = {number}" for number in range(90))}


def target(values, width):
    total = 0
    total = scale(values, width)
    {CANARY} = scale(total, width)
    return {CANARY}


def after(values, width):
    {CANARY}_again = scale(values, width)
    total = scale({CANARY}_again, width)
    return total


{chr(10).join(f"MORE_{number} = {number}" for number in range(90))}


def far_after(values, width):
    total = scale(values, width) + {CANARY}_far
    return total
"""
OTHERS = {
    "helper.py": "def scale(values, width):\n    '''Scale values to a width.'''\n    return values * width\n",
    "other.py": "from helper import scale\n\n\ndef copy(values, width):\n    total = 0\n"
    "    total = scale(values, width)\n    return total\n",
}
HOLE = TARGET.split("\n").index(f"    {CANARY} = scale(total, width)") + 1


@pytest.fixture(scope="module")
def snapshot(index_files: Callable[..., Snapshot]) -> Snapshot:
    return index_files({**OTHERS, "target.py": TARGET})


def ask(snapshot: Snapshot, draft: str = "") -> Query:
    lines = TARGET.split("\n")
    shown = "\n".join([*lines[: HOLE - 1], "    "])
    exclusions = (Exclusion("target.py", HOLE, HOLE),)
    return query_at(
        "target.py", shown, HOLE, 4, facts=snapshot.facts("target.py"), draft=draft, exclusions=exclusions
    )


@pytest.mark.parametrize("draft", ["", f"{CANARY} = scale(total, width)", "total = scale(total, width)"])
@pytest.mark.parametrize("channels", [("similar",), ("definitions",), ("definitions", "similar")])
def test_no_hit_holds_the_canary(snapshot: Snapshot, draft: str, channels: tuple[str, ...]) -> None:
    retriever = Retriever(snapshot, settings=RetrievalSettings(channels=channels))
    found = retriever.retrieve(ask(snapshot, draft), k=16, mode="always")
    assert found.hits
    assert not [hit for hit in found.hits if CANARY in hit.text]
    for hit in found.hits:
        assert CANARY not in " ".join(evidence.why for evidence in hit.evidence)


def test_the_canary_would_be_found_without_the_guard(index_files: Callable[..., Snapshot]) -> None:
    """The control: the same text in another file is found, so the test above can fail."""
    snapshot = index_files({**OTHERS, "target.py": TARGET, "twin.py": TARGET})
    retriever = Retriever(snapshot)
    found = retriever.retrieve(ask(snapshot), k=16, mode="always")
    assert [hit for hit in found.hits if CANARY in hit.text]
    assert {hit.path for hit in found.hits if CANARY in hit.text} == {"twin.py"}


def test_without_exclusions_the_window_around_the_cursor_stays_out(snapshot: Snapshot) -> None:
    query = query_at("target.py", TARGET, HOLE, 4, facts=snapshot.facts("target.py"))
    settings = RetrievalSettings(channels=("similar",))
    found = Retriever(snapshot, settings=settings).retrieve(query, k=16, mode="always")
    own = [hit for hit in found.hits if hit.path == "target.py"]
    assert own  # what lies far away may help
    for hit in own:
        assert hit.end_line < HOLE - VISIBLE_BEFORE or hit.start_line > HOLE + VISIBLE_AFTER
