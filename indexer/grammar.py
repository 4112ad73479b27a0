"""bytes -> tree, within a budget of CPU time and memory. Imported by parse workers only: native code may
crash.
"""

from __future__ import annotations

import importlib
import os
import re
import resource
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser, Point, Query, QueryCursor, Tree

from indexer.languages import Language

READ_BYTES = 1 << 16  # of one call of the read callable
TIME_CHECK_EVERY = 8  # progress calls, about 20 microseconds each
MEMORY_CHECK_EVERY = 256  # progress calls, about 25,000 parse steps: a few milliseconds
PAGE = resource.getpagesize()
WINDOW_BYTES = 1 << 16  # of one query: most files are smaller; the worst input takes 0.3 s for as much
MAX_ERROR_WIDTH = 2000  # children of a stretch without grammar: such a file is not in its language
# of nodes that are read: the deepest real file has 60; below, the time grows with its square
MAX_DEPTH = 1000
ROLES = (
    "definition.function", "definition.class", "definition.namespace", "definition.extension",
    "definition.variable", "definition.member", "decoration", "decorator", "heir", "documented", "package",
    "import.", "binding.parameter", "binding.annotation", "binding.call", "binding.alias",
    "reference.none", "reference.annotation", "reference.inherit", "reference.call", "reference.quoted",
    "reference.parameter", "reference.local", "reference.global", "reference.block",
)  # fmt: skip
_QUERY_PIECE = re.compile(r';[^\n]*|"(?:[^"\\]|\\.)*"|[()\[\]]|[^;"()\[\]]+')
Match = tuple[int, dict[str, list[Node]]]  # pattern, capture name -> nodes
QUERIES = Path(__file__).parent / "queries"


class BudgetError(Exception):
    """The file needs more than it may. `reason` says of what."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Budget:
    """CPU seconds of this thread and resident bytes of this process, until which a file may be worked on."""

    def __init__(self, seconds: float, resident_bytes: int = 0) -> None:
        self._deadline = time.thread_time() + seconds
        self._resident_bytes = resident_bytes
        self._calls = 0
        self.reason = ""

    def exceeded(self, *_: object) -> bool:
        """The shape of tree-sitter's progress callbacks: true stops."""
        self._calls += 1
        if self._calls % TIME_CHECK_EVERY:
            return bool(self.reason)
        if time.thread_time() > self._deadline:
            self.reason = "parse-timeout"
        elif (
            self._resident_bytes
            and self._calls % MEMORY_CHECK_EVERY == 0
            and resident() > self._resident_bytes
        ):
            self.reason = "parse-memory"
        return bool(self.reason)

    def is_over(self) -> bool:
        """Whether it is used up now, not at one of the next calls."""
        self._calls = -1
        return self.exceeded()

    def check(self) -> None:
        """Raises BudgetError when it is used up."""
        if self.is_over():
            raise BudgetError(self.reason)


class Syntax:
    """The parser and the compiled query of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        grammar = importlib.import_module(language.grammar)
        self._grammar = Grammar(getattr(grammar, language.entry)())
        self._parser = Parser(self._grammar)
        source = "\n".join((QUERIES / name).read_text(encoding="utf-8") for name in language.query.split())
        patterns = split_patterns(source)
        # One query: each pass over a tree costs as much as hundreds of patterns.
        self._query = Query(self._grammar, "\n".join(patterns))
        self.roles = [tuple(role for role in ROLES if f"@{role}" in pattern) for pattern in patterns]
        self.settings = [self._query.pattern_settings(index) for index in range(len(patterns))]

    def parse(self, data: bytes, budget: Budget) -> Tree:
        """The tree of `data`. Raises BudgetError; the parser is then as new."""
        if self.language.prepare is not None:
            data = self.language.prepare(data)

        # A read callable, because with bytes the progress callback is never called.
        # Where a scanner runs to the end again and again (`/*` where comments nest), the callback is called too
        # seldom: the end of the budget is the end of the file.
        def read(offset: int, _: Point) -> bytes:
            return b"" if offset and budget.is_over() else data[offset : offset + READ_BYTES]

        try:
            tree: Tree | None = self._parser.parse(read, progress_callback=budget.exceeded)
        except ValueError:  # stopped by the callback
            tree = None
        if tree is None or budget.reason:
            self._parser.reset()  # else the next file would go on from here
            raise BudgetError(budget.reason or "parse-failed")
        _check_errors(tree.root_node, budget)
        return tree

    def matches(self, root: Node, budget: Budget) -> list[Match]:
        """Matches of all patterns, each once. Raises BudgetError."""
        found: list[Match] = []
        seen: set[tuple[int, ...]] = set()
        for cursor in _windows(self._query, root, budget):
            some = cursor.matches(root)
            if root.end_byte > WINDOW_BYTES:  # a node over the border of two windows is matched in both
                fresh = {key: match for match in some if (key := _identity(match)) not in seen}
                seen.update(fresh)
                some = list(fresh.values())
            found.extend(some)
        return found


def _check_errors(root: Node, budget: Budget) -> None:
    """Refuse trees with very wide error nodes: a query takes the square of their width. Raises
    BudgetError.
    """
    pending = [root] if root.has_error else []
    while pending:
        budget.check()
        node = pending.pop()
        if node.is_error and node.child_count > MAX_ERROR_WIDTH:
            raise BudgetError("parse-errors")
        pending.extend(child for child in node.children if child.has_error)


def split_patterns(source: str) -> list[str]:
    """The patterns of a query file: from a bracket outside all brackets to the next such, comments
    dropped.
    """
    patterns: list[str] = []
    depth = 0
    for piece in _QUERY_PIECE.findall(source):
        if piece.startswith(";"):
            continue
        if depth == 0 and piece in "([":
            patterns.append("")
        depth += (piece in "([") - (piece in ")]")
        if patterns:
            patterns[-1] += piece
    return patterns


def _windows(query: Query, root: Node, budget: Budget) -> Iterator[QueryCursor]:
    """Cursors over stretches of a file, with a look at the budget after each.

    Because the progress callback of queries crashes in tree-sitter 0.26.1 (that of parsing works).
    """
    cursor = QueryCursor(query)
    cursor.set_max_start_depth(MAX_DEPTH)
    for start in range(0, max(1, root.end_byte), WINDOW_BYTES):
        if root.end_byte > WINDOW_BYTES:
            cursor.set_byte_range(start, start + WINDOW_BYTES)
        yield cursor
        budget.check()


def _identity(match: Match) -> tuple[int, ...]:
    return (match[0], *(node.id for nodes in match[1].values() for node in nodes))


@cache
def syntax_of(language: Language) -> Syntax:
    return Syntax(language)


def resident() -> int:
    """Resident bytes of this process now."""
    return int(os.pread(_statm(), 200, 0).split()[1]) * PAGE


@cache
def _statm() -> int:
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
