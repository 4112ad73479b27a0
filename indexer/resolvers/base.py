"""What resolvers of all languages share: the table they read, what they answer, and how edges are
collected.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple, Protocol

from indexer.types import FileFacts

_KINDS = {"call": "calls", "inherit": "inherits"}  # any other kind of reference "references"

Role = Literal["definition", "type"]


class SymbolTable(Protocol):
    """The files that names can lead to. `indexer.snapshot.Snapshot` is one; a build passes its own view."""

    def paths(self) -> Collection[str]:
        """All indexed paths; must be fast at `in`."""
        ...

    def facts(self, path: str) -> FileFacts | None:
        """What parsing that file gave; None for an unknown path."""
        ...


class Target(NamedTuple):
    """A definition that a name may mean. `qualname` is "" for a whole file."""

    path: str
    qualname: str
    weight: float  # confidence in (0, 1]
    how: str  # in words: "imported at line 3 from pkg.mod"
    role: Role = "definition"  # "type": the name is a variable, and this is the class of its value


class RawEdge(NamedTuple):
    """An edge before the store has given ids. The source is in the file that was resolved."""

    source_qualname: str
    target_path: str
    target_qualname: str
    kind: str  # contains | imports | calls | inherits | references
    weight: float
    line: int


class Resolved(NamedTuple):
    """The edges that start in one file, without duplicates of (source, target, kind)."""

    edges: tuple[RawEdge, ...]
    consulted: frozenset[str]  # module keys that were looked up, found or not


class LanguageResolver(Protocol):
    """The rules of one language."""

    def resolve_name(self, facts: FileFacts, dotted: str, scope: str, line: int) -> list[Target]: ...

    def resolve_type(self, facts: FileFacts, dotted: str, scope: str, line: int) -> list[Target]: ...

    def resolve_file(self, facts: FileFacts) -> Resolved: ...


class EdgeSet:
    """Edges of one file without self-loops, one for each (source, target, kind): the surest, at its first
    line.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._edges: dict[tuple[str, str, str, str], RawEdge] = {}

    def add(self, edge: RawEdge) -> None:
        if edge.target_path == self._path and edge.target_qualname == edge.source_qualname:
            return
        key = (edge.source_qualname, edge.target_path, edge.target_qualname, edge.kind)
        known = self._edges.get(key)
        if known is None or (edge.weight, -edge.line) > (known.weight, -known.line):
            self._edges[key] = edge

    def edges(self) -> tuple[RawEdge, ...]:
        return tuple(self._edges.values())


def edge_kind(reference_kind: str) -> str:
    """The kind of edge that a kind of reference makes."""
    return _KINDS.get(reference_kind, "references")


def enclosing_symbol(kinds: Mapping[str, str], scope: str) -> str:
    """The innermost qualified name around a scope that is a symbol of the file ("" is the file's own)."""
    while scope and scope not in kinds:
        scope = scope.rpartition(".")[0]
    return scope


def contains_edges(facts: FileFacts, edges: EdgeSet) -> None:
    """Add file -> class -> method: each symbol hangs from the innermost symbol around it."""
    kinds = {s.qualname: s.kind for s in facts.symbols}
    for symbol in facts.symbols:
        if symbol.qualname:
            parent = enclosing_symbol(kinds, symbol.qualname.rpartition(".")[0])
            line = symbol.span.start_line
            edges.add(RawEdge(parent, facts.path, symbol.qualname, "contains", 1.0, line))
