"""Tree -> definitions, references, imports, bindings, by the captures of a language's query.

Capture names of the structure patterns (matched one by one, so captures of a pattern belong together):
- `definition.class`, `definition.function`, `definition.variable`: with `name`, and optionally `body`,
`returns`.
  A function in a class is a method; a variable in a function is local and no symbol.
- `definition.member`: an attribute assigned in a method, with `receiver`; `#set! receivers` lists what
counts as one.
- `decoration` around `decorated`: belongs to that definition. `heir` with `base`. `documented` with `doc`.
- `import.module`, `import.name`, `import.alias`, `import.level`: one name bound.
- `binding.annotation|parameter|call|alias` with `type`.
Those of the reference patterns are explained in `indexer/references.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tree_sitter import Node, Tree

from indexer.grammar import Budget, Syntax
from indexer.references import collect_references, flatten_chain, is_dotted
from indexer.source import Scope, Source
from indexer.types import Binding, Import, Reference, Span, Symbol
from indexer.typetext import useful_type

MAX_SIGNATURE_CHARACTERS = 600  # the longest of 60,000 real ones had 2,900: nobody reads that
MAX_VARIABLE_CHARACTERS = 160  # enough for a name, its annotation and a short value
MAX_DOC_CHARACTERS = 200
MAX_TYPE_BYTES = 600  # of an annotation or a call that are looked at
Match = dict[str, list[Node]]
Settings = dict[str, str | None]
Groups = dict[str, list[tuple[Match, Settings]]]  # role of the pattern -> matches

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
    groups: Groups = {}
    for pattern, match in syntax.matches(tree.root_node, budget):
        groups.setdefault(syntax.roles[pattern], []).append((match, syntax.settings[pattern]))
    reader = _Reader(source, syntax.language.line_comment, groups)
    budget.check()
    imports, bindings = reader.imports(), reader.bindings()
    budget.check()
    captures = syntax.captures(tree.root_node, budget)
    references, locals_ = collect_references(captures, source, reader.scopes, bindings, budget)
    bindings.extend(locals_)
    symbols = reader.symbols()
    return Extracted(symbols, tuple(references), tuple(imports), tuple(bindings), tuple(reader.scopes))


class _Reader:
    """Goes through the matches of one file."""

    def __init__(self, source: Source, line_comment: str, groups: Groups) -> None:
        self.source = source
        self.scopes: list[Scope] = []
        self._groups = groups
        self._comment = line_comment
        self._comments_in_header = re.compile(rf"(?m)(^|\s){re.escape(line_comment)}.*$")
        self._starts = {  # definition -> start of its first decorator
            match["decorated"][0].start_byte: match["decoration"][0].start_byte
            for match in self._of("decoration")
        }
        self._returns: list[tuple[Scope, str]] = []
        self._nest()

    def _of(self, role: str) -> Iterator[Match]:
        return (match for match, _ in self._groups.get(role, ()))

    def _nest(self) -> None:
        found = [
            (match[role][0].start_byte, match[role][0].end_byte, match, role.partition(".")[2])
            for role in ("definition.function", "definition.class")
            for match in self._of(role)
        ]
        found.sort(key=_position)
        around: list[Scope] = []
        for start, end, match, kind in found:
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
            header = self._comments_in_header.sub("", header)
        return _fold(header).rstrip(":{ ")[:MAX_SIGNATURE_CHARACTERS]

    def imports(self) -> list[Import]:
        """The names that imports bind, by position."""
        found = [self._import(match, settings) for match, settings in self._groups.get("import.", ())]
        return [entry for _, entry in sorted(found, key=_position)]

    def bindings(self) -> list[Binding]:
        """What tells types, by position."""
        found: list[tuple[int, Binding]] = []
        for kind in ("parameter", "annotation", "call", "alias"):
            for match in self._of(f"binding.{kind}"):
                binding = self._binding(match, kind)
                if binding is not None:
                    found.append(binding)
        for scope, returns in self._returns:
            useful = useful_type(returns)
            if useful:
                line = self.source.line(scope.start)
                found.append((scope.start, Binding("return", useful, "return", line, scope.qualname)))
        return [entry for _, entry in sorted(found, key=_position)]

    def _import(self, match: Match, settings: Settings) -> tuple[int, Import]:
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

    def _binding(self, match: Match, kind: str) -> tuple[int, Binding] | None:
        node, written = match[f"binding.{kind}"][0], match["type"][0]
        start, type_start = node.start_byte, written.start_byte
        name = self.source.text(start, node.end_byte)
        text = self.source.text(type_start, min(written.end_byte, type_start + MAX_TYPE_BYTES))
        type_name = flatten_chain(text) if kind in ("call", "alias") else useful_type(text)
        if not type_name or not is_dotted(name):
            return None
        return start, Binding(name, type_name, kind, self.source.line(start), self.scope_at(start))

    def _text(self, match: Match, key: str) -> str:
        nodes = match.get(key)
        if not nodes:
            return ""
        text = self.source.text(nodes[0].start_byte, nodes[0].end_byte)
        return text if text.isidentifier() else _SPACE.sub("", text)

    def scope_at(self, position: int) -> str:
        scope = self.source.scope_at(self.scopes, position)
        return scope.qualname if scope else ""

    def symbols(self) -> tuple[Symbol, ...]:
        """The file's own symbol, then definitions by position; of a variable assigned twice the first
        place.
        """
        docs, bases = self._docs(), self._bases()
        found: list[tuple[int, Symbol]] = []
        for scope in self.scopes:
            start = scope.outer_start
            span = self.source.span(start, scope.end)
            doc = docs.get(scope.start) or self._comment_above(start)
            heritage = tuple(bases.get(scope.start, ()))
            found.append(
                (start, Symbol(scope.name, scope.qualname, scope.kind, span, scope.signature, doc, heritage))
            )
        known = {scope.qualname for scope in self.scopes}
        for start, end, name, qualname in self._variables():
            if qualname not in known:
                known.add(qualname)
                signature = _fold(self.source.text(start, min(end, start + 2 * MAX_VARIABLE_CHARACTERS)))
                doc, span = self._comment_above(start), self.source.span(start, end)
                cut = signature[:MAX_VARIABLE_CHARACTERS]
                found.append((start, Symbol(name, qualname, "variable", span, cut, doc, ())))
        found.sort(key=_position)
        return (file_symbol(self.source, docs.get(-1, "")), *(symbol for _, symbol in found))

    def _docs(self) -> dict[int, str]:
        """Start of a definition (-1: the file) -> first line of its documentation."""
        docs: dict[int, str] = {}
        for match in self._of("documented"):
            owner, doc = match["documented"][0], match["doc"][0]
            key = -1 if owner.parent is None else owner.start_byte
            docs[key] = _first_doc_line(self.source.text(doc.start_byte, doc.end_byte))
        return docs

    def _bases(self) -> dict[int, list[str]]:
        """Start of a class -> its bases as written."""
        bases: dict[int, list[str]] = {}
        for match in self._of("heir"):
            base = match["base"][0]
            written = _fold(self.source.text(base.start_byte, base.end_byte))
            bases.setdefault(match["heir"][0].start_byte, []).append(written)
        return bases

    def _variables(self) -> list[tuple[int, int, str, str]]:
        groups = (self._groups.get(role, ()) for role in ("definition.variable", "definition.member"))
        found = (self._variable(match, settings) for group in groups for match, settings in group)
        return sorted(variable for variable in found if variable is not None)

    def _variable(self, match: Match, settings: Settings) -> tuple[int, int, str, str] | None:
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


def _position(entry: tuple[Any, ...]) -> int:
    return int(entry[0])
