"""What the resolver reads and answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from indexer.types import Binding, FileFacts, Import, Symbol

# Of references by their kind; of any other "references".
EDGE_KINDS = {"call": "calls", "inherit": "inherits"}

Role = Literal["definition", "type"]


class Outline(Protocol):
    """Of a file's facts what others can see, and a little more. `FileFacts` is one."""

    @property
    def path(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def package(self) -> str: ...
    @property
    def symbols(self) -> Sequence[Symbol]: ...
    @property
    def imports(self) -> Sequence[Import]: ...
    @property
    def bindings(self) -> Sequence[Binding]: ...


class Row(NamedTuple):
    """A symbol as a table finds it by its last name."""

    path: str
    language: str
    package: str  # what the file says, see `FileFacts.package`
    qualname: str
    kind: str


class SymbolTable(Protocol):
    """The files that names can lead to. `indexer.snapshot.Snapshot` is one; a build passes its own view."""

    def paths(self) -> Collection[str]:
        """All indexed paths; must be fast at `in`."""
        ...

    def facts(self, path: str) -> Outline | None:
        """What parsing that file gave; None for an unknown path."""
        ...

    def named(self, name: str) -> Sequence[Row]:
        """The symbols of that last name, by path and their order in it."""
        ...

    def packages(self) -> Iterable[tuple[str, str, str]]:
        """Path, language and stated package of each file of a language with a grammar, by path."""
        ...

    def content(self, path: str) -> bytes:
        """The file's bytes with secrets masked. Raises KeyError."""
        ...


class FactsTable:
    """A table of facts that are in memory."""

    def __init__(self, files: Mapping[str, FileFacts], contents: Mapping[str, bytes] | None = None) -> None:
        self._files = files
        self._contents = contents or {}

    def paths(self) -> Collection[str]:
        return self._files.keys()

    def facts(self, path: str) -> FileFacts | None:
        return self._files.get(path)

    def named(self, name: str) -> Sequence[Row]:
        return [
            Row(path, facts.language, facts.package, symbol.qualname, symbol.kind)
            for path, facts in sorted(self._files.items())
            for symbol in facts.symbols
            if symbol.name == name and symbol.qualname
        ]

    def packages(self) -> Iterable[tuple[str, str, str]]:
        return [(path, facts.language, facts.package) for path, facts in sorted(self._files.items())]

    def content(self, path: str) -> bytes:
        return self._contents.get(path, b"")


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
    kind: str  # contains | imports | calls | inherits | overrides | references
    weight: float
    line: int


class Resolved(NamedTuple):
    """The edges that start in one file, without duplicates of (source, target, kind)."""

    edges: tuple[RawEdge, ...]
    consulted: frozenset[int]  # see `indexer.resolvers.keys`
    closure: frozenset[int] = frozenset()  # what the closure of its stars depends on, the same way


class EdgeSet:
    """Edges of one file without self-loops, one for each (source, target, kind): the surest, at its first line."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._edges: dict[tuple[str, str, str, str], RawEdge] = {}

    def add(self, source: str, path: str, qualname: str, kind: str, weight: float, line: int) -> None:
        if qualname == source and path == self._path:
            return
        key = (source, path, qualname, kind)
        known = self._edges.get(key)
        if known is None or (weight, -line) > (known.weight, -known.line):
            self._edges[key] = RawEdge(source, path, qualname, kind, weight, line)

    def edges(self) -> tuple[RawEdge, ...]:
        return tuple(self._edges.values())
