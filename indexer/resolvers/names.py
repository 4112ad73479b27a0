"""What an expression of names and dots means at a place of a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from indexer.resolvers.lookup import Leaf, Leaves, Lookup
from indexer.resolvers.members import Members, nearest
from indexer.resolvers.rules import Place
from indexer.resolvers.scopes import AFTER, Definition, Entry, FileNames, bucket, likeliest
from indexer.resolvers.values import NEAR, How, Value, Values, distinct
from indexer.resolvers.world import Files
from indexer.types import Binding, Import

MAX_ASSIGNMENTS = 4  # of a variable that are looked at for its type, the nearest first
MAX_PARTS = 20  # of a dotted name; longer ones are data


class Names:
    """Evaluates dotted names over the files of a table."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.memory = files.memory
        self.lookup = Lookup(files)
        self.members = Members(self)

    def evaluate(self, file: FileNames, dotted: str, scope: str, line: int) -> Values:
        """All that a dotted name may mean at a place, likeliest first; () if that is not known."""
        parts = dotted.split(".")
        if len(parts) > MAX_PARTS:
            return ()
        name = parts[0].removesuffix("()")
        if name in file.rules.super_names and len(parts) > 1:
            owner = file.owner(scope)
            if owner and owner != scope:
                values = self.members.inherited(file, owner, parts[1].removesuffix("()"))
                return self._with_bodies(self._follow(self._called(values, parts[1]), parts[2:], file), file)
        return self.after(self.root(file, name, scope, line), parts, file)

    def after(self, values: Values, parts: Sequence[str], file: FileNames) -> Values:
        """What the parts of a dotted name mean of which the first stands for the values."""
        if len(parts) > MAX_PARTS:
            return ()
        if not values:
            return self._with_bodies(self._unreached(file, parts[-1]), file) if len(parts) > 1 else ()
        if len(values) == 1 and values[0].kind == "outside":
            return values
        return self._with_bodies(self._follow(self._called(values, parts[0]), parts[1:], file), file)

    def _with_bodies(self, values: Values, file: FileNames) -> Values:
        if not values or not file.rules.has_bodies:
            return values
        return distinct([(*self._bodies(value), value) for value in values])

    def _follow(self, values: Values, parts: Sequence[str], file: FileNames) -> Values:
        """The values after `.a.b` was followed from them."""
        for at, part in enumerate(parts):
            if len(values) == 1:
                if values[0].kind == "outside":
                    return values
                known = values[0].kind in NEAR
            else:
                known = any(value.kind in NEAR for value in values)
                if not known and all(value.kind == "outside" for value in values):
                    return values[:1]
            name, before = part.removesuffix("()"), values
            if len(values) == 1:
                values = self.members.attribute(values[0], name)
            else:
                values = distinct([self.members.attribute(value, name) for value in values])
            values = self._called(values, part)
            if not values and name in file.rules.transparent:
                held = distinct([self.members.holders(value) for value in before])
                values = tuple([value for value in held if value.kind in ("instance", "outside")])
            if not values and file.rules.has_extensions:
                values = self._called(self._extension(file, name, before), part)
            if not values:
                return self._unreached(file, parts[-1]) if known and at < len(parts) - 1 else ()
        return values

    def _called(self, values: Values, part: str) -> Values:
        if not part.endswith("()"):
            return values
        return distinct([self.members.result(value) for value in values])

    def leads_out(self, file: FileNames, dotted: str) -> bool:
        """Whether a name surely means nothing in the repository wherever it is used in the file."""
        root = dotted.partition(".")[0].removesuffix("()")
        if file.may_be_inner(root):
            return False
        leaves = self.lookup.bare(file, root, AFTER)
        return not leaves or (len(leaves) == 1 and leaves[0].kind == "outside")

    # -- the first name ------------------------------------------------------------------------------------------

    def root(self, file: FileNames, name: str, scope: str, line: int) -> Values:
        """What a bare name means at a place."""
        home, turn = self.home(file, name, scope, line)
        if home and turn < 0:
            entries = file.entries(home, name)
            if len(entries) == 1 and isinstance(entries[0], Binding):
                return self.members.bound(file, entries[0])
        elif turn < 0 and file.rules.is_lexical:
            return self.of_leaves(self.lookup.bare(file, name, AFTER), file, None, 1.0)
        if turn < 0:
            return self.memory.recall(file.local, ("n", home, name), self._root, file, name, home, AFTER)
        return self.memory.recall(file.local, ("n", home, name, turn), self._root, file, name, home, line)

    def home(self, file: FileNames, name: str, scope: str, line: int) -> tuple[str, int]:
        """The scope in which a name means the same as here: where it is bound. And what tells apart the lines there at
        which it means something else, -1 if none.

        So all functions of a file share one answer about what the file imports.
        """
        question = (scope, name)
        home = file.homes.get(question)
        if home is None:
            if file.rules.implicit_members:
                # what is noted for it is noted for each that asks
                home = self.memory.recall(file.local, ("h", *question), self._home, file, name, scope)
            else:
                home = file.homes[question] = self._home(file, name, scope)
        if home != scope:
            return home, -1
        entries = file.entries(home, name)
        return home, -1 if len(entries) < 2 else bucket(entries, line)

    def _home(self, file: FileNames, name: str, scope: str) -> str:
        if name in file.self_names:
            owner = file.owner(scope)
            if owner and (owner != scope or file.rules.self_in_class_body):
                return f"{owner}.()"
        for around in file.visible(scope):
            if file.entries(around, name) or file.is_parameter(around, name):
                return around
            if file.rules.implicit_members and self._is_member(file, around, name):
                return around
        if (file.rules.same_package or file.rules.relative_names) and not file.binds(name):
            return file.namespace(scope)
        return ""

    def _is_member(self, file: FileNames, owner: str, name: str) -> bool:
        if not file.is_class(owner):
            return False
        return bool(self.members.attribute(Value("instance", file, owner, "", 1.0), name))

    def _root(self, file: FileNames, name: str, scope: str, line: int) -> Values:
        if scope.endswith(".()"):
            owner = scope[:-3]
            kind = "symbol" if name in file.rules.class_names else "instance"
            return (Value(kind, file, owner, ("`{}` in {}", name, owner), 1.0),)
        for around in file.visible(scope):
            entries = file.entries(around, name)
            if entries:
                return self._first(file, likeliest(entries, line if around == scope else AFTER))
            if file.is_parameter(around, name):
                return ()
            if file.rules.implicit_members and file.is_class(around):
                how = ("`{}` in {}", name, around)
                found = self.members.attribute(Value("instance", file, around, how, 1.0), name)
                if found:
                    return found
        leaves = self.lookup.bare(file, name, line if not scope else AFTER)
        values = self.of_leaves(leaves, file, None, 1.0)
        if values or any(leaf.kind != "place" for leaf in leaves):  # places of stars may not have the name
            return values
        return self._neighbour(file, name, scope)

    def _first(self, file: FileNames, entries: Iterable[Entry]) -> Values:
        """The meaning of the first entry of an inner scope that has one in the repository, else of the first that has
        one at all.
        """
        outside: Values = ()
        tried = 0
        for entry in entries:
            if isinstance(entry, Definition):
                how = ("defined at line {}", entry.line)
                return (Value("symbol", file, entry.qualname, how, 1.0),)
            if isinstance(entry, Import):
                values = self.of_import(file, entry)
            elif tried >= MAX_ASSIGNMENTS or _is_of_itself(entry):
                continue
            else:
                tried += 1
                values = self.members.bound(file, entry)
            if values and any(value.kind in NEAR for value in values):
                return values
            outside = outside or values
        return outside

    def of_import(self, file: FileNames, entry: Import) -> Values:
        """What the name that an import binds stands for."""
        return self.of_leaves(self.lookup.of_import(file, entry), file, None, 1.0)

    def of_places(self, file: FileNames, places: Iterable[Place], how: How, weight: float) -> Values:
        """What places mean that the rules of `file` gave."""
        return self.of_leaves(self.lookup.of_places(places, how), file, None, weight)

    def of_leaves(self, leaves: Leaves, asker: FileNames, how: How | None, weight: float) -> Values:
        """The first leaf's values that are in the repository, else the first's."""
        outside: Values = ()
        for leaf in leaves:
            values = self._of_leaf(leaf, asker, how, weight)
            if values and values[0].kind in NEAR:
                return values
            outside = outside or values
        return outside

    def _of_leaf(self, leaf: Leaf, asker: FileNames, how: How | None, weight: float) -> Values:
        kind, file, name, words, certainty, binding = leaf
        how, weight = how or words, weight * certainty
        if kind == "symbol":
            return (Value(kind, file, name, how, weight),)
        if kind in ("module", "outside"):
            return (Value(kind, file, name, how, weight),)
        if kind == "package":
            return (Value(kind, asker, name, how, weight),)
        assert file is not None
        if kind == "binding":
            assert isinstance(binding, Binding)
            found = self.members.bound(file, binding)
            if words:  # it was found through an import, and that is what the reader sees
                found = tuple([v._replace(how=how, weight=v.weight * weight) for v in found])
            return found
        if not self.memory.burn():
            return ()
        first, *rest = name.split(".")
        start = self.of_leaves(self.lookup.inside(file, first), file, how, weight)
        found = self._follow(start, rest, file)
        self.memory.refill()
        return tuple([value._replace(how=how) for value in found])

    def _bodies(self, value: Value) -> Values:
        """Where that is defined which the file only declares."""
        kind, file, qualname, how, weight = value
        if kind != "symbol" or file is None or not file.rules.has_bodies:
            return ()
        found: list[Values] = []
        world = self.files.world(file.language)
        for place in file.rules.bodies(world, file.path, qualname):
            other = self.files.file(place.path)
            if other is not None and place.name in other.symbols:
                self.memory.notes.append(other.key_around(place.name))
                found.append((Value("symbol", other, place.name, how, weight * place.weight),))
        return distinct(found)

    # -- names that nothing binds --------------------------------------------------------------------------------

    def _neighbour(self, file: FileNames, name: str, scope: str) -> Values:
        rules, world = file.rules, self.files.world(file.language)
        if rules.is_outside(world, file, name):
            return (Value("outside", None, name, "", 1.0),)
        if rules.same_package:
            for package in self._packages_around(file, scope):
                full = f"{package}.{name}" if package else name
                found = nearest(world.qualified(full), file.path)
                if found is not None:
                    how = f"of the same package, {package}" if package else "of the same package"
                    place = Place(found.path, found.qualname)
                    return self.of_places(file, [place], how, 1.0)
        places = rules.neighbours(world, file, name, scope)
        if places:
            return self.of_places(file, places, "of the repository", 1.0)
        return self._guessed(file, name, is_member=False)

    def _packages_around(self, file: FileNames, scope: str) -> list[str]:
        """The package of a place, with the namespaces around it, innermost first."""
        package = ".".join(part for part in (file.package, file.namespace(scope)) if part)
        around = [package]
        while around[-1] and (file.rules.outer_packages or len(around[-1]) > len(file.package)):
            around.append(around[-1].rpartition(".")[0])
        return around

    def _unreached(self, file: FileNames, last: str) -> Values:
        """The last part of a name after parts of which nothing is known."""
        if file.rules.has_extensions:
            found = self._extension(file, last.removesuffix("()"), ())
            if found:
                return found
        return self._guessed(file, last, is_member=True)

    def _extension(self, file: FileNames, name: str, receivers: Values) -> Values:
        """A function that the file sees and that may be called as a member of the receivers."""
        classes: set[str] = set()
        for value in distinct([self.members.holders(one) for one in receivers]):
            if value.file is not None and value.kind in ("instance", "symbol"):
                line = self.members.line(value.file, value.name)
                classes.update(owner[owner.rfind(".") + 1 :] for _, owner in line)
        question = ("x", name, frozenset(classes))
        return self.memory.recall(file.local, question, self._extensions, file, name, question[2])

    def _extensions(self, file: FileNames, name: str, classes: frozenset[str]) -> Values:
        places = file.rules.extension(self.files.world(file.language), file, name, classes)
        return self.of_places(file, places, "an extension that the file sees", 1.0)

    def _guessed(self, file: FileNames, last: str, *, is_member: bool) -> Values:
        """The only symbol of that name in the repository, if the language wants guesses: a member for `x.name`, and one
        for a bare name only where members are named so.
        """
        name, weight = last.removesuffix("()"), file.rules.guess
        if not weight or name in file.rules.transparent or name in file.rules.builtins:
            return ()
        found = self.files.world(file.language).named(name)
        if len(found) != 1:
            return ()
        kinds = file.rules.guessed_kinds
        if kinds and found[0].kind not in kinds:
            return ()
        if ("." in found[0].qualname) != is_member and not file.rules.implicit_members:
            return ()
        other = self.files.file(found[0].path)
        if other is None:
            return ()
        self.memory.notes.append(other.key_around(found[0].qualname))
        return (Value("symbol", other, found[0].qualname, "the only one of that name", weight),)


def _is_of_itself(binding: Binding) -> bool:
    """`query = query.filter(…)`: of what type it is, other assignments tell."""
    name = binding.name
    return binding.type.startswith(name) and binding.type[len(name) : len(name) + 1] in ("", ".", "(")
