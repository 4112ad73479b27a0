"""What is behind a dot: members of modules, of classes with their bases, of what variables and calls hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.resolvers.scopes import FileScopes
from indexer.resolvers.values import Value, Values, distinct
from indexer.types import Binding

if TYPE_CHECKING:
    from indexer.resolvers.names import Names

TYPED = 0.9  # confidence kept when a variable's type was followed: it may have been assigned anew
MAX_BASES = 64  # classes in one line of inheritance; crafted ones must not grow without bound

# Annotations that stand for the object whose method it is.
_SELF_TYPES = frozenset({"Self", "typing.Self", "typing_extensions.Self"})

_SAYS = {"call": 1, "alias": 2, "local": 3}  # order of trust, annotations first

ClassLine = tuple[tuple[FileScopes, str], ...]  # a class and its bases in the order of lookup


class Members:
    """Follows attributes. Works together with `Names`, which evaluates the expressions it meets."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def attribute(self, value: Value, name: str) -> Values:
        """All that `value.name` may mean."""
        file = value.file
        if file is None:
            return ()
        if value.kind == "namespace":
            return self._names.submodule(value, name)
        question = ("attribute", value.kind, value.name, name, value.how)
        memory = self._names.memory
        memory.consulted.add(file.path)
        if value.kind == "module":
            return memory.recall(file, question, lambda: self._of_module(value, file, name))
        return memory.recall(file, question, lambda: self._of_object(value, file, name))

    def _of_module(self, value: Value, file: FileScopes, name: str) -> Values:
        found = self._names.top_level(file, name)
        inside = tuple(
            v._replace(how=value.how, weight=min(v.weight, value.weight))
            for v in found
            if v.kind != "outside"
        )
        return inside or self._names.submodule(value, name) or found

    def _of_object(self, value: Value, file: FileScopes, name: str) -> Values:
        kind = file.kind(value.name)
        if value.kind == "instance" or kind == "class":
            return self._of_class(value, self.line(file, value.name), name)
        # The attribute of a method: it is a property, so its result is meant. Of a variable: its type is.
        held = self.result(value) if kind in ("function", "method") else self.held(value)
        return distinct(self.attribute(v, name) for v in held)

    def inherited(self, file: FileScopes, owner: str, name: str) -> Values:
        """What `super().name` means in a method of `owner`."""
        value = Value("instance", file, owner, f"`super()` in {owner}", 1.0)
        return self._of_class(value, self.line(file, owner)[1:], name)

    def _of_class(self, value: Value, line: ClassLine, name: str) -> Values:
        is_own = value.how.startswith(
            "`"
        )  # `self` and `super()` are sure, other receivers were followed to a type
        weight = value.weight * (TYPED if value.kind == "instance" and not is_own else 1.0)
        for file, owner in line:
            self._names.memory.consulted.add(file.path)
            symbol = file.symbols.get(f"{owner}.{name}")
            if symbol is None and (owner, name) not in file.members:
                continue
            what = symbol.kind if symbol and symbol.kind in ("class", "method") else "attribute"
            how = f"{what} of {owner}"
            how += f", inherited by {value.name}" if owner != value.name else ""
            how += "" if is_own else f", {value.how}"
            return (Value("symbol" if symbol else "field", file, f"{owner}.{name}", how, weight),)
        return ()

    def line(self, file: FileScopes, owner: str) -> ClassLine:
        """A class followed by its bases, in Python's order (C3); depth first where there is no such order."""
        question = ("bases", owner)
        names = self._names
        values = names.memory.recall(file, question, lambda: self._line(file, owner))
        return tuple((value.file, value.name) for value in values if value.file is not None)

    def _line(self, file: FileScopes, owner: str) -> Values:
        lines: list[list[Value]] = []
        for base in self.bases(file, owner):
            assert base.file is not None
            self._names.memory.consulted.add(base.file.path)
            above = self.line(base.file, base.name)
            lines.append([Value("symbol", f, name, "", 1.0) for f, name in above])
        return (Value("symbol", file, owner, "", 1.0), *merge_lines(lines))[:MAX_BASES]

    def bases(self, file: FileScopes, owner: str) -> Values:
        """The base classes that are in the repository, as written from left to right."""
        symbol = file.symbols.get(owner)
        if symbol is None:
            return ()
        found: list[Values] = []
        for written in symbol.bases:
            base = written.partition("[")[0].strip()
            if not base or "=" in base or "(" in base:
                continue
            values = self._names.evaluate(file, base, owner.rpartition(".")[0], symbol.span.start_line)
            found.append(self._classes(values)[:1])
        return distinct(found)

    # -- types of what variables hold ------------------------------------------------------------------------

    def held(self, value: Value) -> Values:
        """What a variable of a module or class holds, as far as it is stated: instances, or what it is an
        alias of.
        """
        file = value.file
        if file is None or value.kind not in ("symbol", "field"):
            return ()
        owner, _, name = value.name.rpartition(".")
        return self._first_bound(file, file.members.get((owner, name), []))

    def holders(self, value: Value) -> Values:
        """What has the members that can follow the value and a dot."""
        if value.kind in ("module", "instance") or is_class(value) or value.file is None:
            return (value,)
        kind = value.file.kind(value.name)
        return self.result(value) if kind in ("function", "method") else self.held(value)

    def _first_bound(self, file: FileScopes, bindings: list[Binding]) -> Values:
        for binding in sorted(
            bindings, key=lambda b: b.kind == "call"
        ):  # an annotation says more than a call
            found = self.bound(file, binding)
            if found:
                return found
        return ()

    def bound(self, file: FileScopes, binding: Binding) -> Values:
        """The instances that a binding gives its name."""
        question = ("bound", binding)
        return self._names.memory.recall(file, question, lambda: self._bound(file, binding))

    def _bound(self, file: FileScopes, binding: Binding) -> Values:
        line = binding.line
        if binding.kind == "local" or not binding.type:
            return ()
        if binding.kind == "alias":
            return self._names.evaluate(file, binding.type, binding.scope, line)
        if binding.kind == "call":
            called = self._names.evaluate(file, binding.type, binding.scope, line)
            how = f"type of `{binding.name}`, assigned at line {line}"
            found = distinct(self.result(value) for value in called)
        else:
            # Annotations of parameters are read where the function stands, not inside it.
            scope = binding.scope.rpartition(".")[0] if binding.kind == "parameter" else binding.scope
            how = f"type of `{binding.name}`, annotated at line {line}"
            found = self._annotated(file, binding.type, scope, line)
        return tuple(value._replace(how=how) for value in found)

    def result(self, value: Value) -> Values:
        """What a call of the value gives: an instance of a class, what a function says that it returns."""
        file = value.file
        if file is None or value.kind not in ("symbol", "field"):
            return ()
        kind = file.kind(value.name)
        if kind == "class":
            return (value._replace(kind="instance"),)
        if kind in ("variable", ""):
            classes = self._classes((value,))
            return tuple(v._replace(kind="instance") for v in classes)
        binding = file.returns.get(value.name)
        if binding is None or kind not in ("function", "method"):
            return ()
        self._names.memory.consulted.add(file.path)
        owner = value.name.rpartition(".")[0]
        if binding.type in _SELF_TYPES:
            return (Value("instance", file, owner, value.how, value.weight * TYPED),)
        found = self._annotated(file, binding.type, owner, binding.line)
        return tuple(v._replace(weight=v.weight * value.weight * TYPED) for v in found)

    def _annotated(self, file: FileScopes, written: str, scope: str, line: int) -> Values:
        values = self._names.evaluate(file, written, scope, line)
        return tuple(value._replace(kind="instance") for value in self._classes(values))

    def _classes(self, values: Values) -> Values:
        """The classes among the values, those that a variable is another name of included."""
        found: list[Values] = []
        for value in values:
            if is_class(value):
                found.append((value,))
            elif value.file is not None and value.file.kind(value.name) in ("variable", ""):
                found.append(tuple(v for v in self.held(value) if is_class(v)))
        return distinct(found)


def is_class(value: Value) -> bool:
    """Whether the value is a class itself."""
    return value.kind == "symbol" and value.file is not None and value.file.kind(value.name) == "class"


def merge_lines(lines: list[list[Value]]) -> list[Value]:
    """Python's merge (C3) of the lines of the bases; where it does not exist, all in the order of first
    sight.
    """
    rest = [list(line) for line in lines if line]
    merged: list[Value] = []
    while rest:
        for line in rest:
            head = line[0]
            if not any(head in other[1:] for other in rest):
                break
        else:
            head = rest[0][0]
        merged.append(head)
        rest = [kept for kept in ([v for v in line if v != head] for line in rest) if kept]
    return merged
