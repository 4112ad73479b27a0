"""One Python file as scopes of names: what its facts say, arranged for lookup."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Hashable
from typing import Any

from indexer.types import Binding, FileFacts, Import, Symbol

Entry = Symbol | Import | Binding  # what may give a name its meaning in a scope

AFTER = sys.maxsize  # as a line: a function's body runs when all of the scopes around it are complete
_SELF_NAMES = frozenset({"self", "cls", "super"})
_OPEN = "([{"
_CLOSE = ")]}"
_STRINGS = re.compile(r"'[^']*'|\"[^\"]*\"")  # a default may hold brackets and commas


class FileScopes:
    """The names that each scope of a file binds, in the order of their lines."""

    def __init__(self, facts: FileFacts) -> None:
        self.path = facts.path
        self.folder = facts.path[: facts.path.rfind("/") + 1]
        self.is_package = facts.path[len(self.folder) :].startswith("__init__.")
        self.symbols: dict[str, Symbol] = {}  # by qualname; of several definitions the first
        self.stars: list[Import] = []
        self.returns: dict[str, Binding] = {}  # by the function's qualname
        self.members: dict[tuple[str, str], list[Binding]] = {}  # (class or "", variable) -> what it holds
        self.memo: dict[Hashable, Any] = {}  # the resolver's answers about this file; they live as long as it
        self._names: dict[tuple[str, str], list[tuple[int, Entry]]] = {}
        self._parameters: dict[str, frozenset[str]] = {}
        self._visible: dict[str, tuple[str, ...]] = {}
        self._add_symbols(facts)
        for imported in facts.imports:
            if imported.name == "*":
                self.stars.append(imported)
            else:
                name = imported.alias or imported.name or imported.module
                self._add(imported.scope, name.partition(".")[0], imported.line, imported)
        for binding in facts.bindings:
            self._add_binding(binding)
        for key, entries in self._names.items():
            if any(isinstance(entry, Symbol) for _, entry in entries):
                # The variable itself is meant by its name; its bindings only tell what it holds.
                entries = self._names[key] = [e for e in entries if not isinstance(e[1], Binding)]
            entries.sort(key=lambda entry: entry[0])

    def _add_symbols(self, facts: FileFacts) -> None:
        for symbol in facts.symbols:
            known = self.symbols.setdefault(symbol.qualname, symbol)
            if symbol.qualname and known is symbol:
                scope = symbol.qualname.rpartition(".")[0]
                self._add(scope, symbol.name, symbol.span.start_line, symbol)

    def _add_binding(self, binding: Binding) -> None:
        if binding.kind == "return":
            self.returns.setdefault(binding.scope, binding)
        elif binding.name.startswith(("self.", "cls.")):
            owner = self.enclosing_class(binding.scope)
            attribute = binding.name.partition(".")[2]
            if owner is not None and "." not in attribute:
                self.members.setdefault((owner, attribute), []).append(binding)
        elif "." not in binding.name:
            self._add(binding.scope, binding.name, binding.line, binding)
            if self.kind(binding.scope) in ("class", "file"):
                self.members.setdefault((binding.scope, binding.name), []).append(binding)

    def _add(self, scope: str, name: str, line: int, entry: Entry) -> None:
        self._names.setdefault((scope, name), []).append((line, entry))

    def kind(self, qualname: str) -> str:
        """The kind of a symbol of this file; "" if there is none of that name."""
        symbol = self.symbols.get(qualname)
        return symbol.kind if symbol else ""

    def enclosing_class(self, scope: str) -> str | None:
        """The innermost class around a function's scope, or that scope itself if it is a class."""
        while scope:
            if self.kind(scope) == "class":
                return scope
            scope = scope.rpartition(".")[0]
        return None

    def visible(self, scope: str) -> tuple[str, ...]:
        """The scopes whose names can be seen from `scope`, innermost first: class bodies hide from their
        methods.
        """
        known = self._visible.get(scope)
        if known is None:
            around = [scope]
            outer = scope
            while outer:
                outer = outer.rpartition(".")[0]
                if not outer or self.kind(outer) != "class":
                    around.append(outer)
            known = self._visible[scope] = tuple(around)
        return known

    def home(self, root: str, scope: str, line: int) -> tuple[str, int]:
        """The scope and line at which a name means the same as here: where its first part is bound.

        So all functions of a file share one answer about what the file imports.
        """
        if root in _SELF_NAMES:
            owner = self.enclosing_class(scope)
            if owner is not None and owner != scope:
                return f"{owner}.()", AFTER
        for around in self.visible(scope):
            if (around, root) in self._names or self.is_parameter(around, root):
                return around, line if around == scope else AFTER
        return "", AFTER

    def entries(self, scope: str, name: str, line: int) -> list[Entry]:
        """What may bind the name, likeliest first: the nearest before `line`, then what comes later.

        What is bound on the line itself counts as later if it is an assignment: `x = x.next()` reads the old
        one.
        """
        found = self._names.get((scope, name))
        if not found:
            return []
        if len(found) == 1:
            return [found[0][1]]
        before = [e for at, e in found if at < line or (at == line and not _is_assignment(e))]
        after = [e for at, e in found if at > line or (at == line and _is_assignment(e))]
        before.reverse()
        return before + after

    def bucket(self, scope: str, name: str, line: int) -> int:
        """Equal for lines at which `entries` gives the same answer."""
        found = self._names.get((scope, name))
        if not found or len(found) == 1:
            return 0
        at = bisect_left(found, line, key=lambda entry: entry[0])
        return 2 * at + any(e[0] == line for e in found[at : at + 1])

    def is_parameter(self, scope: str, name: str) -> bool:
        """Whether the function `scope` has a parameter of that name."""
        known = self._parameters.get(scope)
        if known is None:
            symbol = self.symbols.get(scope)
            is_function = symbol is not None and symbol.kind in ("function", "method")
            known = frozenset(parameter_names(symbol.signature) if symbol and is_function else ())
            self._parameters[scope] = known
        return name in known


def _is_assignment(entry: Entry) -> bool:
    return isinstance(entry, Binding) and entry.kind != "parameter"


def parameter_names(signature: str) -> list[str]:
    """The parameters of a header as written: "def f(self, a: int = g(1, 2), *rest)" -> self, a, rest."""
    signature = _STRINGS.sub("_", signature)
    start = signature.find("(")
    if start < 0:
        return []
    depth, word, parts = 0, start + 1, []
    for at in range(start, len(signature)):
        letter = signature[at]
        if letter in _OPEN:
            depth += 1
        elif letter in _CLOSE:
            depth -= 1
            if not depth:
                parts.append(signature[word:at])
                break
        elif letter == "," and depth == 1:
            parts.append(signature[word:at])
            word = at + 1
    names = (part.partition(":")[0].partition("=")[0].strip(" *\n\t") for part in parts)
    return [name for name in names if name.isidentifier()]
