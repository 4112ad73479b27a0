"""Checks of a completion after decoding: names that nothing defines, brackets that do not match.

A check never changes the text: it is shown, and the loop uses it to decide whether another pass may pay. What it cannot
know it lets pass: a wrong alarm costs the user's trust.
"""

from __future__ import annotations

import builtins
import keyword
import re

from indexer.snapshot import Snapshot
from repocoder.types import Check
from retrieval.types import Query

_NAME = re.compile(r"(?<![\w.])([^\W\d]\w*)")
_LITERAL = re.compile(
    r"""((?:\b[bBfFrRuU]{1,2}(?=['"]))?(?:'''.*?(?:'''|\Z)|\"\"\".*?(?:\"\"\"|\Z)|'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?)|\#[^\n]*|//[^\n]*)""",
    re.DOTALL,
)
_ARGUMENT_NAME = re.compile(r"(?<=[(,\s])([^\W\d]\w*)\s*=(?!=)")
_BOUND = re.compile(
    r"\b(?:for|as|lambda|def|class|import|except)\s+([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)|([^\W\d]\w*)\s*(?::=|=(?!=))"
)
# What is bound without a word in front: parameters, `a, b = …`, `a: T = …`.
_PARAMETERS = re.compile(r"\bdef\s+\w+\s*\(([^()]*)\)?")
_TARGETS = re.compile(r"^[ \t]*(\*?\w+(?:[ \t]*,[ \t]*\*?\w+)*)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*(?:from\s+[\w.]+\s+)?import\b.*$", re.MULTILINE)
_WORDS = re.compile(r"[^\W\d]\w*")
_PYTHON_KNOWN = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | frozenset(keyword.softkwlist)
_PAIRS = {")": "(", "]": "[", "}": "{"}


def unknown_names(query: Query, text: str, snapshot: Snapshot) -> tuple[str, ...]:
    """Names that `text` uses as the head of an expression and that nothing in reach defines, in order of appearance.

    In reach is: the file around the hole, what the text itself binds, the language's own names, any definition of the
    index. Python only: other languages give an empty tuple until their own names are listed.
    """
    if query.language != "python":
        return ()
    code = _LITERAL.sub(" ", text)
    imported = {word for line in _IMPORT.findall(code) for word in _WORDS.findall(line)}
    bound = imported | {word for match in _BOUND.finditer(code) for word in _WORDS.findall(match.group(0))}
    bound.update(_ARGUMENT_NAME.findall(code))
    for several in (*_PARAMETERS.findall(code), *_TARGETS.findall(code)):
        bound.update(_WORDS.findall(several))
    around = set(_WORDS.findall(query.prefix)) | set(_WORDS.findall(query.suffix))
    unknown: dict[str, None] = {}
    for match in _NAME.finditer(code):
        name = match.group(1)
        if name in _PYTHON_KNOWN or name in bound or name in around or _continues(query, match.start()):
            continue
        if not snapshot.defines(name):
            unknown[name] = None
    return tuple(unknown)


def _continues(query: Query, start: int) -> bool:
    """Does a name at the very start of the completion continue the word or attribute before the cursor?"""
    return start == 0 and bool(re.search(r"[\w.]$", query.prefix))


def unclosed(text: str) -> tuple[str, ...]:
    """Brackets that `text` closes without having opened them. What it opens may be closed by what follows the hole."""
    stack: list[str] = []
    wrong: list[str] = []
    for character in _LITERAL.sub(" ", text):
        if character in "([{":
            stack.append(character)
        elif character in _PAIRS:
            if stack and stack[-1] == _PAIRS[character]:
                stack.pop()
            elif stack:
                wrong.append(character)
    return tuple(wrong)


def check(query: Query, text: str, unknown: tuple[str, ...]) -> tuple[Check, ...]:
    """All checks of a completion, for `checks` of the answer. An empty completion has none."""
    if not text.strip():
        return ()
    crossed = unclosed(text)
    names = ", ".join(f"`{name}`" for name in unknown)
    brackets = " ".join(crossed)
    return (
        Check(
            "known-names",
            not unknown,
            f"nothing here defines {names}" if unknown else "every name is defined",
        ),
        Check("brackets", not crossed, f"closes {brackets} out of order" if crossed else "brackets match"),
    )
