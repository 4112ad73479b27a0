"""The useful part of a type annotation: the class whose members one would look up."""

from __future__ import annotations

import re

from indexer.typeforms import FORMS, useful_part

MAX_TYPE_CHARACTERS = 500  # longer ones are data, not types
CACHE_TYPES = 50_000

# What is inside is what counts: all arguments are looked at, or only the last.
_WRAPPERS = frozenset(
    {
        "Optional", "Union", "Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly",
        "InitVar", "Type", "type", "Unpack", "Mapped",
    }
)  # fmt: skip
_CONTAINERS = frozenset(
    {
        "list", "List", "set", "Set", "frozenset", "FrozenSet", "tuple", "Tuple", "Sequence",
        "MutableSequence", "Iterable", "Iterator", "Collection", "Container", "deque",
        "Deque", "AbstractSet", "MutableSet", "Generator", "AsyncGenerator", "AsyncIterable",
        "AsyncIterator", "Awaitable",
        "ContextManager",
        "AbstractContextManager", "AsyncContextManager", "AbstractAsyncContextManager",
    }
)  # fmt: skip
_LAST = frozenset(
    {
        "dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict", "Coroutine",
        "ItemsView", "ValuesView",
    }
)  # fmt: skip
_BUILTINS = frozenset(
    {
        "None", "int", "str", "bytes", "bool", "float", "complex", "object", "bytearray", "Any",
        "True", "False", "Ellipsis",
    }
)  # fmt: skip
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_cache: dict[tuple[str, str], str] = {}


def useful_type(written: str, language: str = "python") -> str:
    """A dotted name without subscripts; "" if there is none.

    `Optional[Foo]`, `Foo | None`, `list[Foo]`, `dict[str, Foo]`, `"Foo"` give `Foo`: a builtin container or
    a missing
    value has no definition in a repository, its element has. Of a union the first member that is not a
    builtin;
    `Repository[Foo]` of a class that is not a known container gives `Repository`. How other languages write
    this is said in `indexer/typeforms.py`.
    """
    key = (language, written)
    known = _cache.get(key)
    if known is None:
        if len(_cache) >= CACHE_TYPES:
            _cache.clear()
        form = FORMS.get(language)
        known = (
            ""
            if len(written) > MAX_TYPE_CHARACTERS
            else useful_part(written, form)
            if form
            else _reduce(written)
        )
        _cache[key] = known
    return known


def _reduce(written: str) -> str:
    pending = [written]
    fallback = ""
    while pending:  # an explicit stack: types come from untrusted files and nest as deep as they like
        text = pending.pop().strip().strip("\"'").strip()
        members = _split(text, "|")
        if len(members) > 1:
            pending.extend(reversed(members))
            continue
        head = _DOTTED.match(text)
        if head is None:
            continue
        name, rest = head[0], text[head.end() :].strip()
        last = name.rpartition(".")[2]
        if rest.startswith("[") and (inner := _inner(last, rest)) is not None:
            pending.extend(reversed(inner))
        elif last not in _BUILTINS:
            return name
        fallback = fallback or ("" if last == "None" else name)
    return fallback


def _inner(name: str, subscript: str) -> list[str] | None:
    """The arguments that stand for the whole; None if the generic itself does."""
    arguments = _split(subscript[1 : subscript.rfind("]")] if "]" in subscript else subscript[1:], ",")
    if name in _LAST:
        return arguments[-1:]
    if name in ("Annotated", "Generator", "AsyncGenerator"):
        return arguments[:1]
    return arguments if name in _WRAPPERS or name in _CONTAINERS else None


def _split(text: str, separator: str) -> list[str]:
    """The parts of `text` between separators outside brackets."""
    if separator not in text:
        return [text]
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character in "[(":
            depth += 1
        elif character in "])":
            depth -= 1
        elif character == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]
