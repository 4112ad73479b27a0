"""Python: its modules, packages and namespaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from indexer.resolvers.modules import ModuleIndex, inside, modules_of, python_module_keys
from indexer.resolvers.rules import FileView, Place, Rules, parameter_texts
from indexer.resolvers.world import World
from indexer.types import Import

# A namespace (folders without a file of their own) is a package to the core, called either "/a/b/", below a folder, or
# "a/b/:c.d", which is the module name c.d as a file in the folder a/b/ sees it.
_AS_SEEN = ":"


class PythonRules(Rules):
    """Modules by the folders of the repository; what a module imports can be imported from it."""

    class_names = frozenset({"cls"})
    self_types = frozenset({"Self", "typing.Self", "typing_extensions.Self"})
    self_in_class_body = False
    asks_by_name = False
    is_lexical = True

    def __init__(self) -> None:
        self._index: tuple[World, ModuleIndex] | None = None

    def module_keys(self, path: str) -> Iterable[str]:
        return python_module_keys(path)

    def module_words(self, entry: Import) -> str:
        return "." * entry.level + entry.module

    def star_hides(self, name: str) -> bool:
        return name.startswith("_")

    def base_name(self, written: str) -> str:
        name = written.partition("[")[0].strip()
        return "" if "=" in name or "(" in name else name

    def parameters(self, signature: str) -> list[str]:
        texts = parameter_texts(signature)
        names = (text.partition(":")[0].partition("=")[0].strip(" *\n\t") for text in texts)
        return [name for name in names if name.isidentifier()]

    def imported(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        if entry.name:
            place = self._find(world, file, entry.module, entry.level)
            if place is None or entry.name == "*":
                return () if place is None or place.path in ("", file.path) else (place,)
            if place.path:
                return (Place(place.path, entry.name),)
            return self.package_member(world, place.name, entry.name)
        first = entry.module.partition(".")[0]
        is_whole = entry.alias not in ("", entry.module, first)
        place = self._find(world, file, entry.module if is_whole else first, 0)
        return (place,) if place is not None else ()

    def module(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        place = self._find(world, file, entry.module, entry.level)
        return (place,) if place is not None else ()

    def attribute(self, world: World, file: FileView, name: str) -> Sequence[Place]:
        if not file.path[len(file.folder) :].startswith("__init__."):
            return ()
        path = inside(world, file.folder, [name])
        return (Place(path),) if path else ()

    def package_member(self, world: World, package: str, name: str) -> Sequence[Place]:
        if package.startswith("/"):
            path, below = inside(world, package[1:], [name]), f"{package}{name}/"
        else:
            folder, _, dotted = package.partition(_AS_SEEN)
            path = self._modules(world).absolute(world, f"{dotted}.{name}", folder)
            below = f"{package}.{name}"
        return (Place(path) if path else Place("", below),)

    def _find(self, world: World, file: FileView, dotted: str, level: int) -> Place | None:
        """The module that an import statement names; a namespace if only folders have that name."""
        folder = file.folder
        return world.remember(
            ("module", folder, dotted, level), lambda: self._module(world, folder, dotted, level)
        )

    def _module(self, world: World, folder: str, dotted: str, level: int) -> Place | None:
        if level:
            parts = [part for part in folder.split("/") if part]
            keep = len(parts) - (level - 1)
            if keep < 0:
                return None
            names = [part for part in dotted.split(".") if part]
            start = "".join(f"{part}/" for part in parts[:keep])
            path = inside(world, start, names)
            return Place(path) if path else Place("", "/" + start + "".join(f"{name}/" for name in names))
        modules = self._modules(world)
        if modules.is_outside(world, dotted):
            return None
        path = modules.absolute(world, dotted, folder)
        return Place(path) if path else Place("", f"{folder}{_AS_SEEN}{dotted}")

    def _modules(self, world: World) -> ModuleIndex:
        if self._index is None or self._index[0] is not world:
            self._index = (world, modules_of(frozenset(world.paths())))
        return self._index[1]
