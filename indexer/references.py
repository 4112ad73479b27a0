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
from functools import cache

from tree_sitter import Node

from indexer.blocks import hide_bound
from indexer.grammar import Budget
from indexer.languages import Language
from indexer.source import Scope, Source
from indexer.types import Binding, Import, Reference, Symbol

SELF_NAMES = frozenset({"self", "cls", "this", "super"})  # alone they tell nothing
CALLED_SELF = "cls"  # but a call of the class itself does
MAX_CHAIN_CHARACTERS = 300  # of `a(…).b(…).c`: longer ones are not read as one name
LITERAL_BYTES = 500  # how far back the bracket of `Literal["a", "b"]` is looked for
FUNCTIONS = ("function", "method")
Found = tuple[int, str, str, str]  # position, name, kind, scope
Reading = tuple[str, str, str, int]  # name, kind, first name, offset
CHECK_EVERY = 16  # stretches of code between looks at the budget
_WORD_BYTES = frozenset(b"_" + string.ascii_letters.encode() + string.digits.encode())
_FAR = 1 << 62  # behind every file's end
_WORDS = re.compile(rb"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_NO_TYPES = (b"Literal", b"Annotated")  # their strings are values
_CALL = re.compile(r"\([^()]*\)")
_INSIDE = re.compile(rb"(?<=\()[^()]+")
_GENERIC = re.compile(r"<[^<>]*>")
_SEPARATOR = re.compile(r"[?!&]*\.#?|\??->|::|\\")
_NAME = r"[$@]{0,2}[^\W\d][\w$]*(?:[?!](?!\.))?"  # Ruby's and PHP's signs included, but not those of `a?.b`
_PLAIN = re.compile(r"[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)*+")
_QUALIFIED = re.compile(rf"{_NAME}(?:\.{_NAME})*")
_WORD = rb"[A-Za-z_$\x80-\xff][\w$\x80-\xff]*+"
_DOT = rb"\s*+\.\s*+"
_ARGUMENTS = rb"\([^()]{0,100}+\)"
_TYPE_ARGUMENTS = rb"(?:\. )?<[^<>;(){}]{0,60}+>"
_LEADING_BACKSLASH = re.compile(rb"(?<!\w)\\")  # of PHP's absolute names


def flatten_chain(text: str) -> str:
    """`make(a, f(b)).run` -> `make().run`, `Foo<T>::new` -> `Foo.new`; "" for what is no such chain."""
    if text.isidentifier() or _PLAIN.fullmatch(text):
        return text
    if len(text) > MAX_CHAIN_CHARACTERS:
        return ""
    if "(" in text:
        shorter = _CALL.sub("\0", text)
        while shorter != text:
            text, shorter = shorter, _CALL.sub("\0", shorter)
        text = text.replace("\0", "()")
    text = "".join(text.split())
    if "<" in text:
        shorter = _GENERIC.sub("", text.replace("::<", "<"))
        while shorter != text:
            text, shorter = shorter, _GENERIC.sub("", shorter)
    bare = text.replace("()", "")
    if is_dotted(bare):
        return text
    text = _SEPARATOR.sub(".", text)
    if is_dotted(text.replace("()", "")):
        return text
    text = text.lstrip("&*$@#")
    return text if is_dotted(text.replace("()", "")) else ""


def with_self(name: str) -> str:
    """Ruby's `@field` as `self.@field`: a member of the object, as in other languages."""
    return f"self.{name}" if name.startswith("@") else name


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
        marks = rb"[" + re.escape(language.marks) + rb"]?+" if language.marks else b""
        word = _WORD + marks
        types = rb"(?:" + _TYPE_ARGUMENTS + rb")?" if language.generics else b""
        chain = _DOT + word + rb"|" + types + _ARGUMENTS + _DOT + word
        if language.generics:
            chain += rb"|" + _TYPE_ARGUMENTS + _DOT + word
        after = types + rb"!{0,2}[ \t]*+\(|[\"']"
        after += rb"|[ \t]*+=(?![=~])" if language.named_arguments else b""
        # It starts with a set of characters, which the search skips to. What is no name is sorted out later, once for
        # each text: a number, a member of something else (a dot in front), the prefix of a string (a quote behind).
        first = rb"[.0-9A-Za-z_$@\x80-\xff" + re.escape(language.sigils) + rb"]"
        rest = rb"[\w$\x80-\xff]*+" + marks
        self.pattern = re.compile(first + rest + rb"(?:" + chain + rb")*+(?:" + after + rb")?")
        self.alone = SELF_NAMES | frozenset(language.self_names)
        signs = rb"[" + re.escape(language.sigils) + rb"]?+" if language.sigils else b""
        self._root = re.compile(signs + _WORD + marks)
        self._types = re.compile(_TYPE_ARGUMENTS + rb"\Z") if language.generics else None
        self._keywords = frozenset(word.encode() for word in language.keywords)
        self._sigils = language.sigils
        self._joints = [(joint, _as_dot(joint)) for joint in language.joints]

    def with_dots(self, code: bytes) -> bytes:
        """The code with dots for all that joins names, of the same length."""
        for joint, dot in self._joints:
            if joint == b"\\":
                code = _LEADING_BACKSLASH.sub(b" ", code)
            code = code.replace(joint, dot)
        return code

    def read(self, found: bytes, known: set[bytes] | None) -> tuple[bytes, int, bool] | None:
        """Of what the pattern found: the dotted name as written, where it starts in it, and whether it is called.

        None for what is no name, a keyword, or (with `known`) begins with a name that is not among those.
        """
        start, first = 0, found[0]
        if first == 0x2E:
            bare = found.lstrip(b". \t\r\n")
            start = len(found) - len(bare)
            if found.count(b".", 0, start) < 2:  # two or three: a range, or what is spread
                return None
        if first == 0x40 and b"@" not in self._sigils:
            start = 1
        root = self._root.match(found, start)
        if root is None or (root[0] not in known if known is not None else root[0] in self._keywords):
            return None
        name, last = found[start:], found[-1:]
        if last == b"(":
            name = name[:-1].rstrip(b" \t!")
            if self._types is not None and name.endswith(b">"):
                name = self._types.sub(b"", name)
            return name, start, True
        if last in (b'"', b"'"):
            return None
        if last == b"=":
            name = name[:-1].rstrip(b" \t")
            return (name, start, False) if name != root[0] else None
        return name, start, False


def _as_dot(joint: bytes) -> bytes:
    """A dot and blanks, the dot first where a joint may stand in front of a first name."""
    blanks = b" " * (len(joint) - 1)
    return b"." + blanks if joint == b"::" else blanks + b"."


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
        readings = _Readings(self._scanner, known)
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
        code, readings = self._code(budget), _Readings(self._scanner, None)
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


class _Readings(dict[bytes, tuple[Reading, ...] | None]):
    """What the scanner found -> the uses in it, each text read once for a file."""

    def __init__(self, scanner: _Scanner, known: set[bytes] | None) -> None:
        self._scanner = scanner
        self._known = known

    def __missing__(self, found: bytes) -> tuple[Reading, ...] | None:
        use = self._scanner.read(found, self._known)
        readings = (tuple(self._readings(use, 0)) or None) if use is not None else None
        self[found] = readings
        return readings

    def _readings(self, use: tuple[bytes, int, bool], base: int) -> Iterator[Reading]:
        written, offset, called = use
        text = written.decode("utf-8", "replace")
        if not text.isidentifier() and _QUALIFIED.fullmatch(text) is None:
            text = flatten_chain(text)
        text = with_self(text)
        root = text.partition(".")[0].removesuffix("()")
        at = text.find("()")
        while at >= 0:  # of `make().run().y` the calls of `make` and `make().run`, then itself
            if not self._is_self(text[:at], True):
                yield text[:at], "call", root, base + offset
            at = text.find("()", at + 2)
        if text and not self._is_self(text, called):
            yield text, "call" if called else "name", root, base + offset
        if b"(" in written:
            for inside in _INSIDE.finditer(written):
                for match in self._scanner.pattern.finditer(written, inside.start(), inside.end()):
                    inner = self._scanner.read(match[0], self._known)
                    if inner is not None:
                        yield from self._readings(inner, base + offset + match.start())

    def _is_self(self, text: str, called: bool) -> bool:
        """Whether it is the object itself, which tells nothing, unless the class is called."""
        return text in self._scanner.alone and not (called and text == CALLED_SELF)


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
