"""The committed table of tests, and how it is made."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.datasets import load
from eval.execution import survey
from eval.execution.coverage import (
    NOT_YET,
    TABLE,
    RepositoryTests,
    TaskTests,
    from_json,
    pack,
    table,
    to_json,
    unpack,
)
from eval.execution.environments import ENVIRONMENTS, Prepared
from eval.execution.survey import Ground, choose, complete
from eval.types import Task
from tests.eval.execution.conftest import ANSWER, toy_task

NO_TEST = "no test that passes with the original code calls it"
NAMES = st.one_of(
    st.builds("t::test_{}".format, st.integers(0, 2000)),
    st.text(alphabet="ab01,-[]:é\n", max_size=8),
)


@given(st.frozensets(NAMES, max_size=30))
def test_names_are_packed_without_loss(names: frozenset[str]) -> None:
    assert unpack(pack(names)) == names


def test_how_names_are_packed() -> None:
    assert pack(["a::t0", "a::t1", "a::t2", "a::t9", "a::t", "a::t007"]) == {"a::t": ",0-2,9", "a::t00": "7"}


def test_the_table_is_what_its_text_says() -> None:
    text = TABLE.read_text(encoding="utf-8")
    assert to_json(from_json(text)) == text


def test_the_table_fits_the_environments() -> None:
    assert set(table()) == set(ENVIRONMENTS)
    for repository, found in table().items():
        if not found.reason:
            pinned = ENVIRONMENTS[repository].requirements.read_bytes()
            assert found.requirements_sha256 == hashlib.sha256(pinned).hexdigest(), repository
            assert found.passing > 0


def test_every_task_has_tests_or_a_reason() -> None:
    for repository, found in table().items():
        for identity, entry in found.tasks.items():
            assert identity.startswith(f"{repository}/")
            assert bool(entry.tests) != bool(entry.reason), identity
            assert len(entry.tests) <= entry.calling
            assert not entry.tests & found.left_out.keys()


def test_every_task_of_the_benchmark_is_in_the_table(shared: Path) -> None:
    benchmark = load("repoeval-function", shared)
    for task in benchmark.tasks:
        found = table()[task.repository]
        assert found.reason or task.id in found.tasks


def test_the_quickest_tests_within_the_budget() -> None:
    assert choose({"a": 3.0, "b": 1.0, "c": 2.0}, budget_s=3.5) == {"b", "c"}
    assert choose({"t_1": 1.0, "t_2": 1.0, "t_3": 1.0, "u": 2.0, "v[x]": 9.0, "v[y]": 0.5}, 4.0) == {
        "t_1",
        "u",
        "v[y]",
    }
    assert choose({"a": 100.0, "b": 200.0}, budget_s=1.0) == {"a"}


def test_a_survey_of_the_toy(
    prepared: Prepared, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(prepared.environment), "requirements", property(lambda self: pinned))
    pinned = tmp_path / "toy.txt"
    pinned.write_text("")
    tasks = [toy_task(function) for function in ("answer", "unused", "harmless")]
    *_, found = survey.survey(Ground(prepared, toy, tasks), None)
    assert found.passing == 8
    assert found.left_out == {
        "tests/test_toy.py::test_broken": "failed",
        "tests/test_toy.py::test_now_and_then": "failed",
        "tests/test_toy.py::test_skipped": "skipped",
    }
    assert found.tasks["toy/answer"].tests == frozenset(ANSWER)
    assert found.tasks["toy/unused"] == TaskTests(frozenset(), 0.0, 0, NO_TEST)
    assert found.tasks["toy/harmless"].reason == "its tests pass if the body does nothing"
    assert from_json(to_json({"toy": found}))["toy"].tasks.keys() == found.tasks.keys()


def test_what_no_survey_came_to_says_so() -> None:
    done = TaskTests(frozenset({"t"}), 1.0, 1)
    known = RepositoryTests("3.11.7", "", 1, {}, {"maxhumber_redframes/0": done})
    task = toy_task("answer")
    words = {name: getattr(task, name) for name in task.__slots__} | {"repository": "maxhumber_redframes"}
    tasks = [Task(**{**words, "id": f"maxhumber_redframes/{number}"}) for number in range(2)]
    whole = complete({"maxhumber_redframes": known}, tasks)
    assert set(whole) == set(ENVIRONMENTS)
    assert whole["deepmind_tracr"].reason == NOT_YET
    assert whole["maxhumber_redframes"].tasks["maxhumber_redframes/0"] == done
    assert whole["maxhumber_redframes"].tasks["maxhumber_redframes/1"].reason == NOT_YET


def test_what_is_known_is_not_surveyed_again(
    prepared: Prepared, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(prepared.environment), "requirements", property(lambda self: pinned))
    pinned = tmp_path / "toy.txt"
    pinned.write_text("")
    monkeypatch.setattr(survey, "find_baseline", lambda ground: survey.Baseline({"t": 1.0}, {}, {}))
    known = RepositoryTests(
        "", hashlib.sha256(b"").hexdigest(), 1, {}, {"toy/answer": TaskTests(frozenset("t"), 1, 1)}
    )
    *_, found = survey.survey(Ground(prepared, toy, [toy_task("answer"), toy_task("unused")]), known)
    assert found.tasks["toy/answer"].tests == frozenset("t")
    assert found.tasks["toy/unused"].reason == NO_TEST
