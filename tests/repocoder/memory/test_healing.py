"""What may be cut otherwise at the end of a text, and how it is found again in token sequences."""

from __future__ import annotations

import numpy as np
import pytest

from repocoder.memory.healing import Beginning, Reader, evenly, joins, open_tokens
from repocoder.memory.recall import Part, forecast
from repocoder.memory.suffixes import Suffixes

PIECES = [
    b"\n",
    b"    ",
    b"   ",
    b" return",
    b" ret",
    b"return",
    b"urn",
    b" x",
    b"x",
    b"def",
    b" f",
    b"(",
    b"()",
    b"():\n",
    b"\xc3",
    b"\xa9",
]
END = len(PIECES)


def ids(*texts: bytes) -> list[int]:
    return [PIECES.index(text) for text in texts]


def tokenize(text: str) -> list[int]:
    """The longest piece first; what no piece begins with is left out."""
    found, data = [], text.encode()
    while data:
        best = max((piece for piece in PIECES if data.startswith(piece)), key=len, default=b"")
        found += [PIECES.index(best)] if best else []
        data = data[len(best) or 1 :]
    return found


READER = Reader(lambda token: PIECES[token] if token < END else b"", tokenize)


@pytest.mark.parametrize(
    ("before", "after", "together"),
    [
        (b"retu", b"rn", True),
        (b"    ", b"return", True),
        (b".", b"set", True),
        (b"(", b")", True),
        (b")", b"\n", True),
        (b"  ", b"  ", True),
        (b"\xc3", b"\xa9", True),
        (b"1", b"2", True),
        (b"  ", b"1", True),
        (b"return", b" ", False),
        (b"set", b"_", False),
        (b"x", b"(", False),
        (b"\n", b"    ", False),
        (b"\n", b"def", False),
        (b"x", b"1", False),
        (b"", b"x", False),
        (b"x", b"", False),
    ],
)
def test_what_a_tokenizer_may_put_together(before: bytes, after: bytes, together: bool) -> None:
    assert joins(before, after) is together


@pytest.mark.parametrize(
    ("texts", "count"),
    [
        ((b"def", b" f", b"():\n", b"    "), 1),
        ((b"def", b" f", b"():\n", b"    ", b"x"), 2),
        ((b"\n", b"   ", b" ret"), 2),
        ((b"\n", b" ret", b"urn"), 2),
        ((b"def", b"\n"), 0),
        ((b"x",) * 12, 8),
        ((), 0),
    ],
)
def test_the_last_word_or_the_last_blanks_are_open(texts: tuple[bytes, ...], count: int) -> None:
    assert open_tokens(ids(*texts), READER) == count


def test_a_text_goes_on_where_the_beginning_ends() -> None:
    text = np.array([*ids(b"\n", b"   ", b" return", b" x"), END], np.int32)
    assert Beginning(b"    ", 1, READER).after(text, 1, END) == (PIECES.index(b"return"), 2)
    assert Beginning(b"    ret", 2, READER).after(text, 1, END) == (PIECES.index(b"urn"), 2)
    assert Beginning(b"    return", 2, READER).after(text, 1, END) == (PIECES.index(b" x"), 3)
    assert Beginning(b"    x", 2, READER).after(text, 1, END) is None
    assert Beginning(b"    return x", 3, READER).after(text, 1, END) is None  # there the text ends
    assert Beginning(b" x", 1, READER).after(text[:4], 3, END) is None


def test_a_forecast_after_a_beginning_leaves_out_what_begins_otherwise_and_what_is_banned() -> None:
    texts = (
        [b"():\n", b"   ", b" return", b" x"],
        [b"():\n", b"   ", b" return", b"x"],
        [b"():\n", b"   ", b" x", b" x"],
    )
    text = [END, *(number for one in texts for number in [*ids(b"def", b" f"), *ids(*one), END])]
    whole = Part(Suffixes.of(text, END), end=END)
    context = ids(b"def", b" f", b"():\n")
    assert forecast((whole,), context, Beginning(b"    def", 2, READER)) is None
    found = forecast((whole,), context, Beginning(b"    ", 1, READER))
    assert found is not None
    assert {PIECES[token] for token in found.token_ids} == {b"return", b"x"}
    assert PIECES[found.token_ids[0]] == b"return"
    assert (found.length, found.count) == (4, 3)
    first = np.array([0, 8], np.int64)
    found = forecast((Part(whole.suffixes, banned=first, end=END),), context, Beginning(b"    ", 1, READER))
    assert found is not None
    assert found.count == 2


def test_evenly_keeps_the_ends_of_the_row_apart() -> None:
    places = np.arange(1000, dtype=np.int64)
    assert len(evenly(places, 256)) <= 256
    assert evenly(places, 2000) is places
    assert evenly(places, 10)[-1] >= 900
