"""What an expression stands for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from indexer.resolvers.scopes import FileNames

# How a meaning was found: a text, or a template and what is put into it. Put together only for who reads it.
How = str | tuple[object, ...]


class Value(NamedTuple):
    """One possible meaning of an expression."""

    kind: str  # module | symbol | field (of a class, without a symbol) | instance | package | outside
    file: FileNames | None  # where it is defined; None for a package and for what is outside
    name: str  # module: "", symbol and field: qualname, instance: that of its class, else a dotted name
    how: How
    weight: float


Values = tuple[Value, ...]

MAX_VALUES = 8  # unions and fallbacks have two or three members; more is noise

NEAR = frozenset({"module", "symbol", "field", "instance"})  # kinds that are in the repository


def distinct(groups: Iterable[Values]) -> Values:
    """All values once, in their order, at most `MAX_VALUES`."""
    found = [group for group in groups if group]
    if len(found) < 2 and (not found or len(found[0]) < 2):
        return found[0] if found else ()
    values: dict[tuple[str, int, str], Value] = {}
    for group in found:
        for value in group:
            values.setdefault((value.kind, id(value.file), value.name), value)
            if len(values) >= MAX_VALUES:
                return tuple(values.values())
    return tuple(values.values())


def in_words(how: How) -> str:
    """What `Target.how` says."""
    if isinstance(how, str):
        return how
    template, *parts = how
    return str(template).format(*(in_words(part) if isinstance(part, tuple) else part for part in parts))
