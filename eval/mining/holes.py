"""Where a file can have a hole: calls and function bodies by its grammar. Runs in a child: see `eval.mining.worker`.

A hole is whole lines, as in RepoEval. A *call* has the lines of the call expression. A *function body* has those from
the first statement behind the docstring to the last one; comments above the first statement stay in the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import msgspec
from tree_sitter import Node, Query, QueryCursor

from eval.metrics.definition_table import definitions_in
from indexer.grammar import MAX_DEPTH, WINDOW_BYTES, Budget, BudgetError, Syntax, syntax_of
from indexer.languages import Language, language_named

PARSE_S = 5.0
"""CPU seconds for one file; what takes longer has no holes."""

MAX_CALL_LINES = 30
MIN_BODY_LINES, MAX_BODY_LINES = 3, 30
"""RepoEval's function bodies have 3 to 28 lines, its paper says 3 to 30."""


class Hole(msgspec.Struct, frozen=True, array_like=True):
    """Whole lines that may be left out: 1-based, inclusive."""

    start_line: int
    end_line: int
    name: str  # of what is called, or of the function whose body it is


class FileHoles(msgspec.Struct, frozen=True, array_like=True):
    """What one file offers."""

    calls: tuple[Hole, ...]
    functions: tuple[Hole, ...]
    comments: tuple[tuple[int, int], ...]  # lines that begin inside a comment
    broken: tuple[tuple[int, int], ...]  # lines that the grammar cannot read
    defines: tuple[str, ...]  # functions and types
    failed: bool = False  # it could not be parsed at all


@dataclass(frozen=True, slots=True)
class NodeTypes:
    """The names that a grammar has for what is looked for."""

    calls: tuple[tuple[str, str], ...]  # type of the node, field of what is called; "": its first child
    functions: tuple[str, ...]
    comments: tuple[str, ...] = ("comment",)


_BLOCKS = ("line_comment", "block_comment")
_ECMASCRIPT = NodeTypes(
    (("call_expression", "function"), ("new_expression", "constructor")),
    ("function_declaration", "generator_function_declaration", "method_definition", "arrow_function"),
)
_C = NodeTypes((("call_expression", "function"),), ("function_definition",))

NODE_TYPES: dict[str, NodeTypes] = {
    "python": NodeTypes((("call", "function"),), ("function_definition",)),
    "java": NodeTypes(
        (("method_invocation", "name"), ("object_creation_expression", "type")),
        ("method_declaration", "constructor_declaration"),
        _BLOCKS,
    ),
    "javascript": _ECMASCRIPT,
    "typescript": _ECMASCRIPT,
    "tsx": _ECMASCRIPT,
    "csharp": NodeTypes(
        (("invocation_expression", "function"), ("object_creation_expression", "type")),
        ("method_declaration", "constructor_declaration", "local_function_statement"),
    ),
    "go": NodeTypes((("call_expression", "function"),), ("function_declaration", "method_declaration")),
    "rust": NodeTypes((("call_expression", "function"),), ("function_item",), _BLOCKS),
    "kotlin": NodeTypes((("call_expression", ""),), ("function_declaration",), _BLOCKS),
    "c": _C,
    "cpp": _C,
    "php": NodeTypes(
        (
            ("function_call_expression", "function"),
            ("member_call_expression", "name"),
            ("scoped_call_expression", "name"),
            ("object_creation_expression", ""),
        ),
        ("function_definition", "method_declaration"),
    ),
    "ruby": NodeTypes((("call", "method"),), ("method", "singleton_method")),
}

SUPPORTED: tuple[str, ...] = tuple(NODE_TYPES)
"""Languages of the index that tasks can be made of; all kinds in each."""

_BODIES = ("function_body", "block", "body_statement")  # where a grammar names no field
_LAST_NAME = re.compile(r"([A-Za-z_]\w*)[?!]?\s*(?:(?:::)?<[^()]*>)?\s*\Z")
_HEADER_NAME = re.compile(r"([A-Za-z_~]\w*)\s*\(")


def find_holes(data: bytes, language_name: str) -> FileHoles:
    """All calls and function bodies of a file in a language of SUPPORTED, by position."""
    language = language_named(language_name)
    syntax, budget = syntax_of(language), Budget(PARSE_S)
    try:
        root = syntax.parse(data, budget).root_node
        nodes = _captures(root, syntax, budget)
        broken = tuple(_broken(root, budget))
    except BudgetError:
        return FileHoles((), (), (), (), (), failed=True)
    lines = data.split(b"\n")
    calls = {hole for node in nodes["call"] if (hole := _call(node, language)) is not None}
    bodies = {hole for node in nodes["function"] if (hole := _body(node, lines, language)) is not None}
    table = definitions_in(data.decode("utf-8", "replace"), language)
    return FileHoles(
        tuple(sorted(calls, key=_order)),
        tuple(sorted(bodies, key=_order)),
        tuple(_comment_lines(nodes["comment"], lines)),
        broken,
        tuple({definition.name: None for definition in table if not definition.is_value}),
    )


def _order(hole: Hole) -> tuple[int, int, str]:
    return hole.start_line, hole.end_line, hole.name


