"""The recent channel: what was edited last, if it is like the hole."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from indexer.snapshot import Snapshot
from retrieval.leak import Lines
from retrieval.query import query_at
from retrieval.recent import MAX_EDITED, MAX_HITS, MINUTES, Recent
from retrieval.retriever import RetrievalSettings, Retrieved, Retriever
from retrieval.trace import Trace
from retrieval.types import Exclusion, Hit, Place, Query
from retrieval.worktree import Changes

SECRET = "hunter2" + "canary"
DAY_S = 86_400.0

BILLS = """\
    from money import round_to_cents


    def gross_amount(net_amount, tax_rate, currency):
        gross_amount = net_amount * (1 + tax_rate)
        return round_to_cents(gross_amount, currency)


    def unrelated_banner(width):
        return "=" * width
    """
FILES = {
    "money.py": "def round_to_cents(amount, currency):\n    return round(amount, 2)\n",
    "bills.py": BILLS,
    "weather.py": "def forecast(city):\n    clouds = city.clouds\n    return clouds\n",
    "main.py": "def here(net_amount, tax_rate, currency):\n    gross_amount = \n",
    "settings.py": f'net_amount_password = "{SECRET}"\n',
    ".gitignore": "ignored.py\n",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose files were written days ago, one of them a day after the others."""
    home = tmp_path_factory.mktemp("recent")
    for name, text in FILES.items():
        place = home / "repository" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(dedent(text))
        os.utime(place, (time.time() - (2 if name == "bills.py" else 3) * DAY_S,) * 2)
    return home


@pytest.fixture(scope="module")
def snapshot(index_files: Callable[..., Snapshot], home: Path) -> Snapshot:
    return index_files({}, at=home)


def ask(**changed: object) -> Query:
    query = query_at("main.py", FILES["main.py"], 2, 19, facts=None)
    return replace(query, **changed)  # type: ignore[arg-type]


def retrieve(
    snapshot: Snapshot,
    query: Query,
    *,
    lines: Mapping[str, tuple[Lines, ...]] | None = None,
    trace: Trace | None = None,
    channels: tuple[str, ...] = ("recent",),
) -> Retrieved:
    settings = RetrievalSettings(channels=channels)
    changes = Changes(lines or {}, 1)
    retriever = Retriever(snapshot, settings=settings, changes=lambda: changes)
    return retriever.retrieve(query, k=8, trace=trace)


def why(hit: Hit) -> str:
    return hit.evidence[0].why


def test_nothing_recent_nothing_given(snapshot: Snapshot) -> None:
    found = retrieve(snapshot, ask())
    assert found.hits == ()
    assert not found.gate.retrieve
    assert "recent_ms" in found.timings


def test_lines_that_git_sees_as_changed(snapshot: Snapshot) -> None:
    found = retrieve(snapshot, ask(), lines={"bills.py": ((5, 6),), "weather.py": ((1, 3),)})
    (hit,) = found.hits
    assert hit.path == "bills.py"
    assert "gross_amount = net_amount * (1 + tax_rate)" in hit.text
    assert hit.evidence[0].source == "recent"
    assert why(hit).startswith("changed since the last commit; shares ")
    assert found.gate.retrieve
    assert found.gate.reason.startswith("recently edited code covers ")


def test_what_is_unlike_the_hole_is_a_candidate_below_the_threshold(snapshot: Snapshot) -> None:
    trace = Trace()
    found = retrieve(snapshot, ask(), lines={"weather.py": ((1, 3),)}, trace=trace)
    assert found.hits == ()
    (one,) = trace.all(found.hits)
    assert (one.hit.path, one.stage) == ("weather.py", "threshold")


@pytest.mark.parametrize("path", ["ignored.py", "../outside.py", ".env", "gone.py", "/etc/passwd"])
def test_a_changed_file_that_is_not_indexed_is_not_shown(snapshot: Snapshot, path: str) -> None:
    assert retrieve(snapshot, ask(), lines={path: ((1, 9),)}).hits == ()


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(0.5, "edited less than a minute ago"), (1.5, "edited 1 minute ago"), (3.5, "edited 3 minutes ago")],
)
def test_a_file_saved_minutes_ago(snapshot: Snapshot, minutes: float, told: str) -> None:
    saved = snapshot.modified()["bills.py"]
    recent = Recent(snapshot, clock=lambda: saved + int(minutes * 60e9))
    (hit,) = find(recent, snapshot, ask())
    assert hit.path == "bills.py"
    assert why(hit).startswith(f"{told}; shares ")


def test_a_file_saved_long_ago_is_not_recent(snapshot: Snapshot) -> None:
    last = max(snapshot.modified().values())
    assert find(Recent(snapshot, clock=lambda: last + int((MINUTES + 1) * 60e9)), snapshot, ask()) == []


