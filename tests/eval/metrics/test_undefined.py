"""Predictions with names that nothing defines."""

from __future__ import annotations

from typing import Any

import pytest

from eval.metrics.undefined import undefined_name_rate
from retrieval.types import Query


class Index:
    """The one question that is asked of a snapshot."""

    def defines(self, name: str) -> bool:
        return name == "known_elsewhere"


@pytest.mark.parametrize(
    ("prediction", "percent"),
    [
        ("return total + other_name", 100.0),
        ("return total", 0.0),
        ("return known_elsewhere(total).anything", 0.0),
        ("nowhere(nothing)", 100.0),
        ("return later", 0.0),
        ("   \n", None),
    ],
)
def test_rate(prediction: str, percent: float | None) -> None:
    index: Any = Index()
    query = Query("a.py", "python", 2, 0, "total = 1\n", "later = 2\n", "", ())
    assert undefined_name_rate(query, prediction, index) == percent


def test_other_languages_have_none() -> None:
    index: Any = Index()
    assert undefined_name_rate(Query("a.go", "go", 1, 0, "", "", "", ()), "nowhere()", index) is None
