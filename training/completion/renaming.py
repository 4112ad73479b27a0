"""Samples in which words are exchanged for others, each for the same one throughout: what is left is to copy.

A small model learns what names are common long before it learns to look them up in its prompt. In a sample whose words
were exchanged at random the snippets and the file are the only source of them, so that looking up is what lowers the
loss (the idea of symbol tuning, Wei et al. 2023, on the names of code). Keywords, digits, punctuation and white space
stay, and a word gives way to one of its own kind: a sub-token after a space to another after a space, a capitalised one
to another capitalised one.
"""

from __future__ import annotations

import builtins
import json
import keyword
import re
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from training.completion.data import Batch

LEAST_SHARE = 0.3
"""Of a sample's kinds of words at least this share gives way; the share is drawn anew for each sample."""

_WORD = re.compile(r"(?P<lead>[Ġ_.]?)(?P<word>[A-Za-z]{2,})\Z")
_KEPT = frozenset([*keyword.kwlist, *(name for name in dir(builtins) if name.islower()), "self", "cls"])


class Renaming:
    """Exchanges words of one vocabulary."""

    def __init__(self, tokenizer: bytes) -> None:
        """`tokenizer`: the bytes of a byte-level tokenizer.json."""
        names: dict[str, int] = json.loads(tokenizer)["model"]["vocab"]
        kinds: dict[tuple[str, int], list[int]] = defaultdict(list)
        for name, number in names.items():
            found = _WORD.match(name)
            if found and found["word"] not in _KEPT:
                kinds[found["lead"], _case(found["word"])].append(number)
        self._kinds = [np.array(kind, dtype=np.int64) for kind in kinds.values() if len(kind) > 1]
        self._size = max(names.values()) + 1

    @property
    def words(self) -> int:
        """How many entries of the vocabulary can give way."""
        return sum(len(kind) for kind in self._kinds)

    def table(self, random: np.random.Generator) -> NDArray[np.int64]:
        """What stands for each id (vocabulary,): a permutation."""
        new = np.arange(self._size, dtype=np.int64)
        share = random.uniform(LEAST_SHARE, 1)
        for kind in self._kinds:
            moved = kind[random.random(len(kind)) < share]
            new[moved] = random.permutation(moved)
        return new

    def rename(self, one: Batch, share: float, random: np.random.Generator) -> Batch:
        """The pack with that share of its samples renamed, each by a table of its own."""
        ids, start = one.ids.copy(), 0
        for length in one.lengths:
            if random.random() < share:
                part = ids[start : start + length]
                known = part < self._size
                part[known] = self.table(random)[part[known]]
            start += length
        return Batch(ids, one.roles, one.lengths, one.used)


def _case(word: str) -> int:
    return 0 if word.islower() else 1 if word[0].isupper() and word[1:].islower() else 2
