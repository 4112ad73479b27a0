"""Names that a completion uses and that nothing binds where it stands."""

from __future__ import annotations

import re

from indexer.snapshot import Snapshot
from indexer.types import Symbol
from repocoder.verify.brackets import code_of
from repocoder.verify.classes import Classes
from repocoder.verify.faults import NAMES, Fault
from repocoder.verify.filled import Filled, Use
from repocoder.verify.instead import nearest
from repocoder.verify.language_names import SCRIPTS, known_names
from repocoder.verify.text import bound_in

_FUNCTIONS = ("function", "method")
_WORD = re.compile(r"(?<![\w$.])[^\W\d][\w$]*")
# Names that a function binds for all of the file, or takes from around it.
_OUTWARD = re.compile(r"\b(?:global|nonlocal)\s+([\w, ]+)")


def name_faults(filled: Filled, snapshot: Snapshot, classes: Classes) -> list[Fault]:
    """The unknown names of a completion, each once, in order of appearance."""
    found: dict[str, Fault] = {}
    bound: frozenset[str] | None = None
    known = known_names(filled.language)
    for use in filled.uses:
        name = use.name.partition(".")[0].removesuffix("()")
        if name in found or name in known or not filled.touches(*use.parts[0]):
            continue
        if bound is None:
            bound = _bound(filled)
        if not _is_name(filled, use, name):
            continue
        if name in bound or snapshot.defines(name) or _may_be_inherited(filled, use, name, classes):
            continue
        start = use.parts[0][0]
        others = nearest(filled.text[: min(start, filled.start)], bound - known)
        found[name] = Fault(NAMES, name, f"nothing here defines `{name}`", start=start, instead=others)
    return list(found.values())


def _is_name(filled: Filled, use: Use, name: str) -> bool:
    """Not `f"{x!r}"`, not "\\n" in a template, not one of the thousand types that browsers declare."""
    before = filled.text[max(0, use.parts[0][0] - 1) : use.parts[0][0]]
    if before == "\\" or (before == "!" and filled.language == "python"):
        return False
    return not (filled.language in SCRIPTS and use.kind in ("annotation", "inherit") and name[:1].isupper())


def _bound(filled: Filled) -> frozenset[str]:
    """All that may be bound at the completion: what the file binds there, its words outside of other functions, what
    the completion itself binds.
    """
    first, last = filled.lines
    foreign = [s for s in filled.facts.symbols if s.kind in _FUNCTIONS and not _holds(s, first, last)]
    names = {entry.alias or entry.name for entry in filled.facts.imports}
    names.update(symbol.name for symbol in filled.facts.symbols)
    bindings = (one for one in filled.facts.bindings if not one.scope or one.scope in filled.around)
    names.update(binding.name.partition(".")[0] for binding in bindings)
    text = _outside_of(filled, foreign)
    names.update(_WORD.findall(code_of(text, filled.language)))
    for several in _OUTWARD.findall(filled.text) if filled.language == "python" else ():
        names.update(_WORD.findall(several))
    if any(
        entry.name == "*" for entry in filled.facts.imports
    ):  # what others use of it shows what a star brings
        names.update(_WORD.findall(code_of(filled.without(1, len(filled.starts)), filled.language)))
    return frozenset(names | bound_in(filled.completion, filled.language))


def _holds(symbol: Symbol, first: int, last: int) -> bool:
    return symbol.span.start_line <= last and symbol.span.end_line >= first


def _outside_of(filled: Filled, functions: list[Symbol]) -> str:
    """The text without the completion and without the lines of those functions."""
    pieces: list[str] = []
    line = 1
    for symbol in functions:
        start, end = symbol.span.start_line, symbol.span.end_line
        if start > line:
            pieces.append(filled.without(line, start - 1))
        line = max(line, end + 1)
    pieces.append(filled.without(line, len(filled.starts)))
    return "".join(pieces)


def _may_be_inherited(filled: Filled, use: Use, name: str, classes: Classes) -> bool:
    """In Java a bare name may be a member of a class around it, and a type one of a package that a star imports."""
    if filled.language != "java":
        return False
    if any(entry.name == "*" for entry in filled.facts.imports):
        return True
    if name[:1].isupper() and use.opens < 0 and "." not in use.name:
        return False
    scope = use.scope
    while scope:
        if any(symbol.kind == "class" for symbol in filled.symbols(scope)):
            owner = classes.at(filled.path, scope)
            line = classes.line(owner) if owner else None
            if line is None or name in line[1] or classes.has(line[0], name):
                return True
        scope = scope.rpartition(".")[0]
    return False
