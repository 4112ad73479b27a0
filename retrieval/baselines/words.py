"""Words of code, as the scripts of CrossCodeEval and Repoformer count them.

They split a text by NLTK's `word_tokenize` and take the runs of `\\w` of each piece, case kept. That is `\\w+` over the
whole text with two exceptions, which come from the contractions of English: `n't` is a word of its own where a space
follows (also one that the tokenizer puts around punctuation), and a few words are two. Without them the published
scores come out only for repositories with no such comment.
"""

from __future__ import annotations

import re
from itertools import product

_WORD = re.compile(r"\w+")

# What NLTK 3.8 sees a space before: brackets, quotes and most punctuation; `:` and `,` unless a digit follows; a full
# stop at the end of a sentence; two dots or dashes. A line end is not among them.
_NOT = re.compile(
    r"""(?<=[^' ])(?=(?:n't|N'T)(?:
          [ ;@\#$%&?!()\[\]{}<>*"`«»\u201c\u201d\u2018\u2019\u2012-\u2015]
        | [:,](?!\d) | -- | '' | \.\. | \.[\])}>"']*(?:\s|\Z) | \Z
    ))""",
    re.VERBOSE,
)


def _in_any_case(word: str) -> list[str]:
    return ["".join(letters) for letters in product(*((letter, letter.upper()) for letter in word))]


_DOUBLE = {form: 3 for word in ("cannot", "gimme", "gonna", "gotta", "lemme") for form in _in_any_case(word)}
"""A word that counts as two -> characters of the first."""


def words(text: str) -> list[str]:
    """In their order, repetitions kept."""
    if "n't" in text or "N'T" in text:
        text = _NOT.sub(" ", text)
    found = _WORD.findall(text)
    if _DOUBLE.keys().isdisjoint(found):
        return found
    pieces: list[str] = []
    for word in found:
        first = _DOUBLE.get(word)
        pieces.extend((word,) if first is None else (word[:first], word[first:]))
    return pieces
