"""When a completion is asked for without a key: after a pause that fits the machine, where code may be missing."""

from __future__ import annotations

from collections import deque
from statistics import median

from textual.document._document import Location

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.12, 1.0
"""Between the keys of a fluent typist lie 100 to 200 ms; who waits a second wants to see something."""

SHARE = 0.4
"""Of the time to the first text. A request that the next key cancels is lost work: the dearer, the longer the pause."""

QUICK_S = 1.0
"""To the first text. Where it takes longer, nothing is prepared for a place where nobody has typed yet."""

REMEMBERED = 8  # completions whose time counts

MAX_LINE_CHARACTERS = 2_000
"""On longer lines, of data most likely, nothing is suggested unasked."""


class Pace:
    """Adapts the pause to the time that the last completions took to their first text."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=REMEMBERED)

    def note(self, seconds: float) -> None:
        """A completion showed its first text (or its end) after so long."""
        self._seconds.append(seconds)

    @property
    def is_quick(self) -> bool:
        """Does a first text cost little on this machine? Unknown before the first."""
        return not self._seconds or median(self._seconds) <= QUICK_S

    @property
    def pause_s(self) -> float:
        """Seconds without a key after which to ask."""
        if not self._seconds:
            return SHORTEST_PAUSE_S
        return min(max(SHARE * median(self._seconds), SHORTEST_PAUSE_S), LONGEST_PAUSE_S)


def worth_asking(line: str, place: Location) -> bool:
    """May a suggestion at `place` be welcome unasked? Not inside a word, nor in a line that nobody wrote."""
    column = place[1]
    if len(line) > MAX_LINE_CHARACTERS:
        return False
    after = line[column : column + 1]
    return not (after.isalnum() or after == "_")
