"""What names mean: from references as written to edges between definitions, across files.

A language with its own rules has a module in `indexer/resolvers/`; any other gets the definitions of its own
file. Everything here is a function of the facts of the files alone, and every answer is remembered together
with the modules that were asked for it, so that a change invalidates exactly what it can change.
"""

from __future__ import annotations

import hashlib

import msgspec

from indexer.resolvers import KEY_MAKERS, make_resolver
from indexer.resolvers.base import LanguageResolver, RawEdge, Resolved, Role, SymbolTable, Target
from indexer.types import FileFacts

__all__ = [
    "RawEdge",
    "Resolved",
    "Resolver",
    "Role",
    "SymbolTable",
    "Target",
    "interface_digest",
    "module_keys",
]


class Resolver:
    """Resolves names over one state of the files: make a new one when files change. Not for two threads at
    once.
    """

    def __init__(self, table: SymbolTable) -> None:
        self._table = table
        self._languages: dict[str, LanguageResolver] = {}

    def resolve_name(self, facts: FileFacts, dotted: str, scope: str, line: int) -> list[Target]:
        """What `dotted` means in `scope` at `line` of the file (or unsaved buffer) that gave `facts`, best
        first.
        """
        return self._language(facts.language).resolve_name(facts, dotted, scope, line)

    def resolve_type(self, facts: FileFacts, dotted: str, scope: str, line: int) -> list[Target]:
        """What `dotted.` can be followed by members of: the class of its value, the class or module
        itself.
        """
        return self._language(facts.language).resolve_type(facts, dotted, scope, line)

    def resolve_file(self, facts: FileFacts) -> Resolved:
        """All edges that start in the file."""
        return self._language(facts.language).resolve_file(facts)

    def _language(self, language: str) -> LanguageResolver:
        known = self._languages.get(language)
        if known is None:
            known = self._languages[language] = make_resolver(language, self._table)
        return known


def module_keys(path: str) -> frozenset[str]:
    """The keys under which other files may have looked this one up: its path, and its names as a module."""
    keys = {path}
    for make_keys in KEY_MAKERS:
        keys.update(make_keys(path))
    return frozenset(keys)


def interface_digest(facts: FileFacts) -> bytes:
    """16 bytes that change whenever what other files can see of this one changes (positions and bodies do
    not).
    """
    symbols = [(s.qualname, s.kind, s.signature, s.bases) for s in facts.symbols]
    imports = [(i.module, i.level, i.name, i.alias, i.scope) for i in facts.imports]
    kinds = {s.qualname: s.kind for s in facts.symbols}
    bindings = [
        (b.name, b.type, b.kind, b.scope)
        for b in facts.bindings
        if b.name == "return" or "." in b.name or kinds.get(b.scope, "file") in ("file", "class")
    ]
    data = msgspec.msgpack.encode((facts.language, symbols, imports, bindings))
    return hashlib.blake2b(data, digest_size=16).digest()
