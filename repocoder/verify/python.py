"""Declarations as Python writes them."""

from __future__ import annotations

import ast
import re

from indexer.types import Symbol
from repocoder.verify.brackets import closing
from repocoder.verify.headers import class_of_annotation, dotted_of, function_header, parsed
from repocoder.verify.written import Said

# Decorators that leave the type of a call's result as it is written.
_PRESERVING = frozenset(
    {"staticmethod", "classmethod", "abstractmethod", "override", "final", "lru_cache", "cache", "deprecated"}
)
_PROPERTIES = frozenset({"property", "cached_property", "abstractproperty"})
_NARROWING = (
    r"\b(?:isinstance|issubclass|hasattr|setattr|getattr|callable|type|cast)\(\s*{}\s*[,)]|\bmatch\s+{}\b"
)


class PythonReader:
    """Reads headers with the parser of Python."""

    def own(self, name: str, method: Symbol, *, is_inner: bool) -> str:
        """What `self`, `cls` or `super()` is in a method: instance | class | heritage; "" if that is not clear."""
        first = re.search(r"\(\s*(\w+)", method.signature)  # a long header is cut, but not so soon
        if first is None or method.name in ("__new__", "__init_subclass__", "__class_getitem__"):
            return ""
        decorators = {last_name(text) for text in method.decorators}
        if not decorators <= _PRESERVING | _PROPERTIES | {"setter", "contextmanager"}:
            return ""
        of_class = "classmethod" in decorators
        if "staticmethod" in decorators:
            return ""
        if name == "super":
            return "" if of_class else "heritage"
        if name == "this" or first[1] != name or (name == "cls") != of_class:
            return ""
        return "class" if of_class else "instance"

    def local(self, name: str, function: Symbol, code: str) -> Said | None:
        """How a function binds a name; None if that is not clear. `code`: of the function without literals."""
        header = function_header(function)
        if header is None:
            return None
        body = _behind_header(code)
        stores = rebinds(name, body)
        given = header.args
        for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
            if argument is not None and argument.arg == name:
                if stores or argument in (given.vararg, given.kwarg) or _narrows(name, code):
                    return Said("parameter")
                return Said("parameter", class_of_annotation(argument.annotation) or "")
        if not stores:
            return Said("unbound")
        if len(stores) > 1 or _narrows(name, code):
            return None
        return _assigned(name, body[body.rfind("\n", 0, stores[0].start()) + 1 :])

    def result(self, function: Symbol, called: bool) -> Said | None:
        """The class of what a call of the function gives; of a property, of its value."""
        header = function_header(function)
        decorators = [last_name(text) for text in function.decorators]
        if header is None or isinstance(header, ast.AsyncFunctionDef):
            return None
        is_property = any(name in _PROPERTIES for name in decorators)
        if is_property == called or not all(name in _PRESERVING | _PROPERTIES for name in decorators):
            return None
        name = class_of_annotation(header.returns)
        return (
            Said("assigned", name.rpartition(".")[2] if name and name.endswith("Self") else name)
            if name
            else None
        )

    def variable(self, symbol: Symbol, code: str) -> Said | None:
        """The class of what a variable or field holds; `code` is that of its file, without literals."""
        found = parsed(symbol.signature)
        if isinstance(found, ast.AnnAssign):
            name = class_of_annotation(found.annotation)
            return Said("assigned", name) if name else None
        before = r"\." if symbol.signature.startswith("self.") else r"\b"
        times = len(re.findall(rf"{before}{re.escape(symbol.name)}\b[ \t]*(?::[^=\n]*)?(?:=(?!=)|:=)", code))
        if isinstance(found, ast.Assign) and times == 1 and _NOT_A_FIELD.search(symbol.signature) is None:
            return _class_called(found.value)
        return None


_DEF = re.compile(r"\bdef\s+\w+\s*(?:\[[^\]]*\])?\(")
_NOT_A_FIELD = re.compile(r"=\s*(?:field|Field|attr|ib|relationship|Column|mapped_column)\(|…$")


