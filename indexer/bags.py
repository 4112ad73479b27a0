"""How often each word occurs in each chunk, counted from `indexer.words` for many files at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.words import Words, words_of_texts

BLOCK_WORDS = 1 << 18  # counted at a time: the arrays of a block stay in the cache of the processor
BLOCK_TEXTS = 256  # texts whose words are found at a time

Ints = NDArray[np.int32]


class Bags(NamedTuple):
    """How often each word occurs in each of n chunks. The p pairs of chunk and word differ and ascend by chunk."""

    ids: NDArray[np.int64]  # (n,) ids of the chunks, each once, in any order
    vocabulary: Sequence[str]  # different words
    rows: Ints  # (p,) which of `ids`
    words: Ints  # (p,) which of `vocabulary`
    counts: Ints  # (p,) 1 or more


class BagBuilder:
    """Counts the words of files as they come in."""

    def __init__(self) -> None:
        self._numbers: defaultdict[bytes, int] = defaultdict(count().__next__)
        self._ids: list[int] = []
        self._counted: list[tuple[Ints, Ints, Ints]] = []
        self._n_counted = 0  # chunks
        self._waiting: list[tuple[Words, list[int]]] = []
        self._n_waiting = 0  # words

    def add(self, words: Words, ids: Sequence[int]) -> None:
        """`ids` of the chunks of the file, in order; 0 for a chunk that is to be left out."""
        self._waiting.append((words, list(ids)))
        self._n_waiting += len(words.firsts) // 4
        if self._n_waiting >= BLOCK_WORDS:
            self._count()

    def finish(self) -> Bags:
        """The chunks that were added so far."""
        self._count()
        rows, words, counts = (
            np.concatenate([np.empty(0, np.int32), *(block[column] for block in self._counted)])
            for column in range(3)
        )
        # A word that was cut in the middle of a character is not UTF-8, and cannot be: words come from decoded text
        vocabulary = [word.decode("utf-8", "replace") for word in self._numbers]
        return Bags(np.asarray(self._ids, dtype=np.int64), vocabulary, rows, words, counts)

    def _count(self) -> None:
        if not self._waiting:
            return
        n_words = np.asarray([len(words.firsts) // 4 for words, _ in self._waiting], dtype=np.int64)
        total = int(n_words.sum())
        begins = np.cumsum(n_words) - n_words
        within = np.frombuffer(b"".join(words.firsts for words, _ in self._waiting), dtype=np.uint32)
        places = within.astype(np.int64) + np.repeat(begins, n_words)
        known: list[int] = []
        for words, _ in self._waiting:
            if words.vocabulary:
                known.extend(map(self._numbers.__getitem__, words.vocabulary.split(b"\n")))
        numbers = np.empty(total, dtype=np.int64)
        numbers[np.flatnonzero(places == np.arange(total))] = known
        sizes = np.frombuffer(b"".join(words.sizes for words, _ in self._waiting), dtype=np.uint32)
        ids = np.asarray([number for _, some in self._waiting for number in some], dtype=np.int64)
        self._note(numbers[places], sizes.astype(np.int64), ids)
        self._waiting.clear()
        self._n_waiting = 0

    def _note(self, numbers: NDArray[np.int64], sizes: NDArray[np.int64], ids: NDArray[np.int64]) -> None:
        """Count the words (by number) of the chunks with an id."""
        wanted = ids != 0
        held = np.repeat(wanted, sizes)
        rows = np.repeat(np.cumsum(wanted) - 1 + self._n_counted, sizes)
        keys = (rows[held] << 32) | numbers[held]
        keys.sort()
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        counts = np.diff(starts, append=len(keys))
        keys = keys[starts]
        self._counted.append(
            ((keys >> 32).astype(np.int32), (keys & 0xFFFFFFFF).astype(np.int32), counts.astype(np.int32))
        )
        self._ids.extend(ids[wanted].tolist())
        self._n_counted = len(self._ids)


def bags_of_texts(texts: Iterable[tuple[int, str]]) -> Bags:
    """Count texts with the ids of their chunks."""
    builder = BagBuilder()
    waiting: list[tuple[int, str]] = []
    for one in texts:
        waiting.append(one)
        if len(waiting) == BLOCK_TEXTS:
            _add_texts(builder, waiting)
    _add_texts(builder, waiting)
    return builder.finish()


def _add_texts(builder: BagBuilder, waiting: list[tuple[int, str]]) -> None:
    builder.add(words_of_texts(text for _, text in waiting), [number for number, _ in waiting])
    waiting.clear()
