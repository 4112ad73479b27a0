"""Identifier-aware terms."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.tokens import MAX_WORD_CHARACTERS, count_terms, split_word, terms


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("parse", ("parse",)),
        ("parse_args", ("parse_args", "parse", "args")),
        ("parseArgs", ("parseargs", "parse", "args")),
        ("HTTPServer", ("httpserver", "http", "server")),
        ("sha256_digest", ("sha256_digest", "sha", "256", "digest")),
        ("__init__", ("init",)),
        ("_", ()),
        ("größe_Max", ("größe_max", "gr", "öß", "e", "max")),
        ("x" * (MAX_WORD_CHARACTERS + 1), ()),
    ],
)
def test_a_word_gives_itself_and_its_parts(word: str, expected: tuple[str, ...]) -> None:
    assert split_word(word) == expected


@given(st.text(st.characters() | st.sampled_from("aZ_0. \n"), max_size=300))
def test_counts_are_those_of_the_list(text: str) -> None:
    assert count_terms(text) == Counter(terms(text))
    assert all(term and term == term.lower() for term in terms(text) if term.isascii())
