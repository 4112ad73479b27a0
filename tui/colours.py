"""Syntax colours by Pygments: pure Python, because no native parser may run in the process of the UI.

A key re-lexes only the lines around it. The whole file is done in a thread when the keys rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:  # a lexer is imported with the first file that it is for
    from pygments.lexer import Lexer  # type: ignore[import-untyped]

MAX_COLOURED_CHARACTERS = 400_000
"""Above this a file is shown without colours: Pygments does about half a million characters a second."""

MAX_BACK_ROWS = 120
"""How far above an edit a row to start lexing from is looked for; docstrings longer than this wait for the
thread."""

ROWS_BELOW = 2
"""Rows below an edit that are lexed with it at once."""

TOKENS_BETWEEN_LOOKS = 150
"""Tokens between two questions to `stop`, about a millisecond: there a thread rests for the keys."""

GROUPS: dict[tuple[str, ...], str] = {
    ("Comment",): "comment",
    ("Keyword",): "keyword",
    ("Keyword", "Constant"): "constant",
    ("Literal", "String"): "string",
    ("Literal", "String", "Doc"): "comment",
    ("Literal", "String", "Interpol"): "operator",
    ("Literal", "Number"): "number",
    ("Name", "Function"): "function",
    ("Name", "Class"): "class",
    ("Name", "Exception"): "class",
    ("Name", "Decorator"): "decorator",
    ("Name", "Builtin"): "builtin",
    ("Name", "Tag"): "keyword",
    ("Name", "Attribute"): "function",
    ("Operator", "Word"): "keyword",
    ("Generic", "Heading"): "class",
    ("Generic", "Subheading"): "class",
    ("Generic", "Strong"): "constant",
    ("Generic", "Emph"): "string",
}
"""Token of Pygments, which is a tuple of names, -> group; the groups are component classes `code--…` of the editor.
Parents count for children."""

Run = tuple[int, int, str]
"""Start and end column, half-open, and the group."""


@dataclass(frozen=True, slots=True)
class Row:
    """Colours of one line. `clean`: no token reaches into it from above, so lexing may start here."""

    runs: tuple[Run, ...] = ()
    clean: bool = False


_UNKNOWN = Row()


class NamedLexer:
    """The lexer for files of a name, imported and its expressions compiled when it is first used: 0.1 s."""

    _loaded: ClassVar[set[str]] = set()  # classes, by name

    def __init__(self, candidates: Sequence[tuple[str, str, bool]]) -> None:
        """`candidates`: module, class, and whether the pattern that fits is a whole name."""
        self._candidates = candidates
        self._lexer: Lexer | None = None

    @property
    def is_loaded(self) -> bool:
        """Has it been used, by this file or another one?"""
        return all(name in self._loaded for _, name, _ in self._candidates)

    def load(self) -> Lexer:
        """In any thread. Of several the one is taken that Pygments would take."""
        if self._lexer is None:
            ranked = []
            for module, name, whole in self._candidates:
                lexer = getattr(import_module(module), name)
                ranked.append((lexer.priority + (0.5 if whole else 0.0), name, lexer))
            chosen = max(ranked, key=lambda one: one[:2])[2]
            self._lexer = chosen(stripnl=False, ensurenl=False)
            self._loaded.update(name for _, name, _ in self._candidates)
        return self._lexer

    def get_tokens_unprocessed(self, text: str) -> Iterable[tuple[int, Any, str]]:
        """As that of Pygments."""
        found: Iterable[tuple[int, Any, str]] = self.load().get_tokens_unprocessed(text)
        return found


def lexer_for(path: str) -> NamedLexer | None:
    """The lexer for a file of this name; the content is not guessed at.

    Chooses as `pygments.lexers.find_lexer_class_for_filename`, without its 900 regular expressions and its look at
    every installed package.
    """
    from pygments.lexers._mapping import LEXERS  # type: ignore[import-untyped]

    name = path.rsplit("/", 1)[-1]
    candidates = [
        (module, class_name, "*" not in pattern)
        for class_name, (module, _, _, patterns, _) in LEXERS.items()
        for pattern in patterns
        if _fits(name, pattern)
    ]
    return NamedLexer(candidates) if name and candidates else None


def _fits(name: str, pattern: str) -> bool:
    """Does the name match the pattern? Nearly all are names, or `*` and an ending."""
    ending = pattern.removeprefix("*")
    if any(mark in ending for mark in "*?["):
        return fnmatchcase(name, pattern)
    return name.endswith(ending) if ending != pattern else name == pattern


def colour(
    lexer: NamedLexer | None, lines: Sequence[str], stop: Callable[[], bool] | None = None
) -> list[Row] | None:
    """Colours of `lines`, lexed from a fresh state; None if `stop` said so on the way, or there is no lexer."""
    if lexer is None:
        return None
    runs: list[list[Run]] = [[] for _ in lines]
    clean = [True] * len(lines)
    row = column = 0
    for count, (_, token, value) in enumerate(lexer.get_tokens_unprocessed("\n".join(lines))):
        if stop is not None and count % TOKENS_BETWEEN_LOOKS == 0 and stop():
            return None
        group = group_of(token)
        for number, part in enumerate(value.split("\n")):
            if number:
                row, column = row + 1, 0
                clean[row] = not group or group == "keyword"
            if part:
                if group:
                    runs[row].append((column, column + len(part), group))
                column += len(part)
    return [Row(tuple(found), flag) for found, flag in zip(runs, clean, strict=True)]


@lru_cache(maxsize=512)
def group_of(token: Any) -> str:
    """The group of a token, "" if it has the colour of plain text."""
    kind = token
    while kind is not None:
        if kind in GROUPS:
            return GROUPS[kind]
        kind = kind.parent
    return ""


class Colours:
    """The colours of one document, row by row, kept in step with its edits."""

    def __init__(self, path: str, lines: Sequence[str]) -> None:
        self.lexer = lexer_for(path) if sum(map(len, lines)) <= MAX_COLOURED_CHARACTERS else None
        self.revision = 0
        self._rows = [_UNKNOWN] * len(lines)

    def runs(self, row: int) -> tuple[Run, ...]:
        return self._rows[row].runs if row < len(self._rows) else ()

    def lex(self, lines: Sequence[str], first: int, last: int) -> None:
        """Colour rows `first` to `last` now, beginning at the nearest clean row above. A lexer that was not used yet
        is left to the thread that colours the whole: the text is shown before."""
        if self.lexer is None or not self.lexer.is_loaded:
            return
        start = first
        lowest = max(0, first - MAX_BACK_ROWS)
        while start > lowest and not self._rows[start].clean:
            start -= 1
        found = colour(self.lexer, lines[start : last + 1])
        if found is not None:
            self._rows[start : start + len(found)] = found

    def change(self, lines: Sequence[str], first: int, last_before: int, last_after: int) -> None:
        """Follow an edit: move the rows below it, lex those around it."""
        self.revision += 1
        clean = self._rows[first].clean
        self._rows[first : last_before + 1] = [Row((), clean), *[_UNKNOWN] * (last_after - first)]
        self.lex(lines, first, min(last_after + ROWS_BELOW, len(lines) - 1))

    def replace(self, rows: list[Row], revision: int) -> bool:
        """Take the result of a whole run, unless the document changed meanwhile."""
        if revision != self.revision or len(rows) != len(self._rows):
            return False
        self._rows = rows
        return True
