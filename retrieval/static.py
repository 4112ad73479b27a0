"""A static encoder: the vector of a text is the sum of its tokens' vectors, made one long. No torch, no network.

The folder is that of a sentence-transformers `StaticEmbedding` (`modules.json`, `tokenizer.json`,
`model.safetensors`), and its vectors of `thinned` texts are the same. The matrix is int8 with a factor for each row,
as in model2vec.

A word that comes n times counts as round(√n) words: in code one name comes ten times, and its tenth says nothing
new. BM25 owes a good part of its lead over a plain sum to the same (its k1).

Speed comes from two facts. The normaliser and the pre-tokenizer of such a tokenizer look at nothing beyond a word
(checked when the folder is read), so that each different word is tokenised once. And the sum is a product of
counts with the matrix, of the rows that a batch needs. BLAS gets one thread for it: a product is so small that a
second one mostly waits, and where other work has the cores it costs five times the whole.
"""

from __future__ import annotations

import hashlib
import math
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from retrieval.embed import EmbedderError, Matrix

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController
    from tokenizers import Tokenizer

READ = 1024
"""Texts that are tokenised at once."""

BATCH = 64
"""Texts of one product: with more, most of the counts are 0; with fewer, rows are read again more often."""

MAX_WORDS = 200_000
"""Different words that are remembered, some 40 MB; then it starts anew."""

FILES = ("modules.json", "tokenizer.json", "model.safetensors")

LOCAL_PARTS = ("Replace", "Lowercase", "Split")
"""Of a tokenizer, those that see one word at a time if their pattern does: `vocabulary.py` wrote them so."""

Ints = NDArray[np.int32]


class StaticEncoder:
    """The encoder in a folder, read when first used (`retrieval.embed.Embedder`). Several threads may use it."""

    def __init__(self, folder: Path, digests: Mapping[str, str]) -> None:
        """`digests`: SHA-256 of each of `FILES`; what is read must have them."""
        self._folder = folder
        self._digests = dict(digests)
        self._table: _Table | None = None
        self._lock = Lock()
        self.id = f"{folder.name}@{digests['model.safetensors'][:8]}{digests['tokenizer.json'][:8]}"

    @property
    def dim(self) -> int:
        return self._open().dim

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Shape (len(texts), dim) float32, each row of length 1, or 0 for a text without a known token.

        Raises EmbedderError if a file is not the one that the digests name.
        """
        with self._lock:
            table = self._read()
            return table.embed(texts)

    def tokens(self, texts: Sequence[str]) -> tuple[Ints, Ints]:
        """The ids of all tokens, one text after another, (n_tokens,), and how many each text has, (len(texts),)."""
        with self._lock:
            return self._read().words.tokens(texts)

    def _open(self) -> _Table:
        with self._lock:
            return self._read()

    def _read(self) -> _Table:
        if self._table is None:
            self._table = _Table(*_read_folder(self._folder, self._digests))
        return self._table


class _Table:
    """The vectors of the tokens: int8 rows and a factor for each."""

    def __init__(self, tokenizer: Tokenizer, rows: NDArray[np.int8], factors: Matrix) -> None:
        self.words = Words(tokenizer)
        self.dim = int(rows.shape[1])
        self._rows = rows  # (n_vocabulary, dim) int8
        self._factors = factors[:, None]  # (n_vocabulary, 1) float32
        self._column = np.zeros(len(rows), dtype=np.int32)  # token -> its place among those of the batch

    def embed(self, texts: Sequence[str]) -> Matrix:
        result = np.zeros((len(texts), self.dim), dtype=np.float32)
        with _one_blas_thread() if len(texts) > 1 else nullcontext():
            for start in range(0, len(texts), READ):
                ids, sizes = self.words.thinned_tokens(texts[start : start + READ])
                ends = np.concatenate([[0], np.cumsum(sizes)])
                for first in range(0, len(sizes), BATCH):
                    some = sizes[first : first + BATCH]
                    own = ids[ends[first] : ends[first + len(some)]]
                    result[start + first : start + first + len(some)] = self._sums(own, some)
        lengths = np.sqrt(np.einsum("ij,ij->i", result, result))[:, None]
        np.divide(result, lengths, out=result, where=lengths > 0)
        return result

    def _sums(self, ids: Ints, sizes: Ints) -> Matrix:
        """The sum of the vectors of each text's tokens."""
        self._column[ids] = 1
        used = np.flatnonzero(self._column)
        self._column[used] = np.arange(len(used), dtype=np.int32)
        places = np.repeat(np.arange(len(sizes)) * len(used), sizes) + self._column[ids]
        self._column[used] = 0
        counts = np.bincount(places, minlength=len(sizes) * len(used)).astype(np.float32)
        vectors = self._rows[used] * self._factors[used]
        sums: Matrix = counts.reshape(len(sizes), len(used)) @ vectors
        return sums


def thinned(text: str) -> str:
    """The text with each word round(√n) times where it has it n times: what is embedded of it.

    A word is a run of ASCII letters and digits; in a text that has other characters, what white space separates.
    """
    seen: Counter[str] = Counter()

    def keep(found: re.Match[str]) -> str:
        seen[found.group()] += 1
        before, now = (round(math.sqrt(seen[found.group()] - late)) for late in (1, 0))
        return found.group() if now > before else " "

    return (_WORD if text.isascii() else _NO_SPACE).sub(keep, text)


def _one_blas_thread() -> AbstractContextManager[object]:
    """While it is open, products of the whole process run in one thread."""
    limit: AbstractContextManager[object] = _thread_pools().limit(limits=1, user_api="blas")
    return limit


