"""Exact match on code tokens: RepoEval as Repoformer (ICML 2024) and Qwen2.5-Coder score it.

Line and API tasks: the prediction is cut to as many lines as the truth has, blank ones not counted. Function tasks
(Python): it is cut to the longest beginning with which the file parses, then to the body of the target function.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from eval.metrics.syntax import GrowingFile
from eval.types import Task

_SIGN = re.compile(r"([^A-Za-z0-9_])")
_CAMEL = re.compile(r"([a-z])([A-Z])")
_QUOTES = str.maketrans("\"'", "``")
_FUNCTION = "function_definition"


def code_tokens(text: str) -> list[str]:
    """Runs of ASCII letters, digits and underscores, split where a capital follows a small letter; every other
    character but white space is a token; both quotation marks are one.
    """
    spaced = _CAMEL.sub(r"\1 \2", _SIGN.sub(r" \1 ", text))
    return spaced.translate(_QUOTES).split()


def code_token_exact_match(prediction: str, truth: str) -> float:
    """100 if the tokens of both cut texts are the same, else 0."""
    return 100.0 if code_tokens(prediction) == code_tokens(truth) else 0.0


def cut_texts(task: Task, prediction: str) -> tuple[str, str]:
    """Prediction and truth, both cut as above.

    For a function, only what the prediction adds counts. The published script compares the whole body, with the
    docstring where it stands in the prompt: the exact match is the same, but its edit similarity of an empty prediction
    would not be 0. Where nothing of the file parses, both stay whole, as published.
    """
    if task.kind == "function" and task.language == "python":
        return _function_texts(task, prediction)
    n = sum(1 for line in task.truth.split("\n") if line.strip())
    return _first_lines(prediction, n), _first_lines(task.truth, n)


def _first_lines(text: str, n: int) -> str:
    """The first `n` lines that are not blank, with their indentation."""
    return "\n".join([line for line in text.split("\n") if line.strip()][:n])


def _function_texts(task: Task, prediction: str) -> tuple[str, str]:
    file = GrowingFile("python", task.prefix)
    start = _target_function(file, task.truth)
    if start is None:
        return prediction, task.truth
    valid = _longest_valid(file, prediction)
    if valid is None:
        return prediction, task.truth
    return _within_body(file, valid, start), _within_body(file, task.truth, start)


def _longest_valid(file: GrowingFile, prediction: str) -> str | None:
    """The longest beginning with which the file parses, right-stripped; None if not even the prompt alone does."""
    for end in range(len(prediction), -1, -1):
        if file.parses(prediction[:end]):
            return prediction[:end].rstrip()
    return None


def _target_function(file: GrowingFile, truth: str) -> int | None:
    """The byte at which the innermost function around the cursor starts."""
    indent = truth[: len(truth) - len(truth.lstrip())]
    root = file.root(f"{indent}pass")
    if root is None:
        return None
    cursor = file.head_bytes + len(indent.encode())
    node = root.descendant_for_byte_range(cursor, cursor + 1)
    while node is not None and node.type != _FUNCTION:
        node = node.parent
    return None if node is None else node.start_byte


def _within_body(file: GrowingFile, tail: str, start: int) -> str:
    """What of `tail` belongs to the body of the function that starts at this byte; all of it if there is no such."""
    root = file.root(tail)
    function = None if root is None else root.descendant_for_byte_range(start, start + 1)
    while function is not None and function.type != _FUNCTION:
        function = function.parent
    body: Node | None = None if function is None else function.child_by_field_name("body")
    if body is None:
        return tail
    return tail.encode()[: max(0, body.end_byte - file.head_bytes)].decode()
