"""The repository as the resolver and the rules of a language see it. Every look is noted, so that changes find who
looked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from indexer.languages import language_named
from indexer.resolvers.base import Outline, Row, SymbolTable
from indexer.resolvers.keys import key
from indexer.resolvers.recall import Memory
from indexer.resolvers.rules import FileView, Named, Rules
from indexer.resolvers.scopes import FileNames

Answer = TypeVar("Answer")


class Files:
    """The files of a table, arranged for lookup when they are first asked for."""

    def __init__(self, table: SymbolTable, rules: Callable[[str], Rules]) -> None:
        self.table = table
        self.memory = Memory()
        self.paths: Collection[str] = table.paths()
        self.binders: dict[str, list[str]] = {}  # top-level name -> the files held that bind it
        self._rules = rules
        self._files: dict[str, FileNames] = {}
        self._buffer: tuple[Outline, FileNames] | None = None  # the last one: a cursor asks many questions
        self._worlds: dict[str, World] = {}
        self._rows: dict[str, Sequence[Row]] = {}
        self._by_name: dict[str, list[str]] | None = None  # last part of a path -> paths, sorted
        self._by_folder: dict[str, list[str]] | None = None

    def file(self, path: str) -> FileNames | None:
        """An indexed file; not noted."""
        known = self._files.get(path)
        if known is None and path in self.paths:
            facts = self.table.facts(path)
            if facts is not None:
                known = self._files[path] = self._arrange(facts)
                for name in known.top:
                    binders = self.binders.get(name)
                    if binders is None:
                        self.binders[name] = [path]
                    else:
                        binders.append(path)
        return known

    def buffer(self, facts: Outline) -> FileNames:
        """Facts that may differ from the table's: an unsaved buffer, or the file being resolved."""
        known = self._files.get(facts.path)
        if known is not None and known.imports is facts.imports:
            return known
        if self._buffer is None or self._buffer[0] is not facts:
            if self.table.facts(facts.path) is facts:
                known = self.file(facts.path)
            self._buffer = (facts, known if known is not None else self._arrange(facts))
        return self._buffer[1]

    def forget(self) -> None:
        """Free all that was found out. Not to be used after that."""
        for file in self._files.values():
            file.memo.clear()
            file.local.clear()
        self._files.clear()
        self._worlds.clear()

    def world(self, language: str) -> World:
        """What the rules of a language see."""
        known = self._worlds.get(language)
        if known is None:
            known = self._worlds[language] = World(self, language, self._rules)
        return known

    def rows(self, name: str) -> Sequence[Row]:
        known = self._rows.get(name)
        if known is None:
            known = self._rows[name] = self.table.named(name)
        return known

    def by_name(self, name: str) -> Sequence[str]:
        if self._by_name is None:
            self._by_name = {}
            for path in sorted(self.paths):
                self._by_name.setdefault(path[path.rfind("/") + 1 :], []).append(path)
        return self._by_name.get(name, ())

    def by_folder(self, folder: str) -> Sequence[str]:
        if self._by_folder is None:
            self._by_folder = {}
            for path in sorted(self.paths):
                self._by_folder.setdefault(path[: path.rfind("/") + 1], []).append(path)
        return self._by_folder.get(folder, ())

    def _arrange(self, facts: Outline) -> FileNames:
        return FileNames(facts, self._rules(facts.language), language_named(facts.language).self_names)


