"""Exact match, as RepoCoder and as CrossCodeEval define it. Percent: 100.0 or 0.0.

RepoCoder (EMNLP 2023) compares whole lines: comments and case count. CrossCodeEval (NeurIPS 2023) deletes comments
first, in its own rough way, which must be kept for the scores to be comparable.
"""

from __future__ import annotations

import re

# Both in every language and also inside strings: an URL ends at its `//`, `a // b` at its operator.
_HASH = re.compile(r"#.*")
_SLASHES = re.compile(r"//.*")


def first_lines(text: str, n: int) -> list[str]:
    """The first `n` lines of `text` that are not blank, stripped. Lines end where `str.splitlines` says."""
    return stripped_lines(text)[:n]


def stripped_lines(text: str) -> list[str]:
    """The lines of `text`, stripped, without the empty ones. Lines end where `str.splitlines` says."""
    return [line for line in map(str.strip, text.splitlines()) if line]


def without_comments(text: str) -> str:
    """`text` without anything from `#` to the end of its line, then from `//` to the end of its line."""
    return _SLASHES.sub("", _HASH.sub("", text))


def exact_match_lines(prediction: str, truth: str) -> float:
    """RepoCoder: do the first n stripped lines of the prediction equal the n of the truth? Blank lines do not count.

    A prediction of fewer lines is wrong.
    """
    wanted = stripped_lines(truth)
    return 100.0 if first_lines(prediction, len(wanted)) == wanted else 0.0


def exact_match_code(prediction: str, truth: str) -> float:
    """CrossCodeEval: are the stripped lines the same, blank ones dropped? Both texts come without comments, the
    prediction cut to one statement. Lines end with a line feed only.
    """
    return 100.0 if _code_lines(prediction) == _code_lines(truth) else 0.0


def _code_lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.split("\n")) if line]
