"""The free rule and its reasons."""

from __future__ import annotations

import pytest

from indexer.types import Chunk, Span
from retrieval.gate import SIMILAR_THRESHOLD, decide
from retrieval.types import Evidence, Hit, Query

QUERY = Query("q.py", "python", 1, 0, "", "", "", ())


def hit(path: str, source: str, score: float, why: str = "defines `run`, imported at line 3") -> Hit:
    chunk = Chunk(1, path, Span(1, 2, 0, 0), "python", "function", "run", "", "text")
    return Hit(chunk, score, (Evidence(source, 1, score, why),), "text", 1, 2)


def test_nothing_found_is_not_worth_a_prompt() -> None:
    gate = decide(QUERY, [], "auto")
    assert not gate.retrieve
    assert gate.reason == (
        "no name near the cursor comes from another file,"
        f" and nothing similar scores above {SIMILAR_THRESHOLD}"
    )


def test_a_definition_of_another_file_opens_it() -> None:
    gate = decide(QUERY, [hit("lib.py", "definitions", 0.5)], "auto")
    assert gate.retrieve
    assert gate.reason == "lib.py defines `run`, imported at line 3"
    assert gate.features["definitions"] == 1


def test_a_definition_of_the_same_file_does_not() -> None:
    assert not decide(QUERY, [hit("q.py", "definitions", 0.5)], "auto").retrieve


@pytest.mark.parametrize(("score", "expected"), [(-0.01, False), (0.0, True), (0.2, True)])
def test_similar_code_from_the_threshold_on(score: float, expected: bool) -> None:
    gate = decide(QUERY, [hit("b.py", "similar", SIMILAR_THRESHOLD + score)], "auto")
    assert gate.retrieve is expected
    assert gate.score == pytest.approx(SIMILAR_THRESHOLD + score)
    assert gate.threshold == SIMILAR_THRESHOLD


def test_the_user_decides() -> None:
    assert decide(QUERY, [], "always").retrieve
    never = decide(QUERY, [hit("lib.py", "definitions", 0.5)], "never")
    assert not never.retrieve
    assert never.reason == "retrieval is switched off"
