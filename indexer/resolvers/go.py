"""Go: a folder is a package, and a module's path stands before the folders of its imports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from indexer.resolvers.relative import resolved_parts
from indexer.resolvers.rules import FileView, Place, Rules, parameter_texts
from indexer.types import Import

if TYPE_CHECKING:
    from indexer.resolvers.world import World

GUESS = 0.4  # the only method of that name in the repository, where the type of its object is not known
MAX_MODULE_TEXT = 200_000  # bytes of a go.mod that are read
_MODULE = re.compile(r"(?m)^[ \t]*module[ \t]+\"?([^\s\"]+)")
_REPLACE = re.compile(
    r"(?m)^[ \t]*(?:replace[ \t]+)?([^\s()=]+)(?:[ \t]+v[^\s]+)?[ \t]+=>[ \t]+(\.{1,2}/?[^\s]*)"
)
_WORD = re.compile(r"[^\W\d]\w*")
_NAMED = re.compile(r"\s*([^\W\d]\w*)\s+\S")
_TYPE_WORDS = frozenset({"chan", "func", "interface", "map", "struct"})


class GoRules(Rules):
    """Files of a folder see each other; what an import binds is the package of a folder."""

    passes_imports = False
    same_package = True
    spread_members = True
    bare_in_class_body = False
    guess = GUESS
    guessed_kinds = frozenset({"method"})
    builtins = frozenset({"clear", "close", "copy", "delete", "max", "min", "print", "println"})

    def package(self, path: str, stated: str) -> str:
        """Folder and stated name: tests from outside and scripts beside a package are packages of their own."""
        return f"{path.rpartition('/')[0]}:{stated}"

    def bound_name(self, entry: Import) -> str:
        """The other name, else what its path ends with: "yaml" of "gopkg.in/yaml.v3"."""
        return entry.alias.partition(".")[0]

    def imported(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """The package of the folder that the path means."""
        package = self._package_of(world, file, entry.module)
        if not package:
            return ()
        return (Place("", f"{package}.{entry.name}" if entry.name not in ("", "*") else package),)

    def module(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """The file that stands for the package: the one with its name, else the first."""
        package = self._package_of(world, file, entry.module)
        if not package:
            return ()
        folder, _, name = package.rpartition(":")
        prefix = f"{folder}/" if folder else ""
        choices = [f"{prefix}{name}.go", f"{prefix}doc.go"]
        return (Place(world.first(choices) or _sources(world, prefix)[0]),)

    def neighbours(self, world: World, file: FileView, name: str, scope: str) -> Sequence[Place]:
        """An import whose package has another name than its folder ("gopkg.in/yaml.v3", "go-redis")."""
        renamed = world.remember(("go renamed", file.path), lambda: self._renamed(world, file))
        if name not in renamed:
            return ()
        package, entry = renamed[name]
        return (Place("", package, how=f"imported at line {entry.line} from {entry.module}"),)

    def _renamed(self, world: World, file: FileView) -> dict[str, tuple[str, Import]]:
        """The packages that a file imports under their own names, where those are not what the paths end with."""
        found: dict[str, tuple[str, Import]] = {}
        for entry in file.imports:
            if not entry.name and entry.alias and entry.module.endswith(entry.alias):
                package = self._package_of(world, file, entry.module)
                name = package.rpartition(":")[2]
                if name and name != entry.alias:
                    found.setdefault(name, (package, entry))
        return found

    def parameters(self, signature: str) -> list[str]:
        """Receiver, parameters and named results."""
        names: list[str] = []
        rest = signature
        for _ in range(3):
            texts = parameter_texts(rest)
            # either all have names, or none has and the words are types
            named = [found for text in texts if (found := _NAMED.match(text)) and found[1] not in _TYPE_WORDS]
            if named:
                names.extend(found[0] for text in texts if (found := _WORD.search(text)))
            rest = rest[rest.find("(") + 1 + sum(len(text) + 1 for text in texts) :]
        return names

    # -- folders of import paths -------------------------------------------------------------------------------

    def _package_of(self, world: World, file: FileView, module: str) -> str:
        """The package that an import path means in a file; "" if it is not in the repository."""
        own = world.remember(("go module", file.folder), lambda: _module_folder(world, file.folder))
        return world.remember(("go import", own, module), lambda: self._imported_package(world, own, module))

    def _imported_package(self, world: World, own: str | None, module: str) -> str:
        folder = self._folder(world, own, module)
        return "" if folder is None else _package_in(world, folder)

    def _folder(self, world: World, own: str | None, module: str) -> str | None:
        """The folder ("" or "a/b/") of an import path in the module whose folder is `own`; None if there is none."""
        roots = world.remember(("go modules",), lambda: _module_roots(world))
        replaced = {} if own is None else world.remember(("go replaced", own), lambda: _replaced(world, own))
        prefix = module
        while prefix:
            below = module[len(prefix) + 1 :]
            folders = [replaced[prefix]] if prefix in replaced else []
            folders += sorted(roots.get(prefix, ()), key=lambda folder: (folder != own, folder))
            for folder in folders:
                found = f"{folder}{below}/" if below else folder
                if _sources(world, found):
                    return found
            prefix = prefix.rpartition("/")[0]
        vendored = f"{own or ''}vendor/{module}/"
        if _sources(world, vendored):
            return vendored
        return None if roots else self._unrooted(world, module)

    @staticmethod
    def _unrooted(world: World, module: str) -> str | None:
        """Without any go.mod the repository's own path is not known: the longest end of the import path that is a
        folder, of at least the parts behind host, owner and repository.
        """
        if "." not in module.partition("/")[0]:
            return None
        parts = module.split("/")[3:]
        folder = "".join(f"{part}/" for part in parts)
        return folder if _sources(world, folder) else None


def _sources(world: World, folder: str) -> list[str]:
    """The Go files of a folder that are no tests."""
    return [path for path in world.folder(folder) if path.endswith(".go") and not path.endswith("_test.go")]


def _package_in(world: World, folder: str) -> str:
    """The package of a folder's files: that of the most, scripts (`package main`) last."""
    counts: dict[str, int] = {}
    for path in _sources(world, folder):
        view = world.file(path)
        if view is not None and view.package:
            counts[view.package] = counts.get(view.package, 0) + 1
    return min(counts, key=lambda name: (name.endswith(":main"), -counts[name], name), default="")


