"""Texts of pairs, cut from one file or one definition: no index, no files, no model."""

from __future__ import annotations

import ast
import random
import re
import textwrap
from collections.abc import Iterator, Sequence

from indexer.languages import Language

MIN_WORDS = 4
"""Of a docstring or a comment: less says nothing ("Test.", "noqa", "TODO later")."""

LINES_BEFORE, LINES_AFTER = 9, 3
"""Of a call's line: as many as the dense channel embeds of a hole, and some of what follows."""

CODE_LINES = 12
"""Below a comment, at most; it ends sooner at a blank line or where the indentation falls."""

MIN_CODE_LINES = 2

_WORD = re.compile(r"[^\W\d_]{2,}")
_NAME = re.compile(r"[^\W\d]\w{2,}")
_MARKUP = re.compile(r"[:@](?:param|return|raise|type|arg|throws|see)\b|^[-=~*#\s]+$|>>>", re.MULTILINE)


def says_something(text: str) -> bool:
    """Whether a text in plain language has enough words to be looked for by it."""
    return len(_WORD.findall(text)) >= MIN_WORDS


def first_paragraph(text: str) -> str:
    """The first paragraph of a docstring on one line, up to markup of parameters."""
    paragraph = text.strip().split("\n\n", 1)[0]
    found = _MARKUP.search(paragraph)
    return " ".join(paragraph[: found.start() if found else None].split())


def split_docstring(code: str) -> tuple[str, str] | None:
    """A Python definition as (first paragraph of its docstring, its text without the docstring).

    None where it has none, nothing else in its body, or cannot be parsed.
    """
    source = textwrap.dedent(code)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if len(tree.body) != 1 or not isinstance(
        tree.body[0], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ):
        return None
    body = tree.body[0].body
    doc = ast.get_docstring(tree.body[0])
    if doc is None or len(body) < 2:
        return None
    lines = source.split("\n")
    first, last = body[0].lineno, body[0].end_lineno or body[0].lineno
    if lines[first - 1].lstrip()[:1] not in "\"'rRuUbB":  # `def f(): "doc"; …`
        return None
    return first_paragraph(doc), "\n".join(lines[: first - 1] + lines[last:])


def comment_blocks(text: str, language: Language) -> Iterator[tuple[str, str]]:
    """Each comment of whole lines that says something, with the code below it: (words, code)."""
    mark = language.line_comment
    lines = text.split("\n")
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and lines[end].lstrip().startswith(mark):
            end += 1
        if end > start:
            words = " ".join(line.strip().lstrip(mark + "!").strip() for line in lines[start:end])
            code = _code_below(lines, end, mark)
            if says_something(words) and len(code) >= MIN_CODE_LINES and not _looks_like_code(words):
                yield " ".join(words.split()), textwrap.dedent("\n".join(code))
        start = max(end, start + 1)


def _code_below(lines: Sequence[str], start: int, mark: str) -> list[str]:
    if start >= len(lines) or not lines[start].strip():
        return []
    depth = _depth(lines[start])
    found: list[str] = []
    for line in lines[start : start + CODE_LINES]:
        if not line.strip() or _depth(line) < depth or line.lstrip().startswith(mark):
            break
        found.append(line)
    return found


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _looks_like_code(words: str) -> bool:
    """Code that was commented out, or a licence."""
    signs = sum(words.count(sign) for sign in "()[]{}=;<>")
    return signs > len(words) / 25 or "opyright" in words or "icense" in words


def around_call(lines: Sequence[str], line: int) -> str:
    """The lines around a call, without blank ones. `line` is 1-based."""
    before = [one for one in lines[: line - 1] if one.strip()][-LINES_BEFORE:]
    after = [one for one in lines[line : line + 4 * LINES_AFTER] if one.strip()][:LINES_AFTER]
    return textwrap.dedent("\n".join([*before, lines[line - 1], *after]))


def without_name(text: str, name: str) -> str:
    """The text without a name, as it is where the name is still to be written."""
    return re.sub(rf"\b{re.escape(name)}\b", " ", text)


def masked(code: str, keywords: frozenset[str], share: float, chance: random.Random) -> str:
    """The code without a share of its different names, each left out wherever it stands."""
    names = sorted({name for name in _NAME.findall(code) if name not in keywords})
    gone = set(chance.sample(names, int(share * len(names))))
    return _NAME.sub(lambda found: "_" if found.group() in gone else found.group(), code)