def last_name(decorator: str) -> str:
    """`@functools.lru_cache(maxsize=1)` -> lru_cache"""
    return decorator.lstrip("@").partition("(")[0].strip().rpartition(".")[2]


def _assigned(name: str, code: str) -> Said | None:
    """`x = Foo(…)` or `x: Foo = …` at the start of the code."""
    statement = _statement(code.lstrip())
    found = parsed(statement) if statement else None
    if isinstance(found, ast.AnnAssign) and isinstance(found.target, ast.Name) and found.target.id == name:
        return Said("assigned", class_of_annotation(found.annotation) or "")
    if isinstance(found, ast.Assign) and len(found.targets) == 1 and isinstance(found.targets[0], ast.Name):
        return _class_called(found.value)
    return None


def _class_called(value: ast.expr) -> Said | None:
    """Of `Foo(…)`, also if it is one of two such: that it is a class, who resolves it sees."""
    if isinstance(value, ast.IfExp):
        both = _class_called(value.body), _class_called(value.orelse)
        return both[0] if both[0] == both[1] else None
    name = dotted_of(value.func) if isinstance(value, ast.Call) else None
    return Said("assigned", name) if name else None


def _behind_header(code: str) -> str:
    """The code of a function behind its parameters."""
    found = _DEF.search(code)
    end = closing(code, found.end() - 1, "python") if found else -1
    return code[end + 1 :]


def _statement(code: str) -> str:
    """The logical line at the start of code without literals: up to the end of a line at which no bracket is open."""
    depth = 0
    for at, letter in enumerate(code):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "\n" and depth <= 0:
            return code[:at]
    return code


def _narrows(name: str, code: str) -> bool:
    return re.search(_NARROWING.replace("{}", re.escape(name)), code) is not None


def rebinds(name: str, code: str) -> list[re.Match[str]]:
    """The places in code without literals where a name seems to be bound: rather one too many.

    Each occurrence is looked at in its own line, with expressions that cannot go back far: functions are long.
    """
    found: list[re.Match[str]] = []
    for match in re.finditer(rf"(?<![\w.]){re.escape(name)}\b", code):
        start = code.rfind("\n", 0, match.start()) + 1
        end = code.find("\n", match.end())
        before = code[max(start, match.start() - MAX_LOOK) : match.start()]
        after = code[match.end() : match.end() + MAX_LOOK if end < 0 else min(end, match.end() + MAX_LOOK)]
        if _is_target(before, after) or _is_bound_by_word(before):
            found.append(match)
    return found


def _is_target(before: str, after: str) -> bool:
    """Does `=`, `:=` or an operator with `=` follow, with nothing but other targets around the name?"""
    if after.lstrip().startswith(":="):
        return True
    opens = before.rfind("(")
    is_argument = opens > 0 and before[opens - 1].isalnum() and ")" not in before[opens:]
    if is_argument or _TARGETS_BEFORE.fullmatch(before) is None:
        return False
    return _ASSIGNED.match(after) is not None


def _is_bound_by_word(before: str) -> bool:
    """`for … in`, `as`, `lambda`, `def`, `global`: does a word in front of the name bind it?"""
    if _STATEMENT.match(before) or before.rstrip().endswith((" as", " as (", "def", "class", "lambda")):
        return True
    for word, end in (("for", "in"), ("lambda", ":"), ("as", "")):
        parts = re.split(rf"\b{word}\b", before)
        if len(parts) > 1 and not (
            re.search(rf"\b{end}\b", parts[-1]) if end.isalpha() else ":" in parts[-1]
        ):
            return word != "as" or re.fullmatch(r"[\w, (]*", parts[-1]) is not None
    return False


MAX_LOOK = 300  # characters of the line on both sides of a name
_TARGETS_BEFORE = re.compile(r"[\w.$ \t*\[\](),]*")
_ASSIGNED = re.compile(
    r"(?:[ \t]*[,)][\w.$ \t*\[\](),]*)?[ \t]*(?::[^=\n]*)?(?:=(?!=)|[-+*/|&%@^]=|//=|\*\*=|<<=|>>=)"
)
_STATEMENT = re.compile(r"[ \t]*(?:global|nonlocal|del|import|from|case|match|except)\b")
