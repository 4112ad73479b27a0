"""The benchmark of drafts counts what it says it counts."""

from __future__ import annotations

import pytest

from eval.bench.drafts import Hole, Row, measure
from repocoder.llm.messages import Remember

HOLES = [Hole((1, 2), Remember([], [], {})), Hole((3,), Remember([], [], {}))]


def test_speed_is_of_all_holes_and_equal_texts_are_counted() -> None:
    answers = iter([((5, 6, 7), 0.5), ((8,), 1.5)])
    row, texts = measure("ours", HOLES, lambda _: next(answers), [(5, 6, 7), (9,)])
    assert row == Row("ours", 4, 2.0, pytest.approx((6 + 1 / 1.5) / 2), 0.5)
    assert row.speed == pytest.approx(2)
    assert texts == [(5, 6, 7), (8,)]


def test_without_anything_to_compare_with_nothing_is_said() -> None:
    row, _ = measure("base", HOLES, lambda _: ((), 0.0), None)
    assert row.same_text is None
    assert row.tokens == 0
