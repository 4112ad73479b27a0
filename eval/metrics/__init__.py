"""Scores of a prediction by the published rules of its benchmark. All are percentages, 0 to 100.

`score` picks the rules by the family of the task: RepoEval (also for mined tasks) or CrossCodeEval. The modules below
hold one definition each and name the paper that it comes from. Pass rates come from `eval.execution`.
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.metrics.code_tokens import code_token_exact_match, cut_texts
from eval.metrics.exact import (
    exact_match_code,
    exact_match_lines,
    first_lines,
    stripped_lines,
    without_comments,
)
from eval.metrics.identifiers import identifier_exact_match, identifier_f1, identifiers
from eval.metrics.similarity import edit_similarity_fuzz, edit_similarity_levenshtein
from eval.metrics.statements import first_statement
from eval.types import Family, Scores, Task


def family_of(task: Task) -> Family:
    """By the name of the benchmark; what is neither of the published ones was mined."""
    name = task.benchmark.partition("-")[0]
    return "repoeval" if name == "repoeval" else "crosscodeeval" if name == "crosscodeeval" else "mined"


def score(task: Task, prediction: str) -> Scores:
    """Scores of one prediction, which starts at the task's cursor (the indentation, if the truth has it, included)."""
    return (
        _by_statement(task, prediction) if family_of(task) == "crosscodeeval" else _by_lines(task, prediction)
    )


def score_samples(task: Task, predictions: Sequence[str], k: int | None = None) -> Scores:
    """Of several samples, the first `k` (all): the best score of each metric, so exact match is "any"."""
    if not predictions or (k is not None and k < 1):
        raise ValueError("score_samples needs at least one sample")
    each = [score(task, prediction) for prediction in predictions[:k]]
    best: Scores = {}
    for name in each[0]:
        values = [value for scores in each if (value := scores[name]) is not None]
        best[name] = max(values) if values else None
    return best


def cut(task: Task, prediction: str) -> str:
    """What of the prediction is scored: one statement (CrossCodeEval), as many lines as the truth has, or of a Python
    function what still belongs to its body.
    """
    if family_of(task) == "crosscodeeval":
        return first_statement(task.prefix, prediction, task.language)
    return cut_texts(task, prediction)[0]


def _by_statement(task: Task, prediction: str) -> Scores:
    """CrossCodeEval. Its published scores, and the other edit similarity on the same texts."""
    said = without_comments(first_statement(task.prefix, prediction, task.language))
    truth = without_comments(task.truth)
    mine, names = (identifiers(text, task.language) for text in (said, truth))
    return {
        "exact_match": exact_match_code(said, truth),
        "edit_similarity_fuzz": edit_similarity_fuzz(said, truth),
        "edit_similarity_levenshtein": edit_similarity_levenshtein(said.strip(), truth.strip()),
        "identifier_exact_match": identifier_exact_match(mine, names),
        "identifier_f1": identifier_f1(mine, names),
    }


def _by_lines(task: Task, prediction: str) -> Scores:
    """RepoEval. RepoCoder's scores; Repoformer's exact match and `fuzz.ratio` on its own cut; and, which nobody
    published, CrossCodeEval's name scores of the lines that RepoCoder compares, None where the truth has no name.
    """
    wanted = stripped_lines(task.truth)
    said = "\n".join(first_lines(prediction, len(wanted)))
    truth = "\n".join(wanted)
    mine, names = (identifiers(without_comments(text), task.language) for text in (said, truth))
    cut_prediction, cut_truth = cut_texts(task, prediction)
    return {
        "exact_match": exact_match_lines(prediction, task.truth),
        "edit_similarity_levenshtein": edit_similarity_levenshtein(said, truth),
        "edit_similarity_fuzz": edit_similarity_fuzz(cut_prediction, cut_truth),
        "code_token_exact_match": code_token_exact_match(cut_prediction, cut_truth),
        "identifier_exact_match": identifier_exact_match(mine, names) if names else None,
        "identifier_f1": identifier_f1(mine, names) if names else None,
    }


__all__ = ["cut", "family_of", "score", "score_samples"]
