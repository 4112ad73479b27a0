"""Which lines of a match to show: what follows the place most like the hole, or the place itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.tokens import count_terms
from retrieval.leak import Lines

LEAD, FOLLOW = 6, 18
"""Lines shown before and after the matched line when its continuation is wanted: 25 in all."""

AROUND = 12
"""Lines shown on both sides of the match when the draft is looked for: 25 in all."""

COMPARED = 5
"""Non-blank lines of the query that are aligned with the candidate's."""

DECAY = 0.7
"""Weight of an aligned line against the one below it."""


@dataclass(frozen=True, slots=True)
class Target:
    """The lines one looks for, last first, as sets of terms, and what each term weighs."""

    lines: tuple[frozenset[str], ...]
    weights: Mapping[str, float]
    unknown: float  # weight of a term that the query does not have


def target(lines: Sequence[str], weights: Mapping[str, float]) -> Target:
    """Prepare the last non-blank ones of `lines` (in file order) for `best_line`."""
    wanted: list[frozenset[str]] = []
    for line in reversed(lines):
        found = frozenset(count_terms(line))
        if found:
            wanted.append(found)
        if len(wanted) == COMPARED:
            break
    mean = sum(weights.values()) / len(weights) if weights else 1.0
    return Target(tuple(wanted), weights, mean)


def best_line(lines: Sequence[str], wanted: Target) -> int:
    """Index of the line at which `lines` are most like the target, the first of equals; 0 if nothing is."""
    filled = [(number, frozenset(count_terms(line))) for number, line in enumerate(lines)]
    filled = [(number, terms) for number, terms in filled if terms]
    likeness = [[_likeness(line, terms, wanted) for _, terms in filled] for line in wanted.lines]
    best, best_score = 0, 0.0
    for place in range(len(filled)):
        score = 0.0
        for above, row in enumerate(likeness):
            middle = place - above
            # one line more or less between the two must not break the alignment
            near = row[max(0, middle - 1) : max(0, middle + 2)] if above else row[place : place + 1]
            score += DECAY**above * max(near, default=0.0)
        if score > best_score:
            best, best_score = filled[place][0], score
    return best


def _likeness(left: frozenset[str], right: frozenset[str], wanted: Target) -> float:
    """Weighted Jaccard index, 0 to 1."""
    weigh = wanted.weights.get
    shared = sum(weigh(term, wanted.unknown) for term in left & right)
    return shared / sum(weigh(term, wanted.unknown) for term in left | right) if shared else 0.0


def window(line: int, n_lines: int, *, continuation: bool) -> Lines:
    """Lines to show around the matched `line` (1-based) of a file of `n_lines`."""
    before, after = (LEAD, FOLLOW) if continuation else (AROUND, AROUND)
    return max(1, line - before), min(n_lines, line + after)
