"""What the header of a definition says: bases, parameters, types."""

from __future__ import annotations

import ast
import re

from indexer.headers import MAX_SIGNATURE_CHARACTERS
from indexer.types import Symbol

_METACLASSES = frozenset({"ABCMeta", "EnumMeta", "EnumType"})
_DOTTED = re.compile(r"[^\W\d][\w$]*(?:\.[^\W\d][\w$]*)*")
_NULLS = frozenset({"null", "undefined"})
_HEADS = re.compile(r"\b(?:extends|implements|permits|with)\b")
_STRUCTURE = re.compile(r"\b(?:class|interface|enum|record)\b|@interface")


def parsed(code: str) -> ast.stmt | None:
    """The one statement of a piece of Python; None if it is none."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return body[0] if len(body) == 1 else None


def function_header(symbol: Symbol) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The parsed header of a function of Python."""
    if len(symbol.signature) >= MAX_SIGNATURE_CHARACTERS:
        return None
    found = parsed(f"{symbol.signature}: ...")
    return found if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef) else None


def class_header(symbol: Symbol, language: str) -> tuple[str, ...] | None:
    """The bases of a class as dotted names; None if they cannot all be said."""
    if symbol.kind == "file":
        return ()
    if len(symbol.signature) >= MAX_SIGNATURE_CHARACTERS:
        return None
    if language != "python":
        return _bases_of_braces(symbol)
    found = parsed(f"{symbol.signature}: ...")
    if not isinstance(found, ast.ClassDef):
        return None
    for given in found.keywords:
        name = dotted_of(given.value)
        if given.arg != "metaclass" or name is None or name.rpartition(".")[2] not in _METACLASSES:
            return None
    bases = [dotted_of(base.value if isinstance(base, ast.Subscript) else base) for base in found.bases]
    return None if None in bases else tuple(base for base in bases if base and base != "object")


def _bases_of_braces(symbol: Symbol) -> tuple[str, ...] | None:
    """Of Java and TypeScript: what the facts have, if the header names no more."""
    header = re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", symbol.signature)))
    if not _STRUCTURE.search(header) or "<" in header.replace("=>", ""):
        return None
    stated = [part for piece in _HEADS.split(header)[1:] for part in piece.split(",") if part.strip()]
    bases = [re.sub(r"<.*", "", base, flags=re.DOTALL).strip() for base in symbol.bases]
    if len(stated) != len(bases) or not all(_DOTTED.fullmatch(base) for base in bases):
        return None
    return tuple(bases)


def dotted_of(node: ast.expr | None) -> str | None:
    """`a.b.c`; None for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def class_of_annotation(node: ast.expr | None) -> str | None:
    """The class whose members a value so annotated has: `Foo`, `"Foo"`, `Foo | None`, `Optional[Foo]`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        found = parsed(node.value)
        return class_of_annotation(found.value) if isinstance(found, ast.Expr) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [side for side in (node.left, node.right) if not _is_none(side)]
        return class_of_annotation(sides[0]) if len(sides) == 1 else None
    if isinstance(node, ast.Subscript):
        head = dotted_of(node.value) or ""
        if head.rpartition(".")[2] in ("Optional", "Final", "ClassVar"):
            return class_of_annotation(node.slice)
        return None
    return dotted_of(node)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def class_of_type(written: str) -> str | None:
    """The same of a type as TypeScript and Java write it: `Foo`, `a.Foo<T>`, `Foo | null`; no lists, no unions."""
    members = [part.strip() for part in re.sub(r"<[^|]*>", "", written).split("|")]
    named = [part for part in members if part and part not in _NULLS]
    return named[0] if len(named) == 1 and _DOTTED.fullmatch(named[0]) else None