class World:
    """What the rules of one language may ask."""

    def __init__(self, files: Files, language: str, rules: Callable[[str], Rules]) -> None:
        self._files = files
        self._memory = files.memory
        self._rules = rules
        self._family = rules(language).family | {language}
        self._remembered: dict[Any, Any] = {}
        self._named: dict[str, list[Named]] = {}
        self._qualified: dict[str, dict[str, list[Named]]] = {}  # last name -> full name -> symbols
        self._packages: set[str] | None = None

    def paths(self) -> Collection[str]:
        """All indexed paths. What is concluded from them must be noted by keys of `Rules.module_keys`."""
        return self._files.paths

    def exists(self, path: str) -> bool:
        """Whether a file of that path is indexed."""
        self.note(path)
        return path in self._files.paths

    def first(self, paths: Iterable[str]) -> str:
        """The first of the paths that is indexed, "" if none is. Those after it are not looked at."""
        return next((path for path in paths if self.exists(path)), "")

    def folder(self, folder: str) -> Sequence[str]:
        """The paths of the files right in a folder ("" or "a/b/"), sorted."""
        self.note(folder or "/")
        return self._files.by_folder(folder)

    def ending(self, tail: str) -> Sequence[str]:
        """The paths that are `tail` or end with "/" + `tail` ("vector.h", "a/b.rb"), sorted."""
        last = tail[tail.rfind("/") + 1 :]
        self.note(f"/{last}")
        found = self._files.by_name(last)
        return found if last == tail else [p for p in found if p == tail or p.endswith(f"/{tail}")]

    def file(self, path: str) -> FileView | None:
        """An indexed file. Use it sparingly: its imports and package may be looked at, its names through `Place`s."""
        self.note(path)
        self.note(f"{path}:#")
        return self._files.file(path)

    def header(self, path: str, qualname: str) -> str:
        """The header of a symbol as written, "" if there is none of that name."""
        file = self._files.file(path)
        if file is None:
            return ""
        self._memory.notes.append(file.key_around(qualname))
        symbol = file.symbols.get(qualname)
        return symbol.signature if symbol is not None else ""

    def text(self, path: str) -> str:
        """The content of a configuration file that is indexed as text (go.mod, tsconfig.json); "" if it is not there.

        A change of it resolves all files anew that asked, so ask through `remember`.
        """
        if not self.exists(path):
            return ""
        return self._files.table.content(path).decode("utf-8", "replace")

    def named(self, name: str) -> Sequence[Named]:
        """All symbols of that last name in files of the asking language's family, by path and position."""
        self.note(f":{name}")
        known = self._named.get(name)
        if known is None:
            known = self._named[name] = [
                Named(path, self._rules(language).package(path, stated), qualname, kind)
                for path, language, stated, qualname, kind in self._files.rows(name)
                if language in self._family
            ]
        return known

    def qualified(self, full: str) -> Sequence[Named]:
        """Those of `named` whose package + "." + qualname is `full`."""
        name = full.rpartition(".")[2]
        known = self._qualified.get(name)
        if known is None:
            known = self._qualified[name] = {}
            for symbol in self.named(name):
                known.setdefault(symbol.full, []).append(symbol)
        else:
            self.note(f":{name}")
        return known.get(full, ())

    def is_package(self, package: str) -> bool:
        """Whether a file of the family is in that package or in one below it."""
        self.note(f"@{package}")
        if self._packages is None:
            self._packages = set()
            for path, language, stated in self._files.table.packages():
                if language in self._family:
                    self._packages.update(package_prefixes(self._rules(language).package(path, stated)))
        return package in self._packages

    def remember(self, question: tuple[Any, ...], answer: Callable[[], Answer]) -> Answer:
        """The answer to a question of the rules (its first item a name of its kind), found once. What is noted while it
        is found is noted again for whoever asks later.
        """
        return self._memory.recall(self._remembered, question, answer)

    def note(self, text: str) -> None:
        """Note a lookup under a key that `Rules.module_keys` gives for the files which would change its answer."""
        self._memory.notes.append(key(text))


def package_prefixes(package: str) -> list[str]:
    """ "a.b" -> "a", "a.b" """
    parts = package.split(".") if package else []
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def existence_keys(path: str, package: str, rules: Iterable[Rules]) -> set[str]:
    """All keys, as texts, under which others may have asked whether a file is there."""
    texts = {path, path[: path.rfind("/") + 1] or "/", "/" + path[path.rfind("/") + 1 :]}
    texts.update(f"@{part}" for part in package_prefixes(package))
    for one in rules:
        texts.update(one.module_keys(path))
    return texts
