"""Which tests judge which task: the committed table `coverage.json`, made by `eval.execution.survey`.

A task is *measurable* if its tests pass with the original body and do not all pass when the body does nothing. The
table names, for every other task, why it is not; and for every repository the tests that were left out, because they
fail, are skipped or come and go with the original code.

Names of tests are long and many differ in a number at their end only, so those of a repository are stored once, as
stem -> numbers: `{"tests/test_a.py::test_b": "", "tests/test_c.py::T::test_d_": "0-3,7"}`. A task has ranges of places
in their sorted list.
"""

from __future__ import annotations

import functools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parent / "coverage.json"
NOT_YET = "not surveyed yet: run python -m eval.execution.survey"
"""Reason of a task, or of a repository, that no survey has come to."""
_NUMBERED = re.compile(r"(.*?)(0|[1-9][0-9]{0,5})?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TaskTests:
    """What judges one task. `reason`: why nothing can; `tests` is empty then."""

    tests: frozenset[str]
    seconds: float  # that they took with the original body, start included
    calling: (
        int  # tests that call the function; `tests` are all of them or, if that takes too long, the quickest
    )
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RepositoryTests:
    """One repository: its tasks, and what was found out about its tests."""

    python: str  # version that the survey was made with
    requirements_sha256: str
    passing: int  # tests that pass with the original code, always
    left_out: Mapping[str, str]  # test -> why
    tasks: Mapping[str, TaskTests]
    reason: str = ""  # why none of it can be run


def pack(names: Iterable[str]) -> dict[str, str]:
    """Names -> stems with ranges of numbers."""
    stems: dict[str, list[int]] = defaultdict(list)
    for name in names:
        match = _NUMBERED.fullmatch(name)
        assert match is not None
        stem, number = match.groups()
        if number is None:
            stems[name].append(-1)
        else:
            stems[stem].append(int(number))
    return {stem: ",".join(_ranges(sorted(set(numbers)))) for stem, numbers in sorted(stems.items())}


def _ranges(numbers: list[int]) -> Iterable[str]:
    """Rising numbers as "3" or "5-9"; -1, which stands for none, as ""."""
    start = 0
    for place, number in enumerate(numbers):
        if place + 1 == len(numbers) or numbers[place + 1] != number + 1 or number == -1:
            first = numbers[start]
            yield "" if first == -1 else str(first) if first == number else f"{first}-{number}"
            start = place + 1


def _numbers(ranges: str) -> Iterable[int]:
    for part in filter(None, ranges.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def unpack(stems: Mapping[str, str]) -> frozenset[str]:
    """The inverse of `pack`."""
    names: set[str] = set()
    for stem, ranges in stems.items():
        if "" in ranges.split(","):
            names.add(stem)
        names.update(f"{stem}{number}" for number in _numbers(ranges))
    return frozenset(names)


def to_json(repositories: Mapping[str, RepositoryTests]) -> str:
    """The table as text: one line for each task, so that differences can be read."""
    blocks = []
    for repository, found in sorted(repositories.items()):
        names = sorted({test for task in found.tasks.values() for test in task.tests})
        places = {name: place for place, name in enumerate(names)}
        tasks = [
            f"  {json.dumps(identity)}: {json.dumps(_task_json(task, places))}"
            for identity, task in sorted(found.tasks.items(), key=lambda entry: _natural(entry[0]))
        ]
        head = {
            "python": found.python,
            "requirements_sha256": found.requirements_sha256,
            "passing": found.passing,
            "reason": found.reason,
            "left_out": dict(sorted(found.left_out.items())),
            "names": pack(names),
        }
        body = json.dumps(head)[:-1] + ', "tasks": {\n' + ",\n".join(tasks) + "\n }}"
        blocks.append(f" {json.dumps(repository)}: {body}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _natural(identity: str) -> tuple[str, int]:
    head, _, number = identity.rpartition("/")
    return (head, int(number)) if number.isdigit() else (identity, 0)


def _task_json(task: TaskTests, places: Mapping[str, int]) -> dict[str, Any]:
    if task.reason:
        return {"reason": task.reason, "calling": task.calling}
    tests = ",".join(_ranges(sorted(places[test] for test in task.tests)))
    return {"tests": tests, "seconds": round(task.seconds, 1), "calling": task.calling}


def from_json(text: str) -> dict[str, RepositoryTests]:
    """The table from its text."""
    found = {}
    for repository, words in json.loads(text).items():
        names = sorted(unpack(words.pop("names")))
        tasks = {
            identity: TaskTests(
                frozenset(names[place] for place in _numbers(entry.get("tests", ""))),
                entry.get("seconds", 0.0),
                entry["calling"],
                entry.get("reason", ""),
            )
            for identity, entry in words.pop("tasks").items()
        }
        found[repository] = RepositoryTests(tasks=tasks, **words)
    return found


@functools.cache
def table() -> Mapping[str, RepositoryTests]:
    """The committed table."""
    return from_json(TABLE.read_text(encoding="utf-8"))
