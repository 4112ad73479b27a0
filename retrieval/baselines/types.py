"""What the published retrievers are asked, and the small pieces they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from indexer.types import Chunk, Span
from retrieval.types import Evidence, Hit

TokenizeMany = Callable[[Sequence[str]], list[list[int]]]
"""Texts -> the token ids of each, without special tokens."""

NAMED_WORDS = 3
"""Shared words that a reason names."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Where text is missing. What follows the cursor is not here, so that no retriever can use it."""

    path: str  # of the file, as in the mapping of files
    prefix: str  # the whole text of the file above the cursor
    line: int  # 1-based, of the cursor
    context_start_line: int  # 1-based, where the in-file part of the prompt begins; 1 if it is never cut

    @property
    def lines_above(self) -> int:
        """Complete lines before the cursor's line, counted in the text itself."""
        return self.prefix.count("\n")


class Baseline(Protocol):
    """A published retriever over one repository."""

    def retrieve(self, hole: Hole, draft: str = "", *, k: int = ...) -> tuple[Hit, ...]:
        """At most k hits, best first; as many as its paper keeps if k is left out. `draft`: text of an earlier pass, or
        the truth for an upper bound.
        """


@dataclass(frozen=True, slots=True)
class Window:
    """Lines of a file. `text` is how they are shown, which may leave blank lines out."""

    path: str
    language: str
    start_line: int  # 1-based
    end_line: int  # inclusive
    text: str

    def hit(self, source: str, rank: int, score: float, why: str) -> Hit:
        """`rank` is 1-based."""
        span = Span(self.start_line, self.end_line, 0, 0)
        chunk = Chunk(-1, self.path, span, self.language, "window", "", "", self.text)
        return Hit(
            chunk, score, (Evidence(source, rank, score, why),), self.text, self.start_line, self.end_line
        )


def lines_of(text: str) -> list[str]:
    """The lines without their ends (`\\n` or `\\r\\n`); nothing after the last end is no line."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines] if "\r" in text else lines


def reason(shared: int, asked: int, unit: str, named: Sequence[str]) -> str:
    """ "shares 14 of 32 tokens: lr, scheduler, step"."""
    names = ", ".join(named[:NAMED_WORDS])
    return f"shares {shared} of {asked} {unit}" + (f": {names}" if names else "")
