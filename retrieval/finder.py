"""Search for a person: names of symbols, then text, for words in plain language or code."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from indexer.snapshot import Snapshot
from indexer.tokens import count_terms, split_word
from indexer.types import Chunk, Symbol
from retrieval.fuse import RANK_CONSTANT, SIDE_PENALTY, is_side
from retrieval.lexical import Lexical, rank
from retrieval.types import Evidence, Hit

EXACT, PREFIX, PARTS = 3.0, 2.0, 1.0
"""Classes of a match of names, best first; inside a class the share of the name that matched decides."""

MIN_WORD = 3
"""Characters of a word that is looked up among names: shorter ones are the start of everything."""

MAX_PREFIXED = 200
"""Names with one prefix that are looked at: a screen shows fewer."""

EXACT_BONUS = 2.0
"""Weight of a name that was typed in full: who types a name wants its definition first."""

_WORD = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class Names:
    """The names of all symbols, ready to be looked up exactly, by prefix and by their parts."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        self._symbols: defaultdict[str, list[Symbol]] = defaultdict(list)
        for symbol in symbols:
            if symbol.name:
                self._symbols[symbol.name.lower()].append(symbol)
        self._sorted = sorted(self._symbols)
        self._parts: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._sorted:
            for part in set(split_word(self._symbols[name][0].name)):
                self._parts[part].append(name)

    def find(self, words: Sequence[str]) -> dict[str, tuple[float, str]]:
        """Lower-case name -> (score, word that matched): the best class for each name."""
        found: dict[str, tuple[float, str]] = {}
        for word in words:
            if len(words) > 1 and word.isalpha() and word.islower():
                continue  # a word of a sentence names nothing by itself
            lower = word.rpartition(".")[2].lower()
            for name, score in self._matches(lower):
                if score > found.get(name, (0.0, ""))[0]:
                    found[name] = (score, word)
        for name, score in self._by_parts(words):
            if score > found.get(name, (0.0, ""))[0]:
                found[name] = (score, " ".join(words))
        return found

    def symbols(self, name: str, word: str) -> list[Symbol]:
        """The symbols of a lower-case name; of a dotted word only those it fits, if there are any."""
        symbols = self._symbols[name]
        if "." not in word:
            return symbols
        tail = "." + word.lower()
        return [symbol for symbol in symbols if ("." + symbol.qualname.lower()).endswith(tail)] or symbols

    def _matches(self, lower: str) -> Iterator[tuple[str, float]]:
        if lower in self._symbols:
            yield lower, EXACT + 1
        if len(lower) < MIN_WORD:
            return
        first = bisect_left(self._sorted, lower)
        for name in self._sorted[first : first + MAX_PREFIXED]:
            if not name.startswith(lower):
                break
            if name != lower:
                yield name, PREFIX + len(lower) / len(name)

    def _by_parts(self, words: Sequence[str]) -> Iterator[tuple[str, float]]:
        """Names that hold parts of the words: at least two, or all there is to match."""
        wanted = {part for word in words for part in count_terms(word)}
        shared: defaultdict[str, set[str]] = defaultdict(set)
        for part in wanted:
            for name in self._parts.get(part, ()):
                shared[name].add(part)
        enough = min(2, len(wanted))
        for name, parts in shared.items():
            if len(parts) >= enough:
                own = len(split_word(self._symbols[name][0].name))
                yield name, PARTS * len(parts) / max(len(wanted), own)


def by_name(text: str, snapshot: Snapshot, names: Names, *, limit: int) -> list[Hit]:
    """Definitions whose names match words of the text: exact before prefix before parts."""
    words = list(dict.fromkeys(_WORD.findall(text)))
    found = names.find(words)
    ranked = sorted(
        (
            (score * (SIDE_PENALTY if is_side(symbol.path) else 1.0), symbol, score, word)
            for name, (score, word) in sorted(found.items(), key=lambda item: (-item[1][0], item[0]))[
                :MAX_PREFIXED
            ]
            for symbol in names.symbols(name, word)
        ),
        key=lambda item: (-item[0], len(item[1].qualname), item[1].path, item[1].span.start_line),
    )
    hits: list[Hit] = []
    for _, symbol, score, word in ranked[:limit]:
        chunk = snapshot.chunk_at(symbol.path, symbol.span.start_line)
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
