"""Where a name is defined and used, and what is next to a definition in the graph. Reads one snapshot of the index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from indexer.snapshot import Snapshot
from indexer.types import Edge, Symbol

MAX_USES = 500
"""Places of uses that are given: more is not read by anybody."""

_WORD = re.compile(r"[^\W\d]\w*")
_SCOPES = ("function", "method")
"""Kinds of definitions whose lines are looked through for further uses; others hold definitions of their own."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a word may mean. `resolved`: by the graph; else only the name is the same."""

    word: str
    symbols: tuple[Symbol, ...]
    resolved: bool


@dataclass(frozen=True, slots=True)
class Use:
    """A line where a definition is used: 1-based; the text as indexed, secrets masked; who uses it and how."""

    path: str
    line: int
    text: str
    user: Symbol
    kind: str  # of the edge: calls, imports, …


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A symbol at the other end of edges, with their kinds, most certain first; `weight` of the most certain."""

    symbol: Symbol
    kinds: tuple[str, ...]
    weight: float
    line: int  # in the file of the source of the edge, 0 if nowhere


def word_at(line: str, column: int) -> str:
    """The name in a line that a column (0-based characters) touches, "" if there is none."""
    for match in _WORD.finditer(line):
        if match.start() <= column <= match.end():
            return match.group()
    return ""


def definitions_of(snapshot: Snapshot, path: str, line: int, word: str) -> Definitions:
    """The definitions that a word on a line (1-based) of a file means.

    First what the enclosing definitions use under this name, the innermost first; then the definition that the line
    begins; then all of that name, those of this file and of files that it imports first. Aliases of imports count.
    """
    names = {word, *_imported_as(snapshot, path, word)}
    scopes = _enclosing(snapshot, path, line)
    for scope in scopes:
        if scope.name == word and scope.qualname and scope.span.start_line == line:
            return Definitions(word, (scope,), resolved=True)
    for scope in scopes:
        edges = [edge for edge in snapshot.edges_from(scope.id) if edge.kind != "contains"]
        targets = {symbol.id: symbol for symbol in snapshot.symbols({edge.target for edge in edges})}
        meant = [edge for edge in edges if edge.target in targets and _called(targets[edge.target], names)]
        if meant:
            meant.sort(key=lambda edge: (edge.line != line, -edge.weight, edge.target))
            found = dict.fromkeys(edge.target for edge in meant)
            return Definitions(word, tuple(targets[number] for number in found), resolved=True)
    imported = _imported_files(snapshot, scopes)
    named = [symbol for name in sorted(names) for symbol in snapshot.symbols_named(name) if symbol.qualname]
    named.sort(key=lambda symbol: (symbol.path != path, symbol.path not in imported, symbol.path, symbol.id))
    return Definitions(word, tuple(named), resolved=False)


def uses_of(snapshot: Snapshot, symbol: Symbol) -> tuple[Use, ...]:
    """The lines where a definition is used, by path and line, at most `MAX_USES`.

    An edge tells of the first use in a scope; further ones are lines of that function with the same name in them.
    """
    found: dict[tuple[str, int], Use] = {}
    edges = [edge for edge in snapshot.edges_to(symbol.id) if edge.kind != "contains"]
    users = {user.id: user for user in snapshot.symbols({edge.source for edge in edges})}
    for edge in edges:
        user = users.get(edge.source)
        if user is None or len(found) >= MAX_USES:
            continue
        lines = snapshot.content(user.path).decode("utf-8", "replace").split("\n")
        for line in _lines_of(edge, user, symbol.name, lines):
            text = lines[line - 1].strip() if line <= len(lines) else ""
            found.setdefault((user.path, line), Use(user.path, line, text, user, edge.kind))
    return tuple(sorted(found.values(), key=lambda use: (use.path, use.line)))[:MAX_USES]


def used_by(snapshot: Snapshot, symbol: Symbol) -> tuple[Neighbour, ...]:
    """What a definition uses, the most certain first."""
    return _neighbours(snapshot, ((edge.target, edge) for edge in snapshot.edges_from(symbol.id)))


def users_of(snapshot: Snapshot, symbol: Symbol) -> tuple[Neighbour, ...]:
    """What uses a definition, the most certain first."""
    return _neighbours(snapshot, ((edge.source, edge) for edge in snapshot.edges_to(symbol.id)))


def members_of(snapshot: Snapshot, symbol: Symbol) -> tuple[Symbol, ...]:
    """The definitions directly inside one, in their order."""
    inside = [edge.target for edge in snapshot.edges_from(symbol.id) if edge.kind == "contains"]
    return tuple(sorted(snapshot.symbols(inside), key=lambda member: (member.span.start_line, member.id)))


def _neighbours(snapshot: Snapshot, ends: Iterable[tuple[int, Edge]]) -> tuple[Neighbour, ...]:
    edges: dict[int, list[Edge]] = {}
    for number, edge in ends:
        if edge.kind != "contains":
            edges.setdefault(number, []).append(edge)
    found = []
    for symbol in snapshot.symbols(edges):
        own = sorted(edges[symbol.id], key=lambda edge: (-edge.weight, edge.kind))
        lines = [edge.line for edge in own if edge.line]
        kinds = tuple(dict.fromkeys(edge.kind for edge in own))
        found.append(Neighbour(symbol, kinds, own[0].weight, min(lines, default=0)))
    return tuple(sorted(found, key=lambda one: (-one.weight, one.symbol.path, one.symbol.span.start_line)))


def enclosing(snapshot: Snapshot, path: str, line: int) -> Symbol | None:
    """The innermost definition around a line (1-based); None outside of all."""
    return next((symbol for symbol in _enclosing(snapshot, path, line) if symbol.qualname), None)


def _enclosing(snapshot: Snapshot, path: str, line: int) -> list[Symbol]:
    """The definitions around a line, the innermost first, the file's own symbol last."""
    around = [
        symbol
        for symbol in snapshot.symbols_of(path)
        if not symbol.qualname or symbol.span.start_line <= line <= symbol.span.end_line
    ]
    return sorted(around, key=lambda one: (not one.qualname, -one.span.start_line, one.span.end_line))


def _imported_as(snapshot: Snapshot, path: str, word: str) -> Iterator[str]:
    """The names under which a file's imports know what is called `word` in it."""
    facts = snapshot.facts(path)
    for statement in facts.imports if facts is not None else ():
        if statement.alias == word:
            yield statement.name or statement.module.rpartition(".")[2]


def _called(symbol: Symbol, names: set[str]) -> bool:
    """Whether a symbol has one of the names; a file has that of its module or package."""
    if symbol.qualname:
        return symbol.name in names
    folders, _, file = symbol.path.rpartition("/")
    return file.partition(".")[0] in names or (
        file.startswith("__init__.") and folders.rpartition("/")[2] in names
    )


def _imported_files(snapshot: Snapshot, scopes: Iterable[Symbol]) -> set[str]:
    targets = {
        edge.target for scope in scopes for edge in snapshot.edges_from(scope.id) if edge.kind == "imports"
    }
    return {symbol.path for symbol in snapshot.symbols(targets)}


def _lines_of(edge: Edge, user: Symbol, name: str, lines: list[str]) -> list[int]:
    """The line of an edge, and those of the function that uses it with the name in them."""
    found = {edge.line or user.span.start_line}
    if user.kind in _SCOPES and name:
        word = re.compile(rf"\b{re.escape(name)}\b")
        span = range(user.span.start_line, min(user.span.end_line, len(lines)) + 1)
        first = edge.line or user.span.start_line
        found.update(number for number in span if number >= first and word.search(lines[number - 1]))
    return sorted(found)
