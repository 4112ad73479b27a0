"""What a Python expression of names and dots means: scopes, imports, classes with their bases, types of
variables.
"""

from __future__ import annotations

from indexer.resolvers.base import SymbolTable
from indexer.resolvers.members import Members
from indexer.resolvers.modules import ModuleIndex
from indexer.resolvers.scopes import AFTER, Entry, FileScopes
from indexer.resolvers.values import Memory, Value, Values, distinct
from indexer.types import FileFacts, Import, Symbol


class Names:
    """Evaluates dotted names over the files of a table."""

    def __init__(self, table: SymbolTable) -> None:
        self._table = table
        self._modules: ModuleIndex | None = None
        self._files: dict[str, FileScopes | None] = {}
        self._buffer: tuple[FileFacts, FileScopes] | None = None  # the last one: a cursor asks many questions
        self.memory = Memory()
        self.members = Members(self)

    @property
    def modules(self) -> ModuleIndex:
        if self._modules is None:
            self._modules = ModuleIndex(self._table.paths())
        return self._modules

    def file(self, path: str) -> FileScopes | None:
        """The scopes of an indexed file, noted as consulted."""
        self.memory.consulted.add(path)
        if path not in self._files:
            facts = self._table.facts(path)
            self._files[path] = FileScopes(facts) if facts is not None else None
        return self._files[path]

    def buffer(self, facts: FileFacts) -> FileScopes:
        """The scopes of facts that may differ from the table's: an unsaved buffer, or the file being
        resolved.
        """
        if self._buffer is None or self._buffer[0] is not facts:
            known = self.file(facts.path) if self._table.facts(facts.path) is facts else None
            self._buffer = (facts, known or FileScopes(facts))
        return self._buffer[1]

    # -- names -----------------------------------------------------------------------------------------------

    def evaluate(self, file: FileScopes, dotted: str, scope: str, line: int) -> Values:
        """All that a dotted name may mean at a place, likeliest first; () if that is not known."""
        root = dotted.partition(".")[0].removesuffix("()")
        scope, line = file.home(root, scope, line)
        question = ("name", dotted, scope, file.bucket(scope, root, line))
        return self.memory.recall(file, question, lambda: self._evaluate(file, dotted, scope, line))

    def _evaluate(self, file: FileScopes, dotted: str, scope: str, line: int) -> Values:
        head, _, last = dotted.rpartition(".")
        if not head:
            return self._lookup(file, last.removesuffix("()"), scope, line)
        if head in ("super()", "super"):
            owner = file.enclosing_class(scope)
            return self.members.inherited(file, owner, last) if owner else ()
        before = self.evaluate(file, head, scope, line)
        if last.endswith("()"):
            members = distinct(self.members.attribute(value, last[:-2]) for value in before)
            return distinct(self.members.result(value) for value in members)
        return distinct(self.members.attribute(value, last) for value in before)

    def _lookup(self, file: FileScopes, name: str, scope: str, line: int) -> Values:
        if name in ("self", "cls"):
            owner = file.enclosing_class(scope)
            if owner is not None and owner != scope:
                kind = "instance" if name == "self" else "symbol"
                return (Value(kind, file, owner, f"`{name}` in {owner}", 1.0),)
        for around in file.visible(scope):
            entries = file.entries(around, name, line if around == scope else AFTER)
            found = self._first(file, entries)
            if found or entries:
                return found
            if file.is_parameter(around, name):
                return ()
        return self.starred(file, name)

    def top_level(self, file: FileScopes, name: str) -> Values:
        """What a name means at the end of a module: what others see of it."""
        entries = file.entries("", name, AFTER)
        return self._first(file, entries) if entries else self.starred(file, name)

    def _first(self, file: FileScopes, entries: list[Entry]) -> Values:
        """The meaning of the first entry that has one in the repository, else of the first that has one at
        all.
        """
        outside: Values = ()
        for entry in entries:
            values = self._entry(file, entry)
            if any(value.kind not in ("outside", "namespace") for value in values):
                return values
            outside = outside or values
        return outside

    def _entry(self, file: FileScopes, entry: Entry) -> Values:
        if isinstance(entry, Symbol):
            return (Value("symbol", file, entry.qualname, f"defined at line {entry.span.start_line}", 1.0),)
        if isinstance(entry, Import):
            return self.imported(file, entry)
        return self.members.bound(file, entry)

    # -- imports ---------------------------------------------------------------------------------------------

    def imported(self, file: FileScopes, entry: Import) -> Values:
        """What the name that an import binds stands for."""
        question = ("import", entry.module, entry.level, entry.name, entry.alias, entry.line)
        return self.memory.recall(file, question, lambda: self._imported(file, entry))

    def _imported(self, file: FileScopes, entry: Import) -> Values:
        source = "." * entry.level + entry.module
        if not entry.name:
            how = f"imported at line {entry.line}"
            whole = entry.alias not in ("", entry.module, entry.module.partition(".")[0])
            dotted = entry.module if whole else entry.module.partition(".")[0]
            return (self.module(file, dotted, 0, how),)
        how = f"imported at line {entry.line} from {source}"
        module = self.module(file, entry.module, entry.level, how)
        if module.kind == "module" and module.file is file:
            found = self.submodule(module, entry.name)
        else:
            found = self.members.attribute(module, entry.name)
        return found or (Value("outside", None, f"{source}.{entry.name}", how, 1.0),)

    def module(self, file: FileScopes, dotted: str, level: int, how: str) -> Value:
        """The module that an import statement of `file` names; a namespace if only folders have that name."""
        consulted = self.memory.consulted
        if level:
            parts = [part for part in file.folder.split("/") if part]
            keep = len(parts) - (level - 1)
            if keep < 0:
                return Value("outside", None, "." * level + dotted, how, 1.0)
            names = [part for part in dotted.split(".") if part]
            folder = "".join(f"{part}/" for part in parts[:keep])
            path = self.modules.inside(folder, names, consulted)
            name = "/" + folder + "".join(f"{name}/" for name in names)
        elif self.modules.is_outside(dotted, consulted):
            return Value("outside", None, dotted, how, 1.0)
        else:
            path, name = self.modules.absolute(dotted, file.path, consulted), dotted
        found = self.file(path) if path else None
        return Value("module", found, "", how, 1.0) if found else Value("namespace", file, name, how, 1.0)

    def submodule(self, value: Value, name: str) -> Values:
        """The module `name` in a package; in a namespace, that or a deeper namespace."""
        assert value.file is not None
        consulted = self.memory.consulted
        below = f"{value.name}.{name}"
        if value.kind == "module":
            if not value.file.is_package:
                return ()
            path = self.modules.inside(value.file.folder, [name], consulted)
            below = f"/{value.file.folder}{name}/"
        elif value.name.startswith("/"):
            path = self.modules.inside(value.name[1:], [name], consulted)
            below = f"{value.name}{name}/"
        else:
            path = self.modules.absolute(below, value.file.path, consulted)
        found = self.file(path) if path else None
        if found is not None:
            return (Value("module", found, "", value.how, value.weight),)
        return (
            ()
            if value.kind == "module"
            else (Value("namespace", value.file, below, value.how, value.weight),)
        )

    def starred(self, file: FileScopes, name: str) -> Values:
        """A name that the file binds nowhere itself: one of `from module import *`, the last that has it."""
        if name.startswith("_"):
            return ()
        for star in reversed(file.stars):
            how = f"imported at line {star.line} from {'.' * star.level}{star.module} (*)"
            module = self.module(file, star.module, star.level, how)
            if module.kind == "module" and module.file is not file:
                found = self.members.attribute(module, name)
                if found:
                    return found
        return ()
