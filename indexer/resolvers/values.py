"""What an expression stands for, and the memory of such answers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple

from indexer.resolvers.scopes import FileScopes

# Deeper chains of names than this do not occur in code; crafted ones must not exhaust the stack.
MAX_DEPTH = 60


class Value(NamedTuple):
    """One possible meaning of an expression."""

    kind: str  # module | symbol | field (of a class, without a symbol) | instance | namespace | outside
    file: FileScopes | None  # where it is defined; None for a namespace package and for what is outside
    name: str  # module: "", symbol and field: qualname, instance: that of its class, else a dotted name
    how: str
    weight: float


Values = tuple[Value, ...]

MAX_VALUES = 8  # unions and fallbacks have two or three members; more is noise


def distinct(found: Iterable[Values]) -> Values:
    """All values once, in their order, at most `MAX_VALUES`."""
    values: dict[tuple[str, int, str], Value] = {}
    for group in found:
        for value in group:
            values.setdefault((value.kind, id(value.file), value.name), value)
            if len(values) >= MAX_VALUES:
                return tuple(values.values())
    return tuple(values.values())


class Memory:
    """Answers by (file, question), each with the module keys that it depends on.

    A question that is asked again while it is being answered gets no answer (`import` and inheritance can
    form circles). What was concluded from such a missing answer is not remembered, so no answer depends on
    which question came first.
    """

    def __init__(self) -> None:
        self.consulted: set[str] = set()  # of the question being answered
        self._open: dict[tuple[int, Hashable], int] = {}  # question -> depth
        self._cut = MAX_DEPTH + 1  # the outermost question whose answer was missing since

    def recall(self, file: FileScopes, question: Hashable, answer: Callable[[], Values]) -> Values:
        """The answer to a question about a file, from memory or found now."""
        known = file.memo.get(question)
        if known is not None:
            remembered: Values = known[0]
            self.consulted.update(known[1])
            return remembered
        key = (id(file), question)
        depth = len(self._open)
        if key in self._open or depth >= MAX_DEPTH:
            self._cut = min(self._cut, self._open.get(key, 0))
            return ()
        outer, self.consulted = self.consulted, set()
        outer_cut, self._cut = self._cut, MAX_DEPTH + 1
        self._open[key] = depth
        try:
            values = answer()
        finally:
            del self._open[key]
            keys, self.consulted = frozenset(self.consulted), outer
            self.consulted.update(keys)
            cut, self._cut = self._cut, min(outer_cut, self._cut)
        if cut >= depth:
            self._cut = outer_cut
            file.memo[question] = (values, keys)
        return values
