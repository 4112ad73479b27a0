"""The part of the buffer around the cursor that fits a token budget, cut at lines.

The start of the prefix is a line whose number is a multiple of a stride, so that it stays put while the user
types and the model's cache of the prompt can be used again; "the last N tokens" would move with every key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from repocoder.fim import Part, Template, plain

CHARACTERS_PER_TOKEN = 16
"""No tokenizer does better over a stretch of code; what lies farther from the cursor is not looked at."""

TOKENS_PER_STEP = 64
"""Of budget, for each line of stride: with 10 tokens a line, rounding loses at most a sixth of the budget."""

_OPEN_END = re.compile(r"(?:[^\w\r\n]?\w+|[^\S\r\n]?[^\w\s]+|[^\S\r\n]+)\Z")

TokenizeMany = Callable[[Sequence[str]], list[list[int]]]


def fit_prefix(text: str, budget: int, template: Template, tokenize_many: TokenizeMany) -> Part:
    """The end of `text` in at most `budget` tokens, from the start of a line unless one line is longer."""
    if budget <= 0 or not text:
        return Part("", ())
    lines = _lines(text)
    first = _first_within(lines, budget * CHARACTERS_PER_TOKEN)
    counts = [len(ids) for ids in tokenize_many(lines[first:])]
    start, used = len(lines), 0
    while start > first and used + counts[start - 1 - first] <= budget:
        start -= 1
        used += counts[start - first]
    if start > 0:
        stride = 1 << max(0, (budget // TOKENS_PER_STEP).bit_length() - 1)
        start = min(-(-start // stride) * stride, max(start, len(lines) - 1))
    while start < len(lines):
        part = _encode(template.prefix_lead + "".join(lines[start:]), template, tokenize_many)
        if len(part.ids or ()) <= budget:
            return part
        start += 1
    tail = text[-budget * CHARACTERS_PER_TOKEN :]
    ids = plain(tokenize_many([tail])[0], template)[-budget:]
    return Part(_end_of(tail, ids, tokenize_many), ids)


def split_open_end(prefix: Part, template: Template, tokenize_many: TokenizeMany) -> tuple[Part, str]:
    """The prefix without the word, signs or blanks at its end, and what was left out: text that may be cut into tokens
    another way as soon as it goes on. Nothing is left out behind a line end.

    The blank or sign before a word goes too, and the blank before signs: many tokenizers have them in one token.
    """
    last = _OPEN_END.search(prefix.text)
    for end in (last.start(), last.start() + 1) if last else ():
        part = _encode(prefix.text[:end], template, tokenize_many) if end else Part("", ())
        ids, whole = part.ids or (), prefix.ids or ()
        if whole[: len(ids)] == ids and (ids or template.infills):
            return part, prefix.text[end:]
    return prefix, ""


def fit_suffix(text: str, budget: int, template: Template, tokenize_many: TokenizeMany) -> Part:
    """The start of `text` in at most `budget` tokens, whole lines unless the first is longer."""
    if budget <= 0 or not text or not template.infills:
        return Part("", ())
    head = text[: budget * CHARACTERS_PER_TOKEN]
    lines = _lines(head)
    counts = [len(ids) for ids in tokenize_many(lines)]
    end, used = 0, 0
    while end < len(lines) and used + counts[end] <= budget:
        used += counts[end]
        end += 1
    if 0 < end == len(lines) and len(head) < len(text):
        end -= 1  # the last line was cut by the window
    while end > 0:
        part = _encode("".join(lines[:end]), template, tokenize_many)
        if len(part.ids or ()) <= budget:
            return part
        end -= 1
    ids = plain(tokenize_many([lines[0]])[0], template)[:budget]
    return Part(_start_of(lines[0], ids, tokenize_many), ids)


def fit_lines(text: str, budget: int, template: Template, tokenize_many: TokenizeMany) -> Part | None:
    """The first lines of a snippet in at most `budget` tokens; None if that is fewer than `MIN_LINES`."""
    part = _encode(text, template, tokenize_many)
    lines = _lines(text)
    while len(part.ids or ()) > budget:
        keep = min(len(lines) - 1, len(lines) * budget // len(part.ids or ()))
        if keep < MIN_LINES:
            return None
        lines = lines[:keep]
        part = _encode("".join(lines), template, tokenize_many)
    return part


MIN_LINES = 4
"""Of a snippet that is cut, its line with the path included: fewer lines say too little."""


def _encode(text: str, template: Template, tokenize_many: TokenizeMany) -> Part:
    return Part(text, plain(tokenize_many([text])[0], template))


def _lines(text: str) -> list[str]:
    """Split after each line feed only, as the model's data has them."""
    pieces = text.split("\n")
    return [piece + "\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def _first_within(lines: Sequence[str], characters: int) -> int:
    first = len(lines)
    while first > 0 and characters >= len(lines[first - 1]):
        first -= 1
        characters -= len(lines[first])
    return first


def _end_of(text: str, ids: Sequence[int], tokenize_many: TokenizeMany) -> str:
    """For display: the shortest end of `text`, by halves, that has as many tokens."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high) // 2
        if len(tokenize_many([text[len(text) - middle :]])[0]) < len(ids):
            low = middle + 1
        else:
            high = middle
    return text[len(text) - low :]


def _start_of(text: str, ids: Sequence[int], tokenize_many: TokenizeMany) -> str:
    low, high = 0, len(text)
    while low < high:
        middle = (low + high) // 2
        if len(tokenize_many([text[:middle]])[0]) < len(ids):
            low = middle + 1
        else:
            high = middle
    return text[:low]
