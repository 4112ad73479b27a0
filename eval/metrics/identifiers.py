"""Do a prediction and the truth use the same names? As CrossCodeEval (NeurIPS 2023) asks. Percent.

A name is a run of word characters outside quotes that starts with a letter of ASCII or an underscore and is no keyword.
"""

from __future__ import annotations

import re

from indexer.languages import language_named

# Over lines too; three quotes in a row are an empty string and the start of another.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^'\\]|\\.)*'")
_WORD = re.compile(r"\w+")
_STARTS = frozenset("_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The reserved words of each language's standard; what the benchmark leaves out or adds is said above each list.
# Python 3.7 and later. True and False count as names; None does not.
_PYTHON = _words(
    "None and as assert async await break class continue def del elif else except finally for from global if import in"
    " is lambda nonlocal not or pass raise return try while with yield"
)
# Java Language Specification 3.9, where true, false and null are literals; with `var`, without `_`.
_JAVA = _words(
    "abstract assert boolean break byte case catch char class const continue default do double else enum extends final"
    " finally float for goto if implements import instanceof int interface long native new package private protected"
    " public return short static strictfp super switch synchronized this throw throws transient try var void volatile"
    " while"
)
# ECMAScript's reserved words and those of strict mode, without true, false and null; with `enum`. `await`, `async`,
# `type`, `readonly`, … are names here.
_TYPESCRIPT = _words(
    "break case catch class const continue debugger default delete do else enum export extends finally for function if"
    " implements import in instanceof interface let new package private protected public return static super switch"
    " this throw try typeof var void while with yield"
)
# C# specification, keywords (not the contextual ones: `var`, `async`, `await` are names), without true and false.
_CSHARP = _words(
    "abstract as base bool break byte case catch char checked class const continue decimal default delegate do double"
    " else enum event explicit extern finally fixed float for foreach goto if implicit in int interface internal is"
    " lock long namespace new null object operator out override params private protected public readonly ref return"
    " sbyte sealed short sizeof stackalloc static string struct switch this throw try typeof uint ulong unchecked"
    " unsafe ushort using virtual void volatile while"
)
_KEYWORDS = {"python": _PYTHON, "java": _JAVA, "typescript": _TYPESCRIPT, "csharp": _CSHARP}


def keywords_of(language: str) -> frozenset[str]:
    """Words that are no names. Languages outside the benchmark take the list of the index."""
    found = _KEYWORDS.get(language)
    return language_named(language).keywords if found is None else found


def identifiers(code: str, language: str) -> list[str]:
    """The names of `code` in order, repeats kept. Comments must be gone already: their words would count."""
    keywords = keywords_of(language)
    words: list[str] = _WORD.findall(_STRING.sub("", code))
    return [word for word in words if word[0] in _STARTS and word not in keywords]


def identifier_exact_match(predicted: list[str], wanted: list[str]) -> float:
    """100 if the two sequences are equal, else 0. Two texts without names are equal, as in the published scorer."""
    return 100.0 if predicted == wanted else 0.0


def identifier_f1(predicted: list[str], wanted: list[str]) -> float:
    """F1 of the two sets of names; 0 where neither text has a name, as in the published scorer."""
    mine, true = set(predicted), set(wanted)
    total = len(mine) + len(true)  # 2 tp + fp + fn
    return 100.0 * (2 * len(mine & true)) / total if total else 0.0
