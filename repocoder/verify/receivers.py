"""What surely stands before a dot: an instance of a known class, a class itself, or a module.

Only what is stated is followed: annotations, `x = Foo(…)` where x is bound once, imports, `self`. Whatever a reader
would have to guess (unions, containers, narrowed or rebound names) gives None.
"""

from __future__ import annotations

from dataclasses import dataclass

from indexer.types import FileFacts, Symbol
from repocoder.verify.braces import BracesReader
from repocoder.verify.brackets import code_of
from repocoder.verify.classes import LAST_LINE, Classes, Known
from repocoder.verify.filled import Filled
from repocoder.verify.language_names import SCRIPTS
from repocoder.verify.python import PythonReader
from repocoder.verify.written import Said

_FUNCTIONS = ("function", "method")


@dataclass(frozen=True, slots=True)
class Held:
    """A value. `kind`: instance (of a class) | class | module | heritage (`super()`: the class without itself)."""

    kind: str
    known: Known


class Receivers:
    """Answers for the completion of one buffer."""

    def __init__(self, filled: Filled, classes: Classes) -> None:
        self._filled, self._classes = filled, classes
        python = filled.language == "python"
        self._reader: PythonReader | BracesReader = (
            PythonReader() if python else BracesReader(filled.language)
        )

    def of(self, dotted: str, scope: str, line: int) -> Held | None:
        """What a dotted name with calls stands for at a place of the buffer."""
        parts = dotted.split(".")
        held = self._root(parts[0], scope, line)
        for part in parts[1:]:
            if held is None:
                return None
            held = self._step(held, part)
        return held

    def definition(self, name: str, scope: str, line: int) -> Known | None:
        """The definition that a bare name means at a place, if no function around binds it anew."""
        inner = scope
        while inner:
            found = self._filled.symbols(inner)
            if len(found) != 1:
                return None
            if found[0].kind in _FUNCTIONS:
                said = self._reader.local(name, found[0], self._body(inner))
                if said is None or said.how != "unbound":
                    return None
            inner = inner.rpartition(".")[0]
        return (
            self._classes.named(self._filled.facts, name, scope, line)
            if self._times_bound(name) < 2
            else None
        )

    # ---- the first part

    def _root(self, part: str, scope: str, line: int) -> Held | None:
        name, called = part.removesuffix("()"), part.endswith("()")
        if name in ("self", "cls", "this", "super"):
            return self._own(name, scope, called)
        inner = scope
        while inner:
            found = self._filled.symbols(inner)
            if len(found) != 1:
                return None
            if found[0].kind in _FUNCTIONS:
                said = self._reader.local(name, found[0], self._body(inner))
                if said is None:
                    return None
                if said.how != "unbound":
                    outer = inner.rpartition(".")[0] if said.how == "parameter" else inner
                    return self._said(said, self._filled.facts, outer, line, called)
            elif found[0].kind == "class" and self._filled.language == "java":
                member = self._filled.symbols(f"{inner}.{name}")
                if member:
                    return self._step(
                        Held("instance", Known(self._filled.path, inner, self._filled.facts)), part
                    )
            inner = inner.rpartition(".")[0]
        return self._top(name, scope, line, called)

    def _body(self, qualname: str) -> str:
        return code_of(self._filled.body(qualname), self._filled.language)

    def _own(self, name: str, scope: str, called: bool) -> Held | None:
        """`self` in a method, `super()`."""
        owner = scope
        method = ""
        while owner and not any(s.kind == "class" for s in self._filled.symbols(owner)):
            method, owner = owner, owner.rpartition(".")[0]
        found = self._classes.at(self._filled.path, owner) if owner else None
        if found is None or not method or called != (name == "super"):
            return None
        symbols = self._filled.symbols(method)
        kind = self._reader.own(name, symbols[0], is_inner=method != scope) if len(symbols) == 1 else ""
        return Held(kind, found) if kind else None

    def _top(self, name: str, scope: str, line: int, called: bool) -> Held | None:
        """A name that the file's top level binds once, or an import of an inner scope."""
        facts = self._filled.facts
        if self._times_bound(name) > 1:
            return None
        known = self._classes.named(facts, name, scope, line)
        return self._value(known, called)

    def _times_bound(self, name: str) -> int:
        facts = self._filled.facts
        times = sum((entry.alias or entry.module).partition(".")[0] == name for entry in facts.imports)
        return times + sum(symbol.qualname == name for symbol in facts.symbols)

    # ---- what definitions give

    def _value(self, known: Known | None, called: bool) -> Held | None:
        """The value of a definition's name, or of its call."""
        if known is None:
            return None
        if not known.qualname:
            usable = not called and known.facts.language == "python"
            return Held("module", known) if usable else None
        symbol = known.symbols()[0]
        if symbol.kind == "class":
            return Held("instance" if called else "class", known)
        if symbol.kind in _FUNCTIONS:
            return self._result(known, called)
        return None if called else self._variable(known, symbol)

    def _result(self, known: Known, called: bool) -> Held | None:
        found = known.symbols()
        if len(found) != 1:
            return None
        said = self._reader.result(found[0], called)
        outer = known.qualname.rpartition(".")[0]
        if said is not None and said.name == "Self":
            owner = self._classes.at(known.path, outer)
            return Held("instance", owner) if owner else None
        return None if said is None else self._said(said, known.facts, outer, found[0].span.start_line, False)

    def _variable(self, known: Known, symbol: Symbol) -> Held | None:
        text = self._classes.text(Known(known.path, "", known.facts))
        said = self._reader.variable(symbol, code_of(text, known.facts.language))
        outer = known.qualname.rpartition(".")[0]
        return None if said is None else self._said(said, known.facts, outer, LAST_LINE, False)

    def _said(self, said: Said, facts: FileFacts, scope: str, line: int, called: bool) -> Held | None:
        """An instance of the class that a declaration names."""
        if called or not said.name:
            return None
        known = self._classes.named(facts, said.name, scope, line)
        if known is None and "." in scope and facts.language in SCRIPTS:
            known = self._classes.named(facts, said.name, "", line)
        if known is None or known.symbols()[0].kind != "class":
            return None
        return Held("instance", known)

    # ---- the parts after it

    def _step(self, held: Held, part: str) -> Held | None:
        name, called = part.removesuffix("()"), part.endswith("()")
        if held.kind == "module":
            return self._value(self._classes.named(held.known.facts, name, "", LAST_LINE), called)
        line = self._classes.line(held.known)
        if line is None:
            return None
        for one in line[0][1:] if held.kind == "heritage" else line[0]:
            if one.symbols(name):
                known = self._classes.at(one.path, f"{one.qualname}.{name}")
                if known is not None and known.symbols()[0].kind == "variable" and called:
                    return None
                found = self._value(known, called)
                if found is not None and self._is_self(known):
                    return Held("instance", held.known)
                return found
        return None

    def _is_self(self, known: Known | None) -> bool:
        """Does a method say that it returns an object of the class it is called on?"""
        if known is None or known.symbols()[0].kind not in _FUNCTIONS:
            return False
        said = self._reader.result(known.symbols()[0], True)
        return said is not None and said.name == "Self"
