"""Predictions with names that nothing defines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eval.metrics.undefined import fault_rates, undefined_name_rate, undefined_names
from indexer.build import Indexer
from indexer.snapshot import Snapshot
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


@pytest.mark.parametrize(
    ("prefix", "prediction", "suffix", "names"),
    [
        ('"""Explains ', "words of a text", '."""\nx = 1\n', ()),
        ("# Explains ", "words of a remark\nghost()", "\n", ("ghost",)),
        ('total = 1\nprint(f"{', 'total} words {ghost}")', "\n", ("ghost",)),
        (
            "é = 'ü'\n",
            "x = ghost(é)\n",
            "y = other\n",
            ("ghost",),
        ),  # what follows the prediction is not judged
        ("x = ", "ghost(", "", ("ghost",)),  # also where the file does not parse
    ],
)
def test_only_names_of_the_code_are_judged(
    prefix: str, prediction: str, suffix: str, names: tuple[str, ...]
) -> None:
    index: Any = Index()
    assert undefined_names(Query("a.py", "python", 1, 0, prefix, suffix, "", ()), prediction, index) == names


def test_other_languages_have_none() -> None:
    index: Any = Index()
    assert undefined_name_rate(Query("a.go", "go", 1, 0, "", "", "", ()), "nowhere()", index) is None


@pytest.mark.parametrize(
    ("prediction", "rates"),
    [
        ("box.open(1)", (0.0, 0.0)),
        ("box.close(1)", (100.0, 0.0)),
        ("ghost(box)", (100.0, 0.0)),
        ("box.open()", (0.0, 100.0)),
        ("box.open(box.ghost, 2)", (100.0, 100.0)),
        ("  ", None),
    ],
)
def test_rates_of_what_users_are_warned_of(
    tmp_path: Path, prediction: str, rates: tuple[float, float] | None
) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "boxes.py").write_text("class Box:\n    def open(self, width: int) -> None: ...\n")
    indexer = Indexer(root, tmp_path / "index", derived=(), workers=1)
    indexer.build()
    indexer.close()
    prefix = "from boxes import Box\n\n\ndef work(box: Box) -> None:\n    "
    query = Query("work.py", "python", 5, 4, prefix, "print(box)\n", "work", ())
    with Snapshot.open(tmp_path / "index", root, derived_versions={}) as snapshot:
        found = fault_rates(query, prediction, snapshot)
    names = ("undefined_use_rate", "misfit_call_rate")
    assert found == ({} if rates is None else dict(zip(names, rates, strict=True)))
