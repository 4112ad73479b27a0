"""Fuzzy ranking of names: the letters of each word in their order, best where they begin words of the last part.

Linear in the length of a name whatever is typed, so that a thread can rank a hundred thousand names between two keys.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MAX_QUERY = 100
"""Characters of a query that count: nobody types more to find a name."""

CANDIDATES_BETWEEN_LOOKS = 500
"""Names between two questions to `stop`: about two milliseconds."""

HIT = 1.0
FOLLOWS = 2.0
STARTS_WORD = 2.0
IN_NAME = 1.0
STARTS_NAME = 4.0
WHOLE_NAME = 10.0
"""What a letter adds, what it adds when it follows the one before or begins a word, when it is in the last part;
what a word adds that begins the last part or is all of it (without its ending)."""

GAP_COST, LENGTH_COST = 0.1, 0.01
"""What each letter between the first and last that matched costs, and each letter of the name: short names win."""


@dataclass(frozen=True, slots=True)
class Match:
    """One name that matched. `positions` are the characters of it that did, ascending."""

    index: int  # in the sequence that was ranked
    score: float
    positions: tuple[int, ...]


def rank(
    query: str,
    names: Sequence[str],
    *,
    separator: str,
    limit: int,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[list[Match], int]:
    """The best `limit` names in which every word of the query matches, best first, and how many matched.

    `separator` ends what is only the way to the last part: "/" of paths, "." of qualified names. Without a word all
    match, in their order. When `stop` says so on the way, what was found until then is given.
    """
    words = query[:MAX_QUERY].lower().split()
    if not words:
        return [Match(index, 0.0, ()) for index in range(min(limit, len(names)))], len(names)
    patterns = [
        re.compile("".join(f"[^{re.escape(c)}]*{re.escape(c)}" for c in word)).match for word in words
    ]
    found: list[Match] = []
    for index, name in enumerate(names):
        if index % CANDIDATES_BETWEEN_LOOKS == 0 and stop():
            break
        lower = name.lower()
        if len(lower) != len(name):  # a few letters of other scripts grow: then positions would be wrong
            lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in name)
        if all(pattern(lower) for pattern in patterns):
            found.append(_match(index, words, name, lower, name.rfind(separator) + 1))
    best = heapq.nsmallest(limit, found, key=lambda match: (-match.score, match.index))
    return best, len(found)


def _match(index: int, words: Sequence[str], name: str, lower: str, last_part: int) -> Match:
    score = -LENGTH_COST * len(name)
    marked: set[int] = set()
    for word in words:
        positions = _positions(word, name, lower, last_part)
        score += _score(positions, name, last_part)
        if positions[0] == last_part:
            whole = lower[last_part:] == word or lower[last_part:].rpartition(".")[0] == word
            score += WHOLE_NAME if whole else STARTS_NAME
        marked.update(positions)
    return Match(index, score, tuple(sorted(marked)))


def _positions(word: str, name: str, lower: str, last_part: int) -> Sequence[int]:
    """Where a word matches: in one piece if it can, at the start of a word of the name, as far right as possible."""
    pieces = []
    at = lower.rfind(word)
    while at >= 0:
        if _starts_word(name, at):
            return range(at, at + len(word))
        pieces.append(at)
        at = lower.rfind(word, 0, at + len(word) - 1)
    if pieces:
        return range(pieces[0], pieces[0] + len(word))
    return _scattered(word, lower, last_part) or _scattered(word, lower, 0)


def _scattered(word: str, lower: str, start: int) -> list[int]:
    """The letters one by one: the first way to the end, then back from there, so that the gaps are small."""
    at = start - 1
    for letter in word:
        at = lower.find(letter, at + 1)
        if at < 0:
            return []
    positions = []
    at += 1
    for letter in reversed(word):
        at = lower.rfind(letter, start, at)
        positions.append(at)
    return positions[::-1]


def _score(positions: Sequence[int], name: str, last_part: int) -> float:
    score = -GAP_COST * (positions[-1] - positions[0] + 1 - len(positions))
    before = -2
    for at in positions:
        score += HIT + (IN_NAME if at >= last_part else 0.0)
        if at == before + 1:
            score += FOLLOWS
        elif _starts_word(name, at):
            score += STARTS_WORD
        before = at
    return score


def _starts_word(name: str, at: int) -> bool:
    if at == 0 or not name[at - 1].isalnum():
        return True
    return name[at].isupper() and not name[at - 1].isupper()
