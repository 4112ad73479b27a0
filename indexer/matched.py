"""The matches of a language's query in one file, by role.

The captures of one match belong together:
- `definition.class`, `definition.function`, `definition.variable`, `definition.namespace`: the whole definition, with
  `name`, and optionally `body` (what follows the header) and `returns`. A function in a class is a method; a variable
  in a function is local and no symbol. `owner`: the type that a method belongs to though it stands outside (Go, C++).
  `global`: wherever it stands, it belongs to the file (a macro). `outward`: a variable that belongs to what is around
  its type (C's enumerators), unless another pattern has it without.
- `definition.extension` with `name`: adds members to a type (Rust's `impl`); it is no symbol itself.
- `definition.member`: an attribute made in a method, with `receiver`, one of the language's self names, if one is
  written.
- `decoration` around `decorated`: the definition starts with the wrapper. `decorator`: belongs to the definition that
  it stands before or in whose header it stands. `heir` with `base`. `documented` with `doc`.
- `package.name`: the package or namespace of the whole file.
- `import.module`, `import.name`, `import.alias`, `import.level`: one name bound. `import.path`: module and name in one.
  `import.tree`: a list as in `indexer.imports.expand_use_tree`. `#set!` gives constants;
  `#set! import.instead`: this pattern counts and no other at the same place.
- `binding.annotation|parameter|call|alias` with `type`, which reaches to the end of `type.end` if there is one.
  `#set! binding.name` is the name instead, `binding.prefix` stands before it.
- `reference.…`: see `indexer/references.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node, Tree

from indexer.grammar import Budget, Syntax
from indexer.headers import fold
from indexer.source import Source

SCOPE_KINDS = ("function", "class", "namespace", "extension")
REFERENCES = tuple(
    f"reference.{kind}"
    for kind in ("none", "annotation", "inherit", "call", "quoted", "parameter", "local", "global", "block")
)
Match = dict[str, list[Node]]
Settings = dict[str, str | None]


class Matched:
    """What the query found in a tree. Raises BudgetError."""

    def __init__(self, tree: Tree, source: Source, syntax: Syntax, budget: Budget) -> None:
        self._source = source
        self._groups: dict[str, list[tuple[Match, Settings]]] = {}
        for pattern, match in syntax.matches(tree.root_node, budget):
            entry = (match, syntax.settings[pattern])
            for role in syntax.roles[pattern]:
                self._groups.setdefault(role, []).append(entry)

    def of(self, role: str) -> Iterator[Match]:
        """The matches of a role, in no promised order."""
        return (match for match, _ in self._groups.get(role, ()))

    def with_settings(self, role: str) -> list[tuple[Match, Settings]]:
        """The same, with what `#set!` says."""
        return self._groups.get(role, [])

    def text(self, match: Match, key: str) -> str:
        """What a capture holds, white space folded; "" without it."""
        nodes = match.get(key)
        if not nodes:
            return ""
        text = self._source.text(nodes[0].start_byte, nodes[0].end_byte)
        return text if text.isidentifier() else fold(text)

    def references(self) -> dict[str, list[Node]]:
        """The nodes of the reference captures by the second half of their name; "defined", "variable": names there."""
        captures: dict[str, list[Node]] = {}
        for role in REFERENCES:
            nodes = [node for match, _ in self._groups.get(role, ()) for node in match.get(role, ())]
            if nodes:
                captures[role.partition(".")[2]] = nodes
        captures["defined"] = [
            match["name"][0]
            for kind in SCOPE_KINDS
            for match, _ in self._groups.get(f"definition.{kind}", ())
            if "name" in match
        ]
        captures["variable"] = [
            match["name"][0] for match, _ in self._groups.get("definition.variable", ()) if "name" in match
        ]
        return captures
