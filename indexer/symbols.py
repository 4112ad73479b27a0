"""Tree -> definitions, references, imports, bindings. The captures that it reads: `indexer/matched.py`."""

from __future__ import annotations

from typing import Any, NamedTuple

from tree_sitter import Node, Tree

from indexer.dotted import dotted_owner
from indexer.grammar import Budget, Syntax
from indexer.headers import MAX_DECORATOR_CHARACTERS, Headers, first_doc_line, fold
from indexer.languages import Language
from indexer.matched import SCOPE_KINDS, Match, Matched
from indexer.references import Uses
from indexer.source import Scope, Source
from indexer.statements import Statements
from indexer.types import Binding, Import, Reference, Span, Symbol

MAX_VARIABLE_CHARACTERS = 160  # enough for a name, its annotation and a short value
_EXPORTS = (b"", b"export", b"export default")  # what TypeScript allows between a decorator and its class


class Extracted(NamedTuple):
    """What a tree says. `scopes` are the definitions with their byte ranges, in order, for the chunker."""

    symbols: tuple[Symbol, ...]
    references: tuple[Reference, ...]
    imports: tuple[Import, ...]
    bindings: tuple[Binding, ...]
    scopes: tuple[Scope, ...] = ()
    package: str = ""


def file_symbol(source: Source, doc: str = "") -> Symbol:
    """The symbol that stands for the file itself."""
    return Symbol("", "", "file", Span(1, max(1, source.n_lines), 0, len(source.data)), "", doc, ())


def extract(
    tree: Tree, source: Source, syntax: Syntax, budget: Budget, *, every_use: bool = False
) -> Extracted:
    """All facts of a parsed file. Raises BudgetError.

    References are the first of each (scope, name, kind), and in closed languages only those whose first part the
    file knows; with `every_use` all of them, which is what a buffer with a cursor needs.
    """
    matched = Matched(tree, source, syntax, budget)
    reader = _Definitions(source, syntax.language, matched)
    statements = Statements(source, syntax.language, matched, reader.scopes)
    budget.check()
    symbols, imports, bindings = reader.symbols(), statements.imports(), statements.bindings(reader.returns)
    budget.check()
    uses = Uses(source, syntax.language, reader.scopes, matched.references())
    references, locals_ = uses.collect(symbols, imports, bindings, budget, every_use=every_use)
    bindings.extend(locals_)
    return Extracted(
        symbols,
        tuple(references),
        tuple(imports),
        tuple(bindings),
        tuple(reader.scopes),
        statements.package(),
    )


