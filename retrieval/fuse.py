"""Several ranked lists into one: reciprocal ranks, a few small features, no duplicates, all evidence kept.

Reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009. Its scores of neighbouring ranks differ by
under two per cent, so the features below are of a few per cent each: they move a hit by some ranks and cannot
bury a good one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from retrieval.types import Evidence, Hit

RANK_CONSTANT = 60

CHANNEL_WEIGHTS = {"dense": 0.5}
"""What the first rank of a channel is worth, 1 unless named: for code, an encoder breaks the ties of BM25."""

NEARNESS_BONUS = 0.05
"""For the same directory, less for each step away: RepoCoder's useful snippets were there in 46 to 60 %."""

IMPORTED_BONUS = 0.05
"""For a file that the query's file imports."""

SIDE_PENALTY = 0.8
"""For tests, examples and vendored code where the query is in none of them."""

MAX_PER_FILE = 2
"""Chunks of one file. Definitions do not count: they are short, and each is there because a name means it."""

SAME_TEXT_SHARE = 0.5
"""Snippets of overlapping lines are one if the smaller shares this much of its text with the other."""

_SIDE = frozenset(
    """
    test tests testing example examples vendor vendored _vendor third_party node_modules site-packages
    """.split()  # noqa: SIM905 (a list would take a line for each word)
)


@dataclass(slots=True)
class _Group:
    """Hits that show the same text."""

    hit: Hit
    score: float
    evidence: list[Evidence]
    lines: frozenset[str]


def fuse(
    channels: Mapping[str, Sequence[Hit]], path: str, *, k: int, imported: Set[str] = frozenset()
) -> tuple[Hit, ...]:
    """The k best hits for a query in `path`, best first; `imported` are the files that it imports."""
    ranked = [
        (CHANNEL_WEIGHTS.get(channel, 1.0) / (RANK_CONSTANT + rank), hit)
        for channel, hits in channels.items()
        for rank, hit in enumerate(hits, 1)
    ]
    ranked.sort(key=lambda item: (-item[0], item[1].path, item[1].start_line))
    groups: list[_Group] = []
    for score, hit in ranked:
        _join(groups, score, hit)
    for group in groups:
        group.score *= prior(path, group.hit.path, imported)
    groups.sort(key=lambda group: (-group.score, group.hit.path, group.hit.start_line))
    per_file: Counter[str] = Counter()
    chosen: list[Hit] = []
    for group in groups:
        is_chunk = all(evidence.source != "definitions" for evidence in group.evidence)
        if len(chosen) < k and per_file[group.hit.path] + is_chunk <= MAX_PER_FILE:
            per_file[group.hit.path] += is_chunk
            chosen.append(replace(group.hit, score=group.score, evidence=tuple(group.evidence)))
    return tuple(chosen)


def prior(path: str, other: str, imported: Set[str]) -> float:
    """How likely a snippet of `other` helps in `path` before its text is looked at; around 1."""
    factor = 1.0 + NEARNESS_BONUS / (1 + distance(path, other))
    if other in imported:
        factor += IMPORTED_BONUS
    if is_side(other) and not is_side(path):
        factor *= SIDE_PENALTY
    return factor


def distance(path: str, other: str) -> int:
    """Steps from the one file's directory to the other's."""
    here, there = PurePosixPath(path).parts[:-1], PurePosixPath(other).parts[:-1]
    common = 0
    for left, right in zip(here, there, strict=False):
        if left != right:
            break
        common += 1
    return len(here) + len(there) - 2 * common


def is_side(path: str) -> bool:
    """Tests, examples and vendored code."""
    place = PurePosixPath(path.lower())
    return (
        not _SIDE.isdisjoint(place.parts[:-1])
        or place.name.startswith("test_")
        or place.stem.endswith("_test")
    )


def _join(groups: list[_Group], score: float, hit: Hit) -> None:
    """Add a hit to the group that shows its text, or begin one. The longer text is the one that is shown."""
    lines = frozenset(line.strip() for line in hit.text.splitlines() if line.strip())
    for group in groups:
        if not _same(group, hit, lines):
            continue
        if not {evidence.source for evidence in hit.evidence} <= {old.source for old in group.evidence}:
            group.score += score  # a channel that finds the same text twice has not found more
        told = {(known.source, known.why) for known in group.evidence}
        group.evidence.extend(found for found in hit.evidence if (found.source, found.why) not in told)
        if len(lines) > len(group.lines):
            group.hit, group.lines = hit, lines
        return
    groups.append(_Group(hit, score, list(hit.evidence), lines))


def _same(group: _Group, hit: Hit, lines: frozenset[str]) -> bool:
    other = group.hit
    if other.path != hit.path or other.start_line > hit.end_line or hit.start_line > other.end_line:
        return False
    return len(lines & group.lines) >= SAME_TEXT_SHARE * min(len(lines), len(group.lines))
