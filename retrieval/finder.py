"""Search for a person: names of symbols, then text, for words in plain language or code."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from indexer.snapshot import Snapshot
from indexer.symbol_rows import NamedSymbol
from indexer.tokens import count_terms
from indexer.types import Chunk
from retrieval.fuse import RANK_CONSTANT, SIDE_PENALTY, is_side
from retrieval.lexical import Lexical, rank
from retrieval.names import EXACT, MAX_PREFIXED, PREFIX, fitting, names_of
from retrieval.types import Evidence, Hit

EXACT_BONUS = 2.0
"""Weight of a name that was typed in full: who types a name wants its definition first."""

_WORD = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def by_name(text: str, snapshot: Snapshot, *, limit: int) -> list[Hit]:
    """Definitions whose names match words of the text: exact before prefix before parts."""
    words = list(dict.fromkeys(_WORD.findall(text)))
    found = names_of(snapshot).find(words)
    best = dict(sorted(found.items(), key=lambda item: (-item[1].score, item[0]))[:MAX_PREFIXED])
    symbols: defaultdict[str, list[NamedSymbol]] = defaultdict(list)
    for symbol in snapshot.symbols_with_names(name for match in best.values() for name in match.spellings):
        symbols[symbol.name.lower()].append(symbol)
    ranked = sorted(
        (
            (match.score * (SIDE_PENALTY if is_side(symbol.path) else 1.0), symbol, match.score, match.word)
            for name, match in best.items()
            for symbol in fitting(symbols[name], match.word)
        ),
        key=lambda item: (-item[0], len(item[1].qualname), item[1].path, item[1].position),
    )
    hits: list[Hit] = []
    for _, symbol, score, word in ranked[:limit]:
        chunk = snapshot.chunk_at(symbol.path, snapshot.symbol(symbol.id).span.start_line)
        if chunk is not None:
            kind = "is" if score > EXACT else "begins with" if score > PREFIX else "has parts of"
            why = f"{symbol.kind} `{symbol.qualname}` {kind} `{word}`"
            hits.append(_whole(chunk, Evidence("symbols", len(hits) + 1, score, why)))
    return hits


def by_text(text: str, snapshot: Snapshot, lexical: Lexical, *, limit: int) -> list[Hit]:
    """Chunks that BM25 finds for the words of the text."""
    ranked = rank(dict.fromkeys(count_terms(text), 1.0), lexical, limit=limit)
    chunks = {chunk.id: chunk for chunk in snapshot.chunks([found.id for found in ranked])}
    return [
        _whole(chunks[found.id], Evidence("lexical", place, found.score, found.why))
        for place, found in enumerate(ranked, 1)
    ]


def merge(channels: Mapping[str, Sequence[Hit]], k: int) -> tuple[Hit, ...]:
    """Reciprocal rank fusion by chunk; names typed in full and what is neither test nor vendored go first."""
    scores: defaultdict[int, float] = defaultdict(float)
    hits: dict[int, Hit] = {}
    for channel in channels.values():
        for hit in channel:
            evidence = hit.evidence[0]
            exact = evidence.source == "symbols" and evidence.score > EXACT
            known = hits.get(hit.chunk.id)
            if known is None or all(old.source != evidence.source for old in known.evidence):
                scores[hit.chunk.id] += (EXACT_BONUS if exact else 1.0) / (RANK_CONSTANT + evidence.rank)
            hits[hit.chunk.id] = replace(known, evidence=known.evidence + hit.evidence) if known else hit
    for number, hit in hits.items():
        scores[number] *= SIDE_PENALTY if is_side(hit.path) else 1.0
    order = sorted(hits, key=lambda number: (-scores[number], number))[:k]
    return tuple(replace(hits[number], score=scores[number]) for number in order)


def _whole(chunk: Chunk, evidence: Evidence) -> Hit:
    return Hit(chunk, evidence.score, (evidence,), chunk.text, chunk.span.start_line, chunk.span.end_line)
