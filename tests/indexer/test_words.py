"""Words of chunks: cut by the worker, counted for many files; their terms are those of the text."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import bags
from indexer.bags import BagBuilder, Bags, bags_of_texts
from indexer.tokens import count_terms, split_word
from indexer.words import find_words

PIECES = ["foo", "bar ", "_x1", "fooBar", " ", "\n", "é", "ü ", "日本 ", "(", ".", "\x1f", "\ufffd"]
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
files = st.lists(st.tuples(texts, st.lists(st.integers(0, 80), max_size=3)), max_size=5)


def counted(found: Bags) -> dict[int, Counter[str]]:
    """Terms of each chunk, by its id."""
    chunks: dict[int, Counter[str]] = {number: Counter() for number in found.ids.tolist()}
    for row, word, count in zip(
        found.rows.tolist(), found.words.tolist(), found.counts.tolist(), strict=True
    ):
        for term in split_word(found.vocabulary[word]):
            chunks[int(found.ids[row])][term] += count
    return chunks


@given(files=files, block=st.sampled_from([1, 7, 1 << 18]))
def test_terms_are_those_of_the_text(files: list[tuple[str, list[int]]], block: int) -> None:
    """Chunks may end in the middle of a word or of a character; each third one is left out."""
    expected: dict[int, Counter[str]] = {}
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(bags, "BLOCK_WORDS", block)
        builder = BagBuilder()
        number = 0
        for text, cuts in files:
            data = text.encode()
            spans = list(pairwise(sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})))
            ids = []
            for start, end in spans:
                number += 1
                ids.append(number if number % 3 else 0)
                if number % 3:
                    expected[number] = Counter(count_terms(data[start:end].decode("utf-8", "replace")))
            builder.add(find_words(data, spans), ids)
        assert counted(builder.finish()) == expected


def test_pairs_differ_and_ascend() -> None:
    found = bags_of_texts([(5, "b a b"), (3, ""), (4, "a")])
    assert found.ids.tolist() == [5, 3, 4]
    assert counted(found) == {5: Counter(b=2, a=1), 3: Counter(), 4: Counter(a=1)}
    pairs = list(zip(found.rows.tolist(), found.words.tolist(), strict=True))
    assert pairs == sorted(set(pairs))


def test_nothing_at_all() -> None:
    found = BagBuilder().finish()
    assert (len(found.ids), len(found.rows), found.vocabulary) == (0, 0, [])
