"""The order in which names are offered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.fuzzy import rank

PATHS = [
    "tui/widgets/editor_area.py",
    "tui/widgets/editor.py",
    "tui/document.py",
    "tests/tui/test_editor.py",
    "repocoder/edits.py",
    "docs/read me.md",
    "README.md",
    "src/HttpClientPool.java",
]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("editor", "tui/widgets/editor.py"),
        ("edar", "tui/widgets/editor_area.py"),
        ("EDITOR.PY", "tui/widgets/editor.py"),
        ("doc", "tui/document.py"),
        ("tui ed ar", "tui/widgets/editor_area.py"),
        ("readme", "README.md"),
        ("hcp", "src/HttpClientPool.java"),
        ("test ed", "tests/tui/test_editor.py"),
        ("repo/ed", "repocoder/edits.py"),
    ],
)
def test_what_is_meant_comes_first(query: str, first: str) -> None:
    best, _ = rank(query, PATHS, separator="/", limit=3)
    assert PATHS[best[0].index] == first


def test_a_dotted_name_is_matched_at_its_last_part() -> None:
    names = ["Client.get", "getter", "Client.request.get_all", "target"]
    best, count = rank("get", names, separator=".", limit=9)
    assert [names[match.index] for match in best] == [
        "Client.get",
        "getter",
        "Client.request.get_all",
        "target",
    ]
    assert count == 4
    assert best[0].positions == (7, 8, 9)


def test_without_a_word_all_match_in_their_order() -> None:
    best, count = rank("  ", PATHS, separator="/", limit=2)
    assert [match.index for match in best] == [0, 1]
    assert count == len(PATHS)


def test_it_stops_when_told() -> None:
    best, count = rank("a", ["a"] * 5000, separator="/", limit=10, stop=lambda: True)
    assert (best, count) == ([], 0)


@given(st.text(min_size=1, max_size=8), st.lists(st.text(max_size=30), max_size=20))
def test_what_matches_holds_every_letter_in_order(query: str, names: list[str]) -> None:
    """An oracle by definition: a name matches if and only if each word is a subsequence of it."""

    def inside(word: str, name: str) -> bool:
        letters = iter(name)
        return all(letter in letters for letter in word)

    folded = ["".join(c.lower() if len(c.lower()) == 1 else c for c in name) for name in names]
    wanted = {
        index
        for index, name in enumerate(folded)
        if all(inside(word, name) for word in query.lower().split())
    }
    best, count = rank(query, names, separator="/", limit=len(names))
    assert {match.index for match in best} == wanted
    assert count == len(wanted)
    for match in best:
        assert list(match.positions) == sorted(set(match.positions))
        for word in query.lower().split():
            assert set(word) <= {folded[match.index][at] for at in match.positions}


def test_a_name_of_many_equal_letters_costs_no_more_than_another() -> None:
    """An enumeration of all ways would not end here."""
    best, _ = rank("a" * 40, ["a" * 400, "b" * 400], separator="/", limit=5)
    assert [match.index for match in best] == [0]
