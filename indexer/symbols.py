"""Tree -> definitions, references, imports, bindings, by the captures of a language's query.

Capture names of the structure patterns (matched one by one, so captures of a pattern belong together):
- `definition.class`, `definition.function`, `definition.variable`: with `name`, and optionally `body`, `returns`.
  A function in a class is a method; a variable in a function is local and no symbol.
- `definition.member`: an attribute assigned in a method, with `receiver`; `#set! receivers` lists what counts as one.
- `decoration` around `decorated`: belongs to that definition. `heir` with `base`. `documented` with `doc`.
- `import.module`, `import.name`, `import.alias`, `import.level`: one name bound.
- `binding.annotation|parameter|call` with `type`.
Those of the reference patterns are explained in `indexer/references.py`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tree_sitter import Node, Tree

from indexer.grammar import Budget, Syntax
from indexer.references import collect_references, flatten_chain, is_dotted
from indexer.source import Scope, Source
from indexer.typetext import useful_type
from indexer.types import Binding, Import, Reference, Span, Symbol

MAX_SIGNATURE_CHARACTERS = 600  # the longest of 60,000 real ones had 2,900: nobody reads that
MAX_VARIABLE_CHARACTERS = 160  # enough for a name, its annotation and a short value
MAX_DOC_CHARACTERS = 200
Match = dict[str, list[Node]]

_SPACE = re.compile(r"\s+")
_QUOTES = re.compile(r"""^[A-Za-z]{0,2}("{3}|'{3}|"|')|("{3}|'{3}|"|')$""")


class Extracted(NamedTuple):
    """What a tree says. `scopes` are the definitions with their byte ranges, in order, for the chunker."""

    symbols: tuple[Symbol, ...]
    references: tuple[Reference, ...]
    imports: tuple[Import, ...]
    bindings: tuple[Binding, ...]
    scopes: tuple[Scope, ...] = ()


def file_symbol(source: Source, doc: str = "") -> Symbol:
    """The symbol that stands for the file itself."""
    return Symbol("", "", "file", Span(1, max(1, source.n_lines), 0, len(source.data)), "", doc, ())


def extract(tree: Tree, source: Source, syntax: Syntax, budget: Budget) -> Extracted:
    """All facts of a parsed file. Raises BudgetError."""
    matches = syntax.matches(tree.root_node, budget)
    reader = _Reader(source, syntax.language.line_comment)
    reader.read_definitions(matches)
    budget.check()
    imports, bindings = reader.read_rest(matches, syntax.settings)
    budget.check()
    captures = syntax.captures(tree.root_node, budget)
    references, locals_ = collect_references(captures, source, reader.scopes, bindings, budget)
    bindings.extend(locals_)
    symbols = reader.symbols(matches, syntax.settings)
    return Extracted(symbols, tuple(references), tuple(imports), tuple(bindings), tuple(reader.scopes))


