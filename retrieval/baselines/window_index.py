"""Windows of files as sets of tokens, inverted: which windows share how many tokens with a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from retrieval.baselines.ranges import Ints, ascending, spread
from retrieval.baselines.types import TokenizeMany

LINES_AT_ONCE = 20_000  # given to the tokenizer in one call
WINDOWS_AT_ONCE = 4096  # sorted in one piece, some 20 MB

Place = tuple[str, int, int]
"""Path, first line (0-based), line after the last."""


@dataclass(frozen=True, slots=True)
class Match:
    """A window and the places it may be shown from, by path and line."""

    similarity: float  # Jaccard, 0..1
    shared: int  # tokens
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class TokenSet:
    """The distinct tokens of a query; `known` are numbers of those that the repository has."""

    known: Ints
    distinct: int


class WindowIndex:
    """Windows of `size` lines at every `step` lines, centred. n distinct windows, t distinct tokens."""

    def __init__(
        self, files: Mapping[str, list[str]], tokenize_many: TokenizeMany, size: int, step: int
    ) -> None:
        self.files = {path: files[path] for path in sorted(files)}
        self._tokenize_many = tokenize_many
        distinct = dict.fromkeys(line for lines in self.files.values() for line in lines)
        self._numbers = {
            line: number for number, line in enumerate(line for line in distinct if line.strip())
        }
        # line i has the tokens `_tokens[_ends[i]]` to `_tokens[_ends[i + 1]]`, numbers of `_vocabulary`
        self._vocabulary, self._tokens, self._ends = _tokenize([*self._numbers], tokenize_many)
        self._places: list[Place] = []
        self._ranges: dict[str, range] = {}  # path -> its places
        self._windows = self._cut(size, step)  # (places,) window of each place
        n_windows = int(self._windows.max(initial=-1)) + 1
        self._by_window = np.argsort(self._windows, kind="stable")  # places, window after window
        self._first = np.searchsorted(self._windows[self._by_window], np.arange(n_windows + 1))
        # `_postings[_starts[t]]` to `_postings[_starts[t + 1]]` are the windows with token t, ascending
        tokens, self._postings = np.divmod(self._pairs(n_windows), max(1, n_windows))
        self._starts = np.searchsorted(tokens, np.arange(len(self._vocabulary) + 1))
        self._sizes = np.bincount(self._postings, minlength=n_windows)  # (n,) distinct tokens

    def _cut(self, size: int, step: int) -> Ints:
        numbers: dict[str, int] = {}  # text -> window
        windows: list[int] = []
        half = size // 2
        for path, lines in self.files.items():
            first = len(self._places)
            for centre in range(0, len(lines), step):
                start, end = max(0, centre - half), min(len(lines), centre + size - half)
                self._places.append((path, start, end))
                windows.append(numbers.setdefault("\n".join(lines[start:end]), len(numbers)))
            self._ranges[path] = range(first, len(self._places))
        return np.asarray(windows, dtype=np.int64)

    def _pairs(self, n_windows: int) -> Ints:
        """token * n_windows + window, ascending. In pieces, so that what is sorted at once is bounded."""
        lines = [self._numbers.get(line, -1) for lines in self.files.values() for line in lines]
        numbers = np.asarray(lines, dtype=np.int64)
        lengths = [len(lines) for lines in self.files.values()]
        offsets = dict(zip(self.files, np.cumsum([0, *lengths]).tolist(), strict=False))
        places = [self._places[place] for place in self._by_window[self._first[:-1]]]
        starts = np.asarray([offsets[path] + start for path, start, _ in places], dtype=np.int64)
        sizes = np.asarray([end - start for _, start, end in places], dtype=np.int64)
        pieces = [np.empty(0, np.int64)]
        for first in range(0, n_windows, WINDOWS_AT_ONCE):
            piece = slice(first, first + WINDOWS_AT_ONCE)
            found = numbers[spread(starts[piece], sizes[piece])]
            windows = np.repeat(np.arange(n_windows)[piece], sizes[piece])[found >= 0]
            found = found[found >= 0]
            n_tokens = self._ends[found + 1] - self._ends[found]
            tokens = self._tokens[spread(self._ends[found], n_tokens)]
            pieces.append(ascending(tokens * n_windows + np.repeat(windows, n_tokens)))
        return ascending(np.concatenate(pieces))

    def _tokens_in(self, lines: Sequence[str]) -> Ints:
        """Numbers of the tokens of those lines that the repository has, with repetitions."""
        numbers = [self._numbers[line] for line in lines if line in self._numbers]
        parts = [self._tokens[self._ends[number] : self._ends[number + 1]] for number in numbers]
        return np.concatenate([np.empty(0, np.int64), *parts])

    def tokens_of(self, lines: Sequence[str]) -> TokenSet:
        """The union of the lines' tokens. Lines of the repository are not tokenised again."""
        known = np.unique(self._tokens_in(lines))
        strange = [line for line in dict.fromkeys(lines) if line not in self._numbers and line.strip()]
        ids = np.asarray([*{*chain.from_iterable(self._tokenize_many(strange))}] if strange else [], np.int64)
        places = np.searchsorted(self._vocabulary, ids)
        held = places < len(self._vocabulary)
        held[held] = self._vocabulary[places[held]] == ids[held]
        known = np.union1d(known, places[held])
        return TokenSet(known, len(known) + int(len(ids) - held.sum()))

    def best(self, query: TokenSet, k: int, *, path: str, above: int) -> list[Match]:
        """The k most similar windows, best first, of equal ones the first by place. Places in the file `path` count
        only within its first `above` lines.
        """
        parts = [self._postings[self._starts[token] : self._starts[token + 1]] for token in query.known]
        found = np.concatenate([np.empty(0, np.int64), *parts])
        shared = np.bincount(found, minlength=len(self._sizes))
        similarity = shared / (query.distinct + self._sizes - shared)
        kept = np.flatnonzero(self._counted(path, above))
        if 0 < k < len(kept):
            least = np.partition(similarity[kept], len(kept) - k)[len(kept) - k]
            kept = kept[similarity[kept] >= least]
        matches = [
            Match(float(similarity[window]), int(shared[window]), self._places_of(window, path, above))
            for window in kept.tolist()
        ]
        matches.sort(key=lambda match: (-match.similarity, match.places[0]))
        return matches[:k]

    def _counted(self, path: str, above: int) -> NDArray[np.bool_]:
        """(n,) whether a window has a place that counts."""
        counted = np.ones(len(self._sizes), dtype=bool)
        places = self._ranges.get(path, range(0))
        banned = self._windows[[place for place in places if self._places[place][2] > above]]
        windows, n_banned = np.unique(banned, return_counts=True)
        counted[windows[n_banned == self._first[windows + 1] - self._first[windows]]] = False
        return counted

    def _places_of(self, window: int, path: str, above: int) -> tuple[Place, ...]:
        numbers = self._by_window[self._first[window] : self._first[window + 1]]
        places = [self._places[number] for number in numbers]
        return tuple(place for place in places if place[0] != path or place[2] <= above)


def _tokenize(lines: list[str], tokenize_many: TokenizeMany) -> tuple[Ints, Ints, Ints]:
    """Ascending token ids; the distinct tokens of each line as numbers of those, line after line; where they begin."""
    sets: list[set[int]] = []
    for start in range(0, len(lines), LINES_AT_ONCE):
        sets.extend(map(set, tokenize_many(lines[start : start + LINES_AT_ONCE])))
    ends = np.zeros(len(sets) + 1, dtype=np.int64)
    np.cumsum([len(tokens) for tokens in sets], out=ends[1:])
    ids = np.fromiter(chain.from_iterable(sets), dtype=np.int64, count=int(ends[-1]))
    vocabulary, numbers = np.unique(ids, return_inverse=True)
    return vocabulary, numbers.astype(np.int64), ends
