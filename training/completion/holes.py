"""Holes of a file as users make them: where a completion is asked for, and where it naturally ends.

A hole never begins with the indentation of its line and never ends with white space: the cursor stands behind the
indentation, and what follows the hole begins with the line feed that was there.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from tree_sitter import Node, Query, QueryCursor

from eval.mining.holes import NODE_TYPES
from indexer.grammar import MAX_DEPTH, WINDOW_BYTES, Budget, BudgetError, Syntax, syntax_of
from indexer.languages import language_named

MIX = {"line": 0.35, "rest": 0.30, "call": 0.15, "block": 0.12, "body": 0.08}
"""Share of each kind. Most completions that are asked for while typing are a line or what is left of one; RepoEval and
CrossCodeEval ask for lines, calls and bodies."""

WANTED_SHARE = 0.6
"""Of the holes of a file that has such: with a name that another file defines. The rest keeps to the file's own mix."""

TRIED = 40  # candidates that are looked at for such a name
AWKWARD_SHARE = 0.15  # of cuts that lie anywhere in a line: a user also stops in the middle of a name
PROSE_SHARE = 0.03  # of lines of comments and docstrings that may be holes
MAX_CHARACTERS = 700  # of a hole: 160 tokens have about 500
MAX_CALL_LINES, MAX_BLOCK_LINES, MAX_BODY_LINES = 12, 8, 20
MIN_CALL_BYTES, MIN_REST_BYTES = 6, 2
RUN_STATEMENTS = (2, 6)  # of a hole that is a part of a suite
PARSE_S = 5.0  # CPU seconds for one file; what takes longer has no holes

_WORD = re.compile(rb"[^\W\d]\w*")
_TRIVIAL = re.compile(
    rb"[\W\d_]*(?:(?:else|try|finally|pass|break|continue|return|do|end|begin|then|fi|done|default)\b)?[\W\d_]*"
)
_CUTS = re.compile(
    rb"[.(\[{]|[=,:] |\b(?:return|yield|await|raise|import|from|in|not|and|or|if|is) |\w(?=\W)"
)
_SUITES = ("block", "statement_block", "compound_statement", "statement_list", "body_statement", "then")
_TOPS = ("module", "program", "source_file", "translation_unit")


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of a file, bytes half-open; both ends are ends of characters."""

    kind: str  # a key of `MIX`
    start: int
    end: int


def find_holes(data: bytes, language_name: str, rng: random.Random) -> list[Hole]:
    """All candidates of a file, by kind and position; () where it cannot be parsed. One cut is drawn for each line.

    A language without a grammar, or without node types in `eval.mining.holes`, has lines and rests of lines only.
    """
    lines = list(_lines(data))
    nodes: dict[str, list[Node]] = {}
    if language_name in NODE_TYPES:
        syntax, budget = syntax_of(language_named(language_name)), Budget(PARSE_S)
        try:
            nodes = _captures(syntax.parse(data, budget).root_node, syntax, budget)
        except BudgetError:
            return []
    prose = _prose(nodes, lines)
    found = [*_line_holes(data, lines, prose, rng)]
    found += _call_holes(data, nodes.get("call", ()))
    found += _suite_holes(data, nodes.get("suite", ()), language_name, rng)
    found += _body_holes(data, nodes.get("function", ()), language_name)
    return [
        hole
        for hole in found
        if len(data[hole.start : hole.end].decode("utf-8", "replace")) <= MAX_CHARACTERS
    ]


def choose(
    holes: Iterable[Hole], rng: random.Random, count: int, is_wanted: Callable[[Hole], bool]
) -> list[Hole]:
    """At most `count` holes that do not overlap, kinds drawn by `MIX`, `WANTED_SHARE` of them wanted where possible."""
    by_kind: dict[str, list[Hole]] = {kind: [] for kind in MIX}
    for hole in holes:
        by_kind[hole.kind].append(hole)
    kinds = [kind for kind in MIX if by_kind[kind]]
    chosen: list[Hole] = []
    for _ in range(count if kinds else 0):
        kind = rng.choices(kinds, [MIX[one] for one in kinds])[0]
        free = [hole for hole in by_kind[kind] if all(_apart(hole, other) for other in chosen)]
        if not free:
            continue
        tried = rng.sample(free, min(TRIED, len(free)))
        wanted = rng.random() < WANTED_SHARE
        chosen.append(next((hole for hole in tried if is_wanted(hole)), tried[0]) if wanted else tried[0])
    return chosen


def _apart(one: Hole, other: Hole) -> bool:
    return one.end <= other.start or other.end <= one.start


def _lines(data: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the text of each line, without indentation and white space at its end."""
    start = 0
    for line in data.split(b"\n"):
        text = line.strip()
        first = start + len(line) - len(line.lstrip()) if text else start
        yield first, first + len(text)
        start += len(line) + 1


def _line_holes(
    data: bytes, lines: Sequence[tuple[int, int]], prose: frozenset[int], rng: random.Random
) -> Iterator[Hole]:
    """Whole lines, and of each the rest behind one place."""
    for row, (start, end) in enumerate(lines):
        text = data[start:end]
        if _TRIVIAL.fullmatch(text) or (row in prose and rng.random() >= PROSE_SHARE):
            continue
        yield Hole("line", start, end)
        cut = _cut(text, rng)
        if cut and _WORD.search(text, cut):
            yield Hole("rest", start + cut, end)


