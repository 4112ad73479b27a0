"""`repocoder pins`: what is pinned and excluded holds for completions, and never shows what must not be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

CURSOR = "shop/cart.py:20:20"  # after `gross = price_with`


@pytest.fixture(autouse=True)
def _forget(run_here: Run) -> Iterator[None]:
    yield
    for choice in run_here("pins", "list", "--json").json["choices"]:
        assert run_here("pins", "remove", choice["place"]).code == 0


def test_a_pin_is_listed_used_and_removed(run_here: Run, shop: Path) -> None:
    assert run_here("pins", "list", "--json").json == {"choices": []}
    assert run_here("pins", "add", "report.py::print_receipt", cwd=shop / "shop").out == (
        "shop/report.py::print_receipt: pinned\n"
    )
    assert run_here("pins", "list", "--json").json["choices"] == [
        {
            "place": "shop/report.py::print_receipt",
            "path": "shop/report.py",
            "qualname": "print_receipt",
            "lines": None,
            "action": "pin",
            "scope": "project",
        }
    ]
    told = run_here("explain", CURSOR, "--json").json
    first = told["candidates"][0]
    assert (first["path"], first["stage"], first["kept"]) == ("shop/report.py", "kept", True)
    assert first["evidence"][0] == {"source": "pinned", "rank": 1, "score": 1.0, "why": "pinned by you"}
    assert told["prompt"]["text"].index("def print_receipt") < told["prompt"]["text"].index("def total")
    assert told["notes"] == []
    assert run_here("pins", "remove", "shop/report.py::print_receipt").code == 0
    assert run_here("pins", "list").out == ""
    after = run_here("explain", CURSOR, "--json").json
    assert "pinned" not in {found["source"] for hit in after["candidates"] for found in hit["evidence"]}


def test_an_excluded_file_is_a_candidate_that_was_dropped(run_here: Run) -> None:
    before = run_here("explain", CURSOR, "--json").json
    assert [hit for hit in before["hits"] if hit["path"] == "shop/prices.py"]
    assert run_here("pins", "exclude", "shop/prices.py").out == "shop/prices.py: excluded\n"
    told = run_here("explain", CURSOR, "--json").json
    assert not [hit for hit in told["hits"] if hit["path"] == "shop/prices.py"]
    dropped = [one for one in told["candidates"] if one["path"] == "shop/prices.py"]
    assert dropped
    assert {(one["stage"], one["why"], one["kept"]) for one in dropped} == {
        ("excluded", "excluded by you", False)
    }
    shown = run_here("explain", CURSOR).out
    assert "excluded: excluded by you" in shown
    assert "features: " in shown


def test_every_candidate_says_what_became_of_it(run_here: Run) -> None:
    told = run_here("explain", CURSOR, "--json").json
    stages = {one["stage"] for one in told["candidates"]}
    assert "kept" in stages
    assert "leak-guard" in stages  # the code around the cursor itself
    for one in told["candidates"]:
        assert one["why"]
        assert one["evidence"]
        assert one["kept"] == (one["stage"] == "kept")
    kept = [(one["path"], one["start_line"]) for one in told["candidates"] if one["kept"]]
    shown = [(hit["path"], hit["start_line"]) for hit in told["hits"] if hit["in_prompt"]]
    assert kept == shown


@pytest.mark.parametrize("action", ["add", "exclude"])
@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (".env", ".env is not in the index"),
        ("build/out.py", "build/out.py is not in the index"),
        ("nowhere.py", "nowhere.py is not in the index"),
        ("shop/cart.py::Trolley", "shop/cart.py defines no Trolley"),
        ("shop/cart.py:900-901", "shop/cart.py has 22 lines"),
        ("shop/cart.py:9-3", "no such lines"),
        ("../outside.py", "outside of the repository"),
        ("/etc/passwd:1-2", "outside of the repository"),
    ],
)
def test_only_what_is_indexed_can_be_chosen(run_here: Run, action: str, place: str, reason: str) -> None:
    answer = run_here("pins", action, place)
    assert answer.code == 2
    assert reason in answer.line
    assert run_here("pins", "list", "--json").json == {"choices": []}


def test_removing_what_was_not_chosen_is_an_error(run_here: Run) -> None:
    answer = run_here("pins", "remove", "shop/cart.py")
    assert answer.code == 2
    assert "neither pinned nor excluded" in answer.line


def test_a_pin_that_went_away_gives_a_note(run: Run, shop: Path) -> None:
    passing = shop / "passing.py"
    passing.write_text("PASSING = 1\n")
    try:
        assert run("pins", "add", "passing.py").code == 0
    finally:
        passing.unlink()
    note = "pinned: passing.py: passing.py is not in the index"
    assert note in run("explain", CURSOR).err
    answer = run("complete", CURSOR, "--max-tokens", "4", "--json").json
    assert note in answer["notes"]


def test_clean_takes_the_choices_with_it(run: Run, shop: Path) -> None:
    assert run("pins", "add", "shop/prices.py:1-5").code == 0
    cleaned = run("clean")
    assert cleaned.code == 0
    assert cleaned.out.rstrip().endswith("and what was pinned")
    assert run("pins", "list", "--json").json == {"choices": []}
