"""Classes of which everything is known: themselves and all their bases stand in the index or are the language's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from indexer.resolve import Resolver, Target
from indexer.snapshot import Snapshot
from indexer.types import FileFacts, Symbol
from repocoder.verify.filled import Filled
from repocoder.verify.headers import class_header
from repocoder.verify.language_names import SCRIPTS, members_of_base, members_of_every

MAX_LINE = 32  # classes in one line of inheritance that are looked at
MAX_HEIRS = 50
LAST_LINE = 1 << 30  # what a file's top level binds at its end

_OPEN_MEMBERS = frozenset({"__getattr__", "__getattribute__", "__setattr__"})
_RESTORING = ("__setstate__", "__getstate__", "__copy__", "__deepcopy__")  # they set what is there already
_HARMLESS = frozenset({"dataclass", "total_ordering", "final", "runtime_checkable", "unique", "dataclasses"})
# Text in a class that says that its members are made at run time.
_DYNAMIC = {
    "python": re.compile(
        r"\bsetattr\(|__dict__\s*(?:\[|=(?!=)|\.update|\|=)|\bvars\(|\bglobals\(|\blocals\("
    ),
    "java": re.compile(r"(?!)"),
}
_DYNAMIC_SCRIPT = re.compile(
    r"Object\.(?:assign|defineProperty|defineProperties)\(|\bthis\["
    r"|^[ \t]*(?:readonly\s+)?\[\s*\w+\s*(?::|in\b)|\[K in",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Known:
    """A definition and the facts of its file. Of the file itself the qualname is ""."""

    path: str
    qualname: str
    facts: FileFacts

    @property
    def name(self) -> str:
        return self.qualname.rpartition(".")[2]

    def symbols(self, member: str = "") -> list[Symbol]:
        """The symbols of this name, or of that member of it."""
        wanted = f"{self.qualname}.{member}".lstrip(".") if member else self.qualname
        return [symbol for symbol in self.facts.symbols if symbol.qualname == wanted]


class Classes:
    """Looks at classes for one completion."""

    def __init__(self, filled: Filled, snapshot: Snapshot, resolver: Resolver) -> None:
        self.filled, self._snapshot, self._resolver = filled, snapshot, resolver

    # ---- finding definitions

    def named(self, facts: FileFacts, dotted: str, scope: str, line: int) -> Known | None:
        """The one definition that a name surely means."""
        found = self._resolver.resolve_name(facts, dotted, scope, line)
        return self._known(found[0]) if len(found) == 1 else None

    def _known(self, target: Target) -> Known | None:
        if target.role != "definition" or target.weight < 1.0:
            return None
        return self.at(target.path, target.qualname)

    def at(self, path: str, qualname: str) -> Known | None:
        """A definition by its place; None if the file has none of that name, or several."""
        facts = self.filled.facts if path == self.filled.path else self._snapshot.facts(path)
        if facts is None:
            return None
        known = Known(path, qualname, facts)
        found = known.symbols()
        merged = facts.language in SCRIPTS or all(symbol.kind == "method" for symbol in found)
        return known if found and (len(found) == 1 or merged) else None

    # ---- what a class has

    def line(self, owner: Known) -> tuple[list[Known], frozenset[str]] | None:
        """The class and its bases, nearest first, and what the language's own bases bring; None if one is not known."""
        line: list[Known] = []
        brought: set[str] = set()
        todo = [owner]
        while todo:
            one = todo.pop(0)
            if one in line:
                continue
            if len(line) >= MAX_LINE or self._is_dynamic(one):
                return None
            line.append(one)
            for symbol in one.symbols():
                header = class_header(symbol, one.facts.language)
                if header is None or not all(_is_harmless(text, one) for text in symbol.decorators):
                    return None
                brought |= members_of_every(one.facts.language, symbol.signature)
                for written in header:
                    members = self._base(one, symbol, written)
                    if members is None:
                        return None
                    todo.extend(members[0])
                    brought |= members[1]
        return line, frozenset(brought)

    def _base(self, one: Known, symbol: Symbol, written: str) -> tuple[list[Known], frozenset[str]] | None:
        outer = one.qualname.rpartition(".")[0]
        found = self._resolver.resolve_name(one.facts, written, outer, symbol.span.start_line)
        if not found:
            own = members_of_base(_origin(one.facts, written)) if one.facts.language == "python" else None
            return None if own is None else ([], own)
        base = self._known(found[0]) if len(found) == 1 else None
        if base is None or any(s.kind != "class" for s in base.symbols()):
            return None
        return [base], frozenset()

    def _is_dynamic(self, one: Known) -> bool:
        if any(one.symbols(name) for name in _OPEN_MEMBERS):
            return True
        text = self.text(one)
        for name in _RESTORING:
            if one.symbols(name):
                text = text.replace(self.text(Known(one.path, f"{one.qualname}.{name}", one.facts)), "")
        if _DYNAMIC.get(one.facts.language, _DYNAMIC_SCRIPT).search(text):
            return True
        whole = self.text(Known(one.path, "", one.facts))
        return re.search(rf"\bsetattr\(\s*{re.escape(one.name)}\b", whole) is not None

    def has(self, line: list[Known], member: str) -> bool:
        """Does one of the classes define the member, or so much as mention it?"""
        mention = re.compile(rf"[.#\"'`]\s*{re.escape(member)}\b")
        if any(one.symbols(member) or mention.search(self.text(one)) for one in line):
            return True
        made = [symbol.signature for one in line for symbol in one.symbols("constructor")]
        return any(
            re.search(rf"\b(?:public|private|protected|readonly)\s+{re.escape(member)}\b", text)
            for text in made
        )

    def heirs(self, owner: Known) -> Iterator[Known]:
        """The classes of the index that inherit from a class, at most `MAX_HEIRS`."""
        seen: set[int] = set()
        todo = [s.id for s in self._snapshot.symbols_of(owner.path) if s.qualname == owner.qualname]
        while todo and len(seen) < MAX_HEIRS:
            number = todo.pop()
            new = {edge.source for edge in self._snapshot.edges_to(number) if edge.kind == "inherits"} - seen
            seen |= new
            todo.extend(new)
            for symbol in self._snapshot.symbols(new):
                facts = self._snapshot.facts(symbol.path)
                if facts is not None:
                    yield Known(symbol.path, symbol.qualname, facts)

    def submodule(self, path: str, name: str) -> bool:
        """Whether a package of Python, given by the path of its `__init__`, has a module or folder of that name."""
        folder = path.rpartition("/")[0]
        start = f"{folder}/{name}".lstrip("/")
        return any(one.startswith((f"{start}/", f"{start}.")) for one in self._snapshot.paths())

    def text(self, one: Known) -> str:
        """The lines of a definition, without the completion; all of the file for the file itself."""
        pieces = []
        for symbol in one.symbols():
            span = symbol.span
            if one.path == self.filled.path:
                pieces.append(self.filled.without(span.start_line, span.end_line))
            else:
                data = self._snapshot.content(one.path)[span.start_byte : span.end_byte]
                pieces.append(data.decode("utf-8", "replace"))
        return "\n".join(pieces)


def _origin(facts: FileFacts, written: str) -> str:
    """The full name of what a file imports from outside: `MutableMapping` -> collections.abc.MutableMapping."""
    root, _, rest = written.partition(".")
    for entry in facts.imports:
        if entry.alias == root or (not entry.name and entry.module == root):
            return ".".join(part for part in (entry.module, entry.name, rest) if part)
    return written


def _is_harmless(decorator: str, one: Known) -> bool:
    """Does a decorator leave the members of its class as they are written?"""
    if one.facts.language == "java":
        return decorator.lstrip("@").partition("(")[0] in _JAVA_HARMLESS
    name = decorator.lstrip("@").partition("(")[0].strip()
    return one.facts.language == "python" and name.rpartition(".")[2] in _HARMLESS


_JAVA_HARMLESS = frozenset(
    {"Deprecated", "SuppressWarnings", "FunctionalInterface", "SafeVarargs", "Override"}
)