def _cut(text: bytes, rng: random.Random) -> int:
    """A place within a line where a user may stop; 0 where there is none."""
    last = len(text) - MIN_REST_BYTES
    if rng.random() < AWKWARD_SHARE:
        places = [place for place in range(1, last + 1) if text[place] & 0xC0 != 0x80]
    else:
        places = [match.end() for match in _CUTS.finditer(text) if match.end() <= last]
    return rng.choice(places) if places else 0


def _call_holes(data: bytes, nodes: Iterable[Node]) -> Iterator[Hole]:
    for node in nodes:
        hole = _hole("call", data, node, node)
        if hole and _rows(node, node) <= MAX_CALL_LINES and hole.end - hole.start >= MIN_CALL_BYTES:
            yield hole


def _suite_holes(data: bytes, nodes: Iterable[Node], language: str, rng: random.Random) -> Iterator[Hole]:
    """The suites that are no body of a definition, and of each long one a run of statements."""
    least, most = RUN_STATEMENTS
    for node in nodes:
        statements = _statements(node, language)
        is_suite = node.type not in _TOPS and not _defines(node.parent)
        if is_suite and statements and _rows(statements[0], statements[-1]) <= MAX_BLOCK_LINES:
            hole = _hole("block", data, statements[0], statements[-1])
            if hole and statements[0].start_point.row > (node.parent or node).start_point.row:
                yield hole
        if len(statements) > least:
            size = rng.randint(least, min(most, len(statements) - 1))
            first = rng.randint(0, len(statements) - size)
            run = statements[first : first + size]
            hole = _hole("block", data, run[0], run[-1])
            if hole and _rows(run[0], run[-1]) <= MAX_BLOCK_LINES:
                yield hole


def _body_holes(data: bytes, nodes: Iterable[Node], language: str) -> Iterator[Hole]:
    for node in nodes:
        body = node.child_by_field_name("body")
        if body is None or body.type not in _SUITES:
            continue
        statements = _statements(body, language)
        if len(statements) == 1 and statements[0].type == "statement_list":
            statements = _statements(statements[0], language)
        if statements and _is_docstring(statements[0]):
            statements = statements[1:]
        if not statements or statements[0].start_point.row == node.start_point.row:
            continue
        if _rows(statements[0], statements[-1]) <= MAX_BODY_LINES:
            hole = _hole("body", data, statements[0], statements[-1])
            if hole:
                yield hole


def _statements(suite: Node, language: str) -> list[Node]:
    """Without comments: no hole begins or ends with one."""
    return [child for child in suite.named_children if child.type not in NODE_TYPES[language].comments]


def _hole(kind: str, data: bytes, first: Node, last: Node) -> Hole | None:
    """From the start of one node to the end of another, unless nothing is in it or the grammar cannot read it."""
    if first.has_error or last.has_error:
        return None
    text = data[first.start_byte : last.end_byte].rstrip()
    return None if _TRIVIAL.fullmatch(text) else Hole(kind, first.start_byte, first.start_byte + len(text))


def _rows(first: Node, last: Node) -> int:
    return last.end_point.row - first.start_point.row + 1


def _defines(node: Node | None) -> bool:
    """Is its suite the body of a function or a class?"""
    return node is not None and any(word in node.type for word in ("function", "class", "method", "lambda"))


def _is_docstring(statement: Node) -> bool:
    inner = statement.named_children
    return statement.type == "expression_statement" and len(inner) == 1 and inner[0].type == "string"


def _prose(nodes: dict[str, list[Node]], lines: Sequence[tuple[int, int]]) -> frozenset[int]:
    """The rows that begin inside a comment or a string of several lines, or with one."""
    rows: set[int] = set()
    for node in nodes.get("prose", ()):
        row, last = node.start_point.row, node.end_point.row
        begins = row < len(lines) and lines[row][0] == node.start_byte
        if node.type == "string" and row == last and not _is_docstring_node(node):
            continue
        rows.update(range(row if begins else row + 1, last + 1))
    return frozenset(rows)


def _is_docstring_node(node: Node) -> bool:
    return node.parent is not None and _is_docstring(node.parent)


def _captures(root: Node, syntax: Syntax, budget: Budget) -> dict[str, list[Node]]:
    """The nodes of each role, by position. Raises BudgetError."""
    found: dict[str, dict[int, Node]] = {}
    cursor = QueryCursor(_query(syntax))
    cursor.set_max_start_depth(MAX_DEPTH)
    for start in range(0, max(1, root.end_byte), WINDOW_BYTES):
        if root.end_byte > WINDOW_BYTES:
            cursor.set_byte_range(start, start + WINDOW_BYTES)
        for role, nodes in cursor.captures(root).items():
            found.setdefault(role, {}).update((node.id, node) for node in nodes)
        budget.check()
    return {
        role: sorted(nodes.values(), key=lambda node: (node.start_byte, node.end_byte, node.type))
        for role, nodes in found.items()
    }


@cache
def _query(syntax: Syntax) -> Query:
    types = NODE_TYPES[syntax.language.name]
    grammar = syntax.parse(b"", Budget(PARSE_S)).language

    def known(names: Iterable[str]) -> list[str]:
        return [name for name in names if grammar.id_for_node_kind(name, True) is not None]

    roles = {
        "call": [name for name, _ in types.calls],
        "function": list(types.functions),
        "prose": [*types.comments, *known(["string"])],
        "suite": known((*_SUITES, *_TOPS)),
    }
    return Query(grammar, "\n".join(f"({name}) @{role}" for role, names in roles.items() for name in names))
