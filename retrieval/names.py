"""The names of an index's symbols, to be looked up exactly, by prefix and by their parts; kept up to date.

A new generation of an index has few new names: they are added to what is known of the generations before. Names that
are gone stay; whoever looks up their symbols finds none.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from indexer.snapshot import Snapshot
from indexer.symbol_rows import NamedSymbol
from indexer.tokens import count_terms, split_word

EXACT, PREFIX, PARTS = 3.0, 2.0, 1.0
"""Classes of a match of names, best first; inside a class the share of the name that matched decides."""

MIN_WORD = 3
"""Characters of a word that is looked up among names: shorter ones are the start of everything."""

MAX_PREFIXED = 200
"""Names with one prefix that are looked at: a screen shows fewer."""

INDEXES_HELD = 4
"""Whose names are kept in a process: about 15 MB each for a million lines."""

GROWTH = 2
"""Times the names that were first read: beyond, they are read anew without those that are gone."""


class Match(NamedTuple):
    """A name that matched. `spellings` are those of the repository that are the same in lower case."""

    score: float
    word: str
    spellings: tuple[str, ...]


class Names:
    """Names only grow. May be used by several threads."""

    def __init__(self, names: Iterable[str]) -> None:
        self._spellings: dict[str, tuple[str, ...]] = {}
        self._sorted: list[str] = []  # in lower case
        self._parts: defaultdict[str, set[str]] = defaultdict(set)
        self._lock = threading.Lock()
        self.add(names)

    def __len__(self) -> int:
        return len(self._sorted)

    def add(self, names: Iterable[str]) -> None:
        with self._lock:
            fresh: list[str] = []
            for name in names:
                lower = name.lower()
                known = self._spellings.get(lower, ())
                if not name or name in known:
                    continue
                if not known:
                    fresh.append(lower)
                self._spellings[lower] = tuple(sorted((*known, name)))
                for part in set(split_word(name)):
                    self._parts[part].add(lower)
            self._sorted.extend(sorted(fresh))
            self._sorted.sort()  # linear where most is in order

    def find(self, words: Sequence[str]) -> dict[str, Match]:
        """Lower-case name -> the best class in which it matches one of the words, or all by parts."""
        found: dict[str, Match] = {}
        with self._lock:
            for word in words:
                if len(words) > 1 and word.isalpha() and word.islower():
                    continue  # a word of a sentence names nothing by itself
                for name, score in self._matches(word.rpartition(".")[2].lower()):
                    self._note(found, name, score, word)
            for name, score in self._by_parts(words):
                self._note(found, name, score, " ".join(words))
        return found

    def _note(self, found: dict[str, Match], name: str, score: float, word: str) -> None:
        known = found.get(name)
        if known is None or score > known.score:
            found[name] = Match(score, word, self._spellings[name])

    def _matches(self, lower: str) -> Iterator[tuple[str, float]]:
        if lower in self._spellings:
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
                own = len(split_word(self._spellings[name][0]))
                yield name, PARTS * len(parts) / max(len(wanted), own)


def fitting(symbols: list[NamedSymbol], word: str) -> list[NamedSymbol]:
    """The symbols of one name that a word means: of a dotted one only those it fits, if there are any."""
    if "." not in word:
        return symbols
    tail = "." + word.lower()
    return [symbol for symbol in symbols if ("." + symbol.qualname.lower()).endswith(tail)] or symbols


class _Known(NamedTuple):
    names: Names
    next_symbol: int  # all symbols with smaller ids are in it
    first: int  # how many names were read at first


_KNOWN: OrderedDict[str, _Known] = OrderedDict()
_LOCK = threading.Lock()


def names_of(snapshot: Snapshot) -> Names:
    """The names of a snapshot, and maybe some that are gone."""
    born, after = snapshot.born(), snapshot.next_symbol()
    with _LOCK:
        known = _KNOWN.pop(born, None)
        if known is None or len(known.names) > GROWTH * known.first:
            names = Names(snapshot.symbol_names())
            known = _Known(names, after, max(1000, len(names)))
        elif after > known.next_symbol:
            known.names.add(snapshot.symbol_names(known.next_symbol))
            known = known._replace(next_symbol=after)
        _KNOWN[born] = known
        while len(_KNOWN) > INDEXES_HELD:
            _KNOWN.popitem(last=False)
        return known.names
