"""Members that a completion asks of classes and modules which are known not to have them."""

from __future__ import annotations

import re

from repocoder.verify.classes import Classes, Known
from repocoder.verify.faults import MEMBERS, Fault
from repocoder.verify.filled import Filled, Use
from repocoder.verify.instead import members_of, most_like
from repocoder.verify.receivers import Held, Receivers

_SPECIAL = re.compile(r"__\w+__")
_OWN = ("self.", "cls.", "this.", "super()")


def member_faults(filled: Filled, classes: Classes, receivers: Receivers) -> list[Fault]:
    """The unknown members of a completion, each once."""
    found: dict[str, Fault] = {}
    asked: set[tuple[int, int]] = set()
    for use in filled.uses:
        pieces = use.name.split(".")
        for number in range(1, len(pieces)):
            span = use.parts[number]
            if span in asked or not filled.touches(*span):
                continue
            asked.add(span)
            member = pieces[number].removesuffix("()")
            receiver = ".".join(pieces[:number])
            if _SPECIAL.fullmatch(member) or _written_elsewhere(filled, receiver, member):
                continue
            held = receivers.of(receiver, use.scope, use.line)
            if held is not None and _lacks(held, member, classes, use):
                written = f"{receiver}.{member}"
                found.setdefault(written, _fault(held, written, span[0], _there(held, member, classes, use)))
                break
    return list(found.values())


def _written_elsewhere(filled: Filled, receiver: str, member: str) -> bool:
    """Does the file outside of the completion ask the same of the same, or does any of it assign it?"""
    joint = r"\s*(?:\?\.|!\.|\.#|\.|::)\s*"
    name = joint.join(
        re.escape(part).replace(r"\(\)", r"\([^()]*\)") for part in [*receiver.split("."), member]
    )
    text = filled.text[: filled.start] + "\n" + filled.text[filled.end :]
    if re.search(rf"(?<![\w.]){name}\b", text):
        return True
    free = filled.language in ("python", "javascript")
    return free and re.search(rf"(?<![\w.]){name}[ \t]*(?::[^=\n]*)?=(?!=)", filled.text) is not None


def _lacks(held: Held, member: str, classes: Classes, use: Use) -> bool:
    """Is it sure that there is no such member?"""
    known = held.known
    if held.kind == "module":
        return not _module_has(known, member, classes)
    line = classes.line(known)
    if line is None:
        return False
    owners = line[0][1:] if held.kind == "heritage" else line[0]
    if member in line[1] or classes.has(owners, member):
        return False
    if use.name.startswith(_OWN):  # a mixin has what its heirs bring
        return not any(_brings_more(heir, owners, member, classes) for heir in classes.heirs(known))
    return True


def _brings_more(heir: Known, line: list[Known], member: str, classes: Classes) -> bool:
    symbols = heir.symbols()
    return classes.has([heir], member) or any(len(symbol.bases) > 1 for symbol in symbols)


def _module_has(known: Known, member: str, classes: Classes) -> bool:
    """Whether a module of Python may have an attribute: its own names, its submodules, what is made at run time."""
    facts = known.facts
    if any(entry.name == "*" for entry in facts.imports) or known.symbols("__getattr__"):
        return True
    if any((entry.alias or entry.module).partition(".")[0] == member for entry in facts.imports):
        return True
    found = classes.named(facts, member, "", 1 << 30)
    text = classes.text(known)
    is_package = known.path.rpartition("/")[2].startswith("__init__.")
    dynamic = re.search(r"\bglobals\(|sys\.modules|__path__|lazy", text)
    return bool(
        found is not None
        or dynamic
        or re.search(rf"\b{re.escape(member)}\b", text)
        or (is_package and classes.submodule(known.path, member))
    )


def _there(held: Held, member: str, classes: Classes, use: Use) -> tuple[str, ...]:
    """What can be asked for instead; of others nothing private."""
    line = None if held.kind == "module" else classes.line(held.known)
    owners = [held.known] if line is None else line[0][1:] if held.kind == "heritage" else line[0]
    names = members_of(owners)
    if not use.name.startswith(_OWN) and not member.startswith("_"):
        names = [name for name in names if not name.startswith("_")]
    return most_like(member, names)


def _fault(held: Held, written: str, start: int, instead: tuple[str, ...]) -> Fault:
    owner, member = held.known, written.rpartition(".")[2]
    name = f"`{owner.name}`" if owner.qualname else owner.path
    words = (
        f"the bases of {name} have no `{member}`" if held.kind == "heritage" else f"{name} has no `{member}`"
    )
    return Fault(MEMBERS, written, words, owner.path, owner.qualname, start, instead)
