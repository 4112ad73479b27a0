"""Which lines of a match to show: what follows the place most like the hole, or the place itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from indexer.tokens import split_word
from indexer.types import Span
from retrieval.leak import Lines

LEAD, FOLLOW = 3, 9
"""Lines shown before and after the matched line when its continuation is wanted: 13 in all. The alignment is often off
by some lines, so a lead pays. On 600 holes of scrapy and mypy (lines, calls, bodies) the snippets held 20.1 % of the
names that only other files tell in 512 tokens and 30.7 % in 1,024 (with 4 and 8); with 10 and 14 lines, 19.1 and
29.4 %: what a window of 25 lines adds is worth less than a second one elsewhere. 3 and 5, 6 and 6 differed by noise.
"""

AROUND = 6
"""Lines shown on both sides of the match when the draft is looked for: 13 in all. With drafts of which half of the
names were true, the same holes: 23.1 % in 512 tokens; with 12 lines on both sides 20.3 %.
"""

COMPARED = 5
"""Non-blank lines of the query that are aligned with the candidate's."""

MAX_CHARACTERS = 2500
"""Of a shown text. Only data has longer lines."""

KEPT_LINES = 32_768
"""Lines whose terms are remembered, some 20 MB: while one types, the candidates are mostly those of before."""

DECAY = 0.7
"""Weight of an aligned line against the one below it."""


_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Target:
    """The lines one looks for, last first, as sets of terms with their mass, and what each term weighs."""

    lines: tuple[tuple[frozenset[str], float], ...]
    weights: Mapping[str, float]
    unknown: float  # weight of a term that the query does not have

    def mass(self, terms: Iterable[str]) -> float:
        return sum(self.weights.get(term, self.unknown) for term in terms)


def target(lines: Sequence[str], weights: Mapping[str, float]) -> Target:
    """Prepare the last non-blank ones of `lines` (in file order) for `best_line`."""
    mean = sum(weights.values()) / len(weights) if weights else 1.0
    empty = Target((), weights, mean)
    wanted: list[tuple[frozenset[str], float]] = []
    for line in reversed(lines):
        found = line_terms(line)
        if found:
            wanted.append((found, empty.mass(found)))
        if len(wanted) == COMPARED:
            break
    return Target(tuple(wanted), weights, mean)


@lru_cache(KEPT_LINES)
def line_terms(line: str) -> frozenset[str]:
    """The distinct terms of a line; quicker than counting them."""
    return frozenset(term for word in _WORD.findall(line) for term in split_word(word))


def best_line(lines: Sequence[str], wanted: Target) -> int:
    """Index of the line at which `lines` are most like the target, the first of equals; 0 if nothing is."""
    return best_place(lines, wanted)[0]


def best_place(lines: Sequence[str], wanted: Target) -> tuple[int, float]:
    """The same, and how much that line is like the target."""
    asked = frozenset[str]().union(*(line for line, _ in wanted.lines))
    filled = [(number, terms) for number, line in enumerate(lines) if (terms := line_terms(line))]
    masses = [0.0 if asked.isdisjoint(terms) else wanted.mass(terms) for _, terms in filled]
    best, best_score = 0, 0.0
    totals = [0.0] * len(filled)
    for above, (line, mass) in enumerate(wanted.lines):
        row = [
            _likeness(line, mass, terms, masses[place], wanted) if masses[place] else 0.0
            for place, (_, terms) in enumerate(filled)
        ]
        if above:  # one line more or less between the two must not break the alignment
            row = [max(pair) for pair in zip([0.0, *row], row, [*row[1:], 0.0], strict=False)]
        for place in range(above, len(filled)):
            totals[place] += DECAY**above * row[place - above]
    for (number, _), score in zip(filled, totals, strict=True):
        if score > best_score:
            best, best_score = number, score
    return best, best_score


def _likeness(
    left: frozenset[str], left_mass: float, right: frozenset[str], right_mass: float, wanted: Target
) -> float:
    """Weighted Jaccard index, 0 to 1."""
    shared = left & right
    if not shared:
        return 0.0
    common = wanted.mass(shared)
    return common / (left_mass + right_mass - common)


def window(line: int, *, continuation: bool) -> Lines:
    """Lines to show around the matched `line`; they may lie outside the file."""
    before, after = (LEAD, FOLLOW) if continuation else (AROUND, AROUND)
    return line - before, line + after


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Whole lines of a file from line `first` on."""

    first: int
    lines: tuple[str, ...]

    def text(self, start: int, end: int) -> str:
        """Lines start..end as shown: 1-based, inclusive."""
        return "\n".join(self.lines[start - self.first : end - self.first + 1])[:MAX_CHARACTERS]

    def trim(self, start: int, end: int) -> Lines | None:
        """start..end within the excerpt and without blank lines at its ends; None if nothing is left."""
        start, end = max(start, self.first), min(end, self.first + len(self.lines) - 1)
        while start <= end and not self.lines[end - self.first].strip():
            end -= 1
        while start <= end and not self.lines[start - self.first].strip():
            start += 1
        return (start, end) if start <= end else None


def excerpt(content: bytes, span: Span) -> Excerpt:
    """The lines of a chunk with as many around it as a window may reach."""
    margin = max(LEAD, FOLLOW, AROUND)
    first = span.start_line
    start = content.rfind(b"\n", 0, span.start_byte) + 1
    while start > 0 and span.start_line - first < margin:
        start = content.rfind(b"\n", 0, start - 1) + 1
        first -= 1
    end = span.end_byte
    for _ in range(margin):
        end = content.find(b"\n", end) + 1
        if not end:
            end = len(content)
            break
    return Excerpt(first, tuple(content[start:end].decode("utf-8", "replace").split("\n")))
