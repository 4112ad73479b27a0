"""One file as scopes of names: what its facts say, arranged for lookup."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from indexer.resolvers.base import Outline
from indexer.resolvers.keys import key, top_name
from indexer.resolvers.rules import Rules
from indexer.types import Binding, Import


class Definition(NamedTuple):
    """What is needed of a symbol; thousands of files are held."""

    qualname: str
    kind: str
    line: int
    signature: str
    bases: tuple[str, ...]


Entry = Definition | Import | Binding  # what may give a name its meaning in a scope

AFTER = sys.maxsize  # as a line: a function's body runs when all of the scopes around it are complete
_FUNCTIONS = ("function", "method")
_NAMESPACED = (
    "function",
    "class",
    "namespace",
)  # what a namespace may hold that a class of its name does not
# Words of a header that may be parameters: `def f(a, b: dict[str, C], *rest)` has a, b and rest.
_PARAMETERS = re.compile(r"[(,]\s*[*&$]*([^\W\d]\w*)(?=\s*(?:[:=,)]|$))", re.MULTILINE)


class FileNames:
    """The names that each scope of a file binds, in the order of their lines."""

    __slots__ = (
        "_classlike",
        "_inner",
        "_inner_names",
        "_keys",
        "_namespaced",
        "_owners",
        "_parameters",
        "_raw",
        "_visible",
        "folder",
        "homes",
        "imports",
        "language",
        "local",
        "members",
        "memo",
        "namespaces",
        "package",
        "path",
        "returns",
        "rules",
        "self_names",
        "stars",
        "symbols",
        "top",
    )  # fmt: skip

    def __init__(self, facts: Outline, rules: Rules, self_names: tuple[str, ...]) -> None:
        self.path = facts.path
        self.folder = facts.path[: facts.path.rfind("/") + 1]
        self.language = facts.language
        self.package = rules.package(facts.path, facts.package)
        self.rules = rules
        self.self_names = self_names
        self.imports: Sequence[Import] = facts.imports
        self.stars = [entry for entry in facts.imports if entry.name == "*"]
        self.symbols: dict[str, Definition] = {}  # by qualname; of several the first; not the file's own
        self.top: dict[str, list[Entry]] = {}  # what binds the names of the top level, by line
        self.returns: dict[str, Binding] = {}  # by the function's qualname
        self.members: dict[str, list[Binding]] = {}  # "Class.name", "name": what the variable holds
        self.memo: dict[Any, Any] = {}  # answers about this file that others may ask for, see `recall`
        self.homes: dict[tuple[str, str], str] = {}  # (scope, name) -> see `Names.home`
        self.local: dict[Any, Any] = {}  # answers that only this file's own uses need
        self._raw: dict[str, list[Import | Binding]] = {}  # what functions and classes bind, by scope
        self._inner: dict[str, dict[str, list[Import | Binding]]] = {}
        self._inner_names: set[str] | None = None
        self._classlike: frozenset[str] | None = None  # what has methods
        self._namespaced: frozenset[str] | None = None
        self._keys: dict[str, int] = {}
        self._owners: frozenset[str] | None = None
        self._parameters: dict[str, frozenset[str]] = {}
        self._visible: dict[str, tuple[str, ...]] = {}
        self._add_symbols(facts)
        self.namespaces = {name for name, symbol in self.symbols.items() if symbol.kind == "namespace"}
        self._add_imports()
        self._add_bindings(facts.bindings)
        for name, entries in self.top.items():
            if len(entries) > 1:
                self.top[name] = _in_order(entries)

    def _add_symbols(self, facts: Outline) -> None:
        symbols, top = self.symbols, self.top
        for symbol in facts.symbols:
            qualname = symbol.qualname
            if qualname and qualname not in symbols:
                found = Definition(
                    qualname, symbol.kind, symbol.span.start_line, symbol.signature, symbol.bases
                )
                symbols[qualname] = found
                if "." not in qualname:
                    top[qualname] = [found]

    def _add_imports(self) -> None:
        for entry in self.imports:
            if entry.name == "*":
                continue
            if entry.scope:
                self._raw.setdefault(entry.scope, []).append(entry)
                continue
            name = self.rules.bound_name(entry)
            if name:
                known = self.top.get(name)
                if known is None:
                    self.top[name] = [entry]
                else:
                    known.append(entry)

    def _add_bindings(self, bindings: Sequence[Binding]) -> None:
        symbols, raw, own = self.symbols, self._raw, self.self_names
        for binding in bindings:
            scope, name = binding.scope, binding.name
            if binding.kind == "return":
                self.returns.setdefault(scope, binding)
                continue
            root, dot, attribute = name.partition(".")
            if dot:
                if root in own and "." not in attribute:
                    owner = self.enclosing_class(scope)
                    if owner:
                        self.members.setdefault(f"{owner}.{attribute}", []).append(binding)
                continue
            if not scope:
                known = self.top.get(name)
                if known is None:
                    self.top[name] = [binding]
                elif not isinstance(known[0], Definition):
                    known.append(binding)
                self.members.setdefault(name, []).append(binding)
                continue
            around = symbols.get(scope)
            if around is not None and around.kind not in _FUNCTIONS:
                self.members.setdefault(f"{scope}.{name}", []).append(binding)
            bound = raw.get(scope)
            if bound is None:
                raw[scope] = [binding]
            else:
                bound.append(binding)

    # -- what is where -------------------------------------------------------------------------------------------

    def kind(self, qualname: str) -> str:
        """The kind of a symbol of this file; "" if there is none of that name."""
        symbol = self.symbols.get(qualname)
        return symbol.kind if symbol is not None else ""

    def binds(self, name: str) -> bool:
        """Whether the file's top level defines, imports or assigns the name."""
        return name in self.top

    def key(self, name: str) -> int:
        """The key of a top-level name of this file."""
        known = self._keys.get(name)
        if known is None:
            known = self._keys[name] = key(f"{self.path}:{name}")
        return known

    def key_around(self, qualname: str) -> int:
        """The key of the top-level name that a symbol is below."""
        known = self._keys.get(qualname)
        if known is None:
            top = top_name(qualname, self.namespaces)
            known = self._keys[qualname] = key(f"{self.path}:{top}")
        return known

    def enclosing_class(self, scope: str) -> str:
        """The innermost class around a function's scope, or that scope itself if it is a class; "" for none."""
        symbols = self.symbols
        while scope:
            around = symbols.get(scope)
            if around is not None and around.kind == "class":
                return scope
            scope = scope.rpartition(".")[0]
        return ""

    def owner(self, scope: str) -> str:
        """The class whose object `self` is in a scope: also that of a method whose class is in another file."""
        found = self.enclosing_class(scope)
        if found or not (self.rules.spread_members or self.rules.functions_have_members):
            return found
        while scope:
            if self.kind(scope) == "method":
                return scope.rpartition(".")[0]
            scope = scope.rpartition(".")[0]
        return ""

    def has_methods(self, function: str) -> bool:
        """Whether a function is a class, because methods are assigned to it."""
        if not self.rules.functions_have_members:
            return False
        if self._classlike is None:
            methods = [name for name, symbol in self.symbols.items() if symbol.kind == "method"]
            self._classlike = frozenset(name.rpartition(".")[0] for name in methods)
        return function in self._classlike

    def is_class(self, scope: str) -> bool:
        """Whether it is a class: one of this file, or of another file if this one has methods of it."""
        kind = self.kind(scope)
        if kind or not self.rules.spread_members:
            return kind == "class"
        if self._owners is None:
            methods = (name for name, symbol in self.symbols.items() if symbol.kind == "method")
            self._owners = frozenset(name.rpartition(".")[0] for name in methods)
        return scope in self._owners

    def namespace(self, scope: str) -> str:
        """The innermost namespace around a scope, "" for none."""
        spaces = ("namespace", "class") if self.rules.open_classes else ("namespace",)
        while scope and self.kind(scope) not in spaces:
            scope = scope.rpartition(".")[0]
        return scope

    def visible(self, scope: str) -> tuple[str, ...]:
        """The scopes whose names can be seen from `scope`, innermost first, without the top level.

        Class bodies hide from their methods, unless members can be named bare.
        """
        known = self._visible.get(scope)
        if known is None:
            implicit = self.rules.implicit_members
            is_open = self.rules.bare_in_class_body or self.kind(scope) != "class" or scope in self._merged()
            around = [scope] if scope and is_open else []
            inner, outer = scope, scope.rpartition(".")[0]
            while outer:
                if implicit or self.kind(outer) != "class" or self._is_in_namespace(inner):
                    around.append(outer)
                inner, outer = outer, outer.rpartition(".")[0]
            known = self._visible[scope] = tuple(around)
        return known

    def _is_in_namespace(self, qualname: str) -> bool:
        """Whether what stands in a class is in a namespace of the same name (TypeScript merges them)."""
        return not self.rules.bare_in_class_body and self.kind(qualname) in _NAMESPACED

    def _merged(self) -> frozenset[str]:
        """The classes that are namespaces as well."""
        if self._namespaced is None:
            inner = (
                name for name, symbol in self.symbols.items() if symbol.kind in _NAMESPACED and "." in name
            )
            self._namespaced = frozenset(name.rpartition(".")[0] for name in inner)
        return self._namespaced

    def entries(self, scope: str, name: str) -> Sequence[Entry]:
        """What binds the name in a scope, by line."""
        if not scope:
            return self.top.get(name, ())
        symbol = self.symbols.get(f"{scope}.{name}")
        if symbol is not None and self.rules.named_constructors and name == scope[scope.rfind(".") + 1 :]:
            symbol = None
        bound = self._bound(scope).get(name, ()) if scope in self._raw else ()
        if symbol is None:
            return bound
        # The variable itself is meant by its name; its bindings only tell what it holds.
        imports = [entry for entry in bound if isinstance(entry, Import)]
        return _in_order([symbol, *imports]) if imports else (symbol,)

    def bound_in(self, scope: str, name: str) -> Sequence[Import | Binding]:
        """The imports and bindings of a name in an inner scope itself."""
        return self._bound(scope).get(name, ()) if scope in self._raw else ()

    def _bound(self, scope: str) -> dict[str, list[Import | Binding]]:
        known = self._inner.get(scope)
        if known is None:
            known = self._inner[scope] = {}
            for entry in self._raw[scope]:
                name = entry.name if isinstance(entry, Binding) else self.rules.bound_name(entry)
                entries = known.get(name)
                if entries is None:
                    known[name] = [entry]
                else:
                    entries.append(entry)
                    entries.sort(key=_line)
        return known

    def may_be_inner(self, name: str) -> bool:
        """Whether a scope below the top level may bind the name. If not, it means the same everywhere in the file."""
        if self._inner_names is None:
            texts = [symbol.signature for symbol in self.symbols.values() if symbol.kind in _FUNCTIONS]
            names = set(_PARAMETERS.findall("\n".join(texts)))
            names.update(self.self_names, self.rules.super_names)
            names.update([symbol[symbol.rfind(".") + 1 :] for symbol in self.symbols if "." in symbol])
            for scope in self._raw:
                names.update(self._bound(scope))
            self._inner_names = names
        return name in self._inner_names

    def is_parameter(self, scope: str, name: str) -> bool:
        """Whether the function `scope` has a parameter of that name."""
        symbol = self.symbols.get(scope)
        if symbol is None or name not in symbol.signature or symbol.kind not in _FUNCTIONS:
            return False
        known = self._parameters.get(scope)
        if known is None:
            known = self._parameters[scope] = frozenset(self.rules.parameters(symbol.signature))
        return name in known

    def forget_uses(self) -> None:
        """Free what only the resolution of the file itself needs."""
        self._inner_names = None
        self.homes.clear()
        self.local.clear()
        self._inner.clear()
        self._parameters.clear()
        self._visible.clear()


