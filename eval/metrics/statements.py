"""Cut a prediction to one statement, as CrossCodeEval (NeurIPS 2023) does before it scores."""

from __future__ import annotations

import re

from eval.metrics.syntax import GrowingFile

_STATEMENT_END = re.compile(r"[;{}]")
BRACKETED = ("java", "csharp", "typescript")


def first_statement(prompt: str, prediction: str, language: str) -> str:
    """The first statement of `prediction`, which continues `prompt`; all of it where no end is found.

    Languages that the benchmark does not have are not cut.
    """
    if language == "python":
        return _python_statement(prompt, prediction)
    return _bracketed_statement(prediction) if language in BRACKETED else prediction


def _bracketed_statement(prediction: str) -> str:
    """Up to and with the first `;`, `{` or `}`. If that is the very first character nothing is cut, as published."""
    found = _STATEMENT_END.search(prediction)
    return prediction[: found.end()] if found and found.start() else prediction


def _python_statement(prompt: str, prediction: str) -> str:
    """The shortest beginning, of one character or more, before a line feed, with which the file parses.

    The published scorer asks after each character whether the file parses and only then whether a line feed follows;
    asking the other way round gives the same and parses once a line.
    """
    file = GrowingFile("python", prompt)
    end = prediction.find("\n", 1)
    while end > 0:
        if file.parses(prediction[:end]):
            return prediction[:end].rstrip()
        end = prediction.find("\n", end + 1)
    return prediction
