"""Calls of a completion whose arguments the called definition does not take."""

from __future__ import annotations

from indexer.types import Span, Symbol
from repocoder.verify.brackets import closing
from repocoder.verify.classes import Classes, Known
from repocoder.verify.faults import ARITY, Fault
from repocoder.verify.filled import Filled, Use
from repocoder.verify.headers import class_header
from repocoder.verify.parameters import (
    Given,
    Taken,
    counts_of,
    dataclass_options,
    given_in,
    taken_by,
    taken_by_fields,
)
from repocoder.verify.python import last_name
from repocoder.verify.receivers import Receivers

_FUNCTIONS = ("function", "method")
# Decorators that leave the parameters of what they decorate as they are written.
_PRESERVING = frozenset(
    {
        "staticmethod", "classmethod", "abstractmethod", "override", "final", "cache", "lru_cache", "contextmanager",
        "asynccontextmanager", "deprecated", "no_type_check", "coroutine",
    }
)  # fmt: skip


class Arity:
    """Checks the calls of one completion."""

    def __init__(self, filled: Filled, classes: Classes, receivers: Receivers) -> None:
        self._filled, self._classes, self._receivers = filled, classes, receivers

    def faults(self) -> list[Fault]:
        """The calls that do not fit, in order of appearance, one for each name. JavaScript takes any number."""
        found: dict[str, Fault] = {}
        language = self._filled.language
        if language == "javascript":
            return []
        for use in self._filled.uses:
            if use.opens < 0:
                continue
            given = given_in(self._filled.text, use.opens, language)
            if given is None or not self._is_written_here(use):
                continue
            known = self._definition(use)
            words = self._misfit(use, known, given) if known else ""
            if known is not None and words:
                owner = known.qualname.rpartition(".")[0]
                is_member = bool(owner) and known.symbols()[0].kind == "method"
                shown = owner if is_member else known.qualname
                name = known.qualname if is_member else known.name
                fault = Fault(ARITY, use.name, f"`{name}` {words}", known.path, shown, use.parts[0][0])
                found.setdefault(use.name, fault)
        return list(found.values())

    def _is_written_here(self, use: Use) -> bool:
        """Does the completion write the call? If it opens the bracket, the one that closes it must be its own: a later
        one belongs to something else, and more may come.
        """
        end = closing(self._filled.text, use.opens, self._filled.language)
        if use.opens >= self._filled.start and end >= self._filled.end:
            return False
        return self._filled.touches(use.parts[-1][0], end + 1)

    # ---- what is called

    def _definition(self, use: Use) -> Known | None:
        receiver, _, name = use.name.rpartition(".")
        if not receiver:
            return self._bare(name, use)
        held = self._receivers.of(receiver, use.scope, use.line)
        if held is None:
            return None
        if held.kind == "module":
            return self._classes.named(held.known.facts, name, "", 1 << 30)
        line = self._classes.line(held.known)
        owners = [held.known] if line is None else line[0]
        if held.kind == "heritage":
            owners = owners[1:]
        for one in owners:
            if one.symbols(name):
                return self._classes.at(one.path, f"{one.qualname}.{name}")
        return None

    def _bare(self, name: str, use: Use) -> Known | None:
        """A name that no function around binds otherwise; in Java a method of the class around."""
        scope = use.scope
        while self._filled.language == "java" and scope:
            method = self._classes.at(self._filled.path, f"{scope}.{name}")
            if method is not None and scope.rpartition(".")[2] != name:
                return method
            scope = scope.rpartition(".")[0]
        return self._receivers.definition(name, use.scope, use.line)

    # ---- does it fit

    def _misfit(self, use: Use, known: Known, given: Given) -> str:
        found = known.symbols()
        kind = found[0].kind
        if known.facts.language != "python":
            return self._misfit_by_count(use, known, given)
        if kind == "class":
            taken = self._constructor(known)
        elif kind in _FUNCTIONS and len(found) == 1:
            taken = self._function(use, found[0])
        else:
            taken = None
        return taken.misfit(given) if taken is not None else ""

    def _function(self, use: Use, symbol: Symbol) -> Taken | None:
        decorators = {last_name(text) for text in symbol.decorators}
        if not decorators <= _PRESERVING or symbol.name in (
            "__new__",
            "__init_subclass__",
            "__class_getitem__",
        ):
            return None
        taken = taken_by(symbol)
        if taken is None or symbol.kind == "function" or "staticmethod" in decorators:
            return taken
        receiver = use.name.rpartition(".")[0]
        held = self._receivers.of(receiver, use.scope, use.line) if receiver else None
        if held is None:
            return None
        if held.kind in ("instance", "heritage") or "classmethod" in decorators:
            return taken.bound()
        return taken if held.kind == "class" and not receiver.startswith("cls") else None

    def _constructor(self, known: Known) -> Taken | None:
        """What a class takes: its `__init__`, else that of the nearest base, else its fields."""
        symbol = known.symbols()[0]
        if class_header(symbol, "python") is None or known.symbols("__new__"):
            return None
        own = known.symbols("__init__")
        if own:
            return self._init(own)
        line = self._classes.line(known)
        if line is None or any(one.symbols("__new__") for one in line[0]):
            return None
        if any(
            name in line[1]
            for name in ("_fields", "_value_", "with_traceback", "__len__", "__index__", "real")
        ):
            return None  # its own constructor is that of a class of Python's own
        options = dataclass_options(symbol)
        if options is not None:
            return self._of_fields(line[0], options)
        for one in line[0]:
            own = one.symbols("__init__")
            if own:
                return self._init(own)
            if one.symbols()[0].decorators:
                return None
        return Taken((), frozenset())

    @staticmethod
    def _init(own: list[Symbol]) -> Taken | None:
        taken = taken_by(own[0]) if len(own) == 1 and not own[0].decorators else None
        return taken.bound() if taken is not None else None

    @staticmethod
    def _of_fields(line: list[Known], options: dict[str, str]) -> Taken | None:
        if "**" in options or options.get("init") == "False":
            return None
        fields: list[Symbol] = []
        for one in reversed(line):
            stated = dataclass_options(one.symbols()[0])
            if stated is None or stated.get("kw_only") != options.get("kw_only") or one.symbols("__init__"):
                return None
            inside = f"{one.qualname}."
            own = (s for s in one.facts.symbols if s.kind == "variable" and s.qualname.startswith(inside))
            fields.extend(s for s in own if "." not in s.qualname[len(inside) :])
        return taken_by_fields(fields, keyword_only=options.get("kw_only") == "True")

    def _misfit_by_count(self, use: Use, known: Known, given: Given) -> str:
        """TypeScript and Java: does the number of arguments fit one of the definitions of that name?"""
        language = known.facts.language
        found = self._overloads(use, known)
        counts = [counts_of(symbol, language) for symbol in found] if found is not None else [None]
        spans = [span for span in counts if span is not None]
        if len(spans) < len(counts) or any(least <= given.positional <= most for least, most in spans):
            return ""
        wanted = sorted({str(least) if least == most else f"{least} to {most}" if most < 1 << 30 else f"{least} or more"
                         for least, most in spans})  # fmt: skip
        return f"takes {' or '.join(wanted) or '0'} arguments, {given.positional} given"

    def _overloads(self, use: Use, known: Known) -> list[Symbol] | None:
        """All functions that the call may mean; None if one may be missing. Empty: a constructor without parameters."""
        kind = known.symbols()[0].kind
        if kind in _FUNCTIONS:
            owner = known.qualname.rpartition(".")[0]
            found = known.symbols()
            if known.symbols()[0].kind == "method":
                line = self._classes.line(Known(known.path, owner, known.facts))
                if line is None:
                    return None
                found = [symbol for one in line[0] for symbol in one.symbols(known.name)]
            return found if all(symbol.kind in _FUNCTIONS for symbol in found) else None
        if kind != "class" or not self._is_made(use):
            return None
        line = self._classes.line(known)
        if line is None or not known.symbols()[0].signature.partition("(")[0].count("class"):
            return None
        if known.facts.language == "java":
            return known.symbols(known.name) or [_NOTHING]
        for one in line[0]:
            if one.symbols("constructor"):
                return one.symbols("constructor")
        return [_NOTHING]

    def _is_made(self, use: Use) -> bool:
        """Does `new` stand before the name?"""
        return self._filled.text[: use.parts[0][0]].rstrip().endswith("new")


_NOTHING = Symbol("", "", "method", Span(1, 1, 0, 0), "constructor()", "", ())
