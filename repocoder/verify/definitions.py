"""The definitions that would have told a draft better, as snippets for the next pass."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.snapshot import Snapshot
from indexer.tokens import split_word
from repocoder.verify.faults import Fault
from retrieval.render import render_symbol
from retrieval.types import Evidence, Hit, Query

MAX_DEFINITIONS = 3
"""A draft that is wrong more often needs no snippets, it needs another model."""


def definitions_for(faults: Sequence[Fault], query: Query, snapshot: Snapshot) -> tuple[Hit, ...]:
    """An outline of each definition that a fault names, at most `MAX_DEFINITIONS`, members like the wrong one first.

    What the query excludes, and what stands in its own file, is not shown.
    """
    hits: dict[tuple[str, str], Hit] = {}
    for fault in faults:
        place = (fault.path, fault.qualname)
        if fault.path and fault.path != query.path and place not in hits and len(hits) < MAX_DEFINITIONS:
            hit = _hit(fault, query, snapshot, rank=len(hits) + 1)
            if hit is not None:
                hits[place] = hit
    return tuple(hits.values())


def _hit(fault: Fault, query: Query, snapshot: Snapshot, *, rank: int) -> Hit | None:
    facts = snapshot.facts(fault.path)
    symbol = next((s for s in facts.symbols if s.qualname == fault.qualname), None) if facts else None
    if facts is None or symbol is None:
        return None
    start, end = symbol.span.start_line, symbol.span.end_line
    for ban in query.exclusions:
        if ban.path == fault.path and ban.start_line <= end and start <= ban.end_line:
            return None
    member = fault.name.rpartition(".")[2]
    like = dict.fromkeys(split_word(member), 1.0)
    text = render_symbol(facts, fault.qualname, {member: 1.0, "__init__": 0.5}, like)
    chunk = snapshot.chunk_at(fault.path, start)
    if not text or chunk is None:
        return None
    why = f"defines `{fault.qualname or fault.path}`: in the draft {fault.detail}"
    return Hit(chunk, 1.0, (Evidence("definitions", rank, 1.0, why),), text, start, end)


def lead_with(first: Sequence[Hit], hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The first hits, then the others without what the first show already."""
    shown = {(hit.path, hit.start_line, hit.end_line) for hit in first}
    return (*first, *(hit for hit in hits if (hit.path, hit.start_line, hit.end_line) not in shown))
