"""Python: the edges of a file, and names at a cursor."""

from __future__ import annotations

from indexer.resolvers.base import (
    EdgeSet,
    RawEdge,
    Resolved,
    Role,
    SymbolTable,
    Target,
    contains_edges,
    edge_kind,
    enclosing_symbol,
)
from indexer.resolvers.names import Names
from indexer.resolvers.scopes import FileScopes
from indexer.resolvers.values import Value, distinct
from indexer.types import FileFacts, Reference

FIELD = 0.8  # confidence kept when a class stands for a field that only its methods assign


class PythonResolver:
    """Follows Python names through scopes, imports, classes and the types that the code states."""

    def __init__(self, table: SymbolTable) -> None:
        self._names = Names(table)

    def resolve_name(self, facts: FileFacts, dotted: str, scope: str, line: int) -> list[Target]:
        file = self._names.buffer(facts)
        values = self._names.evaluate(file, dotted, scope, line)
        return [target for target in map(_target, values) if target is not None]

    def resolve_type(self, facts: FileFacts, dotted: str, scope: str, line: int) -> list[Target]:
        file = self._names.buffer(facts)
        values = self._names.evaluate(file, dotted, scope, line)
        found = distinct(self._names.members.holders(value) for value in values)
        return [target for target in map(_target, found) if target is not None]

    def resolve_file(self, facts: FileFacts) -> Resolved:
        names = self._names
        names.memory.consulted = set()
        file = names.buffer(facts)
        edges = EdgeSet(facts.path)
        contains_edges(facts, edges)
        self._add_imports(file, facts, edges)
        self._add_bases(file, edges)
        kinds = {qualname: symbol.kind for qualname, symbol in file.symbols.items()}
        seen: set[tuple[str, str, str, int]] = set()
        for reference in facts.references:
            root = reference.name.partition(".")[0]
            bucket = file.bucket(reference.scope, root, reference.line)
            use = (reference.scope, reference.name, reference.kind, bucket)
            if reference.kind != "inherit" and use not in seen:
                seen.add(use)  # a later use of the same name in the same scope adds no edge
                self._add_reference(file, reference, enclosing_symbol(kinds, reference.scope), edges)
        return Resolved(edges.edges(), frozenset(names.memory.consulted - {facts.path}))

    def _add_imports(self, file: FileScopes, facts: FileFacts, edges: EdgeSet) -> None:
        for entry in facts.imports:
            module = self._names.module(file, entry.module, entry.level, "")
            values: tuple[Value, ...] = (module,)
            if entry.name not in ("", "*"):
                values += self._names.imported(file, entry)
            for target in map(_target, values):
                if target is not None:
                    edges.add(RawEdge("", target.path, target.qualname, "imports", target.weight, entry.line))

    def _add_bases(self, file: FileScopes, edges: EdgeSet) -> None:
        for qualname, symbol in file.symbols.items():
            for value in self._names.members.bases(file, qualname):
                target = _target(value)
                if target is not None:
                    edges.add(
                        RawEdge(
                            qualname, target.path, target.qualname, "inherits", 1.0, symbol.span.start_line
                        )
                    )

    def _add_reference(self, file: FileScopes, reference: Reference, source: str, edges: EdgeSet) -> None:
        values = self._names.evaluate(file, reference.name, reference.scope, reference.line)
        kind = edge_kind(reference.kind)
        for value in values:
            target = _target(value)
            own_field = value.kind == "field" and value.file is file
            if target is not None and target.role == "definition" and not own_field:
                edges.add(RawEdge(source, target.path, target.qualname, kind, target.weight, reference.line))


def _target(value: Value) -> Target | None:
    if value.file is None or value.kind in ("outside", "namespace"):
        return None
    if value.kind == "field":  # it has no symbol, so the class that has it stands for it
        owner = value.name.rpartition(".")[0]
        return Target(value.file.path, owner, round(value.weight * FIELD, 3), value.how)
    role: Role = "type" if value.kind == "instance" else "definition"
    return Target(value.file.path, value.name, round(value.weight, 3), value.how, role)
