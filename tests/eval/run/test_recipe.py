"""From a task to a line: what travels, what fails, what waits."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from eval.run import recipe
from eval.run.recipe import Recipe, sample_line
from eval.types import Task
from repocoder.errors import LockedError

MakeTask = Callable[..., Task]


class Busy:
    """Another process has the index for the first few calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def sample(self, task: Task) -> dict[str, Any]:
        self.left -= 1
        if self.left >= 0:
            raise LockedError("index: x: process 1 is writing it: wait until it is done")
        return {"task_id": task.id, "error": None}


class Odd:
    def __init__(self, value: Any) -> None:
        self._value = value

    def sample(self, task: Task) -> dict[str, Any]:
        return {"task_id": task.id, "scores": {"exact_match": self._value}}


def test_it_waits_for_an_index_that_another_process_builds(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "LOCK_POLL_S", 0.001)
    assert json.loads(sample_line(Busy(5), make_task("a", 0), "bm25"))["error"] is None
    monkeypatch.setattr(recipe, "LOCK_WAIT_S", 0.0)
    failed = json.loads(sample_line(Busy(10**9), make_task("a", 0), "bm25"))
    assert failed["error"].startswith("index: x: process 1 is writing it")
    assert (failed["task_id"], failed["method"], failed["passes"]) == ("a/0", "bm25", [])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_what_json_has_not_is_an_error_of_the_sample(make_task: MakeTask, value: Any) -> None:
    failed = json.loads(sample_line(Odd(value), make_task("a", 0), "bm25"))
    assert failed["error"].startswith("internal error: ")
    assert failed["scores"] == {}


def test_a_line_is_one_line_that_every_reader_takes(make_task: MakeTask) -> None:
    line = sample_line(Odd("\ud800 \U0001f600 \\ud800"), make_task("two\nlines\u2028", 0), "bm25")
    assert b"\n" not in line
    assert line.isascii()
    assert json.loads(line)["task_id"] == "two\nlines\u2028/0"
    assert msgspec.json.decode(line)["scores"] == {"exact_match": "? \U0001f600 \\ud800"}


def test_a_recipe_opens_what_it_names() -> None:
    with Recipe("contextlib:nullcontext", {"enter_result": Busy(0)}, "bm25").open() as sampler:
        assert isinstance(sampler, Busy)
