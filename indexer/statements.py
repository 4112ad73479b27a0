"""What statements bind: the names of imports, and what tells the type of a name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from indexer.dotted import flatten_chain, with_self
from indexer.imports import expand_use_tree, last_part, plain_path, split_path
from indexer.languages import Language
from indexer.matched import Match, Matched, Settings
from indexer.source import Scope, Source
from indexer.types import Binding, Import
from indexer.typetext import useful_type

MAX_TYPE_BYTES = 600  # of an annotation or a call that are looked at
BINDING_KINDS = ("parameter", "annotation", "call", "alias")


class Statements:
    """Reads the imports and bindings of one file."""

    def __init__(self, source: Source, language: Language, matched: Matched, scopes: list[Scope]) -> None:
        self._source = source
        self._language = language
        self._matched = matched
        self._scopes = scopes

    def package(self) -> str:
        """The package that the file says it is in, dotted; "" if it does not."""
        return next(
            (plain_path(self._matched.text(match, "package.name")) for match in self._matched.of("package")),
            "",
        )

    def imports(self) -> list[Import]:
        """The names that imports bind, by position."""
        found: list[tuple[int, Import]] = []
        only: dict[int, Import] = {}
        for match, settings in self._matched.with_settings("import."):
            entries = list(self._imported(match, settings))
            found.extend(entries)
            if settings.get("import.instead"):
                only.update(entries)
        return [entry for at, entry in sorted(found, key=_position) if only.get(at, entry) is entry]

    def _imported(self, match: Match, settings: Settings) -> Iterator[tuple[int, Import]]:
        # Of `from x import (a, b)` each name stands on its own line.
        keys = ("import.name", "import.path", "import.tree", "import.module")
        at = next((match[key][0] for key in keys if key in match), None)
        position = at.start_byte if at else min(nodes[0].start_byte for nodes in match.values())
        line, scope = self._source.line(position), self._scope_at(position)
        level = self._matched.text(match, "import.level")
        depth = level.count(".") if level else int(settings.get("import.level") or 0)
        if "import.tree" in match:
            node = match["import.tree"][0]
            for module, name, alias in expand_use_tree(self._source.text(node.start_byte, node.end_byte)):
                yield position, Import(module, depth, name, alias, line, scope)
            return
        module = plain_path(self._matched.text(match, "import.module") or settings.get("import.module") or "")
        name = plain_path(self._matched.text(match, "import.name") or settings.get("import.name") or "")
        if "import.path" in match:
            path = plain_path(self._matched.text(match, "import.path"))
            module, name = (path, name) if name else split_path(path)
        elif settings.get("import.split"):
            module, name = split_path(module)
        elif module and "." in name and "import.tree" not in match:  # PHP: `use A\{B\C}`
            deeper, name = split_path(name)
            module = f"{module}.{deeper}"
        alias = self._matched.text(match, "import.alias")
        if not alias and "import.alias" in settings:
            alias = settings["import.alias"] or ""
        elif not alias and name != "*":
            alias = name or last_part(module)
        yield position, Import(module, depth, name, alias, line, scope)

    def bindings(self, returns_of: list[tuple[Scope, str]]) -> list[Binding]:
        """What tells types, by position. `returns_of`: functions with the type they say they return."""
        found: list[tuple[int, Binding]] = []
        for kind in BINDING_KINDS:
            for match, settings in self._matched.with_settings(f"binding.{kind}"):
                binding = self._binding(match, settings, kind)
                if binding is not None:
                    found.append(binding)
        for scope, returns in returns_of:
            useful = useful_type(returns, self._language.name)
            if useful and useful not in self._language.keywords:
                line = self._source.line(scope.start)
                found.append((scope.start, Binding("return", useful, "return", line, scope.qualname)))
        return [entry for _, entry in sorted(found, key=_position)]

    def _binding(self, match: Match, settings: Settings, kind: str) -> tuple[int, Binding] | None:
        if f"binding.{kind}" not in match or "type" not in match:
            return None
        node, written = match[f"binding.{kind}"][0], match["type"][0]
        start, type_start = node.start_byte, written.start_byte
        last = match["type.end"][0] if "type.end" in match else written
        text = self._source.text(type_start, min(last.end_byte, type_start + MAX_TYPE_BYTES))
        type_name = (
            flatten_chain(text) if kind in ("call", "alias") else useful_type(text, self._language.name)
        )
        if not type_name or type_name in self._language.keywords:
            return None  # `var x = …` and `int x` tell nothing to look up
        name = settings.get("binding.name") or flatten_chain(self._source.text(start, node.end_byte))
        if not name or "(" in name:
            return None
        name = (settings.get("binding.prefix") or "") + with_self(name)
        kind = "return" if name == "return" else kind
        return start, Binding(
            name, with_self(type_name), kind, self._source.line(start), self._scope_at(start)
        )

    def _scope_at(self, position: int) -> str:
        scope = self._source.scope_at(self._scopes, position)
        return scope.qualname if scope else ""


def _position(entry: tuple[Any, ...]) -> int:
    return int(entry[0])
