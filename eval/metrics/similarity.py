"""The two edit similarities of the published tables. They differ, so neither is ever called just "edit similarity".

Both are percentages of two texts that the caller has already cut and cleaned as its benchmark says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from repocoder.errors import UsageError

_Distance = Callable[[str, str], int]


def edit_similarity_levenshtein(prediction: str, truth: str) -> float:
    """RepoCoder: 100 * (1 - distance / length of the longer text), not rounded.

    The distance counts characters inserted, deleted or replaced. Two empty texts are alike: 100.
    """
    longer = max(len(prediction), len(truth))
    if longer == 0:
        return 100.0
    levenshtein, _ = _distances()
    return 100.0 * (1.0 - levenshtein(prediction, truth) / longer)


def edit_similarity_fuzz(prediction: str, truth: str) -> float:
    """CrossCodeEval: `fuzz.ratio` of the stripped texts, a whole number.

    That is 100 * (1 - distance / (sum of both lengths)), where the distance counts characters inserted or deleted, as
    in fuzzywuzzy with its C extension. Halves are rounded to the even number, as `round` does. The extension's releases
    before 2022 divide in another order: that changes the number only where it falls on a half (132 of the 499,999 pairs
    of a distance and a sum below 1,000), and then by one. Two empty texts are alike: 100.
    """
    left, right = prediction.strip(), truth.strip()
    total = len(left) + len(right)
    if total == 0:
        return 100.0
    _, indel = _distances()
    return float(round(100.0 * (1.0 - indel(left, right) / total)))


@cache
def _distances() -> tuple[_Distance, _Distance]:
    """Levenshtein and indel distance. Raises UsageError where the library is not installed."""
    try:
        from rapidfuzz.distance import Indel, Levenshtein
    except ImportError as error:
        raise UsageError("edit similarity: rapidfuzz is not installed: install repocoder[eval]") from error
    return Levenshtein.distance, Indel.distance