def _module_folder(world: World, folder: str) -> str | None:
    """The folder of the nearest go.mod at or above a folder, None if there is none."""
    while True:
        if world.exists(f"{folder}go.mod"):
            return folder
        if not folder:
            return None
        folder = _above(folder)


def _above(folder: str) -> str:
    outer = folder.rstrip("/").rpartition("/")[0]
    return f"{outer}/" if outer else ""


def _module_roots(world: World) -> dict[str, list[str]]:
    """Module path -> folders of the go.mod files that say so."""
    roots: dict[str, list[str]] = {}
    for path in world.ending("go.mod"):
        found = _MODULE.search(world.text(path)[:MAX_MODULE_TEXT])
        if found:
            roots.setdefault(found[1], []).append(path.removesuffix("go.mod"))
    return roots


def _replaced(world: World, folder: str) -> dict[str, str]:
    """Module path -> folder of its local replacement, as a go.mod and the go.work above it say."""
    found: dict[str, str] = {}
    files = [f"{folder}go.mod", f"{folder}go.work"]
    while folder:
        folder = _above(folder)
        files.append(f"{folder}go.work")
    for path in files:
        for module, target in _REPLACE.findall(world.text(path)[:MAX_MODULE_TEXT]):
            local = _join(path.rpartition("/")[0], target)
            if local is not None:
                found.setdefault(module, local)
    return found


def _join(folder: str, relative: str) -> str | None:
    """`a/b/` and `../c` -> `a/c/`; None above the repository."""
    parts = resolved_parts(folder, relative)
    if parts is None:
        return None
    return "".join(f"{part}/" for part in parts)
