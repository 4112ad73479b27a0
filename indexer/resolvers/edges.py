"""All edges that start in a file, and names at a cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from indexer.resolvers.base import EDGE_KINDS, EdgeSet, Outline, RawEdge, Resolved, Role, Target
from indexer.resolvers.names import Names
from indexer.resolvers.scopes import AFTER, FileNames
from indexer.resolvers.values import Value, Values, distinct, in_words
from indexer.resolvers.world import Files
from indexer.types import Binding, Import, Reference

FIELD = 0.8  # confidence kept when a class stands for a field that only its methods assign
MIN_WEIGHT = 0.001


class Linked(NamedTuple):
    """A target of an edge."""

    path: str
    qualname: str
    weight: float


class EdgeFinder:
    """Resolves files over one state of a table."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._names = Names(files)

    def targets(self, facts: Outline, dotted: str, scope: str, line: int) -> list[Target]:
        """What a dotted name means, best first."""
        self._files.memory.begin()
        values = self._names.evaluate(self._files.buffer(facts), dotted, scope, line)
        return [target for target in map(_target, values) if target is not None]

    def types(self, facts: Outline, dotted: str, scope: str, line: int) -> list[Target]:
        """What a dotted name can be followed by members of."""
        self._files.memory.begin()
        values = self._names.evaluate(self._files.buffer(facts), dotted, scope, line)
        found = distinct([self._names.members.holders(value) for value in values])
        return [target for target in map(_target, found) if target is not None]

    def imports(self, facts: Outline) -> tuple[RawEdge, ...]:
        """The edges of the imports of a file alone; what was found out for its uses is kept."""
        file = self._files.buffer(facts)
        self._files.memory.begin()
        edges = EdgeSet(file.path)
        self._add_imports(file, edges)
        return edges.edges()

    def resolve(self, facts: Outline, references: Iterable[Reference]) -> Resolved:
        """All edges that start in the file, and what was looked at for them."""
        return self._resolve(self._files.buffer(facts), references)

    def resolve_path(self, path: str, references: Callable[[str], Iterable[Reference]]) -> Resolved:
        """The same for a file of the table. Raises KeyError."""
        file = self._files.file(path)
        if file is None:
            raise KeyError(path)
        return self._resolve(file, references(path))

    def _resolve(self, file: FileNames, references: Iterable[Reference]) -> Resolved:
        memory = self._files.memory
        memory.begin()
        edges = EdgeSet(file.path)
        _add_contained(file, edges)
        self._add_imports(file, edges)
        self._add_bases(file, edges)
        self._add_overrides(file, edges)
        self._add_references(file, references, edges)
        consulted = memory.collect()
        closure = self._names.lookup.closure_keys(file)
        memory.begin()
        file.forget_uses()
        return Resolved(edges.edges(), frozenset(consulted), closure)

    def _add_imports(self, file: FileNames, edges: EdgeSet) -> None:
        lookup = self._names.lookup
        modules: dict[tuple[str, int], Sequence[Linked]] = {}
        for entry in file.imports:
            of_module = (entry.module, entry.level)
            if of_module not in modules:
                world = self._files.world(file.language)
                places = file.rules.module(world, file, entry)
                modules[of_module] = _linked(self._names.of_places(file, places, "", 1.0)) if places else ()
            found: Sequence[Linked] = modules[of_module]
            if entry.name == "*":
                places = lookup.imported(file, entry)
                found = [*found, *(Linked(p.path, p.name, p.weight) for p in places if p.path)]
            elif entry.name:
                found = [*found, *_linked(self._imported(file, entry))]
            for path, qualname, weight in found:
                edges.add("", path, qualname, "imports", weight, entry.line)

    def _imported(self, file: FileNames, entry: Import) -> Values:
        """What an import binds, answered as for its uses where there is no other of that name."""
        name = file.rules.bound_name(entry)
        if not entry.scope and len(file.entries("", name)) == 1:
            return self._names.of_leaves(self._names.lookup.bare(file, name, AFTER), file, None, 1.0)
        return self._names.of_import(file, entry)

    def _add_bases(self, file: FileNames, edges: EdgeSet) -> None:
        for qualname, symbol in file.symbols.items():
            if symbol.bases:
                for value in self._names.members.bases(file, qualname):
                    if value.file is not None:
                        edges.add(qualname, value.file.path, value.name, "inherits", 1.0, symbol.line)

    def _add_overrides(self, file: FileNames, edges: EdgeSet) -> None:
        """From each method to the nearest one of its name in the bases of its class."""
        heirs: dict[str, bool] = {}  # class -> whether it has bases in the repository
        for qualname, symbol in file.symbols.items():
            if symbol.kind != "method":
                continue
            owner, _, name = qualname.rpartition(".")
            is_heir = heirs.get(owner)
            if is_heir is None:
                is_heir = heirs[owner] = len(self._names.members.line(file, owner)) > 1
            if not is_heir or (name.startswith("__") and not name.endswith("__")):
                continue
            for value in self._names.members.inherited(file, owner, name):
                if value.file is not None and value.file.kind(value.name) == "method":
                    edges.add(qualname, value.file.path, value.name, "overrides", 1.0, symbol.line)

    def _add_references(self, file: FileNames, references: Iterable[Reference], edges: EdgeSet) -> None:
        sources: dict[str, str] = {}
        starts: dict[tuple[str, str], _Start] = {}  # by scope and first name
        of_file: dict[str, _Start] = {}  # by the first name, of those that mean the same everywhere
        by_home: dict[tuple[str, int, str], _Start] = {}
        names_call, is_lexical = file.rules.names_call, file.rules.is_lexical
        for reference in references:
            dotted, scope = reference.name, reference.scope
            root = dotted.partition(".")[0]
            start = of_file.get(root) or starts.get((scope, root))
            if start is None:
                start = self._start(file, root, scope, reference.line, by_home)
                if start.turn < 0:
                    name = root.removesuffix("()")
                    if is_lexical and not file.may_be_inner(name) and len(file.entries("", name)) < 2:
                        of_file[root] = start
                    else:
                        starts[scope, root] = start
            if start.is_dead or reference.kind == "inherit":
                continue
            found = start.found.get(dotted)
            if found is None:
                found = start.found[dotted] = self._found(file, reference, start)
            if found:
                source = sources.get(scope)
                if source is None:
                    source = sources[scope] = _enclosing_symbol(file, scope)
                kind = EDGE_KINDS.get(reference.kind, "references")
                for path, qualname, weight in found:
                    is_call = names_call and kind == "references" and self._is_function(path, qualname)
                    edges.add(source, path, qualname, "calls" if is_call else kind, weight, reference.line)

    def _start(
        self, file: FileNames, root: str, scope: str, line: int, known: dict[tuple[str, int, str], _Start]
    ) -> _Start:
        """What the first part of a name means in a scope; the same for all scopes in which it means the same."""
        name, names, rules = root.removesuffix("()"), self._names, file.rules
        if rules.is_lexical and name not in file.self_names and self._is_dead_local(file, name, scope):
            return _DEAD
        if name in rules.super_names:
            place = (file.owner(scope) or scope, -1, root)
        else:
            place = (*names.home(file, name, scope, line), root)
        start = known.get(place)
        if start is None:
            if name in rules.super_names:
                start = _Start(None, -1, False, "")
            else:
                values = names.root(file, name, scope, line)
                is_dead = all(v.kind == "outside" for v in values)
                is_dead = is_dead and (bool(values) or not (rules.guess or rules.has_extensions))
                is_self = rules.is_lexical and name == root and place[0].endswith(".()")
                start = _Start(values, place[1], is_dead, place[0][:-3] if is_self else "")
            known[place] = start
        return start

    def _is_dead_local(self, file: FileNames, name: str, scope: str) -> bool:
        """Whether the scope itself binds the name to nothing in the repository."""
        bound = file.bound_in(scope, name)
        if not bound:
            return file.is_parameter(scope, name) and f"{scope}.{name}" not in file.symbols
        for entry in bound:
            if not isinstance(entry, Binding) or (entry.type and not self._names.leads_out(file, entry.type)):
                return False
        return f"{scope}.{name}" not in file.symbols

    def _found(self, file: FileNames, reference: Reference, start: _Start) -> Sequence[Linked]:
        dotted = reference.name
        if start.owner:
            qualname = f"{start.owner}{dotted[dotted.find('.') :]}"
            if qualname in file.symbols:  # `self.size`: its own class has it
                return (Linked(file.path, qualname, 1.0),)
        if start.values is None:
            values = self._names.evaluate(file, dotted, reference.scope, reference.line)
        else:
            values = self._names.after(start.values, dotted.split("."), file)
        return _definitions(values, file)

    def _is_function(self, path: str, qualname: str) -> bool:
        file = self._files.file(path)
        return file is not None and file.kind(qualname) in ("function", "method")


