"""Names of the top level of files: through imports, re-exports and stars to what defines them.

A lookup walks nodes (file, name) depth first with a set of those it has seen, so circles of imports end, and it depends
on where it starts alone. Stars are searched breadth first over all files that can be reached by them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from indexer.resolvers.keys import closure_key, key
from indexer.resolvers.recall import Known
from indexer.resolvers.rules import Place
from indexer.resolvers.scopes import AFTER, Definition, Entry, FileNames, bucket, likeliest
from indexer.resolvers.values import How
from indexer.resolvers.world import Files
from indexer.types import Binding, Import

MAX_NODES = 100  # of one lookup; chains of re-exports have two to five
CLOSURES_HELD = 64  # of stars: a file's own is asked for while the file is resolved


class Leaf(NamedTuple):
    """Where a lookup ends."""

    kind: str  # symbol | module | package | binding | place (a dotted name, to be followed through members) | outside
    file: FileNames | None
    name: str
    how: How
    weight: float = 1.0
    binding: Binding | None = None


Leaves = tuple[Leaf, ...]


class _Node(NamedTuple):
    """A name to look up. `inside`: as an attribute of the file, so that the rules may know it as a submodule."""

    file: FileNames
    name: str
    how: How | None  # None: where the lookup starts
    weight: float
    inside: bool
    is_last: bool = False  # all that the file binds came to nothing


class Closure(NamedTuple):
    """The files whose names stars bring into one."""

    ranks: dict[str, tuple[int, Import]]  # path -> order, the star of the first file that leads there
    others: tuple[tuple[Place, Import], ...]  # packages and classes


class Lookup:
    """Answers about top-level names. `binding` leaves are left to who knows about types."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._memory = files.memory
        self._closures: OrderedDict[FileNames, tuple[Closure, Known]] = OrderedDict()

    def bare(self, file: FileNames, name: str, line: int) -> Leaves:
        """What a bare name means at the top level of the file."""
        turn = bucket(file.top.get(name, ()), line)
        if turn < 0:
            return self._memory.recall(file.memo, ("t", name), self._search, file, name, AFTER, False)
        return self._memory.recall(file.local, ("t", name, turn), self._search, file, name, line, False)

    def inside(self, file: FileNames, name: str) -> Leaves:
        """What others have when they ask the file for the name, its submodules included."""
        return self._memory.recall(file.memo, ("i", name), self._search, file, name, AFTER, True)

    def imported(self, file: FileNames, entry: Import) -> Sequence[Place]:
        """Where the rules say that an import leads."""
        question = ("p", entry.module, entry.level, entry.name, entry.alias, entry.scope)
        world = self._files.world(file.language)
        return self._memory.recall(file.memo, question, file.rules.imported, world, file, entry)

    def of_import(self, file: FileNames, entry: Import) -> Leaves:
        """What the name that an import binds stands for."""
        return self._run(list(reversed(self._steps(file, [entry], None, 1.0))), AFTER)

    def of_places(self, places: Iterable[Place], how: How) -> Leaves:
        """What places lead to."""
        found = [step for place in places for step in self._place(place, how, 1.0)]
        return self._run(found[::-1], AFTER) if found else ()

    # -- the search ----------------------------------------------------------------------------------------------

    def _search(self, file: FileNames, name: str, line: int, inside: bool) -> Leaves:
        entries = file.top.get(name, ())
        if len(entries) == 1 and isinstance(entries[0], Definition):
            self._memory.notes.append(file.key(name))
            return (Leaf("symbol", file, name, ("defined at line {}", entries[0].line)),)
        return self._run([_Node(file, name, None, 1.0, inside)], line)

    def _run(self, todo: list[_Node | Leaf], line: int) -> Leaves:
        """The leaves in the order of likelihood, up to the first that is certain. `todo` is a stack."""
        leaves: list[Leaf] = []
        seen: set[tuple[str, str]] = set()
        while todo:
            step = todo.pop()
            if isinstance(step, Leaf):
                leaves.append(step)
                if step.kind in ("symbol", "module"):
                    break
                continue
            if step.is_last:
                world = self._files.world(step.file.language)
                for place in reversed(step.file.rules.attribute(world, step.file, step.name)):
                    todo.extend(self._place(place, step.how or "", step.weight))
                continue
            node = (step.file.path, step.name)
            if node in seen or len(seen) >= MAX_NODES:
                continue
            seen.add(node)
            self._expand(step, line if len(seen) == 1 else AFTER, todo)
        return tuple(leaves)

    def _expand(self, node: _Node, line: int, todo: list[_Node | Leaf]) -> None:
        """Put what the name may lead to on the stack, the likeliest on top."""
        file, name = node.file, node.name
        self._memory.notes.append(file.key(name))
        if node.inside:
            todo.append(node._replace(is_last=True))
        entries = file.top.get(name)
        if entries is not None:
            if not file.rules.passes_imports and (node.inside or node.how is not None):
                entries = [entry for entry in entries if not isinstance(entry, Import)]
            todo.extend(reversed(self._steps(file, likeliest(entries, line), node.how, node.weight)))
            return
        self._memory.notes.append(file.key("*"))  # stars may come
        if file.stars and (file.rules.passes_imports or not (node.inside or node.how is not None)):
            todo.extend(reversed(self._starred(node)))

    def _steps(
        self, file: FileNames, entries: Iterable[Entry], how: How | None, weight: float
    ) -> list[_Node | Leaf]:
        steps: list[_Node | Leaf] = []
        for entry in entries:
            if isinstance(entry, Definition):
                steps.append(
                    Leaf("symbol", file, entry.qualname, how or ("defined at line {}", entry.line), weight)
                )
            elif isinstance(entry, Binding):
                steps.append(Leaf("binding", file, entry.name, how or "", weight, entry))
            else:
                words = how or self.import_words(file, entry)
                places = self.imported(file, entry)
                for place in places:
                    steps.extend(self._place(place, words, weight))
                if not places:
                    steps.append(Leaf("outside", None, entry.name, words, weight))
        return steps

    def import_words(self, file: FileNames, entry: Import) -> How:
        if entry.name and entry.name != "*":
            return ("imported at line {} from {}", entry.line, file.rules.module_words(entry))
        return ("imported at line {}", entry.line)

    def _place(self, place: Place, how: How, weight: float) -> list[_Node | Leaf]:
        how, weight = place.how or how, weight * place.weight
        if not place.path:
            return [Leaf("package", None, place.name, how, weight)]
        self._memory.notes.append(key(place.path))
        file = self._files.file(place.path)
        if file is None:
            return []
        if not place.name:
            return [Leaf("module", file, "", how, weight)]
        if "." in place.name:
            if place.name in file.symbols and place.name.partition(".")[0] not in file.symbols:
                # it extends what is defined elsewhere
                self._memory.notes.append(file.key_around(place.name))
                return [Leaf("symbol", file, place.name, how, weight)]
            return [Leaf("place", file, place.name, how, weight)]
        return [_Node(file, place.name, how, weight, True)]

    # -- stars ---------------------------------------------------------------------------------------------------

    def _starred(self, node: _Node) -> list[_Node | Leaf]:
        """The first file of the closure that binds the name, then packages and classes that may."""
        file, name = node.file, node.name
        if file.rules.star_hides(name):
            return []
        closure = self._closure(file)
        self._memory.notes.append(key(f"*:{name}"))
        steps: list[_Node | Leaf] = []
        found = self._first_binder(closure, file, name)
        if found:
            star = closure.ranks[found][1]
            other = self._files.file(found)
            assert other is not None
            steps.append(_Node(other, name, node.how or self._star_words(file, star), node.weight, False))
        for place, star in closure.others:
            how = node.how or self._star_words(file, star)
            if place.path:
                steps.extend(self._place(place._replace(name=f"{place.name}.{name}"), how, node.weight))
            else:
                world = self._files.world(file.language)
                for member in file.rules.package_member(world, place.name, name):
                    if member.path:
                        steps.extend(self._place(member, how, node.weight))
        return steps

    def _star_words(self, file: FileNames, star: Import) -> How:
        return ("imported at line {} from {} (*)", star.line, file.rules.module_words(star))

    def _first_binder(self, closure: Closure, file: FileNames, name: str) -> str:
        ranks = closure.ranks
        binders = self._files.binders.get(name, ())
        if len(binders) < len(ranks):
            inside = [path for path in binders if path in ranks and path != file.path]
        else:
            inside = [path for path in ranks if path != file.path and self._binds(path, name)]
        return min(inside, key=lambda path: ranks[path][0], default="")

    def _binds(self, path: str, name: str) -> bool:
        file = self._files.file(path)
        return file is not None and file.binds(name)

    def _closure(self, file: FileNames) -> Closure:
        """The closure of a file's stars. What it depends on is kept with that file: here only that it was asked for."""
        known = self._closures.get(file)
        if known is None:
            known = self._closures[file] = self._memory.gather(self._find_closure, file)
            if len(self._closures) > CLOSURES_HELD:
                self._closures.popitem(last=False)
        else:
            self._closures.move_to_end(file)
        self._memory.notes.append(closure_key(file.path))
        return known[0]

    def closure_keys(self, file: FileNames) -> frozenset[int]:
        """The keys of all that the closure of the file's stars depends on; without stars nothing."""
        if not file.stars:
            return frozenset()
        self._closure(file)
        outer, self._memory.notes = self._memory.notes, [self._closures[file][1]]
        keys = self._memory.collect()
        self._memory.notes = outer
        return frozenset(keys)

    def _find_closure(self, file: FileNames) -> Closure:
        ranks: dict[str, tuple[int, Import]] = {file.path: (0, file.stars[0])}
        others: list[tuple[Place, Import]] = []
        queue = [(file, star, star) for star in reversed(file.stars)]
        for holder, star, first in queue:  # grows
            for place in self.imported(holder, star):
                if not place.path or place.name:
                    others.append((place, first))
                    continue
                if place.path in ranks:
                    continue
                other = self._files.file(place.path)
                if other is None:
                    continue
                ranks[place.path] = (len(ranks), first)
                if other.rules.passes_imports:
                    queue.extend((other, star, first) for star in reversed(other.stars))
        self._memory.notes.extend([key(f"{path}:*") for path in ranks])
        return Closure(ranks, tuple(others))
