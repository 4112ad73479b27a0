"""Token healing in the worker: what is typed of a word is written again by the model, from whole tokens.

A text that ends within a word ends in tokens that no text has there: of `ret|urn` the model would have to go on from
` ret`, which is always another word. So the prompt ends before the word, and only tokens that spell what is typed, and
may go on from it, can be chosen until it stands ("token healing" of the guidance library; Lundberg 2023).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


class Spellings:
    """Which tokens of a vocabulary can spell a text."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        """`pieces`: the bytes of each token, b"" for one that is no text."""
        self._size = len(pieces)
        self._ids = sorted((number for number, piece in enumerate(pieces) if piece), key=pieces.__getitem__)
        self._pieces = [pieces[number] for number in self._ids]

    def mask(self, text: bytes) -> NDArray[np.bool_]:
        """(n_vocab,): whether a token begins with the text, or the text with it."""
        found = np.zeros(self._size, bool)
        for length in range(1, len(text)):
            found[self._ids[self._first(text[:length]) : self._first(text[:length] + b"\0")]] = True
        found[self._ids[self._first(text) : self._after(text)]] = True
        return found

    def _first(self, text: bytes) -> int:
        return bisect_left(self._pieces, text)

    def _after(self, text: bytes) -> int:
        """The place behind the last piece that begins with the text."""
        stem = text.rstrip(b"\xff")
        return self._first(stem[:-1] + bytes([stem[-1] + 1])) if stem else len(self._pieces)


class Retyping:
    """What is left of the typed text to be written again."""

    def __init__(self, typed: bytes, spellings: Callable[[], Spellings]) -> None:
        """`spellings` is asked only if something is typed."""
        self.left = typed
        self._spellings = spellings
        self._mask: NDArray[np.bool_] | None = None

    def allowed(self) -> NDArray[np.bool_] | None:
        """(n_vocab,): the tokens that may come next; None when all may."""
        if not self.left:
            return None
        if self._mask is None:
            self._mask = self._spellings().mask(self.left)
        return self._mask

    @property
    def is_stuck(self) -> bool:
        """Can no token go on? A vocabulary without bytes may lack a sign."""
        allowed = self.allowed()
        return allowed is not None and not allowed.any()

    def take(self, piece: bytes) -> bytes:
        """A token was chosen: what it has beyond the typed text."""
        done, self.left, self._mask = len(self.left), self.left[len(piece) :], None
        return piece[done:]
