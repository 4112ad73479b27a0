"""Answers of the resolver: found once, the same whoever asks first, each with what was looked at for it.

Types can form circles (`x = y(); y = x()`), and code can be crafted. So a question has `fuel`: following a binding,
a result or a base takes one unit, and with none left there is no answer. An answer that used less than there was is
the answer for any larger amount; one that ran out is remembered for exactly its amount. Therefore every answer is a
function of (state of the files, question, fuel), in linear time, whatever was asked before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Answer = TypeVar("Answer")

# Longest chain of bindings, results and bases that is followed; chains in code have two to six.
FUEL = 8


_NONE: Sequence[Any] = ()  # most answers within a file need no other file


class Known:
    """An answer: how much fuel it took, and the keys and other answers that it was concluded from."""

    __slots__ = ("notes", "stamp", "used", "values")

    def __init__(self, values: Any, used: int, notes: Sequence[Any]) -> None:
        self.values = values
        self.used = used
        self.notes = notes
        self.stamp = 0  # number of the last collection that came here


class Memory:
    """Keeps the notes of the question that is being answered."""

    def __init__(self) -> None:
        self.notes: list[Any] = []  # keys and `Known`s
        self._stamp = 0
        self.fuel = FUEL
        self._low = FUEL  # the least fuel that was left since the question began; -1: it ran out

    def begin(self) -> None:
        """Start with no notes and all fuel."""
        self.notes, self.fuel, self._low = [], FUEL, FUEL

    def recall(
        self, memo: dict[Any, Any], question: Any, answer: Callable[..., Answer], *args: Any
    ) -> Answer:
        """The answer to a question, from the memo where answers to such questions are kept, or found now."""
        fuel = self.fuel
        known: Known | None = memo.get(question)
        if known is None or known.used > fuel:
            known = memo.get((question, fuel))
            if known is None:
                return self._answer(memo, question, answer, args)
            self._low = -1
        elif fuel - known.used < self._low:
            self._low = fuel - known.used
        if known.notes:
            self.notes.append(known)
        values: Answer = known.values
        return values

    def _answer(
        self, memo: dict[Any, Any], question: Any, answer: Callable[..., Answer], args: tuple[Any, ...]
    ) -> Answer:
        fuel = self.fuel
        outer_notes, outer_low = self.notes, self._low
        notes: list[Any] = []
        self.notes, self._low = notes, fuel
        values = answer(*args)
        low = self._low
        if low < 0:
            known = memo[question, fuel] = Known(values, fuel, notes or _NONE)
        else:
            known = memo[question] = Known(values, fuel - low, notes or _NONE)
        self.notes, self._low = outer_notes, low if low < outer_low else outer_low
        if notes:
            outer_notes.append(known)
        return values

    def gather(self, answer: Callable[..., Answer], *args: Any) -> tuple[Answer, Known]:
        """An answer that is not kept here, and its notes. It must not need fuel."""
        outer, self.notes = self.notes, []
        try:
            return answer(*args), Known(None, 0, self.notes)
        finally:
            self.notes = outer

    def burn(self) -> bool:
        """Take one unit of fuel, to be given back with `refill`; False if there is none."""
        if self.fuel <= 0:
            self._low = -1
            return False
        self.fuel -= 1
        if self.fuel < self._low:
            self._low = self.fuel
        return True

    def refill(self) -> None:
        self.fuel += 1

    def collect(self) -> set[int]:
        """All keys that the notes lead to."""
        keys: set[int] = set()
        self._stamp = stamp = self._stamp + 1
        todo: list[Sequence[Any]] = [self.notes]
        while todo:
            for note in todo.pop():
                if type(note) is int:
                    keys.add(note)
                elif note.stamp != stamp:
                    note.stamp = stamp
                    todo.append(note.notes)
        return keys
