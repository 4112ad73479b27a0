"""The suggested text at the cursor: what the model wrote, and how much of it was already typed or
accepted."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from textual.document._document import Location

_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+)?")
_LINE = re.compile(r"\n*[^\n]*")


@dataclass(frozen=True, slots=True)
class Ghost:
    """Text at a place that is not in the document. `anchor` is where its rest would begin: the cursor."""

    anchor: Location
    text: str = ""
    taken: int = 0  # leading characters of `text` that are in the document by now

    @property
    def rest(self) -> str:
        return self.text[self.taken :]

    @property
    def lines(self) -> list[str]:
        """Lines of the rest: the first continues the cursor's line, the others are virtual."""
        return self.rest.split("\n")

    def take(self, length: int, anchor: Location) -> Ghost:
        """The ghost after `length` further characters went into the document and the cursor to `anchor`."""
        return replace(self, taken=self.taken + length, anchor=anchor)

    def rewrite(self, text: str) -> Ghost | None:
        """The ghost with newer text of the model; None if what was taken contradicts it."""
        return replace(self, text=text) if text.startswith(self.text[: self.taken]) else None


def next_word(text: str) -> str:
    """The leading part that "accept word" takes: white space, line ends too, and a word or a run of signs."""
    match = _WORD.match(text)
    return match.group() if match else ""


def next_line(text: str) -> str:
    """The leading part that "accept line" takes: to the end of the first line that is not empty."""
    match = _LINE.match(text)
    return match.group() if match else ""
