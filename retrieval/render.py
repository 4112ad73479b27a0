"""A definition without its body: what one must know to use it, in a few lines of its own language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from indexer.packing import Outline, Seen, fields_of, symbols_within
from indexer.tokens import split_word
from indexer.types import Symbol

MAX_CHARACTERS = 400
"""Of one rendering, about 115 tokens: eight of them fill 900, which is what the half of a small prompt holds. On 100
holes of httpx and scrapy as many needed definitions were found as with 600, and more of them fitted the prompt.
"""

MAX_DOC_CHARACTERS = 100
"""Of a docstring's first line; what follows seldom says how a thing is called."""

MAX_HEADER_CHARACTERS = 280
"""Of one signature. Longer ones are lists of optional parameters, which a call seldom names."""

WANTED = 3.0
"""What a use of a member beside the hole counts, in terms shared with the words around the hole."""

RESERVED = 160
"""Characters kept free for the bare names of members whose lines do not fit: about twelve names."""

MAX_VARIABLE_CHARACTERS = 100
"""Of a variable with its value: the name and how the value begins."""

INDENT = "    "

Member = tuple[str, str | Symbol]  # name, its line or what that is made of: most lines find no room


def render_symbol(
    facts: Seen, qualname: str, wanted: Mapping[str, float], weights: Mapping[str, float]
) -> str:
    """A definition of the file; "" names the file itself, of which the definitions at its top are shown.

    Members come first that are in `wanted` (name -> 0 to 1) or whose names share terms with `weights`.
    """
    symbol = next((s for s in facts.symbols if s.qualname == qualname), None)
    if symbol is None:
        return ""
    if symbol.kind in ("file", "class"):
        members = ranked_members(facts, symbol, wanted, weights)
        return _join(_header(symbol, facts), members)
    outer = _owner(facts, symbol)
    lines = _with_doc(symbol)
    if outer is not None:
        lines = [f"class {outer.name}:", *(INDENT + line for line in lines)]
    return "\n".join(lines)


def ranked_members(
    facts: Seen, owner: Symbol, wanted: Mapping[str, float], weights: Mapping[str, float]
) -> list[Member]:
    """One line for each member of a class (or each definition at the top of a file), the most useful
    first.
    """
    scored: list[tuple[float, int, Member]] = []
    for place, (name, line) in enumerate(_members(facts, owner).items()):
        parts = split_word(name)
        likeness = sum([weights.get(term, 0.0) for term in (set(parts) if len(parts) > 1 else parts)])
        special = 0.5 if name == "__init__" else -1.0 if name.startswith("_") else 0.0
        scored.append((-(WANTED * wanted.get(name, 0.0) + likeness + special), place, (name, line)))
    return [member for _, _, member in sorted(scored)]


def _members(facts: Seen, owner: Symbol) -> dict[str, str | Symbol]:
    """Name -> line, or the symbol that it is made of; in the order of the file, attributes that only methods assign
    first.
    """
    members: dict[str, str | Symbol] = {}
    inside = owner.qualname + "." if owner.qualname else ""
    fields = facts.fields if isinstance(facts, Outline) else fields_of(facts.bindings)
    standing = facts.within if isinstance(facts, Outline) else symbols_within(facts.symbols)
    for binding in fields if inside else ():
        if binding.scope.startswith(inside):
            name = binding.name[len("self.") :]
            known = binding.type and binding.kind in ("annotation", "call")
            if known or name not in members:
                members[name] = f"{name}: {binding.type}" if known else name
    for symbol in standing.get(owner.qualname, ()):
        if not symbol.name:
            continue
        if symbol.kind == "variable":
            line = symbol.signature or _line(members.get(symbol.name, symbol.name))
            members[symbol.name] = cut(line, MAX_VARIABLE_CHARACTERS)
        else:
            members[symbol.name] = symbol
    return members


def _header(symbol: Symbol, facts: Seen) -> list[str]:
    if symbol.kind == "file":
        return [f'"""{symbol.doc[:MAX_DOC_CHARACTERS]}"""'] if symbol.doc else []
    lines = [cut(symbol.signature or f"class {symbol.name}", MAX_HEADER_CHARACTERS).rstrip(":") + ":"]
    if symbol.doc:
        lines.append(f'{INDENT}"""{symbol.doc[:MAX_DOC_CHARACTERS]}"""')
    return lines


def _join(header: list[str], members: Sequence[Member]) -> str:
    """The header, the lines of as many members as fit, and the bare names of the others while there is
    room.
    """
    indent = INDENT if header and not header[0].startswith('"""') else ""
    lines, size = list(header), sum(len(line) + 1 for line in header)
    left: list[str] = []
    for name, written in members:
        if not left:
            line = indent + cut(_line(written), MAX_HEADER_CHARACTERS)
            room = MAX_CHARACTERS - (RESERVED if len(members) > len(lines) else 0)
            if size + len(line) <= room:
                lines.append(line)
                size += len(line) + 1
                continue
        left.append(name)
    if left:
        lines.append(_also(left, indent, MAX_CHARACTERS - size))
    elif len(lines) == len(header) and indent:
        lines.append(f"{indent}...")
    return "\n".join(lines)


def _also(names: Sequence[str], indent: str, room: int) -> str:
    """A comment with as many of the names as there is room for."""
    text = f"{indent}# also: "
    for place, name in enumerate(names):
        more = ("" if not place else ", ") + name
        if place and len(text) + len(more) > room:
            return text + ", …"
        text += more
    return text


def _line(written: str | Symbol) -> str:
    return written if isinstance(written, str) else _stub(written)


def _stub(symbol: Symbol) -> str:
    return cut(symbol.signature or symbol.name, MAX_HEADER_CHARACTERS).rstrip(":") + ": ..."


def _with_doc(symbol: Symbol) -> list[str]:
    if symbol.kind == "variable":
        return [cut(symbol.signature or symbol.name, MAX_HEADER_CHARACTERS)]
    head = cut(symbol.signature or symbol.name, MAX_HEADER_CHARACTERS).rstrip(":")
    if not symbol.doc:
        return [head + ": ..."]
    return [head + ":", f'{INDENT}"""{symbol.doc[:MAX_DOC_CHARACTERS]}"""']


def _owner(facts: Seen, symbol: Symbol) -> Symbol | None:
    outer = symbol.qualname.rpartition(".")[0]
    return next((s for s in facts.symbols if s.qualname == outer and s.kind == "class"), None)


def cut(text: str, limit: int) -> str:
    """The text, or its start and an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
