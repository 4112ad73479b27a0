"""When a model may stop writing without any score being changed by it."""

from __future__ import annotations

from repocoder.llm.generator import Fed

DRAFT_LINES = 10
"""Lines of a pass that the next one's query may hold (RepoCoder)."""


class StopAfterLines:
    """Ends after so many lines that are not blank: RepoCoder compares no more of them than the truth has."""

    def __init__(self, lines: int) -> None:
        self._wanted = lines
        self._text = ""

    def feed(self, piece: str) -> Fed:
        self._text += piece
        whole = self._text.split("\n")[:-1]
        done = sum(1 for line in whole if line.strip()) >= self._wanted
        return Fed(self._text, "lines" if done else None)

    def reset(self) -> None:
        self._text = ""
