"""Captures -> uses of names.

Capture names: `reference.name` is any name or dotted name; the outermost counts, as written, once. The
others say more
about a place: `reference.call`, `reference.inherit`, `reference.annotation` (all names inside),
`reference.quoted` (a
string that holds a type), `reference.none` (nothing inside is a use), `reference.parameter` and
`reference.local` (a
name that the enclosing function binds for itself), `reference.global` (it does not).

A bare name that a function binds for itself is no use of anything outside, so it is left out.
`local.attribute` stays,
and a binding of kind "local" without a type tells that its first name is not the module's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from indexer.grammar import Budget
from indexer.source import Scope, Source
from indexer.types import Binding, Reference

Captures = dict[str, list[Node]]
SELF_NAMES = frozenset({"self", "cls", "this"})  # alone they tell nothing
CALLED_SELF = "cls"  # but a call of the class itself does
MAX_CHAIN_CHARACTERS = 300  # of `a(…).b(…).c`: longer ones are not read as one name
CHECK_EVERY = 1024  # names between looks at the budget
LITERAL_BYTES = 500  # how far back the bracket of `Literal["a", "b"]` is looked for
DOT = 0x2E
_FAR = 1 << 62  # behind every file's end
_DOTTED = re.compile(r"\w+(?:\.\w+)*")
_WORDS = re.compile(rb"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_NO_TYPES = (b"Literal", b"Annotated")  # their strings are values
_SPACE = re.compile(r"\s+")
_CALL = re.compile(r"\([^()]*\)")


def collect_references(
    captures: Captures, source: Source, scopes: list[Scope], bindings: list[Binding], budget: Budget
) -> tuple[list[Reference], list[Binding]]:
    """The references of a file by position, and the bindings of untyped local names that they start with."""
    collector = _Collector(captures, source, scopes, bindings)
    found = list(collector.uses(budget))
    quoted = list(collector.quoted())
    if quoted:
        found = sorted(found + quoted, key=lambda entry: (entry.line, entry.column))
    return found, list(collector.untyped.values())


def flatten_chain(text: str) -> str:
    """`make(a, f(b)).run` -> `make().run`; "" for what is not a chain of names and calls."""
    if len(text) > MAX_CHAIN_CHARACTERS:
        return ""
    if "(" in text:
        shorter = _CALL.sub("\0", text)
        while shorter != text:
            text, shorter = shorter, _CALL.sub("\0", shorter)
        text = text.replace("\0", "()")
    text = _SPACE.sub("", text)
    return text if is_dotted(text.replace("()", "")) else ""


def is_dotted(name: str) -> bool:
    """Whether the text is a name or names joined by dots."""
    return all(part.isidentifier() for part in name.split("."))


class _Sweep:
    """Where a position is, for positions that only grow: in which byte ranges, scope and line."""

    def __init__(self, source: Source, scopes: list[Scope]) -> None:
        self.line = 0  # 1-based
        self.scope: Scope | None = None
        self._starts = source.starts
        self._n_lines = source.n_lines
        self._scopes = scopes
        self._next = 0  # index of the first scope that starts later

    def move(self, position: int) -> None:
        """Go on to a position."""
        starts, line = self._starts, self.line
        while line < self._n_lines and starts[line] <= position:
            line += 1
        self.line = line
        scopes, index, scope = self._scopes, self._next, self.scope
        while index < len(scopes) and scopes[index].start <= position:
            scope = scopes[index]
            index += 1
        while scope is not None and scope.end <= position:
            scope = scope.parent
        self._next, self.scope = index, scope


class _Ranges:
    """Byte ranges that do not overlap, for positions that only grow."""

    def __init__(self, nodes: list[Node]) -> None:
        spans = sorted((node.start_byte, -node.end_byte) for node in nodes)
        self._rest = iter(spans)
        self._start = self._end = -1
        self._advance()

    def cover(self, position: int) -> bool:
        """Whether a range holds the position."""
        while self._end <= position:
            self._advance()
        return self._start <= position

    def _advance(self) -> None:
        self._start, end = next(self._rest, (_FAR, -_FAR))
        self._end = max(self._end, -end)  # a range inside another one changes nothing


class _Collector:
    def __init__(
        self, captures: Captures, source: Source, scopes: list[Scope], bindings: list[Binding]
    ) -> None:
        self.untyped: dict[tuple[str, str], Binding] = {}
        self._captures = captures
        self._source = source
        self._scopes = scopes
        self._typed = {(binding.scope, binding.name) for binding in bindings}
        self._local: dict[
            Scope, dict[str, int]
        ] = {}  # function -> name -> where it is first bound, -1: parameter
        self._stores: set[int] = set()
        for key in ("parameter", "local", "global"):
            self._read_locals(key)

    def _read_locals(self, key: str) -> None:
        for node in self._captures.get(f"reference.{key}", ()):
            start = node.start_byte
            self._stores.add(start)
            scope = self._source.scope_at(self._scopes, start)
            if scope is None or scope.kind == "class":
                continue
            names = self._local.setdefault(scope, {})
            name = self._source.text(start, node.end_byte)
            if key == "global":
                names.pop(name, None)
            else:
                names.setdefault(name, -1 if key == "parameter" else start)

    def uses(self, budget: Budget) -> Iterator[Reference]:
        """Every outermost name that is loaded, by position."""
        calls, inherits = self._spans("reference.call"), self._spans("reference.inherit")
        annotations = _Ranges(self._captures.get("reference.annotation", []))
        hidden = _Ranges(self._captures.get("reference.none", []))
        data, text_of, stores = self._source.data, self._source.text, self._stores
        sweep = _Sweep(self._source, self._scopes)
        taken, chain = 0, -1
        nodes = self._captures.get("reference.name", [])
        for count, (start, end) in enumerate(sorted({(node.start_byte, -node.end_byte) for node in nodes})):
            if count % CHECK_EVERY == 0:
                budget.check()
            if start < taken or data[start - 1] == DOT or hidden.cover(start):
                continue
            span = start, -end
            text = text_of(*span)
            kind = "call" if span in calls else "name"
            if _DOTTED.fullmatch(text):
                taken = span[1]
                if start in stores and "." not in text:
                    continue
            else:
                text = flatten_chain(text) if kind == "call" or start != chain else ""
                chain = start
            if kind == "name":
                kind = "inherit" if span in inherits else "annotation" if annotations.cover(start) else kind
            if not text:
                continue
            sweep.move(start)
            if self._is_use(text, kind, sweep.scope):
                column = self._source.column(sweep.line, start)
                yield Reference(text, kind, sweep.line, column, sweep.scope.qualname if sweep.scope else "")

    def _is_use(self, text: str, kind: str, scope: Scope | None) -> bool:
        """Whether a name may mean something outside the function that it is in."""
        root = text.partition(".")[0]
        is_bare = root == text
        if text == CALLED_SELF and kind == "call":
            return True
        if is_bare and text in SELF_NAMES:
            return False
        while scope is not None:
            names = self._local.get(scope)
            if names is not None and root in names:
                if not is_bare:
                    self._note_untyped(scope, root, names[root])
                return not is_bare
            scope = scope.parent
        return True

    def _note_untyped(self, scope: Scope, name: str, bound_at: int) -> None:
        key = (scope.qualname, name)
        if bound_at >= 0 and key not in self._typed and key not in self.untyped:
            self.untyped[key] = Binding(name, "", "local", self._source.line(bound_at), scope.qualname)

    def quoted(self) -> Iterator[Reference]:
        """The names in annotations that are written as strings."""
        data = self._source.data
        for node in self._captures.get("reference.quoted", ()):
            start, end = node.start_byte, node.end_byte
            bracket = data.rfind(b"[", max(0, start - LITERAL_BYTES), start)
            if (
                bracket >= 0
                and data[max(0, bracket - 20) : bracket].endswith(_NO_TYPES)
                and data.find(b"]", bracket, start) < 0
            ):
                continue
            scope = self._source.scope_at(self._scopes, start)
            for match in _WORDS.finditer(data, start, end):
                line = self._source.line(match.start())
                column = self._source.column(line, match.start())
                yield Reference(
                    match[0].decode(), "annotation", line, column, scope.qualname if scope else ""
                )

    def _spans(self, key: str) -> set[tuple[int, int]]:
        return {(node.start_byte, node.end_byte) for node in self._captures.get(key, ())}
