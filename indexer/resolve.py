"""What names mean: from references as written to edges between definitions, across files.

Everything here is a function of the facts of the files alone, and every answer comes with the keys of all that was
looked at for it, so that a change resolves anew exactly what it can change (`indexer.resolvers.keys`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from indexer.resolvers import RULES, make_rules
from indexer.resolvers.base import FactsTable, Outline, RawEdge, Resolved, Role, Row, SymbolTable, Target
from indexer.resolvers.edges import EdgeFinder
from indexer.resolvers.keys import Changed, Interface, interface_of
from indexer.resolvers.world import Files, existence_keys
from indexer.types import FileFacts, Reference

__all__ = [
    "ASKED_BY_NAME",
    "FactsTable",
    "Outline",
    "RawEdge",
    "Resolved",
    "Resolver",
    "Role",
    "Row",
    "SymbolTable",
    "Target",
    "add_change",
    "interface",
]


class Resolver:
    """Resolves names over one state of the files: make a new one when files change. Not for two threads at
    once.
    """

    def __init__(self, table: SymbolTable) -> None:
        self._files = Files(table, make_rules())
        self._edges = EdgeFinder(self._files)

    def resolve_name(self, facts: Outline, dotted: str, scope: str, line: int) -> list[Target]:
        """What `dotted` means in `scope` at `line` of the file (or unsaved buffer) that gave `facts`, best
        first.
        """
        return self._edges.targets(facts, dotted, scope, line)

    def resolve_type(self, facts: Outline, dotted: str, scope: str, line: int) -> list[Target]:
        """What `dotted.` can be followed by members of: the class of its value, the class or module
        itself.
        """
        return self._edges.types(facts, dotted, scope, line)

    def imported(self, facts: Outline) -> frozenset[str]:
        """The paths that the imports of the file (or unsaved buffer) that gave `facts` lead to."""
        return frozenset(edge.target_path for edge in self._edges.imports(facts))

    def resolve_file(self, facts: FileFacts) -> Resolved:
        """All edges that start in the file."""
        return self._edges.resolve(facts, facts.references)

    def resolve_path(self, path: str, references: Callable[[str], Iterable[Reference]]) -> Resolved:
        """The same for a file of the table whose references are held apart from its facts, until now."""
        return self._edges.resolve_path(path, references)

    def forget(self) -> None:
        """Free what is remembered. It refers to itself, and to look for circles in a whole process is slow."""
        self._files.forget()


_RULES = make_rules()  # asked only for what does not depend on a state
# Languages whose symbols are looked up in all files by their last name.
ASKED_BY_NAME = frozenset(language for language in RULES if _RULES(language).asks_by_name)


def interface(facts: Outline, digest: bytes = b"") -> Interface:
    """What other files can see of this one. `digest`: of its bytes."""
    is_asked = facts.language in RULES and _RULES(facts.language).asks_by_name
    return interface_of(facts, whole_repository=is_asked, content=digest)


def add_change(changed: Changed, path: str, old: Interface | None, new: Interface | None) -> None:
    """Note a file that appeared (`old` is None), went (`new` is None) or changed."""
    existence: set[str] = set()
    for one in (old, new):
        if one is not None:
            package = _RULES(one.language).package(path, one.package)
            existence |= existence_keys(path, package, [_RULES(language) for language in RULES])
    changed.add(path, old, new, existence)
