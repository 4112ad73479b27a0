"""What the buffer itself tells about a hole: the names that it uses, and the words around the cursor."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass

from indexer.tokens import split_word
from indexer.types import FileFacts, Reference
from retrieval.types import Query

MAX_NAMES = 600
"""Distinct names of the file that are followed, nearest first: all of a file of 2,000 lines, some
milliseconds.
"""

AFTER_FACTOR = 2
"""A line after the hole counts as this many lines before it."""

CONTEXT_LINES = 6
"""Lines before the hole whose words are compared with names."""


@dataclass(slots=True)
class Use:
    """All uses of one name."""

    nearest: Reference
    distance: int  # of the nearest, in lines, those after the hole counted as more
    count: int


def uses_near(facts: FileFacts, line: int, class_around: Callable[[str], str]) -> list[Use]:
    """The distinct names of the file, nearest first, at most `MAX_NAMES`.

    A name means the same in all of a class if it starts with `self`, in all of the file unless a function
    binds its first part.
    """
    bound = {(b.scope, b.name) for b in facts.bindings if b.scope and "." not in b.name}
    uses: dict[tuple[str, str], Use] = {}
    for reference in facts.references:
        distance = line - reference.line
        if distance < 0:
            distance *= -AFTER_FACTOR
        key = (_owner_of(reference, bound, class_around), reference.name)
        known = uses.get(key)
        if known is None:
            uses[key] = Use(reference, distance, 1)
        else:
            known.count += 1
            if distance < known.distance:
                known.nearest, known.distance = reference, distance
    ranked = sorted(uses.values(), key=lambda use: (use.distance, use.nearest.column))
    return ranked[:MAX_NAMES]


def _owner_of(
    reference: Reference, bound: Container[tuple[str, str]], class_around: Callable[[str], str]
) -> str:
    """The scope that gives a name its meaning, as far as that can be told without resolving it."""
    root = reference.name.partition(".")[0]
    scope = reference.scope
    if root in ("self", "cls", "super()"):
        return class_around(scope)
    while scope and (scope, root) not in bound:
        scope = scope.rpartition(".")[0]
    return scope


def context_terms(query: Query) -> dict[str, float]:
    """Terms of the lines before the hole and of the scope's name, each with a weight in (0, 1]."""
    found: dict[str, float] = {}
    for part in query.scope.split("."):
        for term in split_word(part):
            found[term] = 0.7
    for place, line in enumerate(reversed(query.prefix.splitlines()[-CONTEXT_LINES:])):
        for word in re.findall(r"\w+", line):
            for term in split_word(word):
                found[term] = max(found.get(term, 0.0), 1.0 - 0.1 * place)
    return found


def within(scope: str, outer: str) -> bool:
    """Whether a scope is `outer` or inside it."""
    return not outer or scope == outer or scope.startswith(outer + ".")
