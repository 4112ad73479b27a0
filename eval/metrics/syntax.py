"""Does a file with a new end parse? Asked many times for one file: tree-sitter reads again only what changed."""

from __future__ import annotations

import importlib
from functools import cache

from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser, Point, Tree

from indexer.grammar import Budget
from indexer.languages import language_named

MAX_BYTES = 1 << 20
"""Larger texts are not parsed, and so never valid. The longest prompt of a benchmark has 33 kB."""
BUDGET_SECONDS = 5.0
"""CPU time for all questions about one prediction: the published scorers give up after 5 s of a single parse. A task
takes milliseconds; only a hostile prediction comes near it."""
_ERROR = "ERROR"


class GrowingFile:
    """A file that begins with `head` and ends with one tail after another."""

    def __init__(self, language: str, head: str) -> None:
        self._parser = Parser(_grammar(language))
        self._budget = Budget(BUDGET_SECONDS)
        self._head = head.encode("utf-8", "replace")
        self._head_end = _end_of(self._head, Point(0, 0))
        self._tail = b""
        self._tree: Tree | None = None

    @property
    def head_bytes(self) -> int:
        return len(self._head)

    def root(self, tail: str) -> Node | None:
        """The root of the file's tree with this tail; it lives until the next call.

        None if the tail is no text, or too long, or the time is used up.
        """
        try:
            data = tail.encode("utf-8")
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold
            return None
        if len(self._head) + len(data) > MAX_BYTES or self._budget.is_over():
            return None
        if self._tree is not None:
            self._edit(data)
        self._tree = self._parse(self._head + data)
        self._tail = data
        return None if self._tree is None else self._tree.root_node

    def parses(self, tail: str) -> bool:
        """No node of the tree is an error. A token that the parser only had to imagine is none."""
        root = self.root(tail)
        return root is not None and not _has_error_node(root)

    def _edit(self, data: bytes) -> None:
        """Tell the tree what changed: all behind what the old and the new tail begin with."""
        assert self._tree is not None
        old = self._tail
        same = min(len(old), len(data)) if old.startswith(data) or data.startswith(old) else 0
        start = _end_of(data[:same], self._head_end)
        self._tree.edit(
            len(self._head) + same,
            len(self._head) + len(old),
            len(self._head) + len(data),
            start,
            _end_of(old[same:], start),
            _end_of(data[same:], start),
        )

    def _parse(self, source: bytes) -> Tree | None:
        def read(offset: int, _: Point) -> bytes:  # with bytes the progress callback is never called
            return source[offset:]

        watch = self._budget.exceeded
        try:
            tree: Tree | None = (
                self._parser.parse(read, progress_callback=watch)
                if self._tree is None
                else self._parser.parse(read, self._tree, progress_callback=watch)
            )
        except ValueError:  # stopped by the callback
            tree = None
        if tree is None or self._budget.reason:
            self._parser.reset()  # else the next parse would go on from here
            return None
        return tree


def _has_error_node(root: Node) -> bool:
    """Iteratively, because trees of hostile text are deep. Errors are near the end, where the text is new."""
    pending = [root] if root.has_error else []
    while pending:
        node = pending.pop()
        if node.type == _ERROR:
            return True
        pending.extend(child for child in node.children if child.has_error)
    return False


def _end_of(data: bytes, start: Point) -> Point:
    """Row and column (bytes) behind `data` that begins at `start`."""
    rows = data.count(b"\n")
    if rows == 0:
        return Point(start.row, start.column + len(data))
    return Point(start.row + rows, len(data) - data.rfind(b"\n") - 1)


@cache
def _grammar(language: str) -> Grammar:
    row = language_named(language)
    return Grammar(getattr(importlib.import_module(row.grammar), row.entry)())