class _Definitions:
    """Reads the definitions of one file."""

    def __init__(self, source: Source, language: Language, matched: Matched) -> None:
        self.source = source
        self.scopes: list[Scope] = []
        self._matched = matched
        self._language = language
        self._headers = Headers(source, language)
        self._starts: dict[int, int] = {}  # definition -> where its outermost wrapper starts
        for match in self._matched.of("decoration"):
            decorated, first = match["decorated"][0].start_byte, match["decoration"][0].start_byte
            self._starts[decorated] = min(first, self._starts.get(decorated, first))
        self.returns: list[tuple[Scope, str]] = []
        self._decorators: dict[int, list[str]] = {}  # by the start of the definition
        self._nest()

    def _nest(self) -> None:
        """Make the scopes, outer ones first."""
        decorators = _Decorators([m["decorator"][0] for m in self._matched.of("decorator")], self.source)
        around: list[Scope] = []
        unnamed: dict[str, int] = {}
        for start, end, match, kind in self._definitions():
            while around and around[-1].end <= start:
                around.pop()
            outer = around[-1] if around else None
            name = self._name(match, kind)
            if not name:
                continue
            if kind == "class" and name in self._language.keywords:  # without a name: `new Foo() { … }`
                nameless = self._qualify(outer, name)
                count = unnamed[nameless] = unnamed.get(nameless, 0) + 1
                name = f"{name}{count}" if count > 1 else name
            header_end = match["body"][0].start_byte if "body" in match else end
            own = decorators.take(start, header_end)
            first = min([self._starts.get(start, start), *(at for at, _ in own)])
            if own:
                self._decorators[start] = [self._decorator_text(*span) for span in own]
            signature = self._headers.signature(start, header_end, own)
            qualname, kind = self._place(match, name, kind, outer)
            scope = Scope(start, end, first, name.rpartition(".")[2], qualname, kind, outer, signature)
            self.scopes.append(scope)
            around.append(scope)
            if "returns" in match:
                returns = match["returns"][0]
                self.returns.append((scope, self.source.text(returns.start_byte, returns.end_byte)))

    def _definitions(self) -> list[tuple[int, int, Match, str]]:
        """The definitions that are scopes, by position, of one node and name one."""
        found: dict[tuple[int, int, int], tuple[int, int, Match, str]] = {}
        for kind in SCOPE_KINDS:
            role = f"definition.{kind}"
            for match in self._matched.of(role):
                if role in match and "name" in match:
                    node = match[role][0]
                    key = (node.start_byte, -node.end_byte, match["name"][0].start_byte)
                    if key in found:  # several patterns may each tell a part of one definition
                        match = {**match, **found[key][2]}
                        kind = found[key][3]
                    found[key] = (node.start_byte, node.end_byte, match, kind)
        return [found[key] for key in sorted(found)]

    def _name(self, match: Match, kind: str) -> str:
        name = self._matched.text(match, "name")
        if kind in ("namespace", "extension"):
            return dotted_owner(name)
        return name.lstrip("#:").strip("`")  # JavaScript's private names, Kotlin's with blanks

    @staticmethod
    def _qualify(outer: Scope | None, name: str) -> str:
        return f"{outer.qualname}.{name}" if outer else name

    def _place(self, match: Match, name: str, kind: str, outer: Scope | None) -> tuple[str, str]:
        """The qualified name and the kind of a definition."""
        if "global" in match:
            return name, kind
        inside = outer is not None and outer.kind in ("class", "extension")
        if "owner" in match and (kind != "function" or not inside):
            owner = self._owner(match)
            if owner:
                return self._qualify(outer, f"{owner}.{name}"), "method" if kind == "function" else kind
        if kind == "function" and inside:
            kind = "method"
        return self._qualify(outer, name), kind

    def _owner(self, match: Match) -> str:
        """The type that a definition belongs to; several nodes are the parts of its name (`ns::Type<T>::f`)."""
        texts = (self.source.text(node.start_byte, node.end_byte) for node in match["owner"])
        return ".".join(filter(None, map(dotted_owner, texts)))

    def _decorator_text(self, start: int, end: int) -> str:
        return fold(self.source.text(start, min(end, start + 4 * MAX_DECORATOR_CHARACTERS)))[
            :MAX_DECORATOR_CHARACTERS
        ]

    def symbols(self) -> tuple[Symbol, ...]:
        """The file's own symbol, then definitions by position; of a variable assigned twice the first place."""
        docs, bases, headers = self._docs(), self._bases(), self._headers
        around = {scope.qualname: scope.signature for scope in self.scopes if scope.kind == "class"}
        found: list[tuple[int, Symbol]] = []
        known: set[str] = set()
        for scope in self.scopes:
            if scope.kind == "extension" or (scope.kind == "namespace" and scope.qualname in known):
                continue
            known.add(scope.qualname)
            start = scope.outer_start
            doc = docs.get(scope.start) or headers.comment_above(start)
            symbol = Symbol(
                scope.name, scope.qualname, scope.kind, self.source.span(start, scope.end), scope.signature, doc,
                tuple(bases.get(scope.start, ())), tuple(self._decorators.get(scope.start, ())),
                headers.visibility(scope.name, scope.signature, around.get(scope.qualname.rpartition(".")[0])),
            )  # fmt: skip
            found.append((start, symbol))
        if self._language.fields_apart:
            known.clear()
        for start, end, name, qualname in self._variables():
            if qualname not in known:
                known.add(qualname)
                text = fold(self.source.text(start, min(end, start + 2 * MAX_VARIABLE_CHARACTERS)))
                doc, span = headers.comment_above(start), self.source.span(start, end)
                cut = text[:MAX_VARIABLE_CHARACTERS]
                visibility = headers.visibility(name, text, around.get(qualname.rpartition(".")[0]))
                found.append((start, Symbol(name, qualname, "variable", span, cut, doc, (), (), visibility)))
        found.sort(key=_position)
        return (file_symbol(self.source, docs.get(-1, "")), *(symbol for _, symbol in found))

    def _docs(self) -> dict[int, str]:
        """Start of a definition (-1: the file) -> first line of its documentation."""
        docs: dict[int, str] = {}
        for match in self._matched.of("documented"):
            owner, doc = match["documented"][0], match["doc"][0]
            key = -1 if owner.parent is None else owner.start_byte
            docs[key] = first_doc_line(self.source.text(doc.start_byte, doc.end_byte))
        return docs

    def _bases(self) -> dict[int, list[str]]:
        """Start of a class -> its bases as written; those that an extension adds belong to its class."""
        bases: dict[int, list[str]] = {}
        classes = {scope.qualname: scope.start for scope in self.scopes if scope.kind == "class"}
        extensions = {scope.start: scope.qualname for scope in self.scopes if scope.kind == "extension"}
        for match in self._matched.of("heir"):
            base, start = match["base"][0], match["heir"][0].start_byte
            written = fold(self.source.text(base.start_byte, base.end_byte))
            if start in extensions:
                start = classes.get(extensions[start], start)
            known = bases.setdefault(start, [])
            if written not in known:
                known.append(written)
        return bases

    def _variables(self) -> list[tuple[int, int, str, str]]:
        groups = (self._matched.of(role) for role in ("definition.variable", "definition.member"))
        matches = [match for group in groups for match in group]
        inward = {
            match["name"][0].start_byte for match in matches if "name" in match and "outward" not in match
        }
        found = (
            self._variable(match)
            for match in matches
            if "outward" not in match or match["name"][0].start_byte not in inward
        )
        return sorted(variable for variable in found if variable is not None)

    def _variable(self, match: Match) -> tuple[int, int, str, str] | None:
        """Start, end, name and qualname of a variable that is a symbol."""
        is_member = "definition.member" in match
        role = "definition.member" if is_member else "definition.variable"
        if role not in match or "name" not in match:
            return None
        node = match[role][0]
        owner = self.source.scope_at(self.scopes, node.start_byte)
        if owner is not None and (owner.start, owner.end) == (node.start_byte, node.end_byte):
            return None  # it is that class or function
        if is_member:
            if "receiver" in match and self._matched.text(match, "receiver") not in self._language.self_names:
                return None
            while owner is not None and owner.kind not in ("class", "extension"):
                owner = owner.parent
            if owner is None:
                return None
        elif "global" in match:
            owner = None
        elif owner is not None and owner.kind in ("function", "method"):
            return None
        elif owner is not None and "outward" in match:
            owner = owner.parent
        name = self._matched.text(match, "name").lstrip("#:").strip("`")
        full = name
        if "owner" in match and (owner is None or owner.kind == "namespace"):
            full = f"{self._owner(match)}.{name}".lstrip(".")
        start = self._starts.get(node.start_byte, node.start_byte)
        return start, node.end_byte, name, self._qualify(owner, full)


class _Decorators:
    """Decorators by position; each belongs to the first definition that takes it."""

    def __init__(self, nodes: list[Node], source: Source) -> None:
        self._rest = sorted((node.start_byte, node.end_byte) for node in nodes)
        self._rest.reverse()
        self._data = source.data

    def take(self, start: int, header_end: int) -> list[tuple[int, int]]:
        """Those in front of a definition, with nothing but white space between, and those in its header.

        To be asked in the order of the definitions' starts.
        """
        before: list[tuple[int, int]] = []
        inside: list[tuple[int, int]] = []
        while self._rest and self._rest[-1][0] < header_end:
            span = self._rest.pop()
            if span[0] >= start:
                inside.append(span)
                continue
            if before and self._data[before[-1][1] : span[0]].strip():
                before.clear()
            before.append(span)
        if before and self._data[before[-1][1] : start].strip() not in _EXPORTS:
            before.clear()
        return before + inside


def _position(entry: tuple[Any, ...]) -> int:
    return int(entry[0])
