"""The truth scores 100 and nothing scores 0, on the published tasks; every exception is one of the published rules.

The official predictions of other systems are not in the data, so they cannot be scored again here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import pytest

from eval.metrics import score
from eval.types import Task

Published = Callable[[str], Iterator[Task]]
CASES = [("truth", 100.0), ("nothing", 0.0)]


def exceptions(tasks: Iterable[Task]) -> tuple[int, Counter[str]]:
    """How many tasks there are, and "truth exact_match" -> tasks where the score is not what it ought to be."""
    count = 0
    wrong: Counter[str] = Counter()
    for task in tasks:
        count += 1
        for case, ought in CASES:
            scores = score(task, task.truth if case == "truth" else "")
            wrong.update(f"{case} {name}" for name, value in scores.items() if value not in (ought, None))
            wrong.update(f"{case} {name} undefined" for name, value in scores.items() if value is None)
    return count, wrong


def test_line_tasks(published: Published) -> None:
    count, wrong = exceptions(published("repoeval-line"))
    assert count == 800
    # 33 lines are only a text or a bracket: their names are not defined, which is no score.
    assert wrong == {
        f"{case} {name} undefined": 33
        for case, _ in CASES
        for name in ("identifier_exact_match", "identifier_f1")
    }


def test_api_tasks(published: Published) -> None:
    assert exceptions(published("repoeval-api")) == (800, {})


def test_function_tasks(published: Published) -> None:
    assert exceptions(islice(published("repoeval-function"), 0, None, 12)) == (38, {})


@pytest.mark.parametrize("language", ["python", "csharp"])
def test_crosscodeeval(published: Published, language: str) -> None:
    count, wrong = exceptions(islice(published(f"crosscodeeval-{language}"), 0, None, 4))
    assert count > 400
    assert wrong == {}


def test_java_has_two_truths_without_a_name_in_ascii(published: Published) -> None:
    count, wrong = exceptions(
        task for task in published("crosscodeeval-java") if int(task.id.partition("/")[2]) < 480
    )
    assert count == 480
    assert wrong == {"truth identifier_f1": 2, "nothing identifier_exact_match": 2}


def test_typescript_breaks_the_identity_only_by_its_published_rules(published: Published) -> None:
    """The cut at the first bracket falls into the truth where an object literal or `${…}` stands in it, and `#` deletes
    a private field: then a perfect model scores less, or an empty prediction everything.
    """
    for task in islice(published("crosscodeeval-typescript"), 0, None, 5):
        truth, nothing = score(task, task.truth), score(task, "")
        ends = [at for at, character in enumerate(task.truth) if character in ";{}" and at]
        starts_with_end = task.truth[:1] in tuple(";{}")
        cut_short = not starts_with_end and bool(ends) and task.truth[ends[0] + 1 :].strip() != ""
        without = "\n".join(line.partition("#")[0].partition("//")[0] for line in task.truth.split("\n"))
        if not cut_short:
            assert (
                truth["exact_match"]
                == truth["edit_similarity_fuzz"]
                == truth["identifier_exact_match"]
                == 100.0
            )
        if without.strip():
            assert (
                nothing["exact_match"] == nothing["edit_similarity_fuzz"] == nothing["identifier_f1"] == 0.0
            )
        else:
            assert nothing["exact_match"] == nothing["edit_similarity_fuzz"] == 100.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tasks", "expected"),
    [
        ("repoeval-function", 455, {}),
        ("crosscodeeval-python", 2665, {}),
        ("crosscodeeval-csharp", 1768, {}),
        ("crosscodeeval-java", 2139, {"truth identifier_f1": 2, "nothing identifier_exact_match": 2}),
        (
            "crosscodeeval-typescript",
            3355,
            {
                "truth exact_match": 763,
                "truth edit_similarity_fuzz": 743,
                "truth edit_similarity_levenshtein": 763,
                "truth identifier_exact_match": 583,
                "truth identifier_f1": 589,
                "nothing exact_match": 5,
                "nothing edit_similarity_fuzz": 5,
                "nothing edit_similarity_levenshtein": 5,
                "nothing identifier_exact_match": 23,
            },
        ),
    ],
)
def test_every_task(published: Published, name: str, tasks: int, expected: dict[str, int]) -> None:
    assert exceptions(published(name)) == (tasks, expected)
