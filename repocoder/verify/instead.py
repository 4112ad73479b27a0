"""What could stand where a completion names what is not there: the names that are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from repocoder.verify.classes import Known

_WORD = re.compile(r"[^\W\d][\w$]*")

MAX_NAMES = 32
"""That a fault tells of: a small model judges one in some milliseconds, one of 0.5 B on two cores in 40."""


def most_like(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Of `names`, each once and without `word`, the `MAX_NAMES` that are written most like it, and equals in order."""
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(word)
    likeness: dict[str, float] = {}
    for name in names:
        if name != word and name not in likeness:
            matcher.set_seq1(name)
            likeness[name] = matcher.ratio()
    return tuple(sorted(likeness, key=lambda name: -likeness[name])[:MAX_NAMES])


def nearest(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """Of `names` the `MAX_NAMES` that were written last in `text`, the very last one first."""
    places = {match[0]: match.start() for match in _WORD.finditer(text)}
    there = [name for name in names if name in places]
    return tuple(sorted(there, key=lambda name: -places[name])[:MAX_NAMES])


def members_of(owners: Iterable[Known]) -> list[str]:
    """Names of what these classes or modules define, the first one's first; their special methods are left out."""
    found: dict[str, None] = {}
    for one in owners:
        inside = f"{one.qualname}." if one.qualname else ""
        for symbol in one.facts.symbols:
            name = symbol.qualname.removeprefix(inside)
            if symbol.qualname.startswith(inside) and "." not in name:
                found[name] = None
        for binding in one.facts.bindings if inside else ():
            name = binding.name.removeprefix("self.")
            if name != binding.name and "." not in name and binding.scope.startswith(inside):
                found[name] = None
        for entry in one.facts.imports if not inside else ():
            found[entry.alias or entry.name] = None
    return [name for name in found if name.isidentifier() and not name.startswith("__")]
