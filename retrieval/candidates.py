"""Which definitions a hole may need, and what speaks for each: the features that `retrieval.neighbors`
weighs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from indexer.packing import Seen
from indexer.resolve import Resolver, Target
from indexer.tokens import split_word
from indexer.types import FileFacts, Symbol
from retrieval.types import Query
from retrieval.uses import context_terms, uses_near, within

OFTEN = 20
"""Uses of a name in the file that count as often."""

MAX_BASE_STEPS = 4
"""Levels of inheritance that are looked at; what is above is seldom called by name."""

BASE_STEP = 0.7
"""What a level of inheritance costs."""

HALF_LINES = 10.0
"""Lines after which the nearness of a use has fallen to a half."""

MAX_HOP_FROM = 8
"""Best candidates whose own signatures are followed one step further."""

_RECEIVER = re.compile(r"([^\W\d]\w*(?:\(\))?(?:\.[^\W\d]\w*)*)\.(\w*)$")


Find = Callable[[str], "Seen | None"]


@dataclass(slots=True)
class Candidate:
    """A definition of its own (function, class, variable, file) and what speaks for it.

    Methods and fields are kept with their class, as the names in `wanted`.
    """

    path: str
    qualname: str
    kind: str
    features: dict[str, float] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)  # feature -> in words
    wanted: dict[str, float] = field(default_factory=dict)  # members -> how much they are wanted

    def add(self, feature: str, value: float, why: str, member: str = "") -> None:
        """Note a feature at the highest value that was seen."""
        if value > self.features.get(feature, 0.0):
            self.features[feature] = value
            self.why[feature] = why
        if member:
            self.wanted[member] = max(value, self.wanted.get(member, 0.0))


class Gatherer:
    """Collects the candidates of one query."""

    def __init__(self, query: Query, facts: FileFacts, resolver: Resolver, find: Find) -> None:
        self._query, self._facts, self._resolver, self._find = query, facts, resolver, find
        self.candidates: dict[tuple[str, str], Candidate] = {}
        self._own = {s.qualname: s for s in facts.symbols}
        self._kinds: dict[str, dict[str, str]] = {}
        self._classes: dict[str, str] = {}  # scope -> the class around it
        self.context = context_terms(query)

    def gather(self) -> list[Candidate]:
        """All candidates, with their features."""
        self._from_receiver()
        self._from_identifiers()
        self._from_references()
        self._from_variables()
        self._from_bases()
        self._from_imports()
        self._from_unused()
        for candidate in self.candidates.values():
            self._compare_names(candidate)
        return list(self.candidates.values())

    # -- sources ---------------------------------------------------------------------------------------------

    def _from_receiver(self) -> None:
        """What the name before the dot at the cursor has members of."""
        query = self._query
        match = _RECEIVER.search(query.prefix[-400:].rpartition("\n")[2])
        if match is None:
            return
        receiver, part = match.groups()
        why = f"its members can follow `{receiver}.`"
        for target in self._types(receiver):
            found = self._note(target, "receiver", 1.0, why)
            if found is not None and part:
                found.add("receiver", 1.0, why, part)
        if receiver in ("super()", "self", "cls"):
            for target in self._bases():
                self._note(target, "receiver", 1.0, why)

    def _from_identifiers(self) -> None:
        """The names of the line itself and those nearest to it, as the query has them."""
        here = self._query.prefix.rpartition("\n")[2] + self._query.suffix.partition("\n")[0]
        for place, name in enumerate(self._query.identifiers):
            if name in here:
                self._name(name, self._query.scope, self._query.line, "here", 1.0)
            else:
                self._name(name, self._query.scope, self._query.line, "named", 1.0 / (1.0 + place / 8.0))

    def _from_references(self) -> None:
        """The names that the file uses, each once: how near its nearest use is, and how often it is used."""
        for use in uses_near(self._facts, self._query.line, self._class_around):
            reference = use.nearest
            feature = "near" if within(reference.scope, self._query.scope) else "used"
            if reference.kind == "annotation":
                feature = "annotated"
            nearness = 1.0 / (1.0 + use.distance / HALF_LINES)
            for target in self._targets(reference.name, reference.scope, reference.line):
                why = told(reference.name, target, f"at line {reference.line}")
                candidate = self._note(target, feature, nearness, why)
                if candidate is not None:
                    often = min(1.0, math.log(use.count) / math.log(OFTEN))
                    candidate.add("uses", often, f"`{reference.name}` is used {use.count} times in this file")

    def _from_unused(self) -> None:
        """Imports that no line uses yet: someone has just written them, unless there are many."""
        used = {reference.name.partition(".")[0] for reference in self._facts.references}
        unused = [e for e in self._facts.imports if e.alias and e.alias not in used]
        for entry in unused:
            for target in self._targets(entry.alias, entry.scope, entry.line + 1):
                why = f"imported at line {entry.line} and not used yet"
                self._note(target, "unused", 1.0 / len(unused), why)

    def _from_variables(self) -> None:
        """The types of parameters and variables of the enclosing functions, and of the fields of their
        class.
        """
        scope, line = self._query.scope, self._query.line
        owner = self._enclosing_class()
        for binding in self._facts.bindings:
            if binding.kind == "local":
                continue
            if binding.name == "return" and binding.scope == scope:
                for target in self._targets(binding.type, scope.rpartition(".")[0], line):
                    self._note(target, "returned", 1.0, f"returned by {scope}")
            elif binding.name.startswith("self."):
                if owner and within(binding.scope, owner):
                    self._typed(binding.name, scope, line, "field")
            elif binding.scope and within(scope, binding.scope) and binding.line <= line:
                feature = "parameter" if binding.kind == "parameter" else "variable"
                distance = 0 if feature == "parameter" else line - binding.line
                self._typed(binding.name, scope, line, feature, 1.0 / (1.0 + distance / HALF_LINES))

    def _from_bases(self) -> None:
        """The classes that the enclosing class inherits from, the farther the less."""
        owner = self._enclosing_class()
        value = 1.0
        level = list(self._bases())
        for _ in range(MAX_BASE_STEPS):
            above: list[Target] = []
            for target in level:
                self._note(target, "base", value, f"base class of {owner}")
                above.extend(self._bases_of(target))
            level, value = above, value * BASE_STEP

    def _bases_of(self, target: Target) -> Iterator[Target]:
        facts = self._facts if target.path == self._facts.path else self._find(target.path)
        symbol = next((s for s in facts.symbols if s.qualname == target.qualname), None) if facts else None
        if facts is None or symbol is None:
            return
        for base in symbol.bases:
            outer = symbol.qualname.rpartition(".")[0]
            yield from self._resolver.resolve_name(
                facts, base.partition("[")[0], outer, symbol.span.start_line
            )

    def _from_imports(self) -> None:
        for entry in self._facts.imports:
            if not entry.alias or (entry.scope and not within(self._query.scope, entry.scope)):
                continue
            for target in self._targets(entry.alias, entry.scope, entry.line + 1):
                feature = "brought" if entry.scope else "imported"
                self._note(target, feature, 1.0, f"imported at line {entry.line}")

    def hop(self, best: Iterable[Candidate]) -> None:
        """One step further: bases, types of fields and of signatures of the best candidates."""
        for candidate in list(best)[:MAX_HOP_FROM]:
            facts = self._find(candidate.path)
            if facts is None or not candidate.qualname:
                continue
            for name, scope, line in _named_types(facts, candidate):
                for target in self._resolver.resolve_name(facts, name, scope, line)[:1]:
                    if (target.path, target.qualname) not in self.candidates:
                        shown = candidate.qualname
                        found = self._note(target, "hop", 1.0, f"named in the signature of {shown}")
                        if found is not None:
                            self._compare_names(found)

    # -- parts -----------------------------------------------------------------------------------------------

    def _name(self, name: str, scope: str, line: int, feature: str, value: float) -> None:
        for target in self._targets(name, scope, line):
            self._note(target, feature, value, told(name, target, "here"))

    def _typed(self, name: str, scope: str, line: int, feature: str, value: float = 1.0) -> None:
        for target in self._types(name, scope, line):
            self._note(target, feature, value, f"type of `{name}`")

    def _types(self, name: str, scope: str | None = None, line: int | None = None) -> list[Target]:
        at = self._query.scope if scope is None else scope
        return self._resolver.resolve_type(self._facts, name, at, line or self._query.line)

    def _targets(self, name: str, scope: str, line: int) -> list[Target]:
        return self._resolver.resolve_name(self._facts, name, scope, line)

    def _bases(self) -> Iterator[Target]:
        owner = self._enclosing_class()
        if owner:
            yield from self._bases_of(Target(self._facts.path, owner, 1.0, ""))

    def _enclosing_class(self) -> str:
        return self._class_around(self._query.scope)

    def _class_around(self, scope: str) -> str:
        known = self._classes.get(scope)
        if known is None:
            known = scope
            while known and not (known in self._own and self._own[known].kind == "class"):
                known = known.rpartition(".")[0]
            self._classes[scope] = known
        return known

    def _note(self, target: Target, feature: str, value: float, why: str) -> Candidate | None:
        """Give a feature to the candidate that shows the target: a method is shown by its class."""
        kinds = self._kinds_of(target.path)
        qualname, member = target.qualname, ""
        kind = kinds.get(qualname, "")
        if not kind:
            return None
        outer = qualname.rpartition(".")[0]
        if kinds.get(outer) == "class" and kind in ("method", "variable"):
            qualname, member, kind = outer, qualname.rpartition(".")[2], "class"
        elif kind == "class" and target.how.startswith("attribute of"):
            member = ""
        key = (target.path, qualname)
        candidate = self.candidates.get(key)
        if candidate is None:
            candidate = self.candidates[key] = Candidate(target.path, qualname, kind)
        candidate.add(feature, value * target.weight, why, member)
        return candidate

    def _kinds_of(self, path: str) -> dict[str, str]:
        known = self._kinds.get(path)
        if known is None:
            facts = self._facts if path == self._facts.path else self._find(path)
            symbols: tuple[Symbol, ...] = facts.symbols if facts else ()
            known = self._kinds[path] = {s.qualname: s.kind for s in symbols}
        return known

    def _compare_names(self, candidate: Candidate) -> None:
        """How many of the parts of the name are words of the context."""
        name = candidate.qualname or candidate.path.rpartition("/")[2].partition(".")[0]
        parts = [part for part in split_word(name.rpartition(".")[2]) if len(part) > 1]
        if parts:
            shared = sum(self.context.get(part, 0.0) for part in parts)
            candidate.features["alike"] = min(1.0, shared / len(parts))
        if candidate.kind != "class":
            candidate.features[f"is_{candidate.kind}"] = 1.0


def told(name: str, target: Target, where: str) -> str:
    """What a name means, in words; a name that means what it says is not said twice."""
    if target.qualname == name:
        return f"used {where}, {target.how}"
    return f"`{name}` {where} is {target.qualname or target.path}: {target.how}"


def _named_types(facts: Seen, candidate: Candidate) -> Iterator[tuple[str, str, int]]:
    """(name, scope, line) of the types that a definition's own lines name."""
    for symbol in facts.symbols:
        if symbol.qualname == candidate.qualname:
            for base in symbol.bases:
                yield base.partition("[")[0], symbol.qualname.rpartition(".")[0], symbol.span.start_line
    shown = {candidate.qualname} | {f"{candidate.qualname}.{member}" for member in candidate.wanted}
    for binding in facts.bindings:
        if binding.type and binding.kind in ("parameter", "return") and binding.scope in shown:
            yield binding.type, binding.scope.rpartition(".")[0], binding.line
        elif binding.kind == "annotation" and binding.scope == candidate.qualname:
            yield binding.type, binding.scope, binding.line