def _line(entry: Entry) -> int:
    return entry.line


def _in_order(entries: list[Entry]) -> list[Entry]:
    """By line; where a symbol is among them, without bindings: they only tell what it holds."""
    if any(isinstance(entry, Definition) for entry in entries):
        entries = [entry for entry in entries if not isinstance(entry, Binding)]
    return sorted(entries, key=_line)


def likeliest(entries: Sequence[Entry], line: int) -> Iterator[Entry]:
    """The nearest before `line` first, then what comes later.

    What is bound on the line itself counts as later if it is an assignment: `x = x.next()` reads the old one.
    """
    if line == AFTER or len(entries) == 1:
        return reversed(entries)
    before = [e for e in entries if e.line < line or (e.line == line and not _is_assignment(e))]
    after = [e for e in entries if e.line > line or (e.line == line and _is_assignment(e))]
    before.reverse()
    return iter(before + after)


def bucket(entries: Sequence[Entry], line: int) -> int:
    """Equal for lines at which `likeliest` gives the same order."""
    if len(entries) < 2 or line == AFTER:
        return -1
    at = bisect_left(entries, line, key=_line)
    return 2 * at + any(entry.line == line for entry in entries[at : at + 1])


def _is_assignment(entry: Entry) -> bool:
    return isinstance(entry, Binding) and entry.kind != "parameter"
