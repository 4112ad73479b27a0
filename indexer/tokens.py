"""Identifier-aware terms for lexical search: `parse_HTTPHeader2` -> parse_httpheader2, parse, http, header, 2.

Both the parts and the whole are kept: the parts find code that names things alike, the whole is rare, so it weighs
much where the same name is used again.
"""

from __future__ import annotations

import re
from collections import Counter

MAX_WORD_CHARACTERS = 80  # longer runs are data (base64, hashes), not names
CACHE_WORDS = 200_000  # about 30 MB; repositories of a million lines have fewer distinct words

_WORD = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_A-Za-z]+|[^\W0-9_A-Za-z]+")

_cache: dict[str, tuple[str, ...]] = {}


def terms(text: str) -> list[str]:
    """All terms in order of their words, repeated as often as they occur."""
    return [term for word in _WORD.findall(text) for term in split_word(word)]


def count_terms(text: str) -> dict[str, int]:
    """How often each term of `terms(text)` occurs. Much faster than counting that list."""
    counts: dict[str, int] = {}
    for word, times in Counter(_WORD.findall(text)).items():
        for term in _cache.get(word) or split_word(word):
            counts[term] = counts.get(term, 0) + times
    return counts


def split_word(word: str) -> tuple[str, ...]:
    """The terms of one word: the whole, lower-cased, then its parts if there is more than one."""
    known = _cache.get(word)
    if known is not None:
        return known
    if len(word) > MAX_WORD_CHARACTERS:
        return ()
    parts = [part.lower() for part in _PART.findall(word)]
    whole = word.strip("_").lower()
    found = (whole, *parts) if len(parts) > 1 else (whole,) if whole else ()
    if len(_cache) >= CACHE_WORDS:
        _cache.clear()
    _cache[word] = found
    return found
