"""What the resolution of a file looked at, and what a change of a file changes: so that linking again stays small.

Both are sets of keys. A key is a text, kept as its CRC: two texts that share one cost a file that is resolved for
nothing, never one that is forgotten. The texts:
- "a/b.py": whether the file exists; of a configuration file also what is in it;
- "a/b.py:Name": all that others can see of that top-level name in the file, or that there is none;
- "a/b.py:*": the stars of the file themselves;
- "a/b.py:**": a name was looked up in the closure of the file's stars. Of which files it is made is kept with that file
  alone, as their keys "x.py:*" (a thousand of them where a package stars its modules);
- "*:Name": the name that was looked up in closures;
- "a/b.py:#": its package and imports, read by the rules of a language;
- ":name": all symbols of that last name in the repository;
- "@a.b": whether there is such a package; "/x.h", "a/b/": files of that name, in that folder;
- whatever `Rules.module_keys` gives.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from hashlib import blake2b
from typing import Any
from zlib import crc32

import msgspec

from indexer.errors import DamagedIndexError
from indexer.resolvers.base import Outline
from indexer.types import Import

_ROOT = re.compile(r"[^\W\d]\w*")
_encode = msgspec.msgpack.Encoder().encode


def key(text: str) -> int:
    """The key of a text."""
    return crc32(text.encode("utf-8", "surrogateescape"))


def closure_key(path: str) -> int:
    """The key of the closure of a file's stars."""
    return key(f"{path}:**")


class Interface(msgspec.Struct, frozen=True, array_like=True):
    """What other files can see of one: digests by name."""

    language: str
    package: str  # as stated
    names: dict[str, int]  # top-level name -> all below it
    stars: int
    imports: int
    last_names: dict[str, int]  # of all symbols; only where the rules ask for names of the whole repository
    content: int = 0  # of a file without grammar


_decoder = msgspec.msgpack.Decoder(Interface)


def unpack_interface(data: bytes) -> Interface:
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise DamagedIndexError(f"index: interface of a file: damaged ({error})") from None


def pack_interface(interface: Interface) -> bytes:
    return _encode(interface)


def top_name(qualname: str, namespaces: Collection[str]) -> str:
    """The part of a qualified name that keys stand for: its first name, those of namespaces around it included."""
    dot = qualname.find(".")
    while dot > 0 and namespaces and qualname[:dot] in namespaces:
        dot = qualname.find(".", dot + 1)
    return qualname if dot < 0 else qualname[:dot]


def interface_of(facts: Outline, *, whole_repository: bool, content: bytes = b"") -> Interface:
    """`whole_repository`: whether names of the language are looked up in all files. `content`: a digest of the bytes of
    a file without grammar.
    """
    seen = _Seen(facts)
    everywhere: dict[str, list[Any]] = {}
    if whole_repository:
        for symbol in facts.symbols[1:]:
            everywhere.setdefault(symbol.name, []).append((symbol.qualname, symbol.kind))
    imports = [(i.module, i.level, i.name, i.alias) for i in facts.imports if not i.scope]
    return Interface(
        facts.language,
        facts.package,
        {name: _digest(items) for name, items in seen.names.items()},
        _digest([entry for entry in imports if entry[2] == "*"]),
        _digest(imports) if whole_repository else 0,
        {name: _digest(items) for name, items in everywhere.items()},
        _digest(content) if content and len(facts.symbols) == 1 else 0,
    )


def _digest(value: object) -> int:
    """63 bits."""
    return int.from_bytes(blake2b(_encode(value), digest_size=8).digest(), "big") >> 1


