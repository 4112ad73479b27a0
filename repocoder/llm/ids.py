"""Token ids of texts that were tokenised before: snippets are asked for again with each key press.

So is the text before the cursor, which is another one each time, but only at its end: it goes through in pieces.
"""

from __future__ import annotations

import re
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

CACHED_IDS = 1 << 20  # 4 MiB

LONG_CHARACTERS = 1_000
"""Of a text that is worth cutting: a tokeniser takes milliseconds for so much."""

_CUT = re.compile(r"(?<=[A-Za-z0-9])(?=\n)")


def pieces(text: str) -> list[str]:
    """The text in pieces whose ids, one after the other, are those of the whole, for tokenisers that look at a line
    end and the letter or digit before it apart: all that cut text by a pattern first, as GPT-2's does. What is typed in
    one place leaves the other pieces as they are.
    """
    return [text] if len(text) < LONG_CHARACTERS else _CUT.split(text)


class IdCache:
    """Ids of texts seen before, least recently used ones dropped first."""

    def __init__(self) -> None:
        self._ids: OrderedDict[bytes, array[int]] = OrderedDict()
        self._size = 0

    def get(self, text: str) -> Sequence[int] | None:
        key = _digest(text)
        if key not in self._ids:
            return None
        self._ids.move_to_end(key)
        return self._ids[key]

    def put(self, text: str, ids: Sequence[int]) -> None:
        self._ids[_digest(text)] = array("i", ids)
        self._size += len(ids)
        while self._size > CACHED_IDS:
            self._size -= len(self._ids.popitem(last=False)[1])


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
