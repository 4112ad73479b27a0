"""Uses of names: one regular expression over the code, after what is no code was blanked.

A tree has several nodes for each name, and handing them to Python costs more than parsing the file. So the tree only
says where names are no uses and what functions bind; the names themselves are found in the bytes. Captures:
- `reference.none`: nothing inside is a use (comments, strings, imports, keys). Names of definitions are none anyway.
- `reference.annotation` (all names inside are types), `reference.inherit`, `reference.call` (a called name that no
  parenthesis follows), `reference.quoted` (a string that holds a type).
- `reference.parameter`, `reference.local`: a name that the enclosing function binds for itself, as does any
  `definition.variable` in it; `reference.global`: it does not.
- `reference.block`: a function that is no scope, in which a name that it binds is not the file's.

A bare name that a function binds for itself is no use of anything outside, so it is left out. `local.attribute` stays,
and a binding of kind "local" without a type tells that its first name is not the module's.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterable, Iterator, Mapping

from tree_sitter import Node

from indexer.blocks import hide_bound
from indexer.dotted import flatten_chain
from indexer.grammar import Budget
from indexer.languages import Language
from indexer.scanner import Readings, scanner_of
from indexer.source import Scope, Source
from indexer.types import Binding, Import, Reference, Symbol

LITERAL_BYTES = 500  # how far back the bracket of `Literal["a", "b"]` is looked for
FUNCTIONS = ("function", "method")
Found = tuple[int, str, str, str]  # position, name, kind, scope
CHECK_EVERY = 16  # stretches of code between looks at the budget
_WORD_BYTES = frozenset(b"_" + string.ascii_letters.encode() + string.digits.encode())
_FAR = 1 << 62  # behind every file's end
_WORDS = re.compile(rb"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_NO_TYPES = (b"Literal", b"Annotated")  # their strings are values


class Uses:
    """Finds the uses of names in one file. `captures` are the nodes by their names, those of definitions included."""

    def __init__(
        self, source: Source, language: Language, scopes: list[Scope], captures: Mapping[str, list[Node]]
    ) -> None:
        self.untyped: dict[tuple[str, str], Binding] = {}
        self._source = source
        self._language = language
        self._scanner = scanner_of(language)
        self._scopes = scopes
        self._captures = captures
        self._typed: set[tuple[str, str]] = set()
        self._local: dict[
            Scope, dict[str, int]
        ] = {}  # function -> name -> where it is first bound, -1: parameter
        self._stores: list[tuple[int, int]] = []
        self._members: set[str] = set()  # names that only class bodies see
        self._outer: set[bytes] = (
            set()
        )  # what the file itself defines or imports, unless a binding tells its type
        self._bound: list[tuple[int, bytes]] = []  # those of them that something outside the scopes binds
        self._gone: set[int] = set()  # where names began that are none after all

    def collect(
        self,
        symbols: Collection[Symbol],
        imports: Collection[Import],
        bindings: Collection[Binding],
        budget: Budget,
        *,
        every_use: bool,
    ) -> tuple[list[Reference], list[Binding]]:
        """The references by position, and the bindings of untyped local names that they start with."""
        self._typed = {(binding.scope, binding.name) for binding in bindings}
        known = None
        opened = self._language.stars and any(entry.name == "*" for entry in imports)
        if "block" in self._captures:
            names = [entry.alias for entry in imports] + [symbol.qualname for symbol in symbols]
            self._outer = {name.encode() for name in names if name and ("", name) not in self._typed}
        if self._language.closed and not every_use and not opened:
            known = {name.encode() for name in self._known(symbols, imports, bindings)}
            methods = {symbol.name for symbol in symbols if symbol.kind == "method"}
            others = {symbol.name for symbol in symbols if symbol.kind != "method"}
            self._members = methods - others - set(self._known((), imports, bindings))
        for key in ("parameter", "variable", "local", "global"):
            self._read_locals(key, known)
        budget.check()
        found = self._every(budget) if every_use else self._distinct(known, budget)
        found.extend(self._quoted())
        found.sort()
        source = self._source
        references = []
        for position, name, kind, scope in found:
            line = source.line(position)
            references.append(Reference(name, kind, line, source.column(line, position), scope))
        return references, list(self.untyped.values())

    def _known(
        self, symbols: Iterable[Symbol], imports: Iterable[Import], bindings: Iterable[Binding]
    ) -> Iterator[str]:
        """First names of what can mean a definition."""
        yield from self._language.self_names
        yield "super"
        for entry in imports:
            yield (entry.alias or entry.name or entry.module).partition(".")[0]
        for symbol in symbols:
            yield symbol.name
        for binding in bindings:
            if binding.kind != "return":
                yield binding.name.partition(".")[0]

    def _read_locals(self, key: str, known: set[bytes] | None) -> None:
        data, source, scopes = self._source.data, self._source, self._scopes
        for node in self._captures.get(key, ()):
            start, end = node.start_byte, node.end_byte
            name = data[start:end]
            if known is not None and name not in known:
                continue
            self._stores.append((start, end))
            scope = source.scope_at(scopes, start)
            if scope is None or scope.kind not in FUNCTIONS:
                if name in self._outer and key != "variable":
                    self._bound.append((start, name))
                continue
            names = self._local.setdefault(scope, {})
            text = name.decode("utf-8", "replace")
            if key == "global":
                names.pop(text, None)
            else:
                names.setdefault(text, -1 if key == "parameter" else start)

    def _code(self, budget: Budget, *hidden: str) -> bytes:
        """The bytes, blanks where nothing is a use."""
        code = bytearray(self._source.data)
        for key in ("none", "defined"):
            # Of `Type name(` the type is not called.
            blank = b"\0" if key == "defined" else b" "
            for node in self._captures.get(key, ()):
                start, end = node.start_byte, node.end_byte
                code[start:end] = blank * (end - start)
        for start, end in self._stores:
            code[start:end] = b" " * (end - start)
        if self._bound:
            hide_bound(code, self._captures["block"], self._bound, budget)
        for key in hidden:
            for node in self._captures.get(key, ()):
                start, end = node.start_byte, node.end_byte
                if code[start] in b" \0":
                    self._gone.add(start)
                code[start:end] = b" " * (end - start)
        return self._scanner.with_dots(bytes(code))

    def _distinct(self, known: set[bytes] | None, budget: Budget) -> list[Found]:
        """The first use of each (scope, name, kind); annotations and base classes are told elsewhere or not at all."""
        code, findall = self._code(budget, "call", "inherit"), self._scanner.pattern.findall
        readings = Readings(self._scanner, known)
        local = {name for names in self._local.values() for name in names}
        unseen = self._members if known is not None else ()
        firsts: dict[tuple[str, str, str], int] = {}
        for count, (start, end, scope) in enumerate(self._runs(len(code))):
            if count % CHECK_EVERY == 0:
                budget.check()
            place = scope.qualname if scope else ""
            for found in set(findall(code, start, end)):
                reading = readings[found]
                if reading is None:
                    continue
                position = -1
                for name, kind, root, offset in reading:
                    if root in local and not self._is_use(name, root, scope):
                        continue
                    if root in unseen and (scope is None or scope.kind != "class"):
                        continue
                    if position < 0:
                        position = _find_word(code, found, start, end)
                    key = (place, name, kind)
                    if position + offset < firsts.get(key, _FAR):
                        firsts[key] = position + offset
        for position, name, scope in self._explicit():
            key = (scope.qualname if scope else "", name, "call")
            root = name.partition(".")[0].removesuffix("()")
            if known is not None and root.encode() not in known:
                continue
            if self._is_use(name, root, scope) and position < firsts.get(key, _FAR):
                firsts[key] = position
        return [(position, name, kind, place) for (place, name, kind), position in firsts.items()]

    def _runs(self, size: int) -> Iterator[tuple[int, int, Scope | None]]:
        """Stretches with one innermost scope each, in order."""
        position = 0
        scope: Scope | None = None
        for following in self._scopes:
            while scope is not None and scope.end <= following.start:
                yield position, scope.end, scope
                position, scope = max(position, scope.end), scope.parent
            yield position, following.start, scope
            position, scope = max(position, following.start), following
        while scope is not None:
            yield position, scope.end, scope
            position, scope = max(position, scope.end), scope.parent
        yield position, size, None

    def _explicit(self) -> Iterator[tuple[int, str, Scope | None]]:
        """Calls that the tree shows."""
        for node in self._captures.get("call", ()):
            name = flatten_chain(self._source.text(node.start_byte, node.end_byte))
            if name and node.start_byte not in self._gone:
                yield node.start_byte, name, self._source.scope_at(self._scopes, node.start_byte)

    def _every(self, budget: Budget) -> list[Found]:
        """Every use, in place."""
        code, readings = self._code(budget), Readings(self._scanner, None)
        calls = {node.start_byte for node in self._captures.get("call", ())}
        inherits = {node.start_byte for node in self._captures.get("inherit", ())}
        annotations = _Ranges(self._captures.get("annotation", []))
        found: list[Found] = []
        for count, (start, end, scope) in enumerate(self._runs(len(code))):
            if count % CHECK_EVERY == 0:
                budget.check()
            place = scope.qualname if scope else ""
            for match in self._scanner.pattern.finditer(code, start, end):
                for name, kind, root, offset in readings[match[0]] or ():
                    position = match.start() + offset
                    if kind == "name":
                        is_type = annotations.cover(position)
                        kind = "call" if position in calls else "inherit" if position in inherits else kind
                        kind = "annotation" if is_type and kind == "name" else kind
                    if self._is_use(name, root, scope):
                        found.append((position, name, kind, place))
        return found

    def _is_use(self, text: str, root: str, scope: Scope | None) -> bool:
        """Whether a name may mean something outside the function that it is in."""
        while self._local and scope is not None:
            names = self._local.get(scope)
            if names is not None and root in names:
                if root != text:
                    self._note_untyped(scope, root, names[root])
                return root != text
            scope = scope.parent
        return True

    def _note_untyped(self, scope: Scope, name: str, bound_at: int) -> None:
        key = (scope.qualname, name)
        if bound_at >= 0 and key not in self._typed and key not in self.untyped:
            self.untyped[key] = Binding(name, "", "local", self._source.line(bound_at), scope.qualname)

    def _quoted(self) -> Iterator[Found]:
        """The names in annotations that are written as strings."""
        data = self._source.data
        for node in self._captures.get("quoted", ()):
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
                yield match.start(), match[0].decode(), "annotation", scope.qualname if scope else ""


def _find_word(code: bytes, found: bytes, start: int, end: int) -> int:
    """Where `found`, which is there, starts as a word of its own."""
    first = position = code.find(found, start, end)
    is_open = found[-1:].isalnum() or found[-1:] in (b"_", b"$")  # more may follow that makes it another one
    while position >= 0:
        behind = code[position + len(found) : position + len(found) + 1]
        goes_on = is_open and (behind.isalnum() or (behind and behind in b"_$.("))
        before = code[position - 1 : position] if position > start else b""
        if not goes_on and not (before.isalnum() or (before and before in b"_$.")):
            return position
        position = code.find(found, position + 1, end)
    return first


class _Ranges:
    """Byte ranges, for positions that only grow."""

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
