"""Chunks that tile a file byte for byte: definitions where there is a tree, else runs of lines.

A tree is cut at the starts of definitions and, inside what is too large, at the starts of statements
(always at the
start of a line, moved up over the comments directly above). The pieces are then merged with small
neighbours of the
same container. The walk keeps its own stack: nesting depth is the file's choice, not ours.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from tree_sitter import Node, Tree

from indexer.grammar import Budget
from indexer.languages import Language
from indexer.source import Scope, Source
from indexer.types import ChunkFact, Span

# In bytes, which for code are characters. Windows of 20 to 40 lines retrieve best (retrieval.md); a line of
# real code
# has 34 on average, so 30 lines are about a thousand.
TARGET_BYTES = 1000
MAX_BYTES = 1600  # about 45 lines: a definition up to here stays whole
TINY_BYTES = 250  # about 7 lines: alone it says too little, so it joins a neighbour
LOOSE_BYTES = 80  # two lines before a definition go with it
CONTAINERS = ("class", "extension", "namespace")  # whose members stand on their own
KINDS = {"extension": "class", "namespace": "module"}  # how such chunks are called
LEAF_BYTES = 2 * MAX_BYTES  # a single statement (a long string, a table) is cut between lines only above this


@dataclass(slots=True)
class _Piece:
    """Lines [start, end), 0-based, with one owner."""

    start: int
    end: int
    container: Scope | None  # the definition around it
    own: Scope | None  # the definition that it is, whole; None for a run of statements or a header
    header: bool = False  # starts with the header of `container`
    group: bool = False  # small definitions side by side

    def starting(self, before: _Piece) -> _Piece:
        """This one, with the lines of `before` in front."""
        self.start = before.start
        return self

    def ending(self, after: _Piece) -> _Piece:
        """This one, with the lines of `after` behind."""
        self.end = after.end
        return self


def chunk_lines(source: Source, kind: str = "text") -> tuple[ChunkFact, ...]:
    """Runs of whole lines, cut after blank lines where possible. For text and for what could not be
    parsed.
    """
    return tuple(
        ChunkFact(_span(source, start, end), kind, "", "")
        for start, end in _cut_lines(source, 0, source.n_lines)
    )


def chunk_tree(
    tree: Tree, source: Source, scopes: tuple[Scope, ...], language: Language, budget: Budget
) -> tuple[ChunkFact, ...]:
    """Chunks of a parsed file. Raises BudgetError."""
    if not source.data:
        return ()
    cuts = _Cutter(source, scopes, language, budget).cut(tree.root_node)
    pieces: list[_Piece] = []
    for piece in _merge(source, cuts):
        pieces.extend(_split_leaf(source, piece))
    return tuple(_label(source, piece) for piece in pieces)


class _Cutter:
    """Finds the lines at which pieces start."""

    def __init__(self, source: Source, scopes: tuple[Scope, ...], language: Language, budget: Budget) -> None:
        self._source = source
        self._budget = budget
        self._comment = language.line_comment.encode()
        self._open, self._close = (mark.encode() for mark in language.block_comment)
        self._by_start: dict[tuple[int, int], Scope] = {}
        for scope in scopes:
            self._by_start[scope.start, scope.end] = scope
            self._by_start[scope.outer_start, scope.end] = scope

    def cut(self, root: Node) -> list[_Piece]:
        """Pieces that cover all lines, in order."""
        current = _Piece(0, 0, None, None)
        cuts = [current]
        data, starts, by_start = self._source.data, self._source.starts, self._by_start
        pending: list[tuple[Node, Scope | None]] = [(child, None) for child in reversed(root.children)]
        steps = 0
        while pending:
            steps += 1
            if steps % 256 == 0:
                self._budget.check()
            node, container = pending.pop()
            start, end = node.start_byte, node.end_byte
            own = by_start.get((start, end))
            is_inner = own is not None and own is container  # the definition below its decorators
            expand = end - start > self._limit(own or container) and data.find(b"\n", start, end) >= 0
            if (
                not is_inner
                and not data[data.rfind(b"\n", 0, start) + 1 : start].strip()
                and "comment" not in node.type
            ):
                line = self._above_comments(bisect_right(starts, start) - 1, current.start)
                if line > current.start or len(cuts) == 1:
                    current.end = line
                    inner = own if expand and own is not None else container
                    current = _Piece(
                        line, 0, inner, None if expand else own, header=expand and own is not None
                    )
                    cuts.append(current)
            if expand:
                inside = own if own is not None else container
                pending.extend([(child, inside) for child in reversed(node.children)])
        current.end = self._source.n_lines
        return [piece for piece in cuts if piece.end > piece.start]

    @staticmethod
    def _limit(scope: Scope | None) -> int:
        """Bytes above which a node is cut inside. A class is cut earlier than a function: its methods stand on their
        own.
        """
        return TARGET_BYTES if scope is not None and scope.kind in CONTAINERS else MAX_BYTES

    def _above_comments(self, row: int, stop: int) -> int:
        """The first of the comment lines directly above a line, not before `stop`."""
        starts, data = self._source.starts, self._source.data
        while row - 1 > stop:
            above = data[starts[row - 1] : starts[row]].strip()
            if above.startswith(self._comment):
                row -= 1
            elif self._close and above.endswith(self._close):
                opened = data.rfind(self._open, starts[stop], starts[row])
                first = bisect_right(starts, opened) - 1
                if opened < 0 or first <= stop or data[starts[first] : opened].strip():
                    break
                row = first
            else:
                break
        return row


def _merge(source: Source, pieces: list[_Piece]) -> list[_Piece]:
    merged: list[_Piece] = []
    for piece in pieces:
        joined = _join(source, merged[-1], piece) if merged else None
        if joined is None:
            merged.append(piece)
        else:
            merged[-1] = joined
    return merged


def _join(source: Source, before: _Piece, piece: _Piece) -> _Piece | None:
    """One piece instead of two neighbours, or None: runs up to the target size, small definitions with each other,
    and a few loose lines with the definition beside them, which keeps its name.
    """
    starts, data = source.starts, source.data
    first = starts[before.end] - starts[before.start]
    if data[starts[before.start] : starts[before.end]].isspace():
        return piece.starting(before)
    if before.container is not piece.container or piece.header:
        return None
    second = starts[piece.end] - starts[piece.start]
    is_small = second < TINY_BYTES and first + second <= TARGET_BYTES
    if before.own is None and piece.own is None:
        fits = min(first, second) < TINY_BYTES and first + second <= MAX_BYTES
        return before.ending(piece) if fits or first + second <= TARGET_BYTES else None
    if before.own is None:
        if before.group:
            return before.ending(piece) if is_small else None
        is_loose = first < LOOSE_BYTES and not before.header
        return piece.starting(before) if is_loose else None
    if piece.own is None:
        return before.ending(piece) if second < TINY_BYTES else None
    if is_small and first < TARGET_BYTES // 2:
        before.own, before.group = None, True
        return before.ending(piece)
    return None


def _split_leaf(source: Source, piece: _Piece) -> list[_Piece]:
    if _size(source, piece) <= LEAF_BYTES:
        return [piece]
    container = piece.own or piece.container
    return [
        _Piece(
            start,
            end,
            container,
            None,
            header=start == piece.start and (piece.header or piece.own is not None),
        )
        for start, end in _cut_lines(source, piece.start, piece.end)
    ]


def _cut_lines(source: Source, first: int, last: int) -> list[tuple[int, int]]:
    """Runs of the lines [first, last): at a blank line above the target size, anywhere above the largest."""
    runs: list[tuple[int, int]] = []
    starts, start = source.starts, first
    for line in range(first, last):
        size = starts[line + 1] - starts[start]
        following = starts[line + 2] - starts[start] if line + 2 < len(starts) else size
        is_blank = not source.data[starts[line] : starts[line + 1]].strip()
        if line == last - 1 or following > MAX_BYTES or (is_blank and size >= TARGET_BYTES):
            runs.append((start, line + 1))
            start = line + 1
    return runs


def _label(source: Source, piece: _Piece) -> ChunkFact:
    span = _span(source, piece.start, piece.end)
    if piece.own is not None:
        around = piece.own.parent.signature if piece.own.parent else ""
        return ChunkFact(span, KINDS.get(piece.own.kind, piece.own.kind), piece.own.qualname, around)
    if piece.container is None:
        return ChunkFact(span, "module", "", "")
    signature = "" if piece.header else piece.container.signature
    kind = KINDS.get(piece.container.kind, piece.container.kind)
    return ChunkFact(span, kind, piece.container.qualname, signature)


def _size(source: Source, piece: _Piece) -> int:
    return source.starts[piece.end] - source.starts[piece.start]


def _span(source: Source, start: int, end: int) -> Span:
    return Span(start + 1, end, source.starts[start], source.starts[end])
