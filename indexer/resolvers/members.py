"""What is behind a dot: members of modules, of classes with their bases, of what variables and calls hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from indexer.resolvers.inheritance import Line, order_of_bases
from indexer.resolvers.rules import Named
from indexer.resolvers.scopes import AFTER, FileNames
from indexer.resolvers.values import Value, Values, distinct
from indexer.types import Binding

if TYPE_CHECKING:
    from indexer.resolvers.names import Names

TYPED = 0.9  # confidence kept when a variable's type was followed: it may have been assigned anew
MAX_PARTS = 50  # files over which a class may be spread and its bases be looked for
AMBIGUOUS = 0.8  # confidence kept where several files define the same qualified name: the nearest is taken

_FUNCTIONS = ("function", "method")
Member = tuple[FileNames, str, str]  # file, class that has it, what it is: "method", "attribute"…


class Members:
    """Follows attributes. Works together with `Names`, which evaluates the expressions it meets."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._memory = names.memory

    def attribute(self, value: Value, name: str) -> Values:
        """All that `value.name` may mean."""
        kind, file, owner, how, weight = value
        if kind == "package":
            return self._of_package(value, name)
        if file is None:
            return (value,)  # what is outside stays there
        if kind == "module":
            leaves = self._names.lookup.inside(file, name)
            return self._names.of_leaves(leaves, file, how, weight)
        if kind == "instance":
            return self._of_class(value, file, owner, name)
        what = file.kind(owner)
        if what == "class":
            return self._of_class(value, file, owner, name)
        if what == "namespace":
            return self._of_namespace(value, file, owner, name)
        below = f"{owner}.{name}"
        if file.rules.functions_have_members and below in file.symbols:
            self._memory.notes.append(file.key_around(below))
            return (Value("symbol", file, below, how, weight),)
        found = self._memory.recall(file.memo, ("a", owner, name), self._through, file, owner, name)
        return found if weight == 1.0 else tuple([v._replace(weight=v.weight * weight) for v in found])

    def _through(self, file: FileNames, owner: str, name: str) -> Values:
        """The attribute of a method: it is a property, so its result is meant. Of a variable: its type is."""
        if not self._memory.burn():
            return ()
        value = Value("symbol", file, owner, "", 1.0)
        held = self.result(value) if file.kind(owner) in _FUNCTIONS else self.held(value)
        found = distinct([self.attribute(one, name) for one in held])
        self._memory.refill()
        return found

    def _of_package(self, value: Value, name: str) -> Values:
        asker = value.file
        assert asker is not None
        world = self._names.files.world(asker.language)
        places = asker.rules.package_member(world, value.name, name)
        return self._names.of_places(asker, places, value.how, value.weight)

    def _of_namespace(self, value: Value, file: FileNames, owner: str, name: str) -> Values:
        below = f"{owner}.{name}"
        self._memory.notes.append(file.key_around(below))
        if below in file.symbols:
            return (Value("symbol", file, below, value.how, value.weight),)
        return self._elsewhere(file, below, value)

    def _elsewhere(self, file: FileNames, qualname: str, value: Value) -> Values:
        """A symbol of that qualified name in another file of the package."""
        if not file.rules.spread_members:
            return ()
        found = file.rules.elsewhere(self._names.files.world(file.language), file, qualname)
        chosen = nearest(found, file.path)
        other = self._names.files.file(chosen.path) if chosen else None
        if chosen is None or other is None:
            return ()
        self._memory.notes.append(other.key_around(chosen.qualname))
        weight = value.weight * (AMBIGUOUS if len(found) > 1 else 1.0)
        return (Value("symbol", other, chosen.qualname, value.how, weight),)

    # -- classes -------------------------------------------------------------------------------------------------

    def _of_class(self, value: Value, file: FileNames, owner: str, name: str) -> Values:
        found = self._memory.recall(file.memo, ("m", owner, name), self._member, file, owner, name, 0)
        return self._as_member(value, owner, name, found)

    def inherited(self, file: FileNames, owner: str, name: str) -> Values:
        """What `super().name` means in a method of `owner`."""
        value = Value("instance", file, owner, ("`super()` in {}", owner), 1.0)
        found = self._memory.recall(file.memo, ("s", owner, name), self._member, file, owner, name, 1)
        return self._as_member(value, owner, name, found)

    def _as_member(self, value: Value, owner: str, name: str, found: Member | None) -> Values:
        if found is None:
            if value.kind == "symbol" and name in value.file.rules.constructors:  # type: ignore[union-attr]
                return (value,)
            return ()
        file, holder, what = found
        how = value.how
        # `self` and `super()` are sure, other receivers were followed to a type
        is_own = isinstance(how, tuple) and str(how[0]).startswith("`")
        words = (
            "{} of {}"
            if holder == owner
            else "{} of {}, inherited by " + owner.replace("{", "").replace("}", "")
        )
        how = (words, what, holder) if is_own else (words + ", {}", what, holder, how)
        weight = value.weight if is_own or value.kind != "instance" else value.weight * TYPED
        qualname = f"{holder}.{name}"
        return (Value("symbol" if qualname in file.symbols else "field", file, qualname, how, weight),)

    def _member(self, file: FileNames, owner: str, name: str, skip: int) -> Member | None:
        """The first class in the line, after `skip`, that has the member."""
        notes = self._memory.notes
        assigned: Member | None = None  # without a symbol; one of a base is what is meant
        for other, holder in self.line(file, owner)[skip:]:
            notes.append(other.key_around(holder))
            if other.rules.named_constructors and name == holder[holder.rfind(".") + 1 :]:
                continue
            qualname = f"{holder}.{name}"
            symbol = other.symbols.get(qualname)
            if symbol is not None:
                return other, holder, symbol.kind if symbol.kind in ("class", "method") else "attribute"
            if assigned is None and qualname in other.members:
                assigned = other, holder, "attribute"
            if other.rules.spread_members:
                for found in self._elsewhere(other, qualname, Value("symbol", other, holder, "", 1.0)):
                    if found.file is not None:
                        # there the namespace may be part of the qualified name
                        return found.file, found.name.removesuffix(f".{name}"), "method"
        return assigned

    def line(self, file: FileNames, owner: str) -> Line:
        """A class followed by its bases, in the order of lookup."""
        return self._memory.recall(file.memo, ("l", owner), order_of_bases, file, owner, self.bases)

    def bases(self, file: FileNames, owner: str) -> Values:
        """The base classes that are in the repository, as written from left to right."""
        symbol = file.symbols.get(owner)
        if symbol is None or not symbol.bases:
            if not file.rules.spread_members:
                return ()
            return self._memory.recall(file.memo, ("b", owner), self._other_parts, file, owner)
        return self._memory.recall(
            file.memo, ("b", owner), self._bases, file, owner, symbol.bases, symbol.line
        )

    def _other_parts(self, file: FileNames, owner: str) -> Values:
        """The class in another file, where this one has only members of it: first one that names bases."""
        full = f"{file.package}.{owner}" if file.package else owner
        found = self._names.files.world(file.language).qualified(full)
        parts: list[Value] = []
        for one in found[:MAX_PARTS]:
            other = (
                self._names.files.file(one.path) if one.kind == "class" and one.path != file.path else None
            )
            if other is not None:
                self._memory.notes.append(other.key_around(one.qualname))
                parts.append(Value("symbol", other, one.qualname, "", 1.0))
        if not parts and file.rules.has_extensions and owner not in file.symbols:
            # an extension may stand in another package than the class
            return self._bases(file, "", (owner,), AFTER)
        parts.sort(key=lambda part: not part.file.symbols[part.name].bases)  # type: ignore[union-attr]
        return tuple(parts[:1])

    def _bases(self, file: FileNames, owner: str, written: Sequence[str], line: int) -> Values:
        if not self._memory.burn():
            return ()
        scope = owner.rpartition(".")[0]
        found: list[Values] = []
        for one in written:
            name = file.rules.base_name(one)
            if name:
                found.append(self.classes(self._names.evaluate(file, name, scope, line))[:1])
        self._memory.refill()
        return distinct(found)

    # -- types of what variables hold ----------------------------------------------------------------------------

    def held(self, value: Value) -> Values:
        """What a variable of a module or class holds, as far as it is stated: instances, or what it is an alias of."""
        file = value.file
        if file is None or value.kind not in ("symbol", "field"):
            return ()
        self._memory.notes.append(file.key_around(value.name))
        bindings = file.members.get(value.name)
        return self._first_bound(file, bindings) if bindings else ()

    def holders(self, value: Value) -> Values:
        """What has the members that can follow the value and a dot."""
        if value.kind in ("module", "instance", "package") or is_class(value) or value.file is None:
            return (value,)
        kind = value.file.kind(value.name)
        if kind == "namespace":
            return (value,)
        return self.result(value) if kind in _FUNCTIONS else self.held(value)

    def _first_bound(self, file: FileNames, bindings: list[Binding]) -> Values:
        # an annotation says more than a call
        for binding in sorted(bindings, key=lambda b: b.kind == "call") if len(bindings) > 1 else bindings:
            found = self.bound(file, binding)
            if found:
                return found
        return ()

    def bound(self, file: FileNames, binding: Binding) -> Values:
        """The instances that a binding gives its name."""
        if not binding.type or binding.kind == "local":
            return ()
        if binding.scope and file.rules.is_lexical and self._names.leads_out(file, binding.type):
            return ()
        memo = file.memo if not binding.scope or "." in binding.name else file.local
        return self._memory.recall(memo, id(binding), self._bound, file, binding)

    def _bound(self, file: FileNames, binding: Binding) -> Values:
        if not self._memory.burn():
            return ()
        line, written = binding.line, binding.type
        how: tuple[object, ...]
        if binding.kind == "alias":
            found = self._names.evaluate(file, written, binding.scope, line)
            self._memory.refill()
            return found
        if binding.kind == "call":
            called = self._names.evaluate(file, written, binding.scope, line)
            how = ("type of `{}`, assigned at line {}", binding.name, line)
            if (
                written.rpartition(".")[2] in file.rules.transparent
                and called[:1]
                and called[0].kind == "instance"
            ):
                found = called
            else:
                found = distinct([self.result(value) for value in called]) or _outside(called)
        else:
            # Annotations of parameters are read where the function stands, not inside it, and a field may have the name
            # of its type.
            is_around = binding.kind == "parameter" or binding.name == written.partition(".")[0]
            scope = binding.scope.rpartition(".")[0] if is_around else binding.scope
            how = ("type of `{}`, annotated at line {}", binding.name, line)
            found = self._annotated(file, written, scope, line)
        self._memory.refill()
        return tuple([value._replace(how=how) for value in found])

    def result(self, value: Value) -> Values:
        """What a call of the value gives: an instance of a class, what a function says that it returns."""
        kind, file, name, how, weight = value
        if file is None or kind not in ("symbol", "field"):
            return ()
        what = file.kind(name)
        if what == "class":
            return (Value("instance", file, name, how, weight),)
        if what in ("variable", ""):
            return _instances(self.classes((value,))) or self._result_of_alias(value)
        if what not in _FUNCTIONS:
            return ()
        self._memory.notes.append(file.key_around(name))
        binding = file.returns.get(name)
        if binding is None:
            return (value._replace(kind="instance"),) if file.has_methods(name) else ()
        owner = name.rpartition(".")[0]
        if binding.type in file.rules.self_types and owner:
            return (Value("instance", file, owner, how, weight * TYPED),)
        found = self._memory.recall(file.memo, ("r", name), self._returned, file, binding, owner)
        return tuple([v._replace(weight=v.weight * weight * TYPED) for v in found])

    def _result_of_alias(self, value: Value) -> Values:
        """What a call of a variable gives that is another name of a function."""
        functions = [v for v in self.held(value) if v.file is not None and v.file.kind(v.name) in _FUNCTIONS]
        return distinct([self.result(one) for one in functions if one.kind == "symbol"])

    def _returned(self, file: FileNames, binding: Binding, owner: str) -> Values:
        if not self._memory.burn():
            return ()
        found = self._annotated(file, binding.type, owner, binding.line)
        self._memory.refill()
        return found

    def _annotated(self, file: FileNames, written: str, scope: str, line: int) -> Values:
        values = self._names.evaluate(file, written, scope, line)
        if file.rules.implicit_members and scope and not any(map(is_class, values)):
            # `Color Color`: a member that is called like its type hides it from expressions only.
            outer = self._names.evaluate(file, written, file.namespace(scope), line)
            values = tuple([value for value in outer if is_class(value)]) or values
        return _instances(self.classes(values)) or _outside(values)

    def classes(self, values: Values) -> Values:
        """The classes among the values, those that a variable is another name of included."""
        found: list[Values] = []
        for value in values:
            if is_class(value):
                found.append((value,))
            elif value.file is not None and value.file.kind(value.name) in ("variable", ""):
                found.append(tuple([v for v in self.held(value) if is_class(v)]))
        return distinct(found)


def _outside(values: Values) -> Values:
    """Where a type is known to be outside of the repository, nothing in it may be guessed."""
    return values[:1] if values and values[0].kind == "outside" else ()


def _instances(classes: Values) -> Values:
    return tuple([value._replace(kind="instance") for value in classes])


def is_class(value: Value) -> bool:
    """Whether the value is a class itself."""
    return value.kind == "symbol" and value.file is not None and value.file.kind(value.name) == "class"


def nearest(found: Iterable[Named], path: str) -> Named | None:
    """Of several symbols that of the file itself, else of the file that shares most folders with it."""
    best: tuple[tuple[int, int, int, str], Named] | None = None
    folders = path.split("/")
    for symbol in found:
        shared = 0
        for mine, other in zip(folders, symbol.path.split("/"), strict=False):
            if mine != other:
                break
            shared += 1
        rank = (-shared, symbol.path.count("/"), len(symbol.path), symbol.path)
        if best is None or rank < best[0]:
            best = (rank, symbol)
    return best[1] if best else None