class _Start:
    """The first part of names in one place, and what was found for whole names."""

    __slots__ = ("found", "is_dead", "owner", "turn", "values")

    def __init__(self, values: Values | None, turn: int, is_dead: bool, owner: str) -> None:
        self.values = values  # None: the name is to be evaluated as a whole
        self.turn = turn  # see `Names.home`
        self.owner = owner  # the class whose object or self it surely is, "" otherwise
        self.is_dead = is_dead  # nothing in the repository can follow from it
        self.found: dict[str, Sequence[Linked]] = {}


_DEAD = _Start((), -1, True, "")


def _add_contained(file: FileNames, edges: EdgeSet) -> None:
    """Add file -> class -> method: each symbol hangs from the innermost symbol around it."""
    for qualname, symbol in file.symbols.items():
        parent = _enclosing_symbol(file, qualname.rpartition(".")[0])
        edges.add(parent, file.path, qualname, "contains", 1.0, symbol.line)


def _enclosing_symbol(file: FileNames, scope: str) -> str:
    """The innermost qualified name around a scope that is a symbol of the file ("" is the file's own)."""
    while scope and scope not in file.symbols:
        scope = scope.rpartition(".")[0]
    return scope


def _linked(values: Values) -> list[Linked]:
    return [place for place in map(_place, values) if place is not None]


def _definitions(values: Values, file: FileNames) -> Sequence[Linked]:
    """The targets of the edges that a use with these meanings makes."""
    return _linked(
        tuple([v for v in values if v.kind != "instance" and not (v.kind == "field" and v.file is file)])
    )


def _place(value: Value) -> Linked | None:
    """The definition that a value stands for."""
    kind, file, name, _, weight = value
    if file is None or kind in ("outside", "package"):
        return None
    if kind == "field":  # it has no symbol, so the class that has it stands for it
        name, weight = name.rpartition(".")[0], weight * FIELD
    return Linked(file.path, name, max(round(weight, 3), MIN_WEIGHT))


def _target(value: Value) -> Target | None:
    place = _place(value)
    if place is None:
        return None
    role: Role = "type" if value.kind == "instance" else "definition"
    return Target(*place, in_words(value.how), role)
