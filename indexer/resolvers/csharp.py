"""C#: namespaces over many files, usings of one file and of the whole project, partial classes, attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from indexer.resolvers.java import is_type, nearest_first
from indexer.resolvers.rules import FileView, Place, Rules
from indexer.types import Import

if TYPE_CHECKING:
    from indexer.resolvers.world import World

UNKNOWN = 0.6  # of an extension that is called on something of which nothing is known
_RECEIVER = re.compile(r"\(\s*this\s+(?:\w+\.)*(\w+)")
_USING = re.compile(r"<Using\s+Include=\"([\w.]+)\"")
MAX_PROJECT_TEXT = 200_000  # characters of a project file that are read
BUILD_FILES = ("Directory.Build.props", "Directory.Build.targets")
ATTRIBUTE = "Attribute"  # `[Foo]` means the class Foo or FooAttribute
GLOBAL = 1  # `Import.level` of `global using`
# Where projects keep their global usings. Others are seen by their own file only.
USINGS_FILES = ("GlobalUsings.cs", "Usings.cs", "GlobalUsing.cs", "GlobalImports.cs", "Imports.cs")
PROPERTIES = "Properties/"  # a folder of the project for what concerns all of it


class CSharpRules(Rules):
    """Names of C#."""

    implicit_members = True
    named_constructors = True
    passes_imports = False
    same_package = True
    has_extensions = True
    outer_packages = True
    spread_members = True  # partial classes
    super_names = frozenset({"base"})
    transparent = frozenset({"ConfigureAwait", "CurrentValue", "GetAwaiter", "GetResult", "Result", "Value"})
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

    def package_member(self, world: World, package: str, name: str) -> Sequence[Place]:
        """As everywhere; of the parts of a class `Store.cs` comes before `Store.Loading.cs`."""
        return sorted(super().package_member(world, package, name), key=lambda place: len(place.path))

    def neighbours(self, world: World, file: FileView, name: str, scope: str) -> Sequence[Place]:
        """What global usings bring, or an attribute by its short name."""
        found = self._opened(world, file, name) if world.named(name) else []
        long = name + ATTRIBUTE
        if not found and name[:1].isupper() and world.named(long):
            around = ".".join(part for part in (file.package, scope) if part).split(".")
            spaces = [".".join(around[:end]) for end in range(len(around), -1, -1)]
            spaces += [entry.module for entry in file.imports if entry.name == "*"]
            found = _first_of(world, spaces, long, file.path) or self._opened(world, file, long)
        return found

    def extension(self, world: World, file: FileView, name: str, classes: frozenset[str]) -> Sequence[Place]:
        """Static methods with a `this` parameter, of the namespaces around or opened."""
        found = [one for one in world.named(name) if one.kind == "method" and one.qualname.count(".")]
        if not found:
            return ()
        opened = {entry.module for entry in file.imports if entry.name == "*"}
        opened.update(_global_usings(world, file))
        for around in (file.package, *file.namespaces):
            parts = around.split(".")
            opened.update(".".join(parts[:end]) for end in range(len(parts) + 1))
        places: list[Place] = []
        sure: list[Place] = []
        for one in found:
            receiver = _RECEIVER.search(world.header(one.path, one.qualname))
            if receiver is None or one.full.rsplit(".", 2)[0] not in opened:
                continue
            place = Place(one.path, one.qualname, 1.0 if classes else UNKNOWN)
            places.append(place)
            if receiver[1] in classes:
                sure.append(place)
        return sure or places

    @staticmethod
    def _opened(world: World, file: FileView, name: str) -> list[Place]:
        return _first_of(world, _global_usings(world, file), name, file.path)


def _first_of(world: World, namespaces: Iterable[str], name: str, path: str) -> list[Place]:
    """The definitions of a name in the first of the namespaces that has it."""
    for namespace in namespaces:
        found = world.qualified(f"{namespace}.{name}" if namespace else name)
        if found:
            return [Place(one.path, one.qualname) for one in nearest_first(found, path)]
    return []


def _global_usings(world: World, file: FileView) -> Sequence[str]:
    """The namespaces that the project of a file opens everywhere."""
    everywhere = world.remember(("global usings",), lambda: _find_global_usings(world))
    stated = world.remember(("project usings", file.folder), lambda: _find_project_usings(world, file.folder))
    return [*stated, *(module for folder, module in everywhere if file.folder.startswith(folder))]


def _find_project_usings(world: World, folder: str) -> list[str]:
    """What the project file at or above a folder opens, and the build files above it."""
    found: list[str] = []
    has_project = False
    while True:
        paths = [f"{folder}{name}" for name in BUILD_FILES]
        if not has_project:
            projects = [path for path in world.folder(folder) if path.endswith(".csproj")]
            has_project = bool(projects)
            paths += projects
        for path in paths:
            found += _USING.findall(world.text(path)[:MAX_PROJECT_TEXT])
        if not folder:
            return found
        folder = folder[: folder.rstrip("/").rfind("/") + 1]


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
