"""C#: namespaces over many files, usings of one file and of the whole project, partial classes, attributes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from indexer.resolvers.java import is_type, nearest_first
from indexer.resolvers.rules import FileView, Place, Rules
from indexer.types import Import

if TYPE_CHECKING:
    from indexer.resolvers.world import World

ATTRIBUTE = "Attribute"  # `[Foo]` means the class Foo or FooAttribute
GLOBAL = 1  # `Import.level` of `global using`
# Where projects keep their global usings. Others are seen by their own file only.
USINGS_FILES = ("GlobalUsings.cs", "Usings.cs", "GlobalUsing.cs", "GlobalImports.cs", "Imports.cs")
PROPERTIES = "Properties/"  # a folder of the project for what concerns all of it


class CSharpRules(Rules):
    """Names of C#."""

    implicit_members = True
    passes_imports = False
    spread_members = True  # partial classes
    super_names = frozenset({"base"})
    parameter_name_last = True

    def imported(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """A namespace, a type with static members (`using static`), or what an alias stands for."""
        if entry.name in ("", "*"):
            found = world.qualified(entry.module)
            types = [Place(one.path, one.qualname) for one in found if is_type(one)]
            if types:
                return types
            return (Place("", entry.module),) if found or world.is_package(entry.module) else ()
        full = f"{entry.module}.{entry.name}" if entry.module else entry.name
        found = nearest_first(world.qualified(full), file.path)
        return [Place(one.path, one.qualname) for one in found]

    def module(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """The files of imported types; a namespace stands for no file."""
        return [Place(place.path) for place in self.imported(world, file, entry) if place.path]

    def neighbours(self, world: World, file: FileView, name: str, scope: str) -> Sequence[Place]:
        """A type or namespace of the namespaces around, innermost first, then what global usings bring, then an
        attribute by its short name.
        """
        # `named` first: most names that are not found are of no symbol at all
        places = self._around(world, file, name, scope)
        short = bool(name[:1].isupper() and world.named(name + ATTRIBUTE))
        if not places and short:
            places = self._around(world, file, name + ATTRIBUTE, scope)
            for star in () if places else file.imports:
                if star.name == "*":
                    places = self._members(world, star.module, name + ATTRIBUTE, file.path)
                if places:
                    break
        return places

    def _around(self, world: World, file: FileView, name: str, scope: str) -> list[Place]:
        if not world.named(name):
            return []
        for namespace in _namespaces(file, scope):
            places = self._members(world, namespace, name, file.path)
            if places:
                return places
        for module in _global_usings(world, file):
            places = self._members(world, module, name, file.path)
            if places:
                return places
        return self._members(world, "", name, file.path)

    @staticmethod
    def _members(world: World, namespace: str, name: str, path: str) -> list[Place]:
        full = f"{namespace}.{name}" if namespace else name
        return [Place(one.path, one.qualname) for one in nearest_first(world.qualified(full), path)]


def _namespaces(file: FileView, scope: str) -> Iterator[str]:
    """The namespaces around a scope, dotted, innermost first."""
    inner = scope
    while inner and file.kind(inner) != "namespace":
        inner = inner.rpartition(".")[0]
    around = ".".join(part for part in (file.package, inner) if part)
    while around:
        yield around
        around = around.rpartition(".")[0]


def _global_usings(world: World, file: FileView) -> Sequence[str]:
    """The namespaces that the project of a file opens everywhere."""
    everywhere = world.remember(("global usings",), lambda: _find_global_usings(world))
    return [module for folder, module in everywhere if file.folder.startswith(folder)]


def _find_global_usings(world: World) -> list[tuple[str, str]]:
    """Folder of a project, namespace."""
    found: list[tuple[str, str]] = []
    for name in USINGS_FILES:
        for path in world.ending(name):
            view = world.file(path)
            folder = path.removesuffix(name).removesuffix(PROPERTIES)
            for entry in view.imports if view is not None else ():
                if entry.level == GLOBAL and entry.name == "*":
                    found.append((folder, entry.module))
    return found
