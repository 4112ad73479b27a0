"""Uses of names: one regular expression over the code, after what is no code was blanked.

A tree has several nodes for each name, and handing them to Python costs more than parsing the file. So the tree only
says where names are no uses and what functions bind; the names themselves are found in the bytes. Captures:
- `reference.none`: nothing inside is a use (comments, strings, imports, keys). Names of definitions are none anyway.
- `reference.annotation` (all names inside are types), `reference.inherit`, `reference.call` (a called name that no
  parenthesis follows), `reference.quoted` (a string that holds a type).
- `reference.parameter`, `reference.local`: a name that the enclosing function binds for itself, as does any
  `definition.variable` in it; `reference.global`: it does not.

A bare name that a function binds for itself is no use of anything outside, so it is left out. `local.attribute` stays,
and a binding of kind "local" without a type tells that its first name is not the module's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from tree_sitter import Node

from indexer.grammar import Budget
from indexer.languages import Language
from indexer.source import Scope, Source
from indexer.types import Binding, Import, Reference, Symbol

SELF_NAMES = frozenset({"self", "cls", "this"})  # alone they tell nothing
CALLED_SELF = "cls"  # but a call of the class itself does
MAX_CHAIN_CHARACTERS = 300  # of `a(…).b(…).c`: longer ones are not read as one name
LITERAL_BYTES = 500  # how far back the bracket of `Literal["a", "b"]` is looked for
FUNCTIONS = ("function", "method")
Found = tuple[int, str, str, str]  # position, name, kind, scope
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
_PAREN, _EQUALS, _QUOTES = 0x28, 0x3D, b"\"'"
_DOT, _MINUS, _COLON, _ZERO, _NINE = 0x2E, 0x2D, 0x3A, 0x30, 0x39


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


class _Scanner:
    """Finds dotted names in the code of one language, and reads what it found."""

    def __init__(self, language: Language) -> None:
        word, joint = language.word, language.separators
        types = rb"(?:" + _TYPE_ARGUMENTS + rb")?" if language.generics else b""
        chain = joint + word + rb"|" + types + _ARGUMENTS + joint + word
        if language.generics:
            chain += rb"|" + _TYPE_ARGUMENTS + joint + word
        after = types + rb"!{0,2}[ \t]*+\(|[\"']"
        after += rb"|[ \t]*+=(?![=~])" if language.named_arguments else b""
        number, before = rb"[0-9][\w.]*+", rb"(?:\.{1,3}|->|::)?"
        # A name with what is in front of it (a dot: it is a member of something else) and behind it (a parenthesis: it
        # is called; a quote: it is the prefix of a string).
        self.pattern = re.compile(
            number + rb"|" + before + word + rb"(?:" + chain + rb")*+(?:" + after + rb")?"
        )
        self._root = re.compile(word)
        self._types = re.compile(_TYPE_ARGUMENTS + rb"\Z") if language.generics else None
        self._keywords = frozenset(word.encode() for word in language.keywords)

    def read(self, found: bytes, known: set[bytes] | None) -> tuple[bytes, int, bool] | None:
        """Of what the pattern found: the dotted name as written, where it starts in it, and whether it is called.

        None for what is no name, a keyword, or (with `known`) begins with a name that is not among those.
        """
        first, start = found[0], 0
        if first in (_DOT, _MINUS, _COLON):
            start = len(found) - len(found.lstrip(b".->:"))
            if first == _MINUS or (first == _DOT and start == 1):
                return None
        elif _ZERO <= first <= _NINE:
            return None
        root = self._root.match(found, start)
        if root is None or (root[0] not in known if known is not None else root[0] in self._keywords):
            return None
        name, last = found[start:], found[-1]
        if last == _PAREN:
            name = name[:-1].rstrip(b" \t!")
            if self._types is not None and name.endswith(b">"):
                name = self._types.sub(b"", name)
            return name, start, True
        if last in _QUOTES:
            return None
        if last == _EQUALS:
            name = name[:-1].rstrip(b" \t")
            return (name, start, False) if name != root[0] else None
        return name, start, False


@cache
def _scanner(language: Language) -> _Scanner:
    return _Scanner(language)


class Uses:
    """Finds the uses of names in one file. `captures` are the nodes by their names, those of definitions included."""

    def __init__(
        self, source: Source, language: Language, scopes: list[Scope], captures: Mapping[str, list[Node]]
    ) -> None:
        self.untyped: dict[tuple[str, str], Binding] = {}
        self._source = source
        self._language = language
        self._scanner = _scanner(language)
        self._scopes = scopes
        self._captures = captures
        self._typed: set[tuple[str, str]] = set()
        self._local: dict[
            Scope, dict[str, int]
        ] = {}  # function -> name -> where it is first bound, -1: parameter
        self._stores: list[tuple[int, int]] = []

    def collect(
        self,
        symbols: Iterable[Symbol],
        imports: Iterable[Import],
        bindings: Iterable[Binding],
        budget: Budget,
        *,
        every_use: bool,
    ) -> tuple[list[Reference], list[Binding]]:
        """The references by position, and the bindings of untyped local names that they start with."""
        self._typed = {(binding.scope, binding.name) for binding in bindings}
        known = None
        if self._language.closed and not every_use and not any(entry.name == "*" for entry in imports):
            known = {name.encode() for name in self._known(symbols, imports, bindings)}
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
            if symbol.kind != "method":
                yield symbol.name
        for binding in bindings:
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
                continue
            names = self._local.setdefault(scope, {})
            text = name.decode("utf-8", "replace")
            if key == "global":
                names.pop(text, None)
            else:
                names.setdefault(text, -1 if key == "parameter" else start)

    def _code(self, *hidden: str) -> bytes:
        """The bytes, blanks where nothing is a use."""
        code = bytearray(self._source.data)
        for key in ("none", "defined", *hidden):
            for node in self._captures.get(key, ()):
                start, end = node.start_byte, node.end_byte
                code[start:end] = b" " * (end - start)
        for start, end in self._stores:
            code[start:end] = b" " * (end - start)
        return bytes(code)

    def _distinct(self, known: set[bytes] | None, budget: Budget) -> list[Found]:
        """The first use of each (scope, name, kind); annotations and base classes are told elsewhere or not at all."""
        code, read, findall = self._code("call", "inherit"), self._scanner.read, self._scanner.pattern.findall
        firsts: dict[tuple[str, str, str], int] = {}
        for start, end, scope in self._runs(len(code)):
            budget.check()
            place = scope.qualname if scope else ""
            pending = list(set(findall(code, start, end)))
            for found in pending:
                use = read(found, known)
                if use is None:
                    continue
                written, offset, called = use
                if b"(" in written:
                    for inside in _INSIDE.findall(written):
                        pending.extend(findall(inside))
                position = -1
                for name, kind in _parts(written, called):
                    key = (place, name, kind)
                    if not self._is_use(name, kind, scope):
                        continue
                    if position < 0:
                        position = _find_word(code, found, start, end) + offset
                    if position < firsts.get(key, _FAR):
                        firsts[key] = position
        for position, name, scope in self._explicit():
            key = (scope.qualname if scope else "", name, "call")
            if self._is_use(name, "call", scope) and position < firsts.get(key, _FAR):
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
            if name:
                yield node.start_byte, name, self._source.scope_at(self._scopes, node.start_byte)

    def _every(self, budget: Budget) -> list[Found]:
        """Every use, in place."""
        code, read = self._code(), self._scanner.read
        calls = {node.start_byte for node in self._captures.get("call", ())}
        inherits = {node.start_byte for node in self._captures.get("inherit", ())}
        annotations = _Ranges(self._captures.get("annotation", []))
        found: list[Found] = []
        for start, end, scope in self._runs(len(code)):
            budget.check()
            place = scope.qualname if scope else ""
            pending = [
                (match.start(), match[0]) for match in self._scanner.pattern.finditer(code, start, end)
            ]
            inner: list[tuple[int, bytes]] = []
            for at, text in pending:
                use = read(text, None)
                if use is None:
                    continue
                written, offset, called = use
                position = at + offset
                if b"(" in written:
                    for inside in _INSIDE.finditer(code, position, position + len(written)):
                        names = self._scanner.pattern.finditer(code, inside.start(), inside.end())
                        inner.extend((match.start(), match[0]) for match in names)
                in_annotation = annotations.cover(position)
                for name, kind in _parts(written, called or position in calls):
                    if kind == "name":
                        kind = "inherit" if position in inherits else "annotation" if in_annotation else kind
                    if self._is_use(name, kind, scope):
                        found.append((position, name, kind, place))
            for at, text in inner:
                use = read(text, None)
                if use is not None and b"(" not in use[0]:
                    found.extend(
                        (at + use[1], name, kind, place)
                        for name, kind in _parts(use[0], use[2])
                        if self._is_use(name, kind, scope)
                    )
        return found

    def _is_use(self, text: str, kind: str, scope: Scope | None) -> bool:
        """Whether a name may mean something outside the function that it is in."""
        root = text.partition(".")[0].removesuffix("()")
        is_bare = root == text
        if text == CALLED_SELF and kind == "call":
            return True
        if is_bare and (text in SELF_NAMES or text == "super" or text in self._language.self_names):
            return False
        while self._local and scope is not None:
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


def _parts(written: bytes, called: bool) -> Iterator[tuple[str, str]]:
    """Name and kind; of `make(x).run().y` the calls of `make` and `make().run`, then itself."""
    text = written.decode("utf-8", "replace")
    if not text.isidentifier() and _QUALIFIED.fullmatch(text) is None:
        text = flatten_chain(text)
    if not text:
        return
    at = text.find("()")
    while at >= 0:
        yield text[:at], "call"
        at = text.find("()", at + 2)
    yield text, "call" if called else "name"


def _find_word(code: bytes, found: bytes, start: int, end: int) -> int:
    """Where `found`, which is there, starts as a word of its own."""
    position = code.find(found, start, end)
    while position > start and (code[position - 1 : position].isalnum() or code[position - 1] in b"_$."):
        following = code.find(found, position + 1, end)
        if following < 0:
            break
        position = following
    return position


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
