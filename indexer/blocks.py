"""Names that functions without a name of their own bind: callbacks of tests, of routes, of `then`.

Such functions are no scopes. What they bind would be taken for the file's own where it has the same name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tree_sitter import Node

from indexer.grammar import Budget

Span = tuple[int, int]


def hide_bound(
    code: bytearray, blocks: Iterable[Node], bound: Iterable[tuple[int, bytes]], budget: Budget
) -> None:
    """Blank each bound name, told by a position, all over the innermost of the blocks around it. Raises BudgetError."""
    for (start, end), names in _by_block(blocks, bound).items():
        budget.check()
        words = b"|".join(re.escape(name) for name in sorted(names))
        pattern = re.compile(rb"(?:(?<![\w$.])|(?<=\.\.))(?:" + words + rb")(?![\w$])")
        for found in pattern.finditer(bytes(code[start:end])):
            code[start + found.start() : start + found.end()] = b" " * len(found[0])


def _by_block(blocks: Iterable[Node], bound: Iterable[tuple[int, bytes]]) -> dict[Span, set[bytes]]:
    spans = sorted(((node.start_byte, node.end_byte) for node in blocks), reverse=True)
    around: list[Span] = []
    found: dict[Span, set[bytes]] = {}
    for position, name in sorted(bound):
        while spans and spans[-1][0] <= position:
            span = spans.pop()
            while around and around[-1][1] <= span[0]:
                around.pop()
            around.append(span)
        while around and around[-1][1] <= position:
            around.pop()
        if around:
            found.setdefault(around[-1], set()).add(name)
    return found
