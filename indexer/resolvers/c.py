"""C and C++: what headers bring, namespaces over many files, declarations here and definitions there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from indexer.resolvers.rules import FileView, Named, Place, Rules
from indexer.types import Import

if TYPE_CHECKING:
    from indexer.resolvers.world import World

GUESS = 0.4  # the only symbol of that name in the repository, where no header says that it is meant
SEVERAL = 0.8  # confidence in the nearest of several definitions of a declaration
HEADERS = (".h", ".hh", ".hpp", ".hxx", ".h++")
FUNCTIONS = ("function", "method")
# Where headers for others stand; what is found below one of these is meant before others.
INCLUDE_FOLDERS = frozenset({"include", "inc", "includes", "src", "source", "lib"})
# In angle brackets these are the system's, though a repository may have files of these names.
SYSTEM = frozenset(
    "assert.h complex.h ctype.h errno.h fcntl.h fenv.h float.h inttypes.h iso646.h limits.h locale.h malloc.h"
    " math.h memory.h poll.h pthread.h sched.h setjmp.h signal.h stdalign.h stdarg.h stdatomic.h stdbool.h"
    " stddef.h stdint.h stdio.h stdlib.h string.h strings.h termios.h tgmath.h threads.h time.h uchar.h"
    " unistd.h wchar.h wctype.h".split()
)

# What programs call of the C library and the containers of C++, and name in turn: without a header that says so, the
# only definition of such a name in the repository is not what is meant.
LIBRARY = frozenset(
    "abort abs accept assert begin bind c_str calloc cbegin cend clear clock close closedir connect count"
    " data emplace empty end erase errno error exit fclose fcntl fflush find first fopen fork fprintf fread"
    " free front back fwrite get getenv insert ioctl kill length listen log lock main malloc max memcmp memcpy"
    " memmove memset min move open perror pipe poll pop_back printf push push_back read realloc recv remove"
    " rename reserve reset resize second select send setenv shutdown signal size sleep snprintf socket sort"
    " sprintf stat strcmp strdup strlen strncmp substr swap system time top type unlink unlock value wait warn"
    " write".split()
)


class CRules(Rules):
    """Names of C."""

    family = frozenset({"c", "cpp"})
    spread_members = True
    has_bodies = True
    super_names = frozenset()
    guess = GUESS
    builtins = LIBRARY

    def imported(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """The header, or what `using` names."""
        if entry.name in ("", "*"):
            path = world.remember(
                ("include", file.folder, entry.module, entry.level),
                lambda: _header(world, file.folder, entry),
            )
            if path:
                return (Place(path),)
            return (
                (Place("", entry.module),) if entry.level == 0 and _is_namespace(world, entry.module) else ()
            )
        found = nearest_first(world.qualified(f"{entry.module}.{entry.name}"), file.path)
        return [Place(one.path, one.qualname) for one in found]

    def bodies(self, world: World, path: str, qualname: str) -> Sequence[Place]:
        """The function of that name in a source file, if this is a header: in the one called like it, else the
        nearest.
        """
        if not path.endswith(HEADERS):
            return ()
        found = [
            one
            for one in world.qualified(qualname)
            if one.path != path and one.kind in FUNCTIONS and not one.path.endswith(HEADERS)
        ]
        if not found:
            return ()
        stem = _stem(path)
        chosen = min(nearest_first(found, path), key=lambda one: _stem(one.path) != stem)
        sure = len({one.path for one in found}) == 1 or _stem(chosen.path) == stem
        return (Place(chosen.path, chosen.qualname, 1.0 if sure else SEVERAL),)

    def parameters(self, signature: str) -> list[str]:
        """None: each is bound by its type, and those without a name look as if their type was one."""
        return []


class CppRules(CRules):
    """Names of C++."""

    implicit_members = True
    same_package = True
    named_constructors = True


def nearest_first(found: Iterable[Named], path: str) -> list[Named]:
    """Those in files that share most folders with `path` first."""
    folders = path.split("/")[:-1]

    def rank(one: Named) -> tuple[int, int, str]:
        shared = 0
        for mine, other in zip(folders, one.path.split("/"), strict=False):
            if mine != other:
                break
            shared += 1
        return -shared, one.path.count("/"), one.path

    return sorted(found, key=rank)


def _is_namespace(world: World, name: str) -> bool:
    return any(one.kind == "namespace" for one in world.qualified(name))


def _header(world: World, folder: str, entry: Import) -> str:
    """The file that an `#include` means, "" if it is not in the repository."""
    written = entry.module
    if entry.level:
        beside = posixpath.normpath(folder + written)
        if not beside.startswith("..") and world.exists(beside):
            return beside
    elif written in SYSTEM:
        return ""
    tail = posixpath.normpath(written).replace("../", "")
    if "." not in tail.rpartition("/")[2] and "/" not in tail:
        return ""  # <vector>
    found = world.ending(tail)
    return min(found, key=lambda path: _distance(path, tail, folder), default="")


def _distance(path: str, tail: str, folder: str) -> tuple[int, int, str]:
    """How far a header is from where it is included: folders that are not shared, of those for headers fewer count."""
    before = path[: len(path) - len(tail)]
    mine, other = folder.split("/")[:-1], before.split("/")[:-1]
    shared = 0
    for one, two in zip(mine, other, strict=False):
        if one != two:
            break
        shared += 1
    foreign = [part for part in other[shared:] if part not in INCLUDE_FOLDERS]
    return len(foreign), len(mine) - shared + len(other) - shared, path


def _stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]
