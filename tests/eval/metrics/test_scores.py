"""Which rules are used for which benchmark, and several samples of a task."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics import cut, family_of, score, score_samples
from eval.types import Task

MakeTask = Callable[..., Task]

TEXT = st.text(alphabet="ab1 (){};.#/\n\"'", max_size=20)
REPOEVAL = {
    "exact_match",
    "edit_similarity_levenshtein",
    "edit_similarity_fuzz",
    "code_token_exact_match",
    "identifier_exact_match",
    "identifier_f1",
}


def test_families(make_task: MakeTask) -> None:
    assert family_of(make_task("x", benchmark="repoeval-api")) == "repoeval"
    assert family_of(make_task("x", benchmark="crosscodeeval-java")) == "crosscodeeval"
    assert family_of(make_task("x", benchmark="mined-flask")) == "mined"


def test_repoeval_by_hand(make_task: MakeTask) -> None:
    scores = score(make_task("    total = self.sum(x)  # all\n"), "    total = self.sum(y)\n    return total")
    # y for x, and "  # all" is gone: 8 edits of 26 characters, 9 of 45
    assert scores.pop("edit_similarity_levenshtein") == pytest.approx(100 * (1 - 8 / 26))
    assert scores == {
        "exact_match": 0.0,
        "edit_similarity_fuzz": 80.0,
        "code_token_exact_match": 0.0,
        "identifier_exact_match": 0.0,
        "identifier_f1": 75.0,
    }


def test_crosscodeeval_by_hand(make_task: MakeTask) -> None:
    task = make_task("getX(a);", benchmark="crosscodeeval-java", language="java", prefix="int x = ")
    assert score(task, "getX(a); // the x\nreturn x;") == {
        "exact_match": 100.0,
        "edit_similarity_fuzz": 100.0,
        "edit_similarity_levenshtein": 100.0,
        "identifier_exact_match": 100.0,
        "identifier_f1": 100.0,
    }
    assert score(task, "getY(a, b);")["edit_similarity_fuzz"] == 74.0  # 5 of 19
    assert score(task, "getY(a, b);")["identifier_f1"] == 40.0


def test_python_of_crosscodeeval_is_cut_by_its_prompt(make_task: MakeTask) -> None:
    task = make_task("f(a)", benchmark="crosscodeeval-python", prefix="x = ")
    assert score(task, "f(a)\nprint(x)\n")["exact_match"] == 100.0
    assert score(task, "f(a) \\\n  + 1\nprint(x)")["exact_match"] == 0.0
    assert cut(task, "f(a)\nprint(x)\n") == "f(a)"


def test_cut_of_lines_keeps_the_indentation(make_task: MakeTask) -> None:
    assert cut(make_task("    a\n    b\n"), "\n    c\n\n      d\n    e") == "    c\n      d"


def test_names_of_a_truth_without_names(make_task: MakeTask) -> None:
    ours = score(make_task('    "only text",'), '    "only text",')
    assert ours["identifier_exact_match"] is None
    assert ours["identifier_f1"] is None
    task = make_task('"only text");', benchmark="crosscodeeval-java", language="java")
    published = score(task, '"other text");')
    assert published["identifier_exact_match"] == 100.0
    assert published["identifier_f1"] == 0.0


def test_mined_tasks_of_other_languages(make_task: MakeTask) -> None:
    task = make_task("\treturn s.Run(x)\n", benchmark="mined", language="go")
    assert score(task, "return s.Run(x)") == dict.fromkeys(REPOEVAL, 100.0)


@given(truth=TEXT, prediction=TEXT)
def test_scores_are_percentages(make_task: MakeTask, truth: str, prediction: str) -> None:
    for benchmark, language in (("repoeval-line", "python"), ("crosscodeeval-csharp", "csharp")):
        scores = score(make_task(truth, benchmark=benchmark, language=language), prediction)
        assert all(value is None or 0.0 <= value <= 100.0 for value in scores.values())
        assert set(scores) == (REPOEVAL if language == "python" else REPOEVAL - {"code_token_exact_match"})
        if scores["exact_match"] == 100.0 and language == "python":
            assert scores["edit_similarity_levenshtein"] == 100.0
            assert scores["code_token_exact_match"] == 100.0


@given(truth=TEXT.filter(str.strip), more=TEXT)
def test_the_truth_scores_everything_whatever_follows(make_task: MakeTask, truth: str, more: str) -> None:
    scores = score(make_task(truth), f"{truth}\n{more}")
    assert {value for value in scores.values() if value is not None} == {100.0}


def test_the_best_of_several_samples_counts(make_task: MakeTask) -> None:
    task = make_task("x = f(a)")
    worse, wrong, right = score(task, "x = f(b)"), score(task, "y"), score(task, "x = f(a)")
    assert score_samples(task, ["y", "x = f(b)", "x = f(a)"]) == right
    assert score_samples(task, ["y", "x = f(b)", "x = f(a)"], k=2) == worse
    assert score_samples(task, ["y", "x = f(b)"], k=1) == wrong
    assert score_samples(make_task("1"), ["1", "2"])["identifier_f1"] is None


def test_no_sample_is_a_mistake(make_task: MakeTask) -> None:
    with pytest.raises(ValueError, match="at least one"):
        score_samples(make_task("x"), [])
    with pytest.raises(ValueError, match="at least one"):
        score_samples(make_task("x"), ["x"], k=0)
