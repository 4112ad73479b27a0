"""The words of the chunks of a file, as a parse worker sends them.

A worker only cuts the text into words and numbers them: one dictionary lookup for each word. They are counted for many
files at a time (`indexer.bags`), and split into terms (`indexer.tokens`) once for each word of a repository.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable

import msgspec

_WORD = re.compile(r"\w+")
# ASCII: what is no part of a word becomes a space, so that `bytes.split` finds the words four times faster than `re`
_TO_SPACES = bytes(
    byte if chr(byte).isalnum() or byte == ord("_") else ord(" ") for byte in range(128)
) + bytes(128)


class Words(msgspec.Struct, frozen=True, array_like=True):
    """The words of the chunks of one file, in order. Numbers are 32 bits, as the machine stores them."""

    vocabulary: (
        bytes  # the different words in the order of their first occurrence, UTF-8, a line feed between them
    )
    firsts: bytes  # (words,) uint32: for each word, which word of the file is the first that equals it
    sizes: bytes  # (chunks,) uint32: how many words each chunk has


def find_words(data: bytes, spans: Iterable[tuple[int, int]]) -> Words:
    """The words of stretches of `data`, whose start and end are byte offsets; a chunk is decoded with replacement."""
    flat = data.translate(_TO_SPACES)
    words: list[bytes] = []
    sizes = array("I")
    for start, end in spans:
        before = len(words)
        piece = data[start:end]
        if piece.isascii():
            words += flat[start:end].split()
        else:
            words += [word.encode() for word in _WORD.findall(piece.decode("utf-8", "replace"))]
        sizes.append(len(words) - before)
    numbers: dict[bytes, int] = {}
    firsts = array("I", list(map(numbers.setdefault, words, range(len(words)))))
    return Words(b"\n".join(numbers), firsts.tobytes(), sizes.tobytes())


def words_of_texts(texts: Iterable[str]) -> Words:
    """The words of whole texts, each a chunk."""
    data = bytearray()
    spans: list[tuple[int, int]] = []
    for text in texts:
        start = len(data)
        data += text.encode("utf-8", "surrogatepass")
        spans.append((start, len(data)))
    return find_words(bytes(data), spans)