@cache
def _thread_pools() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class _Numbers(dict[str, int]):
    """word -> its number; a new word gets the next one and is noted in `new`."""

    def __init__(self) -> None:
        super().__init__()
        self.new: list[str] = []

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        self.new.append(word)
        return number


class Words:
    """Tokenises texts as the tokenizer does, each different word once."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._separators = {ord(sign): " " for sign in map(chr, range(128)) if sign not in _IN_WORDS}
        self._numbers = _Numbers()
        self._ids = np.empty(0, dtype=np.int32)  # of all words, one after another
        self._ends = np.zeros(1, dtype=np.int64)  # word i has those from ends[i] to ends[i + 1]

    def tokens(self, texts: Sequence[str]) -> tuple[Ints, Ints]:
        """The ids of all tokens, one text after another, (n_tokens,), and how many each text has, (len(texts),)."""
        return self._pieces(*self._words(texts))

    def thinned_tokens(self, texts: Sequence[str]) -> tuple[Ints, Ints]:
        """The same for `thinned` texts, but in no order within a text."""
        flat, sizes = self._words(texts)
        row = np.repeat(np.arange(len(sizes)), sizes)
        known = max(1, len(self._numbers))
        pairs, counts = np.unique(row * known + flat, return_counts=True)
        kept = np.repeat(pairs, np.rint(np.sqrt(counts)).astype(np.int64))
        return self._pieces(kept % known, np.bincount(kept // known, minlength=len(sizes)))

    def _words(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The numbers of all words, one text after another, (n_words,), and how many each text has, (len(texts),)."""
        if len(self._numbers) > MAX_WORDS:
            self._clear()
        words = [
            text.translate(self._separators).split() if text.isascii() else self._unicode_words(text)
            for text in texts
        ]
        sizes = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
        flat = np.fromiter(
            map(self._numbers.__getitem__, chain.from_iterable(words)), dtype=np.int64, count=int(sizes.sum())
        )
        self._learn()
        return flat, sizes

    def _pieces(self, flat: NDArray[np.int64], sizes: NDArray[np.int64]) -> tuple[Ints, Ints]:
        """The tokens of words, and how many each text has."""
        lengths = self._ends[flat + 1] - self._ends[flat]
        ends = np.concatenate([[0], np.cumsum(lengths)])
        inside = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
        ids = self._ids[np.repeat(self._ends[flat], lengths) + inside]
        of_text = np.concatenate([[0], np.cumsum(sizes)])
        return ids, np.diff(ends[of_text]).astype(np.int32)

    def _unicode_words(self, text: str) -> list[str]:
        """Words at white space only: beyond ASCII what a word is, is the tokenizer's to say."""
        return text.encode("utf-8", "replace").decode("utf-8").split()

    def _learn(self) -> None:
        """Tokenise the words that came since."""
        if not self._numbers.new:
            return
        encoded = self._tokenizer.encode_batch_fast(self._numbers.new, add_special_tokens=False)
        self._numbers.new.clear()
        found = [one.ids for one in encoded]
        lengths = np.fromiter(map(len, found), dtype=np.int64, count=len(found))
        self._ends = np.concatenate([self._ends, self._ends[-1] + np.cumsum(lengths)])
        ids = np.fromiter(chain.from_iterable(found), dtype=np.int32, count=int(lengths.sum()))
        self._ids = np.concatenate([self._ids, ids])

    def _clear(self) -> None:
        self._numbers.clear()
        self._ids, self._ends = self._ids[:0], self._ends[:1]


_IN_WORDS = frozenset(string.ascii_letters + string.digits)
"""An underscore separates too, as `PARTS` in `vocabulary.py` has it: a third fewer different words."""

_WORD, _NO_SPACE = re.compile(r"[A-Za-z0-9]+"), re.compile(r"\S+")


def file_sha256(place: Path) -> str:
    with place.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_folder(folder: Path, digests: Mapping[str, str]) -> tuple[Tokenizer, NDArray[np.int8], Matrix]:
    """The tokenizer, rows and factors; EmbedderError where a file is missing or another than the digests say."""
    from safetensors import numpy as safetensors
    from tokenizers import Tokenizer

    data: dict[str, bytes] = {}
    for name in FILES:
        try:
            data[name] = (folder / name).read_bytes()
        except OSError as error:
            raise EmbedderError(
                f"embedder: {folder / name}: {error.strerror}: install repocoder again"
            ) from error
        if hashlib.sha256(data[name]).hexdigest() != digests[name]:
            raise EmbedderError(
                f"embedder: {folder / name}: not the file of this release: install repocoder again"
            )
    tensors: dict[str, Any] = safetensors.load(data["model.safetensors"])
    tokenizer: Tokenizer = Tokenizer.from_buffer(data["tokenizer.json"])
    tokenizer.no_padding()
    tokenizer.no_truncation()
    _check_local(data["tokenizer.json"], folder)
    return tokenizer, tensors["embeddings"], np.asarray(tensors["weights"], dtype=np.float32)


def _check_local(settings: bytes, folder: Path) -> None:
    """Raises EmbedderError for a tokenizer whose words may depend on what is around them."""
    read = msgspec.json.decode(settings)
    parts = [read["normalizer"], read["pre_tokenizer"]]
    flat = [inner for part in parts for inner in (part or {}).get("normalizers", [part])]
    if not all(part and part["type"] in LOCAL_PARTS for part in flat) or read["added_tokens"]:
        raise EmbedderError(
            f"embedder: {folder}: its tokenizer is not one of training/embedder/vocabulary.py"
        )