def _captures(root: Node, syntax: Syntax, budget: Budget) -> dict[str, list[Node]]:
    """The nodes of each role. Raises BudgetError."""
    found: dict[str, dict[int, Node]] = {"call": {}, "function": {}, "comment": {}}
    cursor = QueryCursor(_query(syntax))
    cursor.set_max_start_depth(MAX_DEPTH)
    for start in range(0, max(1, root.end_byte), WINDOW_BYTES):
        if root.end_byte > WINDOW_BYTES:
            cursor.set_byte_range(start, start + WINDOW_BYTES)
        for role, nodes in cursor.captures(root).items():
            found[role].update((node.id, node) for node in nodes)
        budget.check()
    return {role: list(nodes.values()) for role, nodes in found.items()}


@cache
def _query(syntax: Syntax) -> Query:
    types = NODE_TYPES[syntax.language.name]
    patterns = [f"({name}) @call" for name, _ in types.calls]
    patterns += [f"({name}) @function" for name in types.functions]
    patterns += [f"({name}) @comment" for name in types.comments]
    return Query(syntax.parse(b"", Budget(PARSE_S)).language, "\n".join(patterns))


def _broken(root: Node, budget: Budget) -> Iterator[tuple[int, int]]:
    """Lines of the stretches without grammar, and of what is missing. Raises BudgetError."""
    pending = [root] if root.has_error else []
    while pending:
        node = pending.pop()
        budget.check()
        if node.is_error or node.is_missing:
            yield node.start_point.row + 1, node.end_point.row + 1
        else:
            pending.extend(child for child in node.children if child.has_error or child.is_missing)


def _comment_lines(comments: list[Node], lines: list[bytes]) -> Iterator[tuple[int, int]]:
    for node in sorted(comments, key=lambda node: node.start_byte):
        row, column = node.start_point
        alone = row < len(lines) and not lines[row][:column].strip()
        first = row + (1 if alone else 2)
        if first <= node.end_point.row + 1:
            yield first, node.end_point.row + 1


def _call(node: Node, language: Language) -> Hole | None:
    """The lines of a call, unless they are too many or it is not said what is called."""
    field = dict(NODE_TYPES[language.name].calls)[node.type]
    callee = node.child_by_field_name(field) if field else next(iter(node.named_children), None)
    if callee is None or node.has_error:
        return None
    if language.name == "ruby" and node.child_by_field_name("arguments") is None:
        return None  # it may as well be a variable
    found = _LAST_NAME.search((callee.text or b"")[-400:].decode("utf-8", "replace"))
    first, last = node.start_point.row + 1, node.end_point.row + 1
    if found is None or last - first >= MAX_CALL_LINES:
        return None
    return Hole(first, last, found[1])


def _body(node: Node, lines: list[bytes], language: Language) -> Hole | None:
    """The lines of a body, if it has the right number of them and nothing else is on them."""
    body = node.child_by_field_name("body") or next(
        (c for c in node.named_children if c.type in _BODIES), None
    )
    name = _function_name(node)
    if body is None or not name or node.has_error:
        return None
    statements = _statements(body, language)
    if not statements:
        return None
    first, last = statements[0].start_point, statements[-1].end_point
    end_row = last.row - 1 if last.column == 0 else last.row
    before = lines[first.row][: first.column]
    after = b"" if end_row < last.row else lines[end_row][last.column :].strip().lstrip(b";,").strip()
    is_whole = not before.strip() and (not after or after.startswith((language.line_comment.encode(), b"//")))
    if not is_whole or first.row == node.start_point.row:
        return None
    if not MIN_BODY_LINES <= end_row - first.row + 1 <= MAX_BODY_LINES:
        return None
    return Hole(first.row + 1, end_row + 1, name)


def _statements(body: Node, language: Language) -> list[Node]:
    """The statements of a body without its docstring and comments."""
    comments = NODE_TYPES[language.name].comments
    found = [child for child in body.named_children if child.type not in comments]
    if len(found) == 1 and (found[0].type == "statement_list" or body.type == "function_body"):
        return _statements(found[0], language) if found[0].type in ("statement_list", "block") else found
    if found and language.name == "python" and _is_docstring(found[0]):
        return found[1:]
    return found if _is_block(body) else []


def _is_block(body: Node) -> bool:
    """Not the expression that an arrow function returns."""
    return (
        "block" in body.type or "body" in body.type or body.type in ("compound_statement", "statement_list")
    )


def _is_docstring(statement: Node) -> bool:
    inner = statement.named_children
    return statement.type == "expression_statement" and len(inner) == 1 and inner[0].type == "string"


def _function_name(node: Node) -> str:
    """As written, or the name of the variable, field or property that the function is given to."""
    name = node.child_by_field_name("name")
    if name is None and node.type == "arrow_function" and node.parent is not None:
        parent = node.parent
        fields = (parent.child_by_field_name(field) for field in ("name", "left", "key", "property"))
        name = next((field for field in fields if field is not None), None)
    if name is not None:
        found = _LAST_NAME.search((name.text or b"").decode("utf-8", "replace"))
        return found[1] if found else ""
    declarator = node.child_by_field_name("declarator")
    header = _HEADER_NAME.search((declarator.text or b"").decode("utf-8", "replace")) if declarator else None
    return header[1] if header else ""