class _Seen:
    """All that other files can see, by top-level name. Orders that matter are kept, positions are not seen."""

    def __init__(self, facts: Outline) -> None:
        self.names: dict[str, list[Any]] = {}
        self._facts = facts
        self._kinds = {symbol.qualname: symbol.kind for symbol in facts.symbols}
        self._namespaces = {name for name, kind in self._kinds.items() if kind == "namespace"}
        # (scope, name) inside functions that others may come to: `self.x = x` after `x = Foo()`
        self._wanted: set[tuple[str, str]] = set()
        self._bound: list[tuple[int, str, Any]] = []  # line, top-level name, what binds it
        self._inside: list[tuple[str, str, int, Any]] = []  # top-level name, function's scope, line, item
        self._add_symbols()
        self._add_bindings()
        for entry in facts.imports:
            if not entry.scope and entry.name != "*":
                self._bound.append((entry.line, *_import_item(entry)))
        if self._wanted:
            self._add_wanted()
        self._bound.sort(key=lambda one: one[0])
        self._inside.sort(key=lambda one: one[1:3])
        for _, name, item in self._bound:
            self.names.setdefault(name, []).append(item)
        for name, _, _, item in self._inside:
            self.names.setdefault(name, []).append(item)

    def _add_symbols(self) -> None:
        for symbol in self._facts.symbols:
            qualname = symbol.qualname
            if not qualname:
                continue
            item = (qualname, symbol.kind, symbol.signature, symbol.bases)
            top = top_name(qualname, self._namespaces)
            if top == qualname and "." not in top:
                self._bound.append((symbol.span.start_line, top, item))
                continue
            self.names.setdefault(top, []).append(item)
            for base in symbol.bases:
                self._want(qualname.rpartition(".")[0], base)

    def _add_bindings(self) -> None:
        kinds = self._kinds
        for binding in self._facts.bindings:
            scope, name = binding.scope, binding.name
            item = (name, binding.type, binding.kind, scope)
            if not scope:
                if "." not in name:
                    self._bound.append((binding.line, name, item))
            elif binding.kind == "return" or kinds.get(scope) == "class":
                self.names.setdefault(top_name(scope, self._namespaces), []).append(item)
                self._want(scope.rpartition(".")[0] if binding.kind == "return" else scope, binding.type)
            elif "." in name:
                self._inside.append((top_name(scope, self._namespaces), scope, binding.line, item))
                self._want(scope, binding.type)

    def _want(self, scope: str, expression: str) -> None:
        root = _ROOT.match(expression)
        if root is not None and ("." in scope or self._kinds.get(scope) in ("function", "method")):
            self._wanted.add((scope, root[0]))

    def _add_wanted(self) -> None:
        """Bindings and imports inside functions that tell what a member is."""
        inside: dict[tuple[str, str], list[tuple[int, str, Any]]] = {}
        for binding in self._facts.bindings:
            if binding.scope and "." not in binding.name and binding.kind != "return":
                item = (binding.name, binding.type, binding.kind, binding.scope)
                found = inside.setdefault((binding.scope, binding.name), [])
                found.append((binding.line, binding.type, item))
        for entry in self._facts.imports:
            if entry.scope:
                name, item = _import_item(entry)
                inside.setdefault((entry.scope, name), []).append((entry.line, "", (*item, entry.scope)))
        todo = sorted(self._wanted)
        while todo:
            scope, name = todo.pop()
            for line, expression, item in inside.pop((scope, name), ()):
                self._inside.append((top_name(scope, self._namespaces), scope, line, item))
                root = _ROOT.match(expression)
                if root is not None:
                    todo.append((scope, root[0]))
            outer = scope.rpartition(".")[0]
            if outer:
                todo.append((outer, name))


def _import_item(entry: Import) -> tuple[str, Any]:
    name = (entry.alias or entry.name or entry.module).partition(".")[0]
    return name, (entry.module, entry.level, entry.name, entry.alias)


class Changed:
    """What changed since the files that are not in question were resolved."""

    def __init__(self) -> None:
        self.keys: set[int] = set()
        self._base: set[int] = set()  # those before closures were told
        self._stars: dict[int, set[int]] = {}  # key of "a/b.py:*" -> keys of "*:Name"
        self._roots: dict[int, set[int]] = {}  # key of "a/b.py:**" -> keys of "*:Name"

    def __bool__(self) -> bool:
        return bool(self._base)

    def add(self, path: str, old: Interface | None, new: Interface | None, existence: Iterable[str]) -> None:
        """A file that appeared (`old` is None), went or changed. `existence`: the keys of its being there."""
        texts: set[str] = set()
        if old is None or new is None:
            texts.update(existence)
            texts.add(f"{path}:*")
        elif old.package != new.package or old.language != new.language:
            texts.update(existence)
        names = _different(old.names if old else {}, new.names if new else {})
        last = _different(old.last_names if old else {}, new.last_names if new else {})
        if old is not None and new is not None:
            if old.package != new.package or old.language != new.language:
                last |= old.last_names.keys() | new.last_names.keys()
                names |= old.names.keys() | new.names.keys()
            if old.stars != new.stars:
                texts.add(f"{path}:*")
            if old.imports != new.imports or old.package != new.package:
                texts.add(f"{path}:#")
            if old.content != new.content:
                texts.add(path)
        texts.update(f"{path}:{name}" for name in names)
        texts.update(f":{name}" for name in last)
        self._base.update(map(key, texts))
        self.keys |= self._base
        if names:
            self._stars.setdefault(key(f"{path}:*"), set()).update(key(f"*:{name}") for name in names)

    def add_closure(self, path: str, keys: Collection[int]) -> bool:
        """A file with stars and the keys of what their closure depends on; to be told of all before `touches` is asked.

        Returns whether the file itself has to be resolved anew.
        """
        if not self._base.isdisjoint(keys):
            self.keys.add(closure_key(path))
            return True
        for star, names in self._stars.items():
            if star in keys:
                self._roots.setdefault(closure_key(path), set()).update(names)
        return False

    def touches(self, consulted: Collection[int]) -> bool:
        """Whether a file that looked at these keys has to be resolved anew."""
        if not self.keys.isdisjoint(consulted):
            return True
        return any(
            root in consulted and not names.isdisjoint(consulted) for root, names in self._roots.items()
        )


def _different(old: dict[str, int], new: dict[str, int]) -> set[str]:
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
