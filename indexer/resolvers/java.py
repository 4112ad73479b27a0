"""Java and Kotlin: packages whose files see each other, imports by fully qualified names, members named bare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from indexer.resolvers.rules import FileView, Named, Place, Rules
from indexer.types import Import

if TYPE_CHECKING:
    from indexer.resolvers.world import World

UNKNOWN = 0.6  # of an extension that is called on something of which nothing is known
COMPANION = ".Companion"  # what Java calls the unnamed object whose members are a Kotlin class's own
FACADE = "Kt"  # what Java calls the top level of `Name.kt`: NameKt


class JavaRules(Rules):
    """Names of Java. `Foo::new` makes a Foo as `new Foo()` does."""

    family = frozenset({"java", "kotlin"})
    implicit_members = True
    named_constructors = True
    passes_imports = False
    same_package = True
    spread_members = True  # Kotlin's extensions
    constructors = frozenset({"new"})
    transparent = frozenset({"get", "join", "orElse", "orElseGet", "orElseThrow"})
    parameter_name_last = True

    def imported(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """A type, a member of a type, or (Kotlin) a function of a package; a star: a package or a type."""
        module = without_companion(entry.module)
        if entry.name in ("", "*"):
            types = [Place(found.path, found.qualname) for found in world.qualified(module) if is_type(found)]
            if types:
                return types
            return (Place("", module),) if world.is_package(module) else ()
        full = f"{module}.{entry.name}" if module else entry.name
        found = world.qualified(without_companion(full))
        if found:
            return [Place(one.path, one.qualname) for one in nearest_first(found, file.path)]
        holders = [one for one in world.qualified(module) if is_type(one)]
        if holders:  # a static member that the type inherits
            return [Place(one.path, f"{one.qualname}.{entry.name}") for one in holders]
        return self._extensions(world, module, entry.name) or self._facade(world, module, entry.name)

    def module(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """The files that define what is imported; a whole package stands for no file."""
        if entry.name == "*":
            found = world.qualified(without_companion(entry.module))
            return [Place(one.path) for one in found if is_type(one)]
        return [Place(place.path) for place in self.imported(world, file, entry) if place.path]

    def neighbours(self, world: World, file: FileView, name: str, scope: str) -> Sequence[Place]:
        """The first part of a fully qualified name, or the top level of a Kotlin file of the package."""
        if name[:1].islower():
            return (Place("", name),) if world.is_package(name) else ()
        return self._facade(world, file.package, name)

    def extension(self, world: World, file: FileView, name: str, classes: frozenset[str]) -> Sequence[Place]:
        """Extensions of Kotlin that are imported or of the same package."""
        stated = [entry for entry in file.imports if entry.name != "*" and entry.alias == name]
        places = [place for entry in stated for place in self.imported(world, file, entry) if place.path]
        if places:
            return places
        found = [one for one in world.named(name) if one.kind in ("method", "variable")]
        if not found:
            return ()
        packages = {entry.module for entry in file.imports if entry.name == "*"} | {file.package}
        sure: list[Place] = []
        for one in found:
            owner = one.qualname.rpartition(".")[0]
            if one.package not in packages or not owner or _defines(world, one.path, owner):
                continue
            place = Place(one.path, one.qualname, 1.0 if classes else UNKNOWN)
            places.append(place)
            if owner.rpartition(".")[2] in classes:
                sure.append(place)
        return sure or places

    @staticmethod
    def _extensions(world: World, package: str, name: str) -> list[Place]:
        """Extension functions and properties: top-level ones are imported by their last name alone."""
        found: list[Place] = []
        for one in world.named(name):
            owner = one.qualname.rpartition(".")[0]
            if one.package == package and owner and not _defines(world, one.path, owner):
                found.append(Place(one.path, one.qualname))
        return found

    @staticmethod
    def _facade(world: World, package: str, name: str) -> list[Place]:
        """`NameKt`: the top level of `Name.kt` as Java sees it."""
        if not name.endswith(FACADE) or len(name) == len(FACADE):
            return []
        found: list[Place] = []
        for path in world.ending(f"{name.removesuffix(FACADE)}.kt"):
            view = world.file(path)
            if view is not None and view.package == package:
                found.append(Place(path))
        return found


class KotlinRules(JavaRules):
    """Names of Kotlin, which has no `new`, writes the type behind the name and calls extensions of `this` bare."""

    constructors = frozenset(
        {"Companion", "INSTANCE"}
    )  # what Java calls the object that a class or object itself is
    transparent = frozenset({"also", "apply", "await", "get", "takeIf", "takeUnless"})
    has_extensions = True
    named_constructors = False
    parameter_name_last = False

    def neighbours(self, world: World, file: FileView, name: str, scope: str) -> Sequence[Place]:
        """As in Java, and extensions of the object that is `this` here."""
        return super().neighbours(world, file, name, scope) or self.extension(world, file, name, frozenset())


def is_type(symbol: Named) -> bool:
    """Whether members can be had from it."""
    return symbol.kind == "class"


def without_companion(name: str) -> str:
    """`a.Foo.Companion.of` -> `a.Foo.of`, where the members are."""
    if COMPANION not in name:
        return name
    return name.replace(f"{COMPANION}.", ".").removesuffix(COMPANION)


def nearest_first(found: Sequence[Named], path: str) -> Sequence[Named]:
    """Of several definitions of one name (platforms, versions) those that share most folders with the file first."""
    if len(found) < 2:
        return found
    folders = path.split("/")

    def shared(one: Named) -> int:
        pairs = zip(folders, one.path.split("/"), strict=False)
        return next((at for at, (mine, other) in enumerate(pairs) if mine != other), len(folders))

    return sorted(found, key=lambda one: (-shared(one), len(one.path), one.path))


def _defines(world: World, path: str, qualname: str) -> bool:
    view = world.file(path)
    return view is not None and bool(view.kind(qualname))
