"""The benchmark of typing counts what it says it counts."""

from __future__ import annotations

import pytest

from eval.bench.typing import Cursor, Times, last_tokens, prefix_first
from repocoder.fim import Part
from repocoder.llm.fake import FakeGenerator

TEMPLATE = FakeGenerator().vocab.template
PREFIX, SUFFIX, MIDDLE = (TEMPLATE.ids[role] for role in ("prefix", "suffix", "middle"))


def test_the_suffix_changes_place_with_the_prefix_and_nothing_else_does() -> None:
    head = (100, 101, PREFIX)
    assert prefix_first((*head, SUFFIX, 70, 80, MIDDLE, 10, 20), TEMPLATE) == (
        *head, 10, 20, SUFFIX, 70, 80, MIDDLE
    )  # fmt: skip
    there_already = (*head, 10, 20, SUFFIX, 70, 80, MIDDLE)
    assert prefix_first(there_already, TEMPLATE) == there_already


def test_the_last_tokens_are_just_as_many_as_there_is_room_for() -> None:
    many = FakeGenerator().tokenize_many
    found = last_tokens("first line\nsecond\n", 5, TEMPLATE, many)
    assert list(found.ids or ()) == many(["cond\n"])[0]
    assert last_tokens("", 5, TEMPLATE, many) == Part("", ())


def test_a_line_is_typed_into_the_file_without_it() -> None:
    cursor = Cursor("a.py", "x = 1\n", "\ny = 2\n", "    value = x + 1", 2)
    request = cursor.request(cursor.start + 5)
    assert request.text == "x = 1\n    value\ny = 2\n"
    assert (request.line, request.column, request.live) == (2, 9, True)
    assert [(one.path, one.start_line) for one in request.exclusions] == [("a.py", 2)]


def test_keys_are_compared_with_the_median_of_the_cold_requests() -> None:
    times = Times("all", [1.0, 2.0, 3.0], [0.2, 0.7, 0.8, 4.0], [0.9, 1.0, 1.0, 0.0], [100, 100, 100])
    row = times.row()
    assert row["cold_p50_ms"] == pytest.approx(2000)
    assert row["key_p50_of_cold"] == pytest.approx(0.375)
    assert row["keys_within_0.35"] == pytest.approx(0.5)
    assert row["key_p95_of_cold"] == pytest.approx(2.0)
