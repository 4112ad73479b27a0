"""Identifier-aware terms for lexical search: `parse_HTTPHeader2` -> parse_httpheader2, parse, http, header,
2.

Both the parts and the whole are kept: the parts find code that names things alike, the whole is rare, so it
weighs
much where the same name is used again.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain

MAX_WORD_CHARACTERS = 80  # longer runs are data (base64, hashes), not names
CACHE_WORDS = 200_000  # about 30 MB; repositories of a million lines have fewer distinct words

_WORD = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_A-Za-z]+|[^\W0-9_A-Za-z]+")


class _Splits(dict[str, tuple[str, ...]]):
    """word -> its terms, filled on demand: a lookup is one C call for a word that was seen before."""

    def __missing__(self, word: str) -> tuple[str, ...]:
        if len(self) >= CACHE_WORDS:
            self.clear()
        found = self[word] = _split(word)
        return found


_splits = _Splits()


def terms(text: str) -> list[str]:
    """All terms in order of their words, repeated as often as they occur."""
    return list(chain.from_iterable(map(_splits.__getitem__, _WORD.findall(text))))


def count_terms(text: str) -> dict[str, int]:
    """How often each term of `terms(text)` occurs."""
    return dict(Counter(chain.from_iterable(map(_splits.__getitem__, _WORD.findall(text)))))


def split_word(word: str) -> tuple[str, ...]:
    """The terms of one word: the whole, lower-cased, then its parts if there is more than one."""
    return _splits[word]


def _split(word: str) -> tuple[str, ...]:
    if len(word) > MAX_WORD_CHARACTERS:
        return ()
    if word.isascii() and word.isalnum():  # half of all words are plain: "token", "Token", "2"
        low = word.lower()
        if (word.isalpha() and word[1:] == low[1:]) or word.isdigit():
            return (low,)
    parts = [part.lower() for part in _PART.findall(word)]
    whole = word.strip("_").lower()
    return (whole, *parts) if len(parts) > 1 else (whole,) if whole else ()
