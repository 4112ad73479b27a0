"""Checks of a completion after decoding: names that nothing defines, members that a class does not have, calls that do
not fit, brackets that do not match.

A check never changes the text: it is shown, and the loop uses it to decide whether another pass may pay. What it cannot
know it lets pass: a wrong alarm costs the user's trust.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence

from indexer.resolve import Resolver
from indexer.snapshot import Snapshot
from indexer.types import FileFacts
from repocoder.types import Check
from repocoder.verify.arity import Arity
from repocoder.verify.classes import Classes
from repocoder.verify.definitions import definitions_for, lead_with
from repocoder.verify.faults import ARITY, MEMBERS, NAMES, Fault
from repocoder.verify.filled import Filled, Parse
from repocoder.verify.language_names import LANGUAGES
from repocoder.verify.members import member_faults
from repocoder.verify.names import name_faults
from repocoder.verify.receivers import Receivers
from repocoder.verify.text import unclosed, unknown_names
from retrieval.types import Query

__all__ = [
    "ARITY",
    "MEMBERS",
    "NAMES",
    "Fault",
    "Parse",
    "check",
    "definitions_for",
    "faults",
    "faults_of",
    "lead_with",
    "unclosed",
    "unknown_names",
]


def faults(query: Query, text: str, snapshot: Snapshot, parse: Parse | None) -> tuple[Fault, ...]:
    """What the completion `text` uses that is not so, in order of appearance.

    `parse` is asked once, for the buffer with the completion in it. Without it, or where it gives nothing, unknown
    names are looked for in the text alone.
    """
    if not text.strip() or query.language not in LANGUAGES:
        return ()
    whole = f"{query.prefix}{text}{query.suffix}".encode("utf-8", "surrogateescape")
    facts = parse(query.path, whole) if parse is not None else None
    if facts is None or facts.degraded:
        return tuple(
            Fault(NAMES, name, f"nothing here defines `{name}`")
            for name in unknown_names(query, text, snapshot)
        )
    return faults_of(query, text, facts, snapshot)


def faults_of(query: Query, text: str, facts: FileFacts, snapshot: Snapshot) -> tuple[Fault, ...]:
    """The same for a completion whose buffer was parsed with it: `facts` with every use."""
    filled = Filled(query, text, facts)
    resolver, lock = _resolver_of(snapshot)
    with lock:
        classes = Classes(filled, snapshot, resolver)
        receivers = Receivers(filled, classes)
        found = [
            *name_faults(filled, snapshot, classes),
            *member_faults(filled, classes, receivers),
            *Arity(filled, classes, receivers).faults(),
        ]
    return tuple(sorted(found, key=lambda fault: fault.start))


def check(query: Query, text: str, found: Sequence[Fault]) -> tuple[Check, ...]:
    """All checks of a completion, for `checks` of the answer; `found` is what `faults` gave. An empty one has none."""
    if not text.strip():
        return ()
    checks = [
        _told(name, passed, found) for name, passed in _PASSED.items() if _is_checked(name, query.language)
    ]
    crossed = " ".join(unclosed(text, query.language))
    words = f"closes {crossed} out of order" if crossed else "brackets match"
    return (*checks, Check("brackets", not crossed, words))


_PASSED = {
    NAMES: "every name is defined",
    MEMBERS: "no member is missing that can be looked up",
    ARITY: "no call misfits that can be looked up",
}


def _is_checked(name: str, language: str) -> bool:
    return language in LANGUAGES and not (name == ARITY and language == "javascript")


def _told(name: str, passed: str, found: Sequence[Fault]) -> Check:
    failed = [fault for fault in found if fault.check == name]
    if name == NAMES and failed:
        words = "nothing here defines " + ", ".join(f"`{fault.name}`" for fault in failed)
    else:
        words = "; ".join(fault.detail for fault in failed)
    return Check(name, not failed, words or passed)


_KNOWN: weakref.WeakKeyDictionary[Snapshot, tuple[Resolver, threading.Lock]] = weakref.WeakKeyDictionary()


def _resolver_of(snapshot: Snapshot) -> tuple[Resolver, threading.Lock]:
    """What was resolved is kept as long as the snapshot lives."""
    known = _KNOWN.get(snapshot)
    if known is None:
        known = _KNOWN[snapshot] = (Resolver(weakref.proxy(snapshot)), threading.Lock())
    return known
