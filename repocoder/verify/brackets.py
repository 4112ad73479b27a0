"""Brackets and literals in the text of a language."""

from __future__ import annotations

import re

MAX_GROUP = 20_000  # characters between two brackets that are followed: longer ones are data

_SHORT = r"""'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?"""
_LONG = r"""\"\"\".*?(?:\"\"\"|\Z)"""
_PYTHON = rf"""(?:\b[bBfFrRuU]{{1,2}}(?=['"]))?(?:'''.*?(?:'''|\Z)|{_LONG}|{_SHORT})|\#[^\n]*"""
_BRACES = rf"{_LONG}|{_SHORT}|`(?:\\.|[^`\\])*`?|//[^\n]*|/\*.*?(?:\*/|\Z)"
_LITERALS = {"python": re.compile(_PYTHON, re.DOTALL)}
_OTHERS = re.compile(_BRACES, re.DOTALL)
_TOKENS = {"python": re.compile(rf"(?P<literal>{_PYTHON})|[()\[\]{{}},]", re.DOTALL)}
_OTHER_TOKENS = re.compile(rf"(?P<literal>{_BRACES})|[()\[\]{{}},]", re.DOTALL)
_PAIRS = {")": "(", "]": "[", "}": "{"}


def code_of(text: str, language: str) -> str:
    """The text with an empty string for each string, and a blank for each comment."""
    return _LITERALS.get(language, _OTHERS).sub(_blank, text)


def _blank(literal: re.Match[str]) -> str:
    return "''" if literal[0][-1] in "'\"`" and literal[0][0] not in "#/" else " "


def closing(text: str, opens: int, language: str) -> int:
    """Where the bracket at `opens` is closed; -1 if it is not, or if `opens` is no bracket."""
    commas = _walk(text, opens, language)
    return commas[-1] if commas else -1


def split_arguments(text: str, opens: int, language: str) -> list[str] | None:
    """The texts between the commas of the brackets that open there; None if they are not closed."""
    marks = _walk(text, opens, language)
    if not marks:
        return None
    pieces = [text[before + 1 : mark] for before, mark in zip([opens, *marks], marks, strict=False)]
    return pieces if pieces[-1].strip() else pieces[:-1]


def _walk(text: str, opens: int, language: str) -> list[int]:
    """The commas of a group and its end; empty where it has none."""
    if opens < 0:
        return []
    stack: list[str] = []
    commas: list[int] = []
    for token in _TOKENS.get(language, _OTHER_TOKENS).finditer(text, opens, opens + MAX_GROUP):
        if token["literal"] is not None:
            continue
        mark = token[0]
        if mark == ",":
            if len(stack) == 1:
                commas.append(token.start())
        elif mark in "([{":
            stack.append(mark)
        elif not stack or stack.pop() != _PAIRS[mark]:
            return []
        elif not stack:
            return [*commas, token.start()]
    return []
