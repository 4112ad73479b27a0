"""`paths` and `baseUrl` of tsconfig.json and jsconfig.json: JSON with comments, with what it extends."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from indexer.resolvers.npm import Packages, above, find_packages, join_path, split_name, strings

if TYPE_CHECKING:
    from indexer.resolvers.world import World

NAMES = ("tsconfig.json", "jsconfig.json")
MAX_CONFIGS = 16  # that one extends or refers to
MAX_TEXT = 200_000  # characters of one that are read
MAX_PATTERNS = 500  # of `paths`
# Strings are matched so that what looks like a comment in them is kept.
_STRING = r'("(?:[^"\\\n]|\\.)*+")'
_COMMENTS = re.compile(_STRING + r"|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_COMMAS = re.compile(_STRING + r"|,(?=\s*+[}\]])", re.DOTALL)


class PathMap(NamedTuple):
    """Where modules that are no relative paths may be. Folders are "" or "a/b/"."""

    base: str | None  # the folder of `baseUrl`
    patterns: tuple[tuple[str, tuple[str, ...]], ...]  # "@/*" -> paths in the repository, with the star

    def candidates(self, module: str) -> list[str]:
        """Paths without extension at which a module may be: of the pattern that fits best, then below the base."""
        best: tuple[int, str, tuple[str, ...]] | None = None
        for pattern, paths in self.patterns:
            before, star, after = pattern.partition("*")
            if not star and module == pattern:
                best = (len(pattern) + 1, "", paths)
                break
            if (
                star
                and len(module) >= len(pattern) - 1
                and module.startswith(before)
                and module.endswith(after)
            ):
                rank = len(before)
                if best is None or rank > best[0]:
                    best = (rank, module[len(before) : len(module) - len(after)], paths)
        found = [path.replace("*", best[1], 1) for path in best[2]] if best else []
        if self.base is not None:
            found.append(self.base + module)
        return found


def path_map(world: World, folder: str) -> PathMap | None:
    """What the nearest configuration at or above a folder says that has something to say; None if none does."""
    while True:
        for name in NAMES:
            if not world.exists(folder + name):
                continue
            found: PathMap | None = world.remember(
                ("tsconfig file", folder + name), partial(_read, world, folder + name)
            )
            if found is not None:
                return found
        if not folder:
            return None
        folder = above(folder)


def parse_config(text: str) -> dict[str, Any]:
    """JSON with comments and commas too many; {} for what is none."""
    if len(text) > MAX_TEXT:
        return {}
    try:
        plain = _COMMENTS.sub(lambda match: match[1] or " ", text)
        found = json.loads(_COMMAS.sub(lambda match: match[1] or "", plain))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(world: World, path: str) -> PathMap | None:
    """The first `baseUrl` and `paths` of a configuration, what it extends, and what it refers to."""
    todo, seen = [path], {path}
    base: str | None = None
    patterns: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    while todo and (base is None or patterns is None):
        here = todo.pop(0)
        config = parse_config(world.text(here))
        folder = here[: here.rfind("/") + 1]
        options = config.get("compilerOptions")
        options = options if isinstance(options, dict) else {}
        written = options.get("baseUrl")
        own = _folder(folder, written) if isinstance(written, str) else None
        if base is None:
            base = own
        paths = options.get("paths")
        if patterns is None and isinstance(paths, dict):
            patterns = _patterns(own if own is not None else base if base is not None else folder, paths)
        for other in _others(world, folder, config):
            if other not in seen and len(seen) < MAX_CONFIGS:
                seen.add(other)
                todo.append(other)
    if base is None and not patterns:
        return None
    return PathMap(base, patterns or ())


def _patterns(folder: str, paths: dict[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: list[tuple[str, tuple[str, ...]]] = []
    for pattern, targets in list(paths.items())[:MAX_PATTERNS]:
        joined = (join_path(folder, target) for target in strings(targets))
        found.append((pattern, tuple(path for path in joined if path is not None)))
    return tuple(found)


def _folder(folder: str, written: str) -> str | None:
    joined = join_path(folder, written)
    return joined if joined is None or not joined else joined.rstrip("/") + "/"


def _others(world: World, folder: str, config: dict[str, Any]) -> list[str]:
    """The configurations that one extends, the last first because it wins, then those that it refers to."""
    found = [_config(world, folder, name) for name in reversed(strings(config.get("extends")))]
    references = config.get("references")
    for entry in references[:MAX_CONFIGS] if isinstance(references, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("path"), str):
            found.append(_config(world, folder, f"./{entry['path']}"))
    return [path for path in found if path]


def _config(world: World, folder: str, name: str) -> str:
    """The path of a configuration by what `extends` says; "" if it is not in the repository."""
    if name.startswith("."):
        start = join_path(folder, name)
    else:
        packages: Packages = world.remember(("js packages",), lambda: find_packages(world))
        package, below = split_name(name)
        home = packages.get(package)
        start = join_path(home.folder, below) if home is not None else None
    if start is None:
        return ""
    choices = [start] if start.endswith(".json") else [f"{start}.json", f"{start.rstrip('/')}/tsconfig.json"]
    return world.first(choice.lstrip("/") for choice in choices)
