"""JavaScript and TypeScript: modules are files, found by relative paths, by the paths of tsconfig.json, and by the
packages of the same repository (`package.json`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from indexer.resolvers.npm import Packages, above, find_packages, join_path, mains_of, nearest, targets_of
from indexer.resolvers.rules import FileView, Place, Rules, parameter_texts
from indexer.resolvers.tsconfig import PathMap, path_map
from indexer.types import Import

if TYPE_CHECKING:
    from indexer.resolvers.world import World

# In the order of preference: what is written before what is made of it, declarations last.
EXTENSIONS = (
    ".ts",
    ".tsx",
    ".mts",
    ".cts",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".d.ts",
    ".d.mts",
    ".d.cts",
    ".json",
)
# TypeScript says `./a.js` and means a.ts.
_WRITTEN = {
    ".js": (".ts", ".tsx", ".js", ".jsx", ".d.ts"),
    ".jsx": (".tsx", ".jsx", ".d.ts"),
    ".mjs": (".mts", ".mjs", ".d.mts"),
    ".cjs": (".cts", ".cjs", ".d.cts"),
}
CONVENTION = 0.8  # confidence where only custom says where `@/x` is: in src/
DEFAULT, WHOLE = "default", "exports"  # what `export default` and `module.exports =` bind in a file
_WORDS = re.compile(r"[A-Za-z_$][\w$]*")
_MODIFIERS = frozenset({"public", "private", "protected", "readonly", "override"})


class JavaScriptRules(Rules):
    """What a file exports is what its top level binds, and what it exports from others."""

    family = frozenset({"javascript", "typescript", "tsx"})
    self_types = frozenset({"this"})
    functions_have_members = True
    bare_in_class_body = False
    asks_by_name = False

    def bound_name(self, entry: Import) -> str:
        return entry.alias

    def imported(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """The file, or what it exports under that name; of CommonJS what is assigned to `module.exports`."""
        path, weight = self._file(world, file, entry.module)
        if not path:
            return ()
        whole = Place(path, weight=weight)
        if entry.name == "*":
            return (whole,)
        if not entry.name:
            return Place(path, WHOLE, weight), whole
        if entry.name == DEFAULT:
            return Place(path, DEFAULT, weight), Place(path, WHOLE, weight), whole
        return Place(path, entry.name, weight), Place(path, f"{WHOLE}.{entry.name}", weight)

    def module(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        path, weight = self._file(world, file, entry.module)
        return (Place(path, weight=weight),) if path else ()

    def parameters(self, signature: str) -> list[str]:
        """Destructured names included; `double = x` is the header of `double = x => …`."""
        if "(" not in signature:
            return _WORDS.findall(signature.rpartition("=")[2])[-1:]
        names: list[str] = []
        for text in parameter_texts(signature):
            text = text.strip()
            if text.startswith(("{", "[")):
                names.extend(_WORDS.findall(_bracketed(text)))
            else:
                words = (word for word in _WORDS.findall(text.partition(":")[0]) if word not in _MODIFIERS)
                names.extend(word for word in [next(words, "")] if word)
        return names

    # -- files of specifiers -------------------------------------------------------------------------------------

    def _file(self, world: World, file: FileView, module: str) -> tuple[str, float]:
        """The path that a module specifier means in a file, and how sure that is; "" if it is not indexed."""
        folder = file.folder
        return world.remember(("js module", folder, module), lambda: _find(world, folder, module))


def _bracketed(text: str) -> str:
    """What is in the brackets that a text starts with."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter in "{[") - (letter in "}]")
        if not depth:
            return text[:at]
    return text


def _find(world: World, folder: str, module: str) -> tuple[str, float]:
    if module.startswith("."):
        start = join_path(folder, module)
        return (_at(world, start) if start is not None else ""), 1.0
    if module.startswith(("/", "node:", "data:", "http:", "https:")) or not module:
        return "", 1.0
    mapped: PathMap | None = world.remember(("tsconfig", folder), lambda: path_map(world, folder))
    for choice in mapped.candidates(module) if mapped is not None else ():
        if found := _at(world, choice):
            return found, 1.0
    packages: Packages = world.remember(("js packages",), lambda: find_packages(world))
    own = nearest(world, folder, "package.json")
    for choice in targets_of(world, packages, own, module):
        if found := _at(world, choice):
            return found, 1.0
    if module.startswith(("@/", "~/")):
        while True:
            for inside in ("src/", "app/", ""):
                if found := _at(world, f"{own or ''}{inside}{module[2:]}"):
                    return found, CONVENTION
            if not own:
                break
            own = nearest(world, above(own), "package.json")
    return "", 1.0


def _at(world: World, start: str, *, is_main: bool = False) -> str:
    """The file that `start`, without an extension, with one, or as a folder, stands for; "" if there is none."""
    stem, dot, last = start.rpartition(".")
    written = _WRITTEN.get(f".{last}") if dot else None
    if written:
        found = world.first(stem + extension for extension in written)
        if found:
            return found
    elif dot and "/" not in last and world.exists(start):
        return start
    base = start.rstrip("/")
    found = world.first(base + extension for extension in EXTENSIONS) if base and base == start else ""
    inside = f"{base}/" if base else ""
    for choice in mains_of(world, inside) if not found and not is_main else ():
        if found := _at(world, choice, is_main=True):
            return found
    return found or world.first(f"{inside}index{extension}" for extension in EXTENSIONS)
