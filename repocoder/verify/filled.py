"""The buffer with a completion in it: what was parsed of it, and the text at the places that the facts name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from indexer.types import FileFacts, Reference, Symbol
from repocoder.verify.brackets import closing
from retrieval.types import Query

Parse = Callable[[str, bytes], "FileFacts | None"]
"""Path and bytes of a buffer -> its facts, None where it cannot be parsed."""

LOOK_BACK = 2000
"""Characters before the completion where a name or a call may begin that goes on in it."""

_JOINT = re.compile(r"\s*(?:\?\.|!\.|\.#|\.|::)\s*")
_TYPES = re.compile(r"<[^<>;(){}]{0,60}>")
_IDENTIFIER = re.compile(r"[@#]?[^\W\d][\w$]*|\$[\w$]*")


@dataclass(frozen=True, slots=True)
class Use:
    """A dotted name in the text: where its parts stand, and the bracket that opens the arguments of its call."""

    name: str
    kind: str  # of the reference: call | inherit | annotation | name
    scope: str
    line: int
    parts: tuple[tuple[int, int], ...]  # 0-based characters, half-open
    opens: int  # -1 where it is not called


class Filled:
    """`text` from `start` to `end` is the completion; `facts` are those of the whole text."""

    def __init__(self, query: Query, completion: str, facts: FileFacts) -> None:
        self.path, self.language, self.facts = query.path, facts.language, facts
        self.text = query.prefix + completion + query.suffix
        self.start = len(query.prefix)
        self.end = self.start + len(completion)
        self.completion = completion

    @cached_property
    def starts(self) -> list[int]:
        """Offset of each line."""
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    @cached_property
    def lines(self) -> tuple[int, int]:
        """First and last line of the completion, 1-based."""
        first = self.text.count("\n", 0, self.start) + 1
        return first, first + self.completion.rstrip("\n").count("\n")

    @cached_property
    def around(self) -> frozenset[str]:
        """The qualified names of the definitions that the completion stands in."""
        first, last = self.lines
        symbols = self.facts.symbols
        return frozenset(
            s.qualname for s in symbols if s.span.start_line <= last and s.span.end_line >= first
        )

    def symbols(self, qualname: str) -> list[Symbol]:
        return [symbol for symbol in self.facts.symbols if symbol.qualname == qualname]

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """The names in the completion, and those shortly before it, which may go on in it."""
        return tuple(self._uses())

    def _uses(self) -> Iterator[Use]:
        for reference in self.facts.references:
            if not 1 <= reference.line <= len(self.starts):
                continue
            offset = self.starts[reference.line - 1] + reference.column
            if self.start - LOOK_BACK <= offset < self.end:
                use = self._use(reference, offset)
                if use is not None:
                    yield use

    def touches(self, start: int, end: int) -> bool:
        """Does a stretch of the text share a character with the completion?"""
        return start < self.end and end > self.start

    def without(self, start_line: int, end_line: int) -> str:
        """Lines of the text, 1-based inclusive, without the completion."""
        first = self.starts[start_line - 1] if start_line <= len(self.starts) else len(self.text)
        last = self.starts[end_line] if end_line < len(self.starts) else len(self.text)
        return self.text[first : max(first, min(self.start, last))] + self.text[max(first, self.end) : last]

    def body(self, qualname: str) -> str:
        """The text of a definition of this file, the completion included; "" if there is none."""
        for symbol in self.symbols(qualname):
            first, last = symbol.span.start_line, symbol.span.end_line
            end = self.starts[last] if last < len(self.starts) else len(self.text)
            return self.text[self.starts[first - 1] : end]
        return ""

    def _use(self, reference: Reference, offset: int) -> Use | None:
        """None where the text does not read as the name does: half a statement parses as it likes."""
        spans: list[tuple[int, int]] = []
        at = offset
        pieces = reference.name.split(".")
        for number, piece in enumerate(pieces):
            if number:
                joint = _JOINT.match(self.text, at)
                if joint is None:
                    return None
                at = joint.end()
            word = _IDENTIFIER.match(self.text, at)
            if word is None or word[0].lstrip("@#") != piece.removesuffix("()"):
                return None
            spans.append((word.start(), word.end()))
            at = word.end()
            if piece.endswith("()"):
                at = closing(self.text, self._opens(at), self.language) + 1
                if not at:
                    return None
        opens = self._opens(at) if reference.kind == "call" else -1
        return Use(reference.name, reference.kind, reference.scope, reference.line, tuple(spans), opens)

    def _opens(self, at: int) -> int:
        """Where the arguments open that follow a name, -1 if none do. Type arguments may stand between."""
        types = _TYPES.match(self.text, at)
        rest = types.end() if types else at
        while rest < len(self.text) and self.text[rest] in " \t":
            rest += 1
        return rest if self.text[rest : rest + 1] == "(" else -1
