"""What can be said of a completion from its text alone, where nothing parses it."""

from __future__ import annotations

import re

from indexer.snapshot import Snapshot
from repocoder.verify.brackets import code_of
from repocoder.verify.language_names import known_names
from retrieval.types import Query

_NAME = re.compile(r"(?<![\w.])([^\W\d]\w*)")
_ARGUMENT_NAME = re.compile(r"(?<=[(,\s])([^\W\d]\w*)\s*=(?!=)")
_BOUND = re.compile(
    r"\b(?:for|as|lambda|def|class|import|except|function|catch)\s*[({\[\s]\s*"
    r"([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)|([^\W\d]\w*)\s*(?::=|=(?!=))"
)
# What is bound without a word in front: parameters, `a, b = …`, `a: T = …`, the patterns of a `case`.
_PARAMETERS = re.compile(r"\bdef\s+\w+\s*(?:\[[^\]]*\])?\(([^()]*)\)?")
_TARGETS = re.compile(r"^[ \t]*(\*?\w+(?:[ \t]*,[ \t]*\*?\w+)*)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*(?:from\s+[\w.]+\s+)?import\b.*$", re.MULTILINE)
_CASE = re.compile(r"^[ \t]*case\b(.*):", re.MULTILINE)
# `(a, b) =>`, `{ a, b: c } =`: what languages with braces bind.
_ARROW = re.compile(r"\(([^()]*)\)\s*(?::[^=;{}]*)?=>|([^\W\d][\w$]*)\s*=>")
_PATTERN = re.compile(r"[{\[]([^{}\[\]]*)[}\]]\s*(?::[^=;]*)?=(?!=)")
_TYPES = re.compile(
    r"<([^<>()]*)>(?=\s+[\w$<>\[\].]+\s+\w+\s*\()|\b(?:class|interface|type|function|record)\s+\w+\s*<([^<>()]*)>"
)
_STATED = re.compile(r"\b(?:const|let|var)\s+([^\W\d][\w$]*)")
_WORDS = re.compile(r"[^\W\d]\w*")
_PAIRS = {")": "(", "]": "[", "}": "{"}


def unknown_names(query: Query, text: str, snapshot: Snapshot) -> tuple[str, ...]:
    """Names that `text` uses as the head of an expression and that nothing in reach defines, in order of appearance.

    In reach is: the file around the hole, what the text itself binds, the language's own names, any definition of the
    index. Python only: for other languages, and for what is bound where, the text has to be parsed (`verify.faults`).
    """
    if query.language != "python":
        return ()
    code, known = code_of(text, "python"), known_names("python")
    bound = bound_in(text, "python")
    around = set(_WORDS.findall(query.prefix)) | set(_WORDS.findall(query.suffix))
    unknown: dict[str, None] = {}
    for match in _NAME.finditer(code):
        name = match.group(1)
        if name in known or name in bound or name in around or _continues(query, match.start()):
            continue
        if not snapshot.defines(name):
            unknown[name] = None
    return tuple(unknown)


def bound_in(text: str, language: str) -> frozenset[str]:
    """Names that a text seems to bind: rather one too many."""
    code = code_of(text, language)
    bound = {word for line in _IMPORT.findall(code) for word in _WORDS.findall(line)}
    bound.update(word for match in _BOUND.finditer(code) for word in _WORDS.findall(match.group(0)))
    for pattern in (
        [_TARGETS, _PARAMETERS, _CASE] if language == "python" else [_ARROW, _PATTERN, _STATED, _TYPES]
    ):
        for match in pattern.finditer(code):
            bound.update(_WORDS.findall(" ".join(filter(None, match.groups()))))
    if language == "python":
        bound.update(_ARGUMENT_NAME.findall(code))
    return frozenset(bound)


def _continues(query: Query, start: int) -> bool:
    """Does a name at the very start of the completion continue the word or attribute before the cursor?"""
    return start == 0 and bool(re.search(r"[\w.]\Z", query.prefix))


def unclosed(text: str, language: str = "python") -> tuple[str, ...]:
    """Brackets that `text` closes without having opened them. What it opens may be closed by what follows the hole."""
    stack: list[str] = []
    wrong: list[str] = []
    for character in code_of(text, language):
        if character in "([{":
            stack.append(character)
        elif character in _PAIRS:
            if stack and stack[-1] == _PAIRS[character]:
                stack.pop()
            elif stack:
                wrong.append(character)
    return tuple(wrong)
