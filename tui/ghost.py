"""The suggested text at the cursor: what the model wrote, and how much of it was already typed or
accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from textual.document._document import Location

_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+)?")
_LINE = re.compile(r"\n*[^\n]*")


@dataclass(frozen=True, slots=True)
class Ghost:
    """Text at a place that is not in the document. `anchor` is where its rest would begin: the cursor.

    `typed` went into the document since the suggestion was asked for; while the model writes (`open`) that may be
    more than it wrote: the suggestion is shown as soon as it has caught up.
    """

    anchor: Location
    text: str = ""
    typed: str = ""
    open: bool = True  # the model may write more
    choices: tuple[str, ...] = ()  # texts that may be shown instead, this one among them

    @property
    def rest(self) -> str:
        return self.text[len(self.typed) :] if self.text.startswith(self.typed) else ""

    @property
    def lines(self) -> list[str]:
        """Lines of the rest: the first continues the cursor's line, the others are virtual."""
        return self.rest.split("\n")

    def agrees(self, typed: str) -> bool:
        """May `typed` go into the document at the anchor, and the suggestion stay?"""
        if not typed:
            return False
        return self.rest.startswith(typed) or (self.open and typed.startswith(self.rest))

    def take(self, typed: str, anchor: Location) -> Ghost:
        """The ghost after `typed` went into the document and the cursor to `anchor`."""
        return replace(self, typed=self.typed + typed, anchor=anchor)

    def rewrite(self, text: str) -> Ghost | None:
        """The ghost with newer text of the model; None if what was typed contradicts it."""
        if text.startswith(self.typed) or (self.open and self.typed.startswith(text)):
            return replace(self, text=text)
        return None

    def close(self, texts: Iterable[str]) -> Ghost:
        """The ghost when the model has ended: `texts` that agree with what was typed can be chosen from."""
        found = [text for text in (self.text, *texts) if text.startswith(self.typed) and text != self.typed]
        return replace(self, open=False, choices=tuple(dict.fromkeys(found)))

    def turn(self, step: int) -> Ghost:
        """The ghost with the choice that is `step` further, round and round."""
        fitting = [text for text in self.choices if text.startswith(self.typed)]
        if self.text not in fitting:
            return self
        return replace(self, text=fitting[(fitting.index(self.text) + step) % len(fitting)])

    @property
    def number(self) -> tuple[int, int]:
        """(which choice is shown, 1-based, of how many)."""
        fitting = [text for text in self.choices if text.startswith(self.typed)]
        return (fitting.index(self.text) + 1, len(fitting)) if self.text in fitting else (1, 1)


def next_word(text: str) -> str:
    """The leading part that "accept word" takes: white space, line ends too, and a word or a run of signs."""
    match = _WORD.match(text)
    return match.group() if match else ""


def next_line(text: str) -> str:
    """The leading part that "accept line" takes: to the end of the first line that is not empty."""
    match = _LINE.match(text)
    return match.group() if match else ""
