"""Pins come first, exclusions never come, and neither shows what must not be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.snapshot import Snapshot
from retrieval.places import MAX_CHARACTERS, lines_of, mark_of
from retrieval.query import query_at
from retrieval.retriever import Retrieved, Retriever
from retrieval.trace import Trace
from retrieval.types import Exclusion, Hit, Place, Query

SECRET = "hunter2" + "canary"
HUGE = "\n\n".join(
    f"def part_{number}(values, width):\n    total_{number} = scale(values, {number})\n    return total_{number}"
    for number in range(120)
)
FILES = {
    "shapes.py": """\
        class Circle:
            '''A round shape.'''

            def __init__(self, radius: float) -> None:
                self.radius = radius

            def surface(self) -> float:
                return 3.14 * self.radius ** 2

            def secret_sauce(self) -> float:
                return self.radius ** 3


        def total_surface(shapes: list) -> float:
            '''Sum of all surfaces.'''
            return sum(shape.surface() for shape in shapes)
        """,
    "main.py": """\
        from shapes import Circle, total_surface


        def run(shapes, title):
            text = title.upper()
            surface = total_surface(shapes)
            return surface
        """,
    "twin.py": """\
        from shapes import total_surface


        def describe(shapes, title):
            text = title.upper()
            surface = total_surface(shapes)
            return text + str(surface)
        """,
    "unrelated.py": "ZEBRAS = ['quagga', 'grevy']\nHORSES = []\n",
    "settings.py": f'password = "{SECRET}"\n\nQUAGGA = 1\n',
    ".env": f"TOKEN={SECRET}\n",
    ".gitignore": "ignored.py\n",
    "ignored.py": "IGNORED_CANARY = 1\n",
    "huge.py": HUGE,
    "blank.py": "\n\n\n",
}


@pytest.fixture(scope="module")
def snapshot(index_files: Callable[..., Snapshot]) -> Snapshot:
    return index_files(FILES)


def ask(snapshot: Snapshot, *, pins: tuple[Place, ...] = (), hidden: tuple[Place, ...] = ()) -> Query:
    text = snapshot.content("main.py").decode()
    query = query_at("main.py", text, 6, 14, facts=snapshot.facts("main.py"))
    return replace(query, pins=pins, hidden=hidden)


def retrieve(snapshot: Snapshot, **chosen: tuple[Place, ...]) -> Retrieved:
    return Retriever(snapshot).retrieve(ask(snapshot, **chosen), k=8)


def pinned(found: Retrieved) -> list[Hit]:
    return [hit for hit in found.hits if hit.evidence[0].source == "pinned"]


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (Place("unrelated.py"), "ZEBRAS = ['quagga', 'grevy']\nHORSES = []"),
        (Place("unrelated.py", lines=(2, 2)), "HORSES = []"),
        (Place("unrelated.py", lines=(2, 900)), "HORSES = []"),
        (
            Place("shapes.py", "Circle.surface"),
            "    def surface(self) -> float:\n        return 3.14 * self.radius ** 2",
        ),
    ],
)
def test_a_pin_comes_first_with_its_evidence(snapshot: Snapshot, place: Place, shown: str) -> None:
    found = retrieve(snapshot, pins=(place,))
    first = found.hits[0]
    assert (first.path, first.text) == (place.path, shown)
    assert (first.evidence[0].source, first.evidence[0].why) == ("pinned", "pinned by you")
    assert found.pins == 1
    assert found.notes == ()
    assert len(found.hits) > 1  # the others are still there
    assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)


def test_pins_keep_the_order_of_the_user_and_their_number(snapshot: Snapshot) -> None:
    places = (Place("unrelated.py", lines=(2, 2)), Place("shapes.py", "total_surface"), Place("twin.py"))
    found = Retriever(snapshot).retrieve(ask(snapshot, pins=places), k=2)
    assert [hit.path for hit in found.hits] == ["unrelated.py", "shapes.py", "twin.py"]


def test_what_a_channel_finds_too_is_shown_once_with_both_reasons(snapshot: Snapshot) -> None:
    found = retrieve(snapshot, pins=(Place("twin.py"),))
    twins = [hit for hit in found.hits if hit.path == "twin.py"]
    assert len(twins) == 1
    assert {evidence.source for evidence in twins[0].evidence} == {"pinned", "similar"}


def test_a_large_file_shows_its_outline_and_what_is_most_like_the_hole(snapshot: Snapshot) -> None:
    hits = pinned(retrieve(snapshot, pins=(Place("huge.py"),)))
    assert len(hits) == 2
    assert all(len(hit.text) <= MAX_CHARACTERS for hit in hits)
    assert "def part_0(values, width): ..." in hits[0].text
    assert "return total_" in hits[1].text


def test_long_lines_are_cut_at_a_line(snapshot: Snapshot) -> None:
    (hit,) = pinned(retrieve(snapshot, pins=(Place("huge.py", lines=(1, 400)),)))
    assert len(hit.text) <= MAX_CHARACTERS
    assert snapshot.content("huge.py").decode().startswith(hit.text + "\n")
    assert hit.end_line == hit.text.count("\n") + 1


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (Place("gone.py"), "gone.py is not in the index"),
        (Place(".env"), ".env is not in the index"),
        (Place("ignored.py"), "ignored.py is not in the index"),
        (Place("../outside.py"), "../outside.py is not in the index"),
        (Place("/etc/passwd"), "/etc/passwd is not in the index"),
        (Place("shapes.py", "Square"), "shapes.py defines no Square"),
        (Place("shapes.py", lines=(900, 910)), "shapes.py has 16 lines"),
        (Place("main.py"), "it is the file at the cursor, which the prompt shows around the cursor"),
        (Place("main.py", "run"), "lines around the cursor: the prompt shows them anyway"),
        (Place("blank.py", lines=(1, 2)), "there is only white space"),
    ],
)
def test_a_pin_that_shows_nothing_gives_a_note(snapshot: Snapshot, place: Place, why: str) -> None:
    found = retrieve(snapshot, pins=(place,))
    assert found.notes == (f"pinned: {place}: {why}",)
    assert found.pins == 0
    assert found.hits == retrieve(snapshot).hits


def test_a_masked_secret_stays_masked(snapshot: Snapshot) -> None:
    (hit,) = pinned(retrieve(snapshot, pins=(Place("settings.py"),)))
    assert "QUAGGA" in hit.text
    assert SECRET not in hit.text


def test_a_pin_never_shows_the_hole(index_files: Callable[..., Snapshot]) -> None:
    """Under the rules of a benchmark: the index has the line that the buffer has lost."""
    lines = [f"line_{number} = {number}" for number in range(1, 401)]
    lines[199] = "canary_that_sings = 1"
    snapshot = index_files({"own.py": "\n".join(lines), "other.py": "x = 1\n"})
    text = "\n".join([*lines[:199], ""])
    query = query_at("own.py", text, 200, 0, facts=None, exclusions=(Exclusion("own.py", 200, 200),))
    for place in (Place("own.py", lines=(1, 400)), Place("own.py", lines=(195, 205)), Place("own.py")):
        found = Retriever(snapshot).retrieve(replace(query, pins=(place,)), k=8, mode="always")
        assert not [hit for hit in found.hits if "canary" in hit.text or hit.end_line >= 200]
    shown = pinned(Retriever(snapshot).retrieve(replace(query, pins=(Place("own.py", lines=(1, 400)),)), k=8))
    assert [(hit.start_line, hit.end_line) for hit in shown] == [(1, 139)]


def test_where_the_gate_says_no_only_the_pins_are_shown(snapshot: Snapshot) -> None:
    query = query_at("unrelated.py", "aardvark = ", 1, 11, facts=snapshot.facts("unrelated.py"))
    without = Retriever(snapshot).retrieve(query, k=8)
    assert not without.gate.retrieve
    found = Retriever(snapshot).retrieve(replace(query, pins=(Place("shapes.py", "Circle"),)), k=8)
    assert found.gate.retrieve
    assert found.gate.reason == f"only what you pinned: {without.gate.reason}"
    assert [hit.path for hit in found.hits] == ["shapes.py"]


def test_retrieval_that_is_off_shows_no_pins(snapshot: Snapshot) -> None:
    query = ask(snapshot, pins=(Place("shapes.py"),))
    assert Retriever(snapshot).retrieve(query, k=8, mode="never").hits == ()


@pytest.mark.parametrize(
    ("place", "word"),
    [
        (Place("shapes.py"), "surface(self)"),
        (Place("shapes.py", "total_surface"), "def total_surface"),
        (Place("shapes.py", "Circle.surface"), "def surface"),
        (Place("shapes.py", "Circle"), "Circle"),
        (Place("twin.py", lines=(6, 6)), "surface = total_surface(shapes)"),
        (Place("twin.py"), "describe"),
    ],
)
def test_an_exclusion_is_never_shown(snapshot: Snapshot, place: Place, word: str) -> None:
    def texts(found: Retrieved) -> str:
        return "\n".join(hit.text for hit in found.hits if hit.path == place.path)

    assert word in texts(retrieve(snapshot)) or word == "def surface"
    found = retrieve(snapshot, hidden=(place,))
    assert word not in texts(found)
    assert found.notes == ()


def test_the_rest_of_a_class_stays_when_a_method_is_excluded(snapshot: Snapshot) -> None:
    found = retrieve(snapshot, hidden=(Place("shapes.py", "Circle.secret_sauce"),))
    (outline,) = [hit for hit in found.hits if "class Circle" in hit.text]
    assert "surface" in outline.text
    assert "secret_sauce" not in outline.text
    assert "secret_sauce" in "\n".join(hit.text for hit in retrieve(snapshot).hits)


def test_an_exclusion_is_stronger_than_a_pin(snapshot: Snapshot) -> None:
    place = Place("shapes.py")
    found = retrieve(snapshot, pins=(place,), hidden=(place,))
    assert found.notes == ("pinned: shapes.py: excluded by you",)
    assert not [hit for hit in found.hits if hit.path == "shapes.py"]
    part = retrieve(snapshot, pins=(place,), hidden=(Place("shapes.py", "Circle.secret_sauce"),))
    assert "secret_sauce" not in "\n".join(hit.text for hit in part.hits)
    assert "total_surface" in "\n".join(hit.text for hit in pinned(part))


def test_an_exclusion_of_nothing_gives_a_note(snapshot: Snapshot) -> None:
    found = retrieve(snapshot, hidden=(Place("shapes.py", "Square"),))
    assert found.notes == ("excluded: shapes.py::Square: shapes.py defines no Square",)
    assert found.hits == retrieve(snapshot).hits


def test_lines_are_found_again_where_they_went(index_files: Callable[..., Snapshot], tmp_path: Path) -> None:
    body = "def wanted(values):\n    return list(values)\n"
    index_files({"a.py": f"x = 1\n\n\n{body}"}, at=tmp_path)
    place = Place("a.py", lines=(4, 5))
    before = index_files({"a.py": f"x = 1\n\n\n{body}"}, at=tmp_path)
    marked = replace(place, mark=mark_of(place, before))
    assert marked == place  # the mark is no part of what a place is
    assert lines_of(marked, before) == ((4, 5),)
    moved = index_files({"a.py": f"{body}\n\nx = 1\ny = 2\n\n\n{body}"}, at=tmp_path)
    assert lines_of(place, moved) == ((4, 5),)
    assert lines_of(marked, moved) == ((1, 2),)  # the nearer one
    edited = index_files({"a.py": f"x = 1\n\n\n{body}".replace("list", "tuple")}, at=tmp_path)
    assert lines_of(marked, edited) == ((4, 5),)
    inside = "class A:\n    x = 1\n    y = 2\n\n    " + body.replace("    return", "        return")
    indented = index_files({"a.py": inside}, at=tmp_path)
    assert lines_of(marked, indented) == ((5, 6),)


@pytest.mark.parametrize(
    "place",
    [
        Place("a.py"),
        Place("shapes.py", "Circle"),
        Place("gone.py", lines=(1, 2)),
        Place("blank.py", lines=(1, 2)),
    ],
)
def test_what_is_found_by_its_name_needs_no_mark(snapshot: Snapshot, place: Place) -> None:
    assert mark_of(place, snapshot) == ""


def test_the_trace_names_every_candidate_and_changes_nothing(snapshot: Snapshot) -> None:
    trace = Trace()
    query = ask(snapshot, pins=(Place("unrelated.py"),), hidden=(Place("twin.py"),))
    retriever = Retriever(snapshot)
    found = retriever.retrieve(query, k=2, trace=trace)
    assert found.hits == retriever.retrieve(query, k=2).hits
    judged = trace.all(found.hits)
    assert [one.hit for one in judged if one.kept] == list(found.hits)
    stages = {one.stage: one for one in judged}
    assert stages["excluded"].hit.path == "twin.py"
    assert stages["excluded"].why == "excluded by you"
    assert stages["leak-guard"].hit.path == "main.py"
    assert stages["limit"].why == "1 others score higher"
    best = stages["limit"]
    assert best.features["rrf"] > 0
    assert best.features["prior"] >= 1
    assert any(name.startswith("definitions.") for name in best.features)


def test_the_trace_tells_of_thresholds_and_equal_texts(snapshot: Snapshot) -> None:
    trace = Trace()
    found = Retriever(snapshot).retrieve(
        ask(snapshot, pins=(Place("twin.py", lines=(1, 7)),)), k=8, trace=trace
    )
    dropped = {one.stage: one for one in trace.all(found.hits) if not one.kept}
    assert dropped["threshold"].hit.path == "huge.py"
    assert dropped["threshold"].why.endswith("of what is near the cursor, less than 0.3")
    assert dropped["same-text"].why == "twin.py:1-7 shows the same text, with this evidence"


def test_the_trace_tells_of_the_cap_of_a_file(index_files: Callable[..., Snapshot]) -> None:
    body = "    total = scale(values, width)\n    copied = list(values)\n    return total\n"
    many = "\n\n".join(f"def copy_{number}(values, width):\n{body}" for number in range(30))
    other = "def scale(values, width):\n    return values * width\n"
    snapshot = index_files({"many.py": many, "helper.py": other})
    trace = Trace()
    query = query_at("new.py", f"def here(values, width):\n{body}", 4, 16, facts=None)
    found = Retriever(snapshot).retrieve(query, k=8, trace=trace)
    capped = [one for one in trace.all(found.hits) if one.stage == "file-cap"]
    assert {one.hit.path for one in capped} == {"many.py"}
    assert capped[0].why == "2 other snippets of this file score higher"
