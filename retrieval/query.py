"""From a cursor to a Query: scope and the names near the hole, nearest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from indexer.errors import RepocoderError
from indexer.languages import language_of
from indexer.types import FileFacts, Symbol
from retrieval.types import Exclusion, Query

NEAR_BEFORE, NEAR_AFTER = 40, 10
"""Lines before and after the cursor whose names are asked: about what one looks at while writing a line."""

AFTER_FACTOR = 2
"""A line after the cursor is as far as this many before it: what was just written says more."""

MAX_IDENTIFIERS = 64

_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_QUOTED = re.compile(r"\"[^\"]*\"?|'[^']*'?|(?:#|//).*")

_KEYWORDS = frozenset(
    """
    and as assert async await break case catch class const continue def default del do elif else
    enum except export extends false finally fn for from func function global if impl import in
    interface is lambda let match mut new nil none nonlocal not null or package pass pub raise
    return self static struct super switch this throw true try type use var while with yield
    """.split()  # noqa: SIM905 (a list would take a line for each word)
)
"""Words that name nothing in the languages we know. Leaving one in would only cost a failed look-up."""


class PositionError(RepocoderError):
    """The file has no such line, or the line no such column."""

    exit_code = 2


def query_at(
    path: str,
    text: str,
    line: int,
    column: int,
    *,
    facts: FileFacts | None,
    draft: str = "",
    exclusions: Sequence[Exclusion] = (),
) -> Query:
    """The query at a place of a buffer: `line` 1-based, `column` 0-based characters. Raises PositionError."""
    lines = text.split("\n")
    if not 1 <= line <= len(lines):
        raise PositionError(f"position: {path}:{line}: the file has {len(lines)} lines, give one of them")
    width = len(lines[line - 1].removesuffix("\r"))
    if not 0 <= column <= width:
        raise PositionError(
            f"position: {path}:{line}:{column}: the line has columns 0 to {width}, give one of them"
        )
    offset = sum(map(len, lines[: line - 1])) + line - 1 + column
    language = language_of(path)
    return Query(
        path=path,
        language=facts.language if facts else language.name if language else "text",
        line=line,
        column=column,
        prefix=text[:offset],
        suffix=text[offset:],
        scope=scope_at(lines, line, column, facts),
        identifiers=names_near(lines, line, column, facts),
        facts=facts,
        draft=draft,
        exclusions=tuple(exclusions),
    )


def scope_at(lines: Sequence[str], line: int, column: int, facts: FileFacts | None) -> str:
    """Qualified name of the innermost definition around the cursor, "" at top level.

    A cursor on a new line right after a body lies outside the parsed span; there the indentation decides.
    """
    if facts is None:
        return ""
    best: Symbol | None = None
    indent = _indent(lines[line - 1]) if lines[line - 1].strip() else column
    for symbol in facts.symbols:
        if symbol.kind not in {"class", "function", "method"} or symbol.span.start_line > line:
            continue
        last = min(symbol.span.end_line, len(lines))
        inside = line <= last
        if not inside and not any(text.strip() for text in lines[last : line - 1]):
            inside = indent > _indent(lines[symbol.span.start_line - 1])
        if inside and (best is None or symbol.span.start_line >= best.span.start_line):
            best = symbol
    return best.qualname if best else ""


def names_near(lines: Sequence[str], line: int, column: int, facts: FileFacts | None) -> tuple[str, ...]:
    """Dotted names near the cursor as written, nearest first.

    The current line is read as text, since half a statement seldom parses; without facts so are all.
    """
    known: dict[int, list[str]] = {}
    for reference in facts.references if facts else ():
        if -NEAR_BEFORE <= reference.line - line <= NEAR_AFTER:
            known.setdefault(reference.line, []).append(reference.name)
    parsed = facts is not None and bool(facts.references)
    names: dict[str, None] = {}
    here = lines[line - 1]
    for name in (*reversed(_names_in(here[:column])), *_names_in(here[column:])):
        names.setdefault(name)
    for number in _outwards(line, len(lines)):
        for name in known.get(number, ()) if parsed else _names_in(lines[number - 1]):
            names.setdefault(name)
    return tuple(names)[:MAX_IDENTIFIERS]


def _names_in(text: str) -> list[str]:
    found = _DOTTED.findall(_QUOTED.sub(" ", text))
    return [name for name in found if name.lower() not in _KEYWORDS]


def _outwards(line: int, n_lines: int) -> Iterator[int]:
    """Line numbers around `line` without itself, by distance, those after it counted as farther."""
    near: Iterable[int] = range(max(1, line - NEAR_BEFORE), min(n_lines, line + NEAR_AFTER) + 1)
    yield from sorted(
        (number for number in near if number != line),
        key=lambda number: line - number if number < line else (number - line) * AFTER_FACTOR,
    )


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