def test_a_checkout_is_not_an_edit(index_files: Callable[..., Snapshot]) -> None:
    bills = {f"bills_{number}.py": dedent(BILLS) for number in range(4)}
    others = {f"other_{number}.py": f"other_{number} = {number}\n" for number in range(MAX_EDITED - 4)}
    few = index_files({**bills, **others})
    hits = find(Recent(few), few, ask())
    assert len(hits) == MAX_HITS
    assert {hit.path for hit in hits} < set(bills)
    assert [hit.evidence[0].rank for hit in hits] == [1, 2, 3]
    many = index_files({**bills, **others, "one_more.py": "one_more = 1\n"})
    assert find(Recent(many), many, ask()) == []


def test_a_hole_without_a_word_finds_nothing(snapshot: Snapshot) -> None:
    query = query_at("main.py", "", 1, 0, facts=None)
    assert retrieve(snapshot, query, lines={"bills.py": ((5, 6),)}).hits == ()


DISCOUNT = "def discounted(net_amount, tax_rate, currency):\n    gross_amount = net_amount * tax_rate\n\n\n"
UNSAVED = dedent(BILLS).replace("def unrelated_banner", f"{DISCOUNT}def unrelated_banner")


def test_an_unsaved_buffer_is_shown_as_it_is(snapshot: Snapshot) -> None:
    found = retrieve(snapshot, ask(buffers=(("bills.py", UNSAVED),)))
    (hit,) = found.hits
    assert "def discounted" in hit.text
    assert why(hit).startswith("unsaved change in an open file; shares ")
    lines = UNSAVED.split("\n")
    assert hit.text.split("\n") == lines[hit.start_line - 1 : hit.end_line]


def test_a_buffer_that_is_as_indexed_gives_nothing(snapshot: Snapshot) -> None:
    assert retrieve(snapshot, ask(buffers=(("bills.py", dedent(BILLS)),))).hits == ()


def test_a_buffer_stands_for_its_file(snapshot: Snapshot) -> None:
    query = ask(buffers=(("bills.py", UNSAVED),))
    (hit,) = retrieve(snapshot, query, lines={"bills.py": ((5, 6),)}).hits
    assert why(hit).startswith("unsaved change")


@pytest.mark.parametrize("path", [".env", "ignored.py", "new.py", "../bills.py", "main.py"])
def test_buffers_that_are_not_indexed_and_the_own_one_are_not_shown(snapshot: Snapshot, path: str) -> None:
    assert retrieve(snapshot, ask(buffers=((path, UNSAVED),))).hits == ()


def test_a_secret_of_a_buffer_is_masked(snapshot: Snapshot) -> None:
    text = UNSAVED.replace("* tax_rate\n\n", f'* tax_rate\n    password = "{SECRET}"\n\n')
    assert SECRET in text
    (hit,) = retrieve(snapshot, ask(buffers=(("bills.py", text),))).hits
    assert "password" in hit.text
    assert SECRET not in hit.text


def test_exclusions_hold(snapshot: Snapshot) -> None:
    changed = {"bills.py": ((4, 6),)}
    for hidden in (Place("bills.py"), Place("bills.py", "gross_amount"), Place("bills.py", lines=(5, 5))):
        assert retrieve(snapshot, ask(hidden=(hidden,)), lines=changed).hits == ()
        query = ask(hidden=(hidden,), buffers=(("bills.py", UNSAVED),))
        assert retrieve(snapshot, query).hits == ()
    banned = ask(exclusions=(Exclusion("bills.py", 1, 9),), buffers=(("bills.py", UNSAVED),))
    assert retrieve(snapshot, banned, lines=changed).hits == ()


def test_the_hole_is_not_shown(snapshot: Snapshot) -> None:
    query = ask(exclusions=(Exclusion("main.py", 2, 2),))
    assert retrieve(snapshot, query, lines={"main.py": ((1, 2),)}).hits == ()
    assert retrieve(snapshot, ask(), lines={"main.py": ((1, 2),)}).hits == ()


def test_what_is_similar_too_is_shown_once_with_both_reasons(snapshot: Snapshot) -> None:
    found = retrieve(snapshot, ask(), lines={"bills.py": ((5, 6),)}, channels=("similar", "recent"))
    bills = [hit for hit in found.hits if hit.path == "bills.py"]
    assert len(bills) == 1
    assert {evidence.source for evidence in bills[0].evidence} == {"similar", "recent"}


def find(recent: Recent, snapshot: Snapshot, query: Query) -> list[Hit]:
    from retrieval.leak import guard_for

    return recent.find(query, Retriever(snapshot).lexical(), guard=guard_for(query, 0))
