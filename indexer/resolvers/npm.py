"""The packages of a repository by their package.json, and where their parts are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from indexer.resolvers.relative import resolved_parts

if TYPE_CHECKING:
    from indexer.resolvers.world import World

MAX_PACKAGES = 5_000
MAX_TEXT = 1_000_000  # characters of a package.json that are read
MAX_TARGETS = 60  # strings in one entry of `exports`
MAX_DEPTH = 8  # of conditions in conditions
# Where builds put what is made of `src`; the repository has only the latter.
_BUILT = frozenset(
    {"dist", "lib", "build", "out", "output", "esm", "cjs", "es", "umd", "dist-esm", "dist-cjs", "types"}
)
_SOURCES = ("src/", "source/", "lib/", "")
_MAIN = ("source", "module", "main", "browser", "types", "typings")


class Package(NamedTuple):
    """What a package.json says that is needed here."""

    folder: str  # "" or "a/b/"
    exports: Any  # as written
    imports: Any
    mains: tuple[str, ...]


Packages = dict[str, Package]


def find_packages(world: World) -> Packages:
    """All named packages of the repository; of a name twice the one nearest to the root."""
    found: Packages = {}
    paths = [path for path in world.ending("package.json") if "node_modules/" not in path]
    for path in sorted(paths, key=lambda path: (path.count("/"), path))[:MAX_PACKAGES]:
        config = _parse(world.text(path))
        name = config.get("name")
        if isinstance(name, str) and name:
            found.setdefault(name, _package(path.removesuffix("package.json"), config))
    return found


def targets_of(world: World, packages: Packages, own: str | None, module: str) -> Iterator[str]:
    """Paths, with or without extension, at which a module of a package may be, likeliest first. `own` is the folder of
    the package that asks.
    """
    if module.startswith("#"):
        if own is not None:
            package = _package(own, _parse(world.text(f"{own}package.json")))
            yield from _paths(package, _matching(package.imports, module))
        return
    name, below = split_name(module)
    package_found = packages.get(name)
    if package_found is None:
        return
    package = package_found
    key = f"./{below}" if below else "."
    yield from _paths(package, _matching(package.exports, key))
    if not below:
        yield from _paths(package, list(package.mains))
    for source in ("", "src/") if below else _SOURCES:
        yield f"{package.folder}{source}{below or 'index'}"


def split_name(module: str) -> tuple[str, str]:
    """`@scope/name/a/b` -> ("@scope/name", "a/b")."""
    parts = module.split("/")
    length = 2 if module.startswith("@") else 1
    return "/".join(parts[:length]), "/".join(parts[length:])


def join_path(folder: str, relative: str) -> str | None:
    """`a/b/` and `../c` -> `a/c`; None above the repository."""
    parts = resolved_parts(folder, relative)
    if parts is None:
        return None
    last = relative.rpartition("/")[2]
    is_folder = last in ("", ".", "..") and parts
    return "/".join(parts) + ("/" if is_folder else "")


def above(folder: str) -> str:
    """The folder around a folder."""
    outer = folder.rstrip("/").rpartition("/")[0]
    return f"{outer}/" if outer else ""


def nearest(world: World, folder: str, name: str) -> str | None:
    """The nearest folder at or above `folder` that has a file of that name; None if there is none."""
    while True:
        if world.exists(folder + name):
            return folder
        if not folder:
            return None
        folder = above(folder)


def strings(value: Any) -> list[str]:
    """A string, or the strings of a list."""
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def mains_of(world: World, folder: str) -> Iterator[str]:
    """Paths of the file that stands for a folder with a package.json of its own."""
    if world.exists(f"{folder}package.json"):
        package = _package(folder, _parse(world.text(f"{folder}package.json")))
        yield from _paths(package, list(package.mains))


def _parse(text: str) -> dict[str, Any]:
    if len(text) > MAX_TEXT:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _package(folder: str, config: dict[str, Any]) -> Package:
    mains = tuple(value for key in _MAIN if isinstance(value := config.get(key), str))
    return Package(folder, config.get("exports"), config.get("imports"), mains)


def _matching(entries: Any, key: str) -> list[str]:
    """The targets of a key of `exports` or `imports`, whatever the conditions; patterns have one star."""
    if not isinstance(entries, dict) or not any(name[:1] in (".", "#") for name in entries):
        return _leaves(entries) if key == "." else []
    if key in entries:
        return _leaves(entries[key])
    best, part = "", ""
    for pattern in entries:
        before, star, after = pattern.partition("*")
        fits = star and key.startswith(before) and key.endswith(after) and len(key) >= len(pattern) - 1
        if fits and len(before) >= len(best.partition("*")[0]):
            best, part = pattern, key[len(before) : len(key) - len(after)]
    return [target.replace("*", part) for target in _leaves(entries[best])] if best else []


def _leaves(value: Any) -> list[str]:
    """All strings in nested conditions, declarations last."""
    found: list[str] = []
    todo: list[tuple[Any, int]] = [(value, 0)]
    while todo and len(found) < MAX_TARGETS:
        one, depth = todo.pop()
        if isinstance(one, str):
            found.append(one)
        elif depth < MAX_DEPTH and isinstance(one, list | dict):
            inner = list(one.values()) if isinstance(one, dict) else one
            todo.extend((entry, depth + 1) for entry in reversed(inner[:MAX_TARGETS]))
    return sorted(
        found, key=lambda target: (".d." in target, "source" not in target and "src/" not in target)
    )


def _paths(package: Package, targets: list[str]) -> Iterator[str]:
    """Targets as paths in the repository: as they are, then as the sources that they are built from."""
    for target in targets:
        path = join_path(package.folder, target)
        if path is not None:
            yield path
    for target in targets:
        parts = [part for part in target.split("/") if part not in ("", ".")]
        built = len(parts) - 1
        while built > 0 and parts[built - 1] not in _BUILT:
            built -= 1
        if ".." in parts or not built:
            continue
        name = parts[-1].removesuffix(".ts").removesuffix(".d") if ".d." in parts[-1] else parts[-1]
        stem = name.rpartition(".")[0] if name.endswith((".js", ".mjs", ".cjs", ".ts")) else name
        rest = "/".join([*parts[built:-1], stem])
        for source in _SOURCES:
            yield f"{package.folder}{source}{rest}"
