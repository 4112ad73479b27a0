"""Which names a file defines, and where: read from its text by the grammar, without an index.

The metrics of a context need to know where definitions are, from something that is not the part under test: no name is
resolved here, nothing is ranked, and what the index of a method holds or leaves out does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tree_sitter import Node, Query, QueryCursor

from indexer.grammar import (
    MAX_DEPTH,
    QUERIES,
    WINDOW_BYTES,
    Budget,
    BudgetError,
    Syntax,
    split_patterns,
    syntax_of,
)
from indexer.languages import Language

PARSE_S = 5.0
"""CPU seconds for one file: a file of a million characters takes one. What takes longer defines nothing here."""

_SCOPES = ("definition.class", "definition.extension", "definition.namespace", "definition.function")
_VALUES = ("definition.variable", "definition.member")
_TYPES = ("definition.class", "definition.extension")

_JOINTS = (".", "->", "::")
_NO_DEFINITION_AFTER = frozenset(
    """
    and as assert await case delete else elif except if import in instanceof is new not or raise return throw typeof
    while with yield
    """.split()  # noqa: SIM905 (a list would take a line for each word)
)
_OPERATORS = ("(", "=", "+", "-", "/", "%", "<", "|", "!")  # what follows is an operand
_IS_BOUND = re.compile(r"[,)\]]|=(?!=)|:")  # `self.name = `, `this.name: `, `name, other = `
_TARGETS_BEFORE = re.compile(r"[\s\w.,()\[\]*=;]*")
_WORD_BEFORE = re.compile(r"(\w+)[ \t]+$")
_OWNER_BEFORE = re.compile(
    r"(\w+)[>\])?*&]*[ \t]+[\w<>?,.\[\]]+\.$"
)  # `def self.`, `fun String.`, `void Shape.`


class Definition(NamedTuple):
    """Where a name is defined that other files may use."""

    name: str
    line: int  # 1-based, of the name
    is_member: bool  # of a class or another type
    is_value: bool = False  # a variable, constant or field; else a function, class or other type


def definitions_in(text: str, language: Language) -> list[Definition]:
    """The definitions of a file that other files may use, by position; of one name and line the first.

    Classes and other types, functions, methods, fields, variables of the file; not what is local to a function. Empty
    for a language without a grammar, and for a file that cannot be parsed within `PARSE_S`.
    """
    if not language.grammar:
        return []
    syntax = syntax_of(language)
    budget = Budget(PARSE_S)
    try:
        root = syntax.parse(text.encode("utf-8", "surrogatepass"), budget).root_node
        found = sorted(_found(root, syntax, budget))
    except BudgetError:
        return []
    return list(_visible(found))


def may_define(text: str, name: str, language: Language) -> bool:
    """Whether a file that holds the name may define it, by what stands around the name; much quicker than parsing.

    False is nearly sure: of 54,000 definitions of thirteen repositories in eleven languages twenty were missed,
    those of Rust's macros among them (`macro_rules! name`).
    """
    size = len(name)
    position = text.find(name)
    while position >= 0:
        end = position + size
        if is_word_at(text, position, end):
            line_start = text.rfind("\n", 0, position) + 1
            before = text[max(line_start, position - 80) : position]
            after = text[end : end + 40].lstrip(" \t")
            if _looks_defined(before, after, language):
                return True
        position = text.find(name, end)
    return False


def is_word_at(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is not a part of a longer word."""
    return not (_is_word(text[start - 1 : start]) or _is_word(text[end : end + 1]))


def _is_word(character: str) -> bool:
    return character == "_" or character.isalnum()


def _looks_defined(before: str, after: str, language: Language) -> bool:
    """By the line up to the name, and what follows it."""
    word = _WORD_BEFORE.search(before)
    if word is not None:
        return word[1] not in _NO_DEFINITION_AFTER
    if before.endswith(_JOINTS):
        if before.endswith("::") or _IS_BOUND.match(after):
            return True
        owner = _OWNER_BEFORE.search(before)
        return owner is not None and owner[1] not in _NO_DEFINITION_AFTER
    if language.name == "python":
        return _IS_BOUND.match(after) is not None and _TARGETS_BEFORE.fullmatch(before) is not None
    return not after.startswith(".") and not before.rstrip(" \t").endswith(_OPERATORS)


_Entry = tuple[int, int, int, int, str, str]  # start, -end, where it belongs, line, role, name
_TO_OWNER, _TO_FILE, _TO_SCOPE = (
    0,
    1,
    2,
)  # to a named type; to the file wherever it stands; to what is around it


def _found(root: Node, syntax: Syntax, budget: Budget) -> Iterator[_Entry]:
    """All definitions as the patterns of the language have them. Raises BudgetError."""
    cursor = QueryCursor(_definition_query(syntax))
    cursor.set_max_start_depth(MAX_DEPTH)
    for start in range(0, max(1, root.end_byte), WINDOW_BYTES):
        if root.end_byte > WINDOW_BYTES:
            cursor.set_byte_range(start, start + WINDOW_BYTES)
        for _, match in cursor.matches(root):
            role = next((role for role in (*_SCOPES, *_VALUES) if role in match), "")
            name = match["name"][0] if "name" in match else None
            if name is None or not role or not name.text:
                continue
            if role == "definition.member" and not _is_own(match, syntax.language):
                continue
            node, text = match[role][0], name.text.decode("utf-8", "replace").lstrip("#:$@").strip("`")
            place = _TO_OWNER if "owner" in match and role not in _TYPES else _TO_SCOPE
            place = _TO_FILE if "global" in match or "outward" in match else place
            yield node.start_byte, -node.end_byte, place, name.start_point.row + 1, role, text
        budget.check()


def _is_own(match: dict[str, list[Node]], language: Language) -> bool:
    """Whether an attribute that is assigned belongs to the class around it: `self.x = `, not `other.x = `."""
    receiver = match.get("receiver")
    return not receiver or (receiver[0].text or b"").decode("utf-8", "replace") in language.self_names


def _visible(found: list[_Entry]) -> Iterator[Definition]:
    """What is not local to a function. `found` by position, outer ones first."""
    around: list[tuple[int, str]] = []  # end and role of the scopes that are open
    seen: set[tuple[str, int]] = set()
    for start, minus_end, place, line, role, name in found:
        while around and around[-1][0] <= start:
            around.pop()
        outer = around[-1][1] if around else ""
        is_local = outer == "definition.function" and role != "definition.member" and place == _TO_SCOPE
        if not is_local and role != "definition.extension" and (name, line) not in seen:
            seen.add((name, line))
            in_type = outer in _TYPES or role == "definition.member"
            yield Definition(
                name.rpartition(".")[2], line, place == _TO_OWNER or (in_type and place == _TO_SCOPE)
            )
        if role in _SCOPES:
            around.append((-minus_end, role))


@cache
def _definition_query(syntax: Syntax) -> Query:
    """The patterns of the language's query that tell definitions."""
    patterns: list[str] = []
    for name in syntax.language.query.split():
        source = (QUERIES / name).read_text(encoding="utf-8")
        patterns += [pattern for pattern in split_patterns(source) if "@definition." in pattern]
    return Query(syntax.parse(b"", Budget(PARSE_S)).language, "\n".join(patterns))
