"""The end of a text, read as a tokenizer would cut it if the text went on.

A file has `        return` as seven spaces and ` return`; a text that ends at the cursor has the eight spaces as one
token, which no file has before `return`. So what may be cut otherwise, the last word or the last blanks, is taken back
into bytes, and looked for as the beginning of what follows the tokens before it ("token healing", the guidance
library).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MOST_TOKENS = 8
"""That are taken back: a longer word is cut the same way in a file, but for its end."""

LOOKED_AT = 8192
"""Places whose next token is compared with the beginning, evenly spread."""

_BREAKS, _BLANKS = b"\r\n", b" \t\f\v"


@dataclass(slots=True)
class Reader:
    """How tokens read. `piece` and `tokenize` are those of a model."""

    piece: Callable[[int], bytes]
    tokenize: Callable[[str], list[int]]
    _pieces: dict[int, bytes] = field(default_factory=dict)
    _firsts: dict[bytes, int] = field(default_factory=dict)

    def bytes_of(self, token: int) -> bytes:
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self.piece(token)
        return known

    def ids_of(self, text: bytes) -> list[int]:
        return self.tokenize(text.decode("utf-8", "replace"))

    def first_of(self, text: bytes) -> int:
        """The token with which a model begins to write a text; -1 if there is none."""
        if text not in self._firsts:
            self._firsts[text] = next(iter(self.ids_of(text)), -1)
        return self._firsts[text]


def joins(before: bytes, after: bytes) -> bool:
    """May a tokenizer of code have the end of the one text and the beginning of the other in one token?

    Words take a character that is none before them with them, and so do line ends and signs; letters, digits and signs
    go together. No tokenizer does all of this: rather too much is taken back than too little.
    """
    if not before or not after:
        return False
    left, right = _kind(before[-1]), _kind(after[0])
    if left == "break" or right == "blank":
        return left == "blank" == right
    if right == "break":
        return left in ("sign", "blank")
    return left in (right, "blank") or (left == "sign" and right == "letter")


def _kind(byte: int) -> str:
    if byte in _BREAKS:
        return "break"
    if byte in _BLANKS:
        return "blank"
    if 0x30 <= byte <= 0x39:
        return "digit"
    return "letter" if byte >= 0x80 or chr(byte).isalpha() else "sign"


def open_tokens(ids: Sequence[int], reader: Reader) -> int:
    """How many of the last tokens may be cut otherwise; 0 after a line end."""
    count = 0
    while count < min(MOST_TOKENS, len(ids)):
        last = reader.bytes_of(ids[-1 - count])
        if count and not joins(last, reader.bytes_of(ids[-count])):
            break
        if not last or (not count and last[-1] in _BREAKS):
            return 0
        count += 1
    return count


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the next tokens of a place must read as at first, to be looked for in token sequences."""

    text: bytes
    tokens: int  # that it was, or would have been
    reader: Reader

    def candidates(self, ids: NDArray[np.int32], places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of `places` those whose next token agrees with the beginning."""
        following = ids[places]
        kinds = [token for token in np.unique(following).tolist() if self._agrees(token)]
        return places[np.isin(following, kinds)]

    def after(self, ids: NDArray[np.int32], place: int, end: int) -> tuple[int, int] | None:
        """The token that goes on where the beginning ends, and its place; None if the text there is another."""
        left = self.text
        while place < len(ids):
            token = int(ids[place])
            if token == end:
                return None
            if not left:
                return token, place
            piece = self.reader.bytes_of(token)
            if not piece or not (left.startswith(piece) or piece.startswith(left)):
                return None
            if len(piece) > len(left):
                first = self.reader.first_of(piece[len(left) :] + self._rest_of_word(ids, place))
                return None if first < 0 else (first, place)
            left = left[len(piece) :]
            place += 1
        return None

    def _rest_of_word(self, ids: NDArray[np.int32], place: int) -> bytes:
        """What follows a token and may be cut together with its end."""
        word = b""
        last = self.reader.bytes_of(int(ids[place]))
        for token in ids[place + 1 : place + 1 + MOST_TOKENS].tolist():
            piece = self.reader.bytes_of(token)
            if not joins(last, piece):
                break
            word, last = word + piece, piece
        return word

    def _agrees(self, token: int) -> bool:
        piece = self.reader.bytes_of(token)
        return bool(piece) and (self.text.startswith(piece) or piece.startswith(self.text))


def evenly(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most `most` of them."""
    return places[:: -(-len(places) // most)] if len(places) > most else places
