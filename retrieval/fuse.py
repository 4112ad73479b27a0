"""Several ranked lists into one: reciprocal ranks, a few small features, no duplicates, all evidence kept.

Reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009. Its scores of neighbouring ranks differ by
under two per cent, so the features below are of a few per cent each: they move a hit by some ranks and cannot
bury a good one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

from retrieval.leak import Lines
from retrieval.pending import Candidate, made, reach
from retrieval.trace import Trace
from retrieval.types import Evidence, Hit

Item = TypeVar("Item")

RANK_CONSTANT = 60

PIN_SCORE = 1.0
"""Of what the user pinned: above all that ranks can sum up to."""

CHANNEL_WEIGHTS = {"dense": 0.5, "definitions": 0.96}
"""What the first rank of a channel is worth, 1 unless named: for code, an encoder breaks the ties of BM25, and the best
definition stands behind the three likest windows, so that a prompt of 512 tokens has both. Of the names that only
other files tell the snippets then held 44 to 51 % on lines and 42 to 45 % on calls of RepoEval (0.97 and 0.95; 120
holes each) against 38 and 35 % at 1, and 18.6 and 18.0 against 17.1 % on 300 holes of scrapy and mypy. What is lost are
definitions that were needed: 23 and 16 against 28 % there.
"""

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

    shown: Candidate
    score: float
    evidence: list[Evidence]
    known: frozenset[str] | None = None

    @property
    def path(self) -> str:
        return self.shown.path

    @property
    def hit(self) -> Hit:
        return made(self.shown)

    @property
    def lines(self) -> frozenset[str]:
        """The text's lines without what is around them. Found when they are first compared: most never are."""
        if self.known is None:
            self.known = _lines(self.hit)
        return self.known

    def show(self, hit: Hit) -> None:
        """Show this one from now on."""
        self.shown, self.known = hit, None


def fuse(
    channels: Mapping[str, Sequence[Candidate]],
    path: str,
    *,
    k: int,
    imported: Set[str] = frozenset(),
    pins: Sequence[Hit] = (),
    trace: Trace | None = None,
) -> tuple[Hit, ...]:
    """The k best hits for a query in `path`, best first; `imported` are the files that it imports.

    `pins` come first, in their order and all of them, with the evidence of what shows the same text. Raises
    NothingToShowError if a pending hit shows nothing.
    """
    ranked = [
        (CHANNEL_WEIGHTS.get(channel, 1.0) / (RANK_CONSTANT + rank), hit)
        for channel, hits in channels.items()
        for rank, hit in enumerate(hits, 1)
    ]
    _sort(ranked, lambda item: (-item[0], item[1].path), lambda item: made(item[1]).start_line)
    pinned = [_Group(hit, PIN_SCORE, list(hit.evidence)) for hit in pins]
    groups: list[_Group] = []
    for score, hit in ranked:
        if not any(_absorb(group, hit, trace) for group in pinned):
            _join(groups, score, hit, trace)
    for group in groups:
        if trace is not None:
            trace.note(group.hit, {"rrf": group.score, **_features(path, group.path, imported)})
        group.score *= prior(path, group.path, imported)
    _sort(groups, lambda group: (-group.score, group.path), lambda group: group.hit.start_line)
    chosen = _choose(groups, k - len(pinned), trace)
    return tuple(
        replace(group.hit, score=group.score, evidence=tuple(group.evidence)) for group in (*pinned, *chosen)
    )


def _sort(items: list[Item], key: Callable[[Item], tuple[float, str]], line: Callable[[Item], int]) -> None:
    """Sort by key and line. Lines are looked at only where keys are equal: they may have to be read for it."""
    items.sort(key=key)
    keys = [key(item) for item in items]
    if any(one == other for one, other in pairwise(keys)):
        items.sort(key=lambda item: (key(item), line(item) if keys.count(key(item)) > 1 else 0))


def _choose(groups: Sequence[_Group], k: int, trace: Trace | None) -> list[_Group]:
    """The first k groups, without the third and later chunks of a file."""
    per_file: Counter[str] = Counter()
    chosen: list[_Group] = []
    for group in groups:
        is_chunk = all(evidence.source != "definitions" for evidence in group.evidence)
        full = per_file[group.path] + is_chunk > MAX_PER_FILE
        if len(chosen) < k and not full:
            per_file[group.path] += is_chunk
            chosen.append(group)
        elif trace is not None:
            stage, why = "limit", f"{max(0, k)} others score higher"
            if full:
                stage, why = "file-cap", f"{MAX_PER_FILE} other snippets of this file score higher"
            hit = replace(group.hit, score=group.score, evidence=tuple(group.evidence))
            trace.drop(hit, stage, why)
    return chosen


def _features(path: str, other: str, imported: Set[str]) -> dict[str, float]:
    """What `prior` looks at."""
    return {
        "prior": prior(path, other, imported),
        "distance": float(distance(path, other)),
        "imported": float(other in imported),
        "side": float(is_side(other) and not is_side(path)),
    }


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
    here, there = path.split("/")[:-1], other.split("/")[:-1]
    common = 0
    for left, right in zip(here, there, strict=False):
        if left != right:
            break
        common += 1
    return len(here) + len(there) - 2 * common


def is_side(path: str) -> bool:
    """Tests, examples and vendored code."""
    *folders, name = path.lower().split("/")
    stem = name.rpartition(".")[0] or name
    return not _SIDE.isdisjoint(folders) or name.startswith("test_") or stem.endswith("_test")


def _join(groups: list[_Group], score: float, found: Candidate, trace: Trace | None) -> None:
    """Add a hit to the group that shows its text, or begin one. The longer text is the one that is shown."""
    for group in groups:
        lines = _shared(group, found)
        if lines is None:
            continue
        hit = made(found)
        if not {evidence.source for evidence in hit.evidence} <= {old.source for old in group.evidence}:
            group.score += score  # a channel that finds the same text twice has not found more
        _add_evidence(group, hit)
        longer = len(lines) > len(group.lines)
        if trace is not None:
            trace.merge(group.hit, hit) if longer else trace.merge(hit, group.hit)
        if longer:
            group.show(hit)
        return
    groups.append(_Group(found, score, list(found.evidence)))


def _absorb(pin: _Group, found: Candidate, trace: Trace | None) -> bool:
    """Add the evidence of a hit to the pin that shows its text; False if it shows another."""
    if _shared(pin, found) is None:
        return False
    _add_evidence(pin, found)
    if trace is not None:
        trace.merge(made(found), pin.hit)
    return True


def _add_evidence(group: _Group, hit: Candidate) -> None:
    told = {(known.source, known.why) for known in group.evidence}
    group.evidence.extend(found for found in hit.evidence if (found.source, found.why) not in told)


def _lines(hit: Hit) -> frozenset[str]:
    return frozenset(line.strip() for line in hit.text.splitlines() if line.strip())


def _shared(group: _Group, found: Candidate) -> frozenset[str] | None:
    """The lines of the hit's text if the group shows the same; None if it shows another."""
    if group.path != found.path or _apart(reach(group.shown), reach(found)):
        return None
    hit = made(found)
    if _apart(reach(group.hit), reach(hit)):
        return None
    lines = _lines(hit)
    same = len(lines & group.lines) >= SAME_TEXT_SHARE * min(len(lines), len(group.lines))
    return lines if same else None


def _apart(one: Lines, other: Lines) -> bool:
    return one[0] > other[1] or other[0] > one[1]