class _Reader:
    """Goes through the matches of one file."""

    def __init__(self, source: Source, line_comment: str) -> None:
        self.source = source
        self.scopes: list[Scope] = []
        self._comment = line_comment
        self._starts: dict[int, int] = {}  # definition -> start of its first decorator
        self._docs: dict[int, str] = {}  # start of a definition -> doc
        self._bases: dict[int, list[str]] = {}
        self._returns: list[tuple[Scope, str]] = []

    def read_definitions(self, matches: list[tuple[int, Match]]) -> None:
        found: list[tuple[Node, Match, str]] = []
        text = self.source.text
        for _, match in matches:
            if "definition.function" in match:
                found.append((match["definition.function"][0], match, "function"))
            elif "definition.class" in match:
                found.append((match["definition.class"][0], match, "class"))
            elif "decoration" in match:
                self._starts[match["decorated"][0].start_byte] = match["decoration"][0].start_byte
            elif "base" in match:
                base = match["base"][0]
                self._bases.setdefault(match["heir"][0].start_byte, []).append(
                    _fold(text(base.start_byte, base.end_byte))
                )
            elif "doc" in match:
                doc, owner = match["doc"][0], match["documented"][0]
                key = -1 if owner.parent is None else owner.start_byte
                self._docs[key] = _first_doc_line(text(doc.start_byte, doc.end_byte))
        found.sort(key=lambda entry: entry[0].start_byte)
        self._nest(found)

    def _nest(self, found: list[tuple[Node, Match, str]]) -> None:
        around: list[Scope] = []
        for node, match, kind in found:
            start, end = node.start_byte, node.end_byte
            while around and around[-1].end <= start:
                around.pop()
            outer = around[-1] if around else None
            name_node = match["name"][0]
            name = self.source.text(name_node.start_byte, name_node.end_byte)
            if kind == "function" and outer is not None and outer.kind == "class":
                kind = "method"
            qualname = f"{outer.qualname}.{name}" if outer else name
            header_end = match["body"][0].start_byte if "body" in match else end
            signature = self._signature(start, header_end)
            scope = Scope(start, end, self._starts.get(start, start), name, qualname, kind, outer, signature)
            self.scopes.append(scope)
            around.append(scope)
            if "returns" in match:
                returns = match["returns"][0]
                self._returns.append((scope, self.source.text(returns.start_byte, returns.end_byte)))

    def _signature(self, start: int, end: int) -> str:
        header = self.source.text(start, min(end, start + 8 * MAX_SIGNATURE_CHARACTERS))
        if self._comment in header:
            header = re.sub(rf"(?m)(^|\s){re.escape(self._comment)}.*$", "", header)
        return _fold(header).rstrip(":{ ")[:MAX_SIGNATURE_CHARACTERS]

    def read_rest(
        self, matches: list[tuple[int, Match]], settings: list[dict[str, str | None]]
    ) -> tuple[list[Import], list[Binding]]:
        imports: list[tuple[int, Import]] = []
        bindings: list[tuple[int, Binding]] = []
        for pattern, match in matches:
            for key in match:
                if key.startswith("import."):
                    imports.append(self._import(match, settings[pattern]))
                    break
                if key.startswith("binding."):
                    bindings.extend(self._binding(match, key))
                    break
        for scope, returns in self._returns:
            kind = useful_type(returns)
            if kind:
                bindings.append(
                    (
                        scope.start,
                        Binding("return", kind, "return", self.source.line(scope.start), scope.qualname),
                    )
                )
        return [entry for _, entry in sorted(imports, key=_position)], [
            entry for _, entry in sorted(bindings, key=_position)
        ]

    def _import(self, match: Match, settings: dict[str, str | None]) -> tuple[int, Import]:
        module = self._text(match, "import.module") or settings.get("import.module") or ""
        name = self._text(match, "import.name")
        level = self._text(match, "import.level").count(".")
        alias = self._text(match, "import.alias")
        if not alias and name != "*":
            alias = name or module.partition(".")[0]
        start = min(nodes[0].start_byte for nodes in match.values())
        # of `from x import (a, b)` each name stands on its own line
        at = match.get("import.name", match.get("import.module", [None]))[0]
        position = at.start_byte if at is not None else start
        return position, Import(
            module, level, name, alias, self.source.line(position), self.scope_at(position)
        )

    def _binding(self, match: Match, key: str) -> list[tuple[int, Binding]]:
        node, written = match[key][0], match["type"][0]
        name = self.source.text(node.start_byte, node.end_byte)
        text = self.source.text(written.start_byte, min(written.end_byte, written.start_byte + 600))
        kind = key.partition(".")[2]
        type_name = flatten_chain(text) if kind == "call" else useful_type(text)
        if not type_name or not is_dotted(name):
            return []
        line = self.source.line(node.start_byte)
        return [(node.start_byte, Binding(name, type_name, kind, line, self.scope_at(node.start_byte)))]

    def _text(self, match: Match, key: str) -> str:
        nodes = match.get(key)
        return _SPACE.sub("", self.source.text(nodes[0].start_byte, nodes[0].end_byte)) if nodes else ""

    def scope_at(self, position: int) -> str:
        scope = self.source.scope_at(self.scopes, position)
        return scope.qualname if scope else ""

    def symbols(
        self, matches: list[tuple[int, Match]], settings: list[dict[str, str | None]]
    ) -> tuple[Symbol, ...]:
        """The file's own symbol, then definitions by position; of a variable assigned twice the first place."""
        found: list[tuple[int, Symbol]] = []
        for scope in self.scopes:
            span = self.source.span(scope.outer_start, scope.end)
            doc = self._docs.get(scope.start) or self._comment_above(scope.outer_start)
            bases = tuple(self._bases.get(scope.start, ()))
            found.append(
                (
                    scope.outer_start,
                    Symbol(scope.name, scope.qualname, scope.kind, span, scope.signature, doc, bases),
                )
            )
        known = {symbol.qualname for _, symbol in found}
        variables = sorted(filter(None, (self._variable(match, settings[index]) for index, match in matches)))
        for start, end, name, qualname in variables:
            if qualname not in known:
                known.add(qualname)
                signature = _fold(self.source.text(start, min(end, start + 2 * MAX_VARIABLE_CHARACTERS)))
                doc = self._comment_above(start)
                span = self.source.span(start, end)
                cut = signature[:MAX_VARIABLE_CHARACTERS]
                found.append((start, Symbol(name, qualname, "variable", span, cut, doc, ())))
        found.sort(key=lambda entry: entry[0])
        return (file_symbol(self.source, self._docs.get(-1, "")), *(symbol for _, symbol in found))

    def _variable(self, match: Match, settings: dict[str, str | None]) -> tuple[int, int, str, str] | None:
        """Start, end, name and qualname of a variable that is a symbol."""
        is_member = "definition.member" in match
        if not is_member and "definition.variable" not in match:
            return None
        node = match["definition.member" if is_member else "definition.variable"][0]
        name = self._text(match, "name")
        owner = self.source.scope_at(self.scopes, node.start_byte)
        if is_member:
            if self._text(match, "receiver") not in (settings.get("receivers") or "").split():
                return None
            while owner is not None and owner.kind != "class":
                owner = owner.parent
            if owner is None:
                return None
        elif owner is not None and owner.kind != "class":
            return None
        return node.start_byte, node.end_byte, name, f"{owner.qualname}.{name}" if owner else name

    def _comment_above(self, start: int) -> str:
        """The first line of the comment block that ends on the line above a definition."""
        line = self.source.line(start) - 1
        first = ""
        while line >= 1 and (text := self.source.line_text(line).strip()).startswith(self._comment):
            first = text.lstrip(self._comment[0] + self._comment + ":!").strip()
            line -= 1
        return first[:MAX_DOC_CHARACTERS]


def _fold(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _first_doc_line(literal: str) -> str:
    body = _QUOTES.sub("", literal.strip()).strip()
    return body.partition("\n")[0].strip()[:MAX_DOC_CHARACTERS]


def _position(entry: tuple[int, object]) -> int:
    return entry[0]
