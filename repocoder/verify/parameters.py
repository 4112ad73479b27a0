"""What a call gives and what a definition takes, and whether the one fits the other."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from indexer.headers import MAX_SIGNATURE_CHARACTERS
from indexer.resolvers.rules import parameter_texts
from indexer.types import Symbol
from repocoder.verify.brackets import split_arguments
from repocoder.verify.headers import dotted_of, function_header, parsed
from repocoder.verify.python import last_name

MAX_VARIABLE_CHARACTERS = 160  # of a field's text in the index; a longer one is cut


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of a call, without unpacked ones."""

    positional: int
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """The parameters of a definition. `names` may be given by position, `only` by keyword alone."""

    names: tuple[str, ...]
    required: frozenset[str]
    only: tuple[str, ...] = ()
    by_position: int = 0  # so many of `names` cannot be given by keyword
    rest: bool = False  # any number by position
    others: bool = False  # any keyword

    def misfit(self, given: Given) -> str:
        """What is wrong with a call, in words; "" if it fits."""
        if given.positional > len(self.names) and not self.rest:
            least = len([name for name in self.names if name in self.required])
            span = f"{least} to {len(self.names)}" if least < len(self.names) else f"{least}"
            return f"takes {span} positional argument{'s' * (span != '1')}, {given.positional} given"
        filled = set(self.names[: given.positional])
        named = set(self.names[self.by_position :]) | set(self.only)
        for keyword in given.keywords:
            if keyword not in named and not self.others:
                return f"has no parameter `{keyword}`"
            if keyword in filled and keyword in named:
                return f"gets `{keyword}` twice"
        missing = [
            name for name in (*self.names, *self.only) if name in self.required - filled - set(given.keywords)
        ]
        return f"needs {', '.join(f'`{name}`' for name in missing)}" if missing else ""

    def bound(self) -> Taken | None:
        """Without the first parameter, which the object fills; None if there is none."""
        if self.names:
            return Taken(
                self.names[1:], self.required - {self.names[0]}, self.only, max(0, self.by_position - 1), self.rest,
                self.others,
            )  # fmt: skip
        return self if self.rest else None


def given_in(text: str, opens: int, language: str) -> Given | None:
    """The arguments of the call whose bracket opens there; None if it is not closed or holds unpacked ones."""
    pieces = split_arguments(text, opens, language)
    if pieces is None:
        return None
    if language != "python":
        joined = "".join(pieces)
        if any(piece.lstrip().startswith("...") for piece in pieces) or "<" in joined or "/" in joined:
            return None  # commas of type arguments or in regular expressions may be among those that were counted
        return Given(len(pieces))
    found = parsed(f"f({','.join(pieces)}\n)")
    call = found.value if isinstance(found, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return None
    if any(isinstance(one, ast.Starred) for one in call.args) or any(k.arg is None for k in call.keywords):
        return None
    return Given(len(call.args), tuple(keyword.arg for keyword in call.keywords if keyword.arg))


def taken_by(function: Symbol) -> Taken | None:
    """The parameters of a function of Python as its header has them."""
    header = function_header(function)
    if header is None:
        return None
    given = header.args
    plain = [*given.posonlyargs, *given.args]
    names = tuple(argument.arg for argument in plain)
    required = set(names[: len(names) - len(given.defaults)])
    required |= {
        a.arg for a, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default is None
    }
    return Taken(
        names,
        frozenset(required),
        tuple(argument.arg for argument in given.kwonlyargs),
        len(given.posonlyargs),
        given.vararg is not None,
        given.kwarg is not None,
    )


def counts_of(function: Symbol, language: str) -> tuple[int, int] | None:
    """The least and the most arguments that a function of TypeScript or Java takes; None if its header does not say."""
    if len(function.signature) >= MAX_SIGNATURE_CHARACTERS or "(" not in function.signature:
        return None
    before = function.signature.partition("(")[0]
    if language != "java" and (":" in before or "<" in before):
        return None  # the parentheses may be those of its type
    texts = [text for text in parameter_texts(function.signature) if text.strip()]
    if language == "java":
        texts = [text for text in texts if not re.search(r"\bthis$", text.strip())]
        spread = bool(texts) and "..." in texts[-1]
        return len(texts) - spread, 1 << 30 if spread else len(texts)
    texts = [text for text in texts if not re.match(r"\s*this\s*:", text)]
    least = 0
    for place, text in enumerate(texts, 1):
        if not _OPTIONAL.search(text) and not text.lstrip().startswith("..."):
            least = place
    return least, 1 << 30 if any("..." in text[:20] for text in texts) else len(texts)


_OPTIONAL = re.compile(r"^[\s\w$@().]*\?|(?<![=<>!])=(?![>=])")


def taken_by_fields(fields: Sequence[Symbol], *, keyword_only: bool) -> Taken | None:
    """The parameters that a dataclass makes of its fields, bases first; None where a field cannot be read."""
    kinds: dict[str, tuple[bool, bool]] = {}  # name -> has a default, by keyword alone
    for symbol in fields:
        found = parsed(symbol.signature)
        if not isinstance(found, ast.AnnAssign):
            if len(symbol.signature) >= MAX_VARIABLE_CHARACTERS:
                return None
            continue
        if not isinstance(found.target, ast.Name):
            continue
        written = ast.unparse(found.annotation).strip("'\"")
        if re.search(r"\bClassVar\b", written):
            continue
        if re.search(r"\bKW_ONLY$", written):
            keyword_only = True
            continue
        options = _options(found.value)
        if options is None:
            return None
        if options.get("init") == "False":
            kinds.pop(symbol.name, None)
            continue
        has_default = found.value is not None and (
            not _is_field(found.value) or bool({"default", "default_factory"} & options.keys())
        )
        by_keyword = options.get("kw_only", str(keyword_only)) == "True"
        kinds[symbol.name] = (has_default, by_keyword)
    names = tuple(name for name, (_, by_keyword) in kinds.items() if not by_keyword)
    only = tuple(name for name, (_, by_keyword) in kinds.items() if by_keyword)
    return Taken(names, frozenset(name for name, (default, _) in kinds.items() if not default), only)


def _is_field(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and (dotted_of(value.func) or "").rpartition(".")[2] == "field"


def _options(value: ast.expr | None) -> dict[str, str] | None:
    """The keyword arguments of `field(…)` as written; None if some are unpacked."""
    if not _is_field(value):
        return {}
    assert isinstance(value, ast.Call)
    if any(keyword.arg is None for keyword in value.keywords):
        return None
    return {keyword.arg: ast.unparse(keyword.value) for keyword in value.keywords if keyword.arg}


def dataclass_options(symbol: Symbol) -> dict[str, str] | None:
    """The options of the dataclass decorator of a class; None if it has none, or others beside it."""
    found: dict[str, str] | None = None
    for decorator in symbol.decorators:
        name = last_name(decorator)
        if name == "dataclass":
            statement = parsed(decorator.lstrip("@"))
            call = statement.value if isinstance(statement, ast.Expr) else None
            keywords = call.keywords if isinstance(call, ast.Call) else []
            found = {keyword.arg or "**": ast.unparse(keyword.value) for keyword in keywords}
        elif name not in ("final", "total_ordering", "runtime_checkable"):
            return None
    return found
