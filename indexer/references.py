"""Uses of names: one regular expression over the code, after what is no code was blanked.

A tree has several nodes for each name, and handing them to Python costs more than parsing the file. So the tree only
says where names are no uses and what functions bind; the names themselves are found in the bytes. Captures:
- `reference.none`: nothing inside is a use (comments, strings, imports, keys, names of definitions).
- `reference.annotation` (all names inside are types), `reference.inherit`, `reference.call` (a called name that no
  parenthesis follows), `reference.quoted` (a string that holds a type).
- `reference.parameter`, `reference.local`: a name that the enclosing function binds for itself; `reference.global`: it
  does not.

A bare name that a function binds for itself is no use of anything outside, so it is left out. `local.attribute` stays,
and a binding of kind "local" without a type tells that its first name is not the module's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from tree_sitter import Node

from indexer.grammar import Budget
from indexer.languages import Language
from indexer.source import Scope, Source
from indexer.types import Binding, Import, Reference, Symbol

SELF_NAMES = frozenset({"self", "cls", "this"})  # alone they tell nothing
CALLED_SELF = "cls"  # but a call of the class itself does
MAX_CHAIN_CHARACTERS = 300  # of `a(…).b(…).c`: longer ones are not read as one name
CHECK_EVERY = 1024  # names between looks at the budget
LITERAL_BYTES = 500  # how far back the bracket of `Literal["a", "b"]` is looked for
FUNCTIONS = ("function", "method")
_FAR = 1 << 62  # behind every file's end
_WORDS = re.compile(rb"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_NO_TYPES = (b"Literal", b"Annotated")  # their strings are values
_SPACE = re.compile(r"\s+")
_CALL = re.compile(r"\([^()]*\)")
_INSIDE = re.compile(rb"(?<=\()[^()]+")
_GENERIC = re.compile(r"<[^<>]*>")
_SEPARATOR = re.compile(r"[?!&]*\.|\??->|::|\\")
_NAME = r"[$@]{0,2}[^\W\d][\w$]*[?!]?"  # Ruby's and PHP's signs included
_QUALIFIED = re.compile(rf"{_NAME}(?:\.{_NAME})*")
_ARGUMENTS = rb"\([^()]{0,100}\)"
_TYPE_ARGUMENTS = rb"(?:::)?<[^<>;(){}]{0,60}>"


def flatten_chain(text: str) -> str:
    """`make(a, f(b)).run` -> `make().run`, `Foo<T>::new` -> `Foo.new`; "" for what is no such chain."""
    if text.isidentifier():
        return text
    if len(text) > MAX_CHAIN_CHARACTERS:
        return ""
    if "(" in text:
        shorter = _CALL.sub("\0", text)
        while shorter != text:
            text, shorter = shorter, _CALL.sub("\0", shorter)
        text = text.replace("\0", "()")
    text = _SPACE.sub("", text)
    if "<" in text:
        shorter = _GENERIC.sub("", text.replace("::<", "<"))
        while shorter != text:
            text, shorter = shorter, _GENERIC.sub("", shorter)
    if not is_dotted(text.replace("()", "")):
        text = _SEPARATOR.sub(".", text).lstrip("&*$@")
    return text if is_dotted(text.replace("()", "")) else ""


def is_dotted(name: str) -> bool:
    """Whether the text is a name or names joined by dots."""
    return _QUALIFIED.fullmatch(name) is not None


def dotted_owner(text: str) -> str:
    """The name of a type as written: `*Server[T]` -> Server, `ns::Foo<T>` -> ns.Foo; "" for none."""
    found = _QUALIFIED.search(_GENERIC.sub("", text).replace("::", ".").replace("\\", "."))
    return found[0] if found else ""


@cache
def _scanner(language: Language) -> re.Pattern[bytes]:
    """Groups: the first name, the rest of the chain, and "(" if the chain is called."""
    name, joint = language.word, language.separators
    types = rb"(?:" + _TYPE_ARGUMENTS + rb")?" if language.generics else b""
    arguments = types + rb"(?:" + _ARGUMENTS + rb")?"
    called = rb"(?=" + types + rb"!{0,2}[ \t]*(\()?)"
    before = rb"(?<![\w$])(?:(?<!\.)|(?<=\.\.))" + (rb"(?<!->)" if b"->" in joint else b"")
    return re.compile(before + rb"(" + name + rb")((?:" + arguments + joint + name + rb")*)" + called)


@cache
def _keywords(language: Language) -> frozenset[bytes]:
    return frozenset(word.encode() for word in language.keywords)


class Uses:
    """Finds the uses of names in one file."""

    def __init__(self, source: Source, language: Language, scopes: list[Scope], *, every_use: bool) -> None:
        self.untyped: dict[tuple[str, str], Binding] = {}
        self._source = source
        self._language = language
        self._scopes = scopes
        self._every_use = every_use
        self._captures: dict[str, list[Node]] = {}
        self._typed: set[tuple[str, str]] = set()
        self._local: dict[
            Scope, dict[str, int]
        ] = {}  # function -> name -> where it is first bound, -1: parameter
        self._stores: set[int] = set()

    def note(self, match: dict[str, list[Node]]) -> None:
        """Take in the captures of one match."""
        for key, nodes in match.items():
            if key.startswith("reference."):
                self._captures.setdefault(key, []).extend(nodes)

    def collect(
        self,
        symbols: Iterable[Symbol],
        imports: Iterable[Import],
        bindings: Iterable[Binding],
        budget: Budget,
    ) -> tuple[list[Reference], list[Binding]]:
        """The references by position, and the bindings of untyped local names that they start with."""
        self._typed = {(binding.scope, binding.name) for binding in bindings}
        known = None
        if self._language.closed and not self._every_use and not any(entry.name == "*" for entry in imports):
            known = {name.encode() for name in self._known(symbols, imports, bindings)}
        for key in ("parameter", "local", "global"):
            self._read_locals(key, known)
        budget.check()
        found = self._scan(known, budget)
        quoted = list(self._quoted())
        if quoted:
            found = sorted([*found, *quoted], key=lambda entry: (entry.line, entry.column))
        return found, list(self.untyped.values())

    def _known(
        self, symbols: Iterable[Symbol], imports: Iterable[Import], bindings: Iterable[Binding]
    ) -> Iterator[str]:
        """First names of what can mean a definition."""
        yield from self._language.self_names
        yield "super"
        for entry in imports:
            yield (entry.alias or entry.name or entry.module).partition(".")[0]
        for symbol in symbols:
            if symbol.kind != "method":
                yield symbol.name
        for binding in bindings:
            yield binding.name.partition(".")[0]

    def _read_locals(self, key: str, known: set[bytes] | None) -> None:
        data, source, scopes = self._source.data, self._source, self._scopes
        for node in self._captures.get(f"reference.{key}", ()):
            start = node.start_byte
            name = data[start : node.end_byte]
            if known is not None and name not in known:
                continue
            self._stores.add(start)
            scope = source.scope_at(scopes, start)
            if scope is None or scope.kind not in FUNCTIONS:
                continue
            names = self._local.setdefault(scope, {})
            text = name.decode("utf-8", "replace")
            if key == "global":
                names.pop(text, None)
            else:
                names.setdefault(text, -1 if key == "parameter" else start)

    def _code(self) -> bytes:
        """The bytes, blanks where nothing is a use."""
        nodes = self._captures.get("reference.none")
        if not nodes:
            return self._source.data
        code = bytearray(self._source.data)
        for node in nodes:
            start, end = node.start_byte, node.end_byte
            code[start:end] = b" " * (end - start)
        return bytes(code)

    def _scan(self, known: set[bytes] | None, budget: Budget) -> list[Reference]:
        source, every_use = self._source, self._every_use
        calls, inherits = self._starts("reference.call"), self._starts("reference.inherit")
        annotations = _Ranges(self._captures.get("reference.annotation", []))
        keywords, stores, has_locals = _keywords(self._language), self._stores, bool(self._local)
        sweep = _Sweep(source, self._scopes)
        seen: set[tuple[str, str, str]] = set()
        found: list[Reference] = []
        count = 0
        for position, root, rest, called in self._names(_scanner(self._language), self._code()):
            if root in keywords or (known is not None and root not in known):
                continue
            count += 1
            if count % CHECK_EVERY == 0:
                budget.check()
            if position in stores and not rest:
                continue
            name = _chain(root, rest)
            kind = "call" if called or position in calls else "name"
            if position in inherits:
                kind = "inherit"
            elif kind == "name" and annotations.cover(position):
                kind = "annotation"
            sweep.move(position)
            scope = sweep.scope
            place = scope.qualname if scope else ""
            for text, told in _called_parts(name, kind) if "(" in name else ((name, kind),):
                key = (place, text, told)
                if (every_use or key not in seen) and text and self._is_use(text, told, scope, has_locals):
                    seen.add(key)
                    line = source.line(position)
                    found.append(Reference(text, told, line, source.column(line, position), place))
        return found

    def _names(self, pattern: re.Pattern[bytes], code: bytes) -> Iterator[tuple[int, bytes, bytes, bool]]:
        """Position, first name, the rest of the chain, whether it is called; arguments inside chains too."""
        for match in pattern.finditer(code):
            root, rest, called = match.groups()
            position = match.start()
            yield position, root, rest, called is not None
            if rest and b"(" in rest:
                for inside in _INSIDE.finditer(code, match.start(2), match.end(2)):
                    for inner in pattern.finditer(code, inside.start(), inside.end()):
                        yield inner.start(), inner[1], inner[2], False

    def _is_use(self, text: str, kind: str, scope: Scope | None, has_locals: bool) -> bool:
        """Whether a name may mean something outside the function that it is in."""
        root = text.partition(".")[0].removesuffix("()")
        is_bare = root == text
        if text == CALLED_SELF and kind == "call":
            return True
        if is_bare and (text in SELF_NAMES or text == "super" or text in self._language.self_names):
            return False
        while has_locals and scope is not None:
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

    def _quoted(self) -> Iterator[Reference]:
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
                name = match[0].decode()
                yield Reference(name, "annotation", line, column, scope.qualname if scope else "")

    def _starts(self, key: str) -> set[int]:
        return {node.start_byte for node in self._captures.get(key, ())}


def _chain(root: bytes, rest: bytes) -> str:
    """The dotted name of a match; "" if it is none after all."""
    if not rest:
        return root.decode("utf-8", "replace")
    text = (root + rest).decode("utf-8", "replace")
    return text if _QUALIFIED.fullmatch(text) else flatten_chain(text)


def _called_parts(name: str, kind: str) -> Iterator[tuple[str, str]]:
    """`make().run().x` -> the calls of `make` and `make().run`, then itself."""
    at = name.find("()")
    while at >= 0:
        yield name[:at], "call"
        at = name.find("()", at + 2)
    yield name, kind


class _Sweep:
    """The innermost scope at positions that only grow."""

    def __init__(self, source: Source, scopes: list[Scope]) -> None:
        self.scope: Scope | None = None
        self._scopes = scopes
        self._next = 0  # index of the first scope that starts later

    def move(self, position: int) -> None:
        """Go on to a position."""
        scopes, index, scope = self._scopes, self._next, self.scope
        while index < len(scopes) and scopes[index].start <= position:
            scope = scopes[index]
            index += 1
        while scope is not None and scope.end <= position:
            scope = scope.parent
        self._next, self.scope = index, scope


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
