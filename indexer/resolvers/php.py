"""PHP: namespaces, what `use` brings, files by `require`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from indexer.resolvers.c import nearest_first
from indexer.resolvers.rules import FileView, Place, Rules
from indexer.types import Import

if TYPE_CHECKING:
    from indexer.resolvers.world import World

GUESS = 0.4  # the only method of that name in the repository, where the type of its object is not known
_VARIABLE = re.compile(r"\$\w+")


class PhpRules(Rules):
    """Names of PHP."""

    passes_imports = False
    same_package = True
    spread_members = False
    class_names = frozenset({"self", "static"})
    super_names = frozenset({"parent"})
    self_types = frozenset({"self", "static"})
    guess = GUESS

    def imported(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """A class, function, constant or namespace that `use` names, or the file of `require`."""
        if entry.name == "*":
            path = posixpath.normpath(file.folder + entry.module.lstrip("/"))
            if world.exists(path):
                return (Place(path),)
            found = world.ending(posixpath.normpath(entry.module.lstrip("/")).replace("../", ""))
            return (Place(found[0]),) if len(found) == 1 else ()
        full = ".".join(part for part in (entry.module, entry.name) if part)
        found_symbols = nearest_first(world.qualified(full), file.path)
        if found_symbols:
            return [Place(one.path, one.qualname) for one in found_symbols]
        return (Place("", full),) if world.is_package(full) else ()

    def module(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """The file of what is imported; a namespace has none."""
        return [Place(place.path) for place in self.imported(world, file, entry) if place.path][:1]

    def neighbours(self, world: World, file: FileView, name: str, scope: str) -> Sequence[Place]:
        """A global function or constant, or the first part of a name that is written in full."""
        found = nearest_first(world.qualified(name), file.path)
        if found:
            return [Place(one.path, one.qualname) for one in found]
        for package in (f"{file.package}.{name}", name):
            if world.is_package(package):
                return (Place("", package),)
        return ()

    def parameters(self, signature: str) -> list[str]:
        """The variables in the parentheses."""
        return _VARIABLE.findall(signature.partition("(")[2])
