"""Words as the published scripts count them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.baselines.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("self.lr_Scheduler(step=10)", "self lr_Scheduler step 10"),
        ("größe = Σ₀", "größe Σ₀"),
        ("# we don't know", "we do n t know"),
        ("# DON'T stop", "DO N T stop"),
        ("# it can't", "it ca n t"),  # the end of the text counts as a space
        ("# but we can't\nstop", "but we can t stop"),  # the end of a line does not
        ("*doesn't* (isn't) isn't, won't", "does n t is n t is n t wo n t"),
        ("couldn't-be n't a'n't ", "couldn t be n t a n t"),
        ("x = 'n't '", "x n t"),
        ("Cannot gonna _cannot cannot_ CANNOT", "Can not gon na _cannot cannot_ CAN NOT"),
        ("it's they're", "it s they re"),
        ("{ } // --", ""),
        ("", ""),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert words(text) == expected.split()


@given(st.text(alphabet="abn't(_ \n.9é"))
def test_only_english_contractions_differ_from_runs_of_word_characters(text: str) -> None:
    assert "".join(words(text)) == "".join(re.findall(r"\w+", text))
    if "n't" not in text:
        assert words(text) == re.findall(r"\w+", text)
