"""Which lines of a match to show: what follows the place most like the hole, or the place itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from indexer.tokens import terms
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


class Asked(NamedTuple):
    """A term that one looks for: what it weighs, and which of the target's lines have it."""

    weight: float
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """The lines one looks for, last first: their terms, and the mass of each line."""

    asked: Mapping[str, Asked]
    names: frozenset[str]  # those of `asked`
    masses: tuple[float, ...]
    weights: Mapping[str, float]  # of the terms of the query
    unknown: float  # weight of a term that the query does not have

    def likeness(self, terms: frozenset[str]) -> list[float] | None:
        """The weighted Jaccard index of a line's terms with each line of the target, 0 to 1; None for only zeros."""
        shared = self.names & terms
        if not shared:
            return None
        common = [0.0] * len(self.masses)
        for term in shared:
            weight, lines = self.asked[term]
            for line in lines:
                common[line] += weight
        weigh, unknown = self.weights.get, self.unknown
        mass = sum([weigh(term, unknown) for term in terms])
        return [
            part / (whole + mass - part) if part else 0.0
            for part, whole in zip(common, self.masses, strict=True)
        ]


def target(lines: Sequence[str], weights: Mapping[str, float]) -> Target:
    """Prepare the last non-blank ones of `lines` (in file order) for `best_line`."""
    unknown = sum(weights.values()) / len(weights) if weights else 1.0
    wanted: list[frozenset[str]] = []
    for line in reversed(lines):
        found = line_terms(line)
        if found:
            wanted.append(found)
        if len(wanted) == COMPARED:
            break
    asked = {
        term: Asked(weights.get(term, unknown), tuple(n for n, line in enumerate(wanted) if term in line))
        for term in frozenset[str]().union(*wanted)
    }
    masses = tuple(sum(asked[term].weight for term in line) for line in wanted)
    return Target(asked, frozenset(asked), masses, weights, unknown)


@lru_cache(KEPT_LINES)
def line_terms(line: str) -> frozenset[str]:
    """The distinct terms of a line; quicker than counting them."""
    return frozenset(terms(line))


def best_line(lines: Sequence[str], wanted: Target) -> int:
    """Index of the line at which `lines` are most like the target, the first of equals; 0 if nothing is."""
    return best_place(lines, wanted)[0]


def best_place(lines: Sequence[str], wanted: Target) -> tuple[int, float]:
    """The same, and how much that line is like the target."""
    filled: list[int] = []  # numbers of the lines that have terms
    alike: list[tuple[int, list[float]]] = []  # place in `filled`, likeness to each line of the target
    for number, line in enumerate(lines):
        found = line_terms(line)
        if found:
            likeness = wanted.likeness(found)
            if likeness is not None:
                alike.append((len(filled), likeness))
            filled.append(number)
    totals = [0.0] * len(filled)
    for above in range(len(wanted.masses)):
        row: dict[int, float] = {}
        for place, likeness in alike:
            # one line more or less between the two must not break the alignment
            for near in (place - 1, place, place + 1) if above else (place,):
                if likeness[above] > row.get(near, 0.0):
                    row[near] = likeness[above]
        for place, value in row.items():
            if 0 <= place < len(filled) - above:
                totals[place + above] += DECAY**above * value
    best, best_score = 0, 0.0
    for number, score in zip(filled, totals, strict=True):
        if score > best_score:
            best, best_score = number, score
    return best, best_score


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
