"""Both edit similarities against tables of distances that are filled by hand."""

from __future__ import annotations

import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics import similarity
from eval.metrics.similarity import edit_similarity_fuzz, edit_similarity_levenshtein
from repocoder.errors import UsageError

TEXT = st.text(alphabet="abc (é\n", max_size=14)


def distance(left: str, right: str, replace: int) -> int:
    """The least cost of turning one text into the other: 1 for each insertion and deletion, `replace` for the rest."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        above, row = row, [i]
        for j, b in enumerate(right, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (0 if a == b else replace)))
    return row[-1]


@given(TEXT, TEXT)
def test_levenshtein_equals_the_table(left: str, right: str) -> None:
    longer = max(len(left), len(right))
    expected = 100 * (1 - distance(left, right, 1) / longer) if longer else 100
    assert edit_similarity_levenshtein(left, right) == pytest.approx(expected)


@given(TEXT, TEXT)
def test_fuzz_equals_the_table(left: str, right: str) -> None:
    a, b = left.strip(), right.strip()
    total = len(a) + len(b)
    exact = 100 - Fraction(100 * distance(a, b, 2), total) if total else Fraction(100)
    score = edit_similarity_fuzz(left, right)
    assert score == int(score)
    assert abs(exact - Fraction(score)) <= Fraction(1, 2)


@given(TEXT, TEXT)
def test_fuzz_equals_the_rounded_ratio_of_the_library(left: str, right: str) -> None:
    fuzz = pytest.importorskip("rapidfuzz").fuzz
    assert edit_similarity_fuzz(left, right) == round(fuzz.ratio(left.strip(), right.strip()))


@pytest.mark.parametrize(
    ("left", "right", "levenshtein", "fuzz"),
    [
        ("kitten", "sitting", 100 * (1 - 3 / 7), 62.0),  # 3 edits of 7; 5 of 13: 61.54
        ("abcd", "abce", 75.0, 75.0),  # one replaced; one out and one in, of 8
        ("ab", "ba", 0.0, 50.0),  # where they differ most
        ("abc", "", 0.0, 0.0),
        ("", "", 100.0, 100.0),
        ("same", "same", 100.0, 100.0),
        ("a" * 8, "a" * 7 + "b", 87.5, 88.0),  # 87.5 rounds to the even number, 88
        ("a" * 8, "a" * 5 + "bbb", 62.5, 62.0),  # 62.5 too: 62
        ("a" * 8, "a", 12.5, 22.0),
        ("a" * 20, "a" * 8 + "b" * 12, 40.0, 40.0),
        ("x" * 17 + "a" * 3, "x" * 17 + "b" * 3, 85.0, 85.0),
    ],
)
def test_by_hand(left: str, right: str, levenshtein: float, fuzz: float) -> None:
    for a, b in ((left, right), (right, left)):
        assert edit_similarity_levenshtein(a, b) == pytest.approx(levenshtein)
        assert edit_similarity_fuzz(a, b) == fuzz


def test_fuzz_strips_the_texts_and_levenshtein_does_not() -> None:
    assert edit_similarity_fuzz("  a b\n", "a b") == 100.0
    assert edit_similarity_levenshtein("  a b\n", "a b") == 50.0


def test_characters_count_not_bytes() -> None:
    assert edit_similarity_levenshtein("é", "e") == 0.0
    assert edit_similarity_fuzz("éé", "éa") == 50.0


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    similarity._distances.cache_clear()
    try:
        with pytest.raises(UsageError, match=r"install repocoder\[eval\]"):
            edit_similarity_fuzz("a", "b")
    finally:
        similarity._distances.cache_clear()
