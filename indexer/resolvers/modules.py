"""Which file a Python module name leads to.

Roots are not configured: a folder may be a root if it is no package itself (it has no `__init__` file). A
file answers to every dotted suffix of its path, and the lookup decides which of the files that answer is
meant. So the keys of a file do not depend on other files, and a file that appears finds the ones that once
looked for it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from functools import lru_cache

from indexer.resolvers.world import World

SUFFIXES = (".py", ".pyi")  # a source is preferred to its stub: it has the docstrings and the bodies
_INITS = tuple(f"__init__{suffix}" for suffix in SUFFIXES)
# Folders that projects put before their packages without making them packages.
_SOURCE_FOLDERS = frozenset({"src", "lib", "python", "source"})


def python_module_keys(path: str) -> list[str]:
    """Every name under which a lookup may miss or find the file. A package has the name of its folder.

    "src/a/b.py" -> "b", "a.b", "src.a.b" as a module, and "src.", "a.", "b." for whom none of these names
    existed.
    """
    dotted = _dotted(path)
    if not dotted:
        return []
    parts = dotted.split(".")
    return [".".join(parts[start:]) for start in range(len(parts))] + [f"{part}." for part in parts]


@lru_cache(1 << 17)  # asked for every path by each of the small builds that follow an edit
def _dotted(path: str) -> str:
    """The path as a module name from the repository root; "" if it is no Python file (or the root's
    `__init__`).
    """
    stem, dot, extension = path.rpartition(".")
    if dot + extension not in SUFFIXES or "." in stem:
        return ""
    if stem == "__init__":
        return ""
    return stem.removesuffix("/__init__").replace("/", ".")


def inside(world: World, folder: str, parts: Collection[str]) -> str:
    """The file of the module `parts` below a folder ("" or "a/b/"), "" for none; no parts: the package of the
    folder.
    """
    stem = folder + "/".join(parts)
    choices = [f"{stem.rstrip('/')}/{init}" if stem else init for init in _INITS]
    if parts:
        choices = [choices[0], f"{stem}.py", choices[1], f"{stem}.pyi"]
    return world.first(choices)


class ModuleIndex:
    """The modules of a repository."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_tail: dict[str, list[str]] = {}  # last part of the module name -> paths
        self._names: set[str] = set()  # every part of every module name
        for path in paths:
            dotted = _dotted(path)
            if dotted:
                self._by_tail.setdefault(dotted.rpartition(".")[2], []).append(path)
                self._names.update(dotted.split("."))

    def is_outside(self, world: World, dotted: str) -> bool:
        """Whether no file or folder has the first name of `dotted`: the standard library, an installed
        package.
        """
        first = dotted.partition(".")[0]
        if first in self._names:
            return False
        world.note(first + ".")
        return True

    def absolute(self, world: World, dotted: str, folder: str) -> str:
        """The file that `import dotted` means in a file of the folder; "" if it is not in the repository."""
        world.note(dotted)
        best: tuple[tuple[bool, int, int, int, str], str] | None = None
        for path in self._by_tail.get(dotted.rpartition(".")[2], ()):
            name = _dotted(path)
            if name != dotted and not name.endswith("." + dotted):
                continue
            root = name[: -len(dotted)].replace(".", "/")  # "" or "lib/"
            if not _may_be_root(world, root, dotted, folder):
                continue
            # The root that holds the importer, then the nearest to the top, then a source before its stub.
            shared = len(root) if folder.startswith(root) else 0
            key = (not folder.startswith(root), -shared, root.count("/"), len(path), path)
            if best is None or key < best[0]:
                best = (key, path)
        return best[1] if best else ""


def _may_be_root(world: World, root: str, dotted: str, folder: str) -> bool:
    if not root:
        return True
    first = dotted.partition(".")[0]
    is_standard = first in sys.stdlib_module_names
    if _is_package(world, root):
        # Scripts started inside a package import their neighbours by bare name.
        return folder == root and dotted == first and not is_standard
    if folder.startswith(root):
        return True
    if is_standard:
        return False
    if root.rstrip("/").rpartition("/")[2] in _SOURCE_FOLDERS:
        return True
    return _is_package(world, f"{root}{first}/")


def _is_package(world: World, folder: str) -> bool:
    return bool(world.first(folder + init for init in _INITS))


@lru_cache(maxsize=2)
def modules_of(paths: frozenset[str]) -> ModuleIndex:
    """The modules of these files. Remembered, because most builds of a running process change no path."""
    return ModuleIndex(sorted(paths))
