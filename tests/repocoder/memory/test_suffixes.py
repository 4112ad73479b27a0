"""Every context's places, beside a search by hand."""

from __future__ import annotations

import numpy as np
import pytest

from repocoder.memory.suffixes import DEPTH, Suffixes, sort_places

VOCABULARY = 50


def by_hand(ids: np.ndarray, context: list[int]) -> dict[int, set[int]]:
    """Length -> places that follow the last so many tokens."""
    found: dict[int, set[int]] = {}
    for length in range(1, min(DEPTH, len(context)) + 1):
        tail = context[-length:]
        places = {i for i in range(length, len(ids)) if ids[i - length : i].tolist() == tail}
        if not places:
            break
        found[length] = places
    return found


@pytest.mark.parametrize("seed", range(5))
def test_intervals_hold_what_a_search_by_hand_finds(seed: int) -> None:
    random = np.random.default_rng(seed)
    ids = (random.zipf(1.3, 400) % VOCABULARY).astype(np.int32)
    ids[200:260] = ids[100:160]  # long contexts that occur twice
    suffixes = Suffixes.of(ids, VOCABULARY)
    for _ in range(60):
        end = int(random.integers(20, 400))
        context = ids[end - 20 : end].tolist()
        if random.random() < 0.5:
            context[-int(random.integers(1, 18))] = 7
        expected = by_hand(ids, context)
        found = suffixes.intervals(context)
        assert [one.length for one in found] == sorted(one.length for one in found)
        assert (found[-1].length if found else 0) == (max(expected) if expected else 0)
        for one in found:
            places = suffixes.order[one.first : one.end].tolist()
            assert set(places) == expected[one.length]
            assert len(places) == one.count == len(set(places))


def test_equal_intervals_are_given_once() -> None:
    ids = np.array([1, 2, 3, 4, 9, 1, 2, 3, 5], np.int32)
    found = Suffixes.of(ids, VOCABULARY).intervals([1, 2, 3])
    assert [(one.length, one.count) for one in found] == [(3, 2)]


@pytest.mark.parametrize("ids", [[], [3], [3, 3]])
def test_short_sequences(ids: list[int]) -> None:
    suffixes = Suffixes.of(ids, VOCABULARY)
    found = suffixes.intervals([3])
    assert [one.count for one in found] == ([1] if len(ids) == 2 else [])
    assert suffixes.intervals([]) == []
    assert suffixes.intervals([VOCABULARY + 3]) == []


def test_places_with_the_same_context_keep_their_order() -> None:
    order = sort_places(np.array([5, 1, 5, 2, 5, 3], np.int32))
    assert order.tolist() == [2, 4, 1, 3, 5] or order.tolist()[-3:] == [1, 3, 5]
    assert sorted(order.tolist()) == [1, 2, 3, 4, 5]
