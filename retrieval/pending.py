"""Hits that are made when they are needed: to read a candidate's text takes as long as to find it, and most candidates
are dropped for what is known without their text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from retrieval.leak import Lines
from retrieval.types import Evidence, Hit


class NothingToShowError(Exception):
    """A candidate turned out to show nothing, so what was concluded from its rank does not hold."""


class Pending:
    """What is known of a hit before it is made. Not for several threads at once."""

    __slots__ = ("_hit", "_make", "evidence", "path", "reach", "score")

    def __init__(
        self,
        path: str,
        score: float,
        evidence: tuple[Evidence, ...],
        reach: Lines,
        make: Callable[[], Hit | None],
    ) -> None:
        """`reach`: lines within which the hit's lie."""
        self.path = path
        self.score = score
        self.evidence = evidence
        self.reach = reach
        self._make = make
        self._hit: Hit | None = None

    def hit(self) -> Hit:
        """Raises NothingToShowError."""
        if self._hit is None:
            self._hit = self._make()
            if self._hit is None:
                raise NothingToShowError
        return self._hit


Candidate: TypeAlias = Hit | Pending


def made(candidate: Candidate) -> Hit:
    """The hit. Raises NothingToShowError."""
    return candidate.hit() if isinstance(candidate, Pending) else candidate


def reach(candidate: Candidate) -> Lines:
    """Lines within which those of the hit lie."""
    return candidate.reach if isinstance(candidate, Pending) else (candidate.start_line, candidate.end_line)
