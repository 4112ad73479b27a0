"""The resolver of languages without rules of their own: definitions of the same file only."""

from __future__ import annotations

from indexer.resolvers.base import (
    EdgeSet,
    RawEdge,
    Resolved,
    SymbolTable,
    Target,
    contains_edges,
    edge_kind,
    enclosing_symbol,
)
from indexer.types import FileFacts


class SameFileResolver:
    """Matches the last part of a name against the symbols of its file, the innermost scope first."""

    def __init__(self, table: SymbolTable) -> None:
        self._table = table

    def resolve_name(self, facts: FileFacts, dotted: str, scope: str, line: int) -> list[Target]:
        by_name = {s.qualname: s for s in facts.symbols if s.qualname}
        around = scope
        while True:
            found = by_name.get(f"{around}.{dotted}" if around else dotted)
            if found is not None:
                how = f"defined at line {found.span.start_line}"
                return [Target(facts.path, found.qualname, 1.0, how)]
            if not around:
                return []
            around = around.rpartition(".")[0]

    def resolve_type(self, facts: FileFacts, dotted: str, scope: str, line: int) -> list[Target]:
        return []

    def resolve_file(self, facts: FileFacts) -> Resolved:
        edges = EdgeSet(facts.path)
        contains_edges(facts, edges)
        kinds = {s.qualname: s.kind for s in facts.symbols}
        for reference in facts.references:
            source = enclosing_symbol(kinds, reference.scope)
            for target in self.resolve_name(facts, reference.name, reference.scope, reference.line):
                kind = edge_kind(reference.kind)
                edges.add(RawEdge(source, facts.path, target.qualname, kind, target.weight, reference.line))
        return Resolved(edges.edges(), frozenset())
