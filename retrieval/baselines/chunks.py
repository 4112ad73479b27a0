"""The candidates of CrossCodeEval and Repoformer: the chunks of other files, those in near directories first.

From the scripts of both, the rules that their papers leave out and the published lists show:

- Blank lines are removed before a file is cut into chunks of `size` lines, one at every `stride` lines.
- A chunk without any word ("}" alone) is no chunk; it counts neither for the statistics nor as what follows another.
- Files are ordered by directory distance, then by path; the first 1,000 chunks are candidates.
- Where the chunk after a match is shown, it is the next one of the file, candidate or not, and the match itself at
  the end of the file. A text is shown once. Of equal scores the chunk with the greater identifier `path|number`,
  compared as text, is the better one.
- Where the matches themselves are shown, of equal scores the greater text is the better one. (The scripts order texts
  and file names apart, so that a text in the published lists may have the name of another; here it has its own.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice

import numpy as np

from retrieval.baselines.ranges import Ints, spread
from retrieval.baselines.types import Window, lines_of
from retrieval.baselines.words import words

MAX_CANDIDATES = 1000


@dataclass(frozen=True, slots=True)
class Candidates:
    """n chunks and their p pairs of chunk and word."""

    chunks: Ints  # (n,) numbers of the chunks, in the published order
    rows: Ints  # (p,) 0..n, ascending
    words: Ints  # (p,) word numbers, distinct within a row
    counts: Ints  # (p,) how often the word stands there
    lengths: Ints  # (n,) words of each chunk, repetitions counted
    sizes: Ints  # (n,) distinct words of each chunk
    frequencies: Ints  # (all words of the repository,) candidates that have the word


@dataclass(frozen=True, slots=True)
class Query:
    """q distinct words, of which those that the repository has at all have a number."""

    sequence: tuple[int, ...]  # word numbers in order, repetitions kept; words without a number left out
    known: Ints  # distinct word numbers
    distinct: int  # q


class ChunkedFiles:
    """All chunks of a repository: chunk i has the pairs `_starts[i]` to `_starts[i + 1]`."""

    def __init__(self, files: Mapping[str, str], *, language: str, size: int, stride: int) -> None:
        self.windows: list[Window] = []
        self._numbers: defaultdict[str, int] = defaultdict(count().__next__)
        self._ranges: dict[str, range] = {}  # path -> its chunks
        sequence: list[int] = []
        lengths: list[int] = []
        names: list[str] = []
        for path in sorted(files):
            first = len(self.windows)
            for window in cut(path, files[path], language, size, stride):
                found = words(window.text)
                if found:
                    names.append(f"{path}|{len(self.windows) - first}")
                    self.windows.append(window)
                    sequence.extend(map(self._numbers.__getitem__, found))
                    lengths.append(len(found))
            self._ranges[path] = range(first, len(self.windows))
        self._vocabulary = list(self._numbers)
        self._lengths = np.asarray(lengths, dtype=np.int64)
        self._words, self._counts, self._starts = _pairs(np.asarray(sequence, np.int64), self._lengths)
        # of equal scores, the greater number is better
        self.name_order = _places(names)
        self.text_order = _places([window.text for window in self.windows])
        self._last: tuple[str, Candidates] | None = None

    def word(self, number: int) -> str:
        return self._vocabulary[number]

    def after(self, chunk: int) -> int:
        """The chunk that follows in its file; itself if it is the last."""
        following = chunk + 1
        same = following < len(self.windows) and self.windows[following].path == self.windows[chunk].path
        return following if same else chunk

    def distinct(self, chunk: int) -> Ints:
        """The words of a chunk."""
        return self._words[self._starts[chunk] : self._starts[chunk + 1]]

    def query(self, lines: Sequence[str]) -> Query:
        found = words("\n".join(lines))
        numbers = tuple(self._numbers[word] for word in found if word in self._numbers)
        return Query(numbers, np.unique(np.asarray(numbers, np.int64)), len(set(found)))

    def near(self, path: str) -> Candidates:
        """The candidates for a hole in this file. The last answer is kept: holes come file by file."""
        if self._last is None or self._last[0] != path:
            self._last = (path, self._gather(path))
        return self._last[1]

    def _gather(self, path: str) -> Candidates:
        others = [other for other in self._ranges if other != path]
        others.sort(key=lambda other: (directory_distance(other, path), other))
        chosen: list[int] = []
        for other in others:
            chosen.extend(self._ranges[other])
            if len(chosen) >= MAX_CANDIDATES:
                break
        chunks = np.asarray(chosen[:MAX_CANDIDATES], dtype=np.int64)
        sizes = self._starts[chunks + 1] - self._starts[chunks]
        pairs = spread(self._starts[chunks], sizes)
        rows = np.repeat(np.arange(len(chunks)), sizes)
        found = self._words[pairs]
        frequencies = np.bincount(found, minlength=len(self._vocabulary))
        return Candidates(chunks, rows, found, self._counts[pairs], self._lengths[chunks], sizes, frequencies)


def cut(path: str, text: str, language: str, size: int, stride: int) -> list[Window]:
    """The chunks of a file without its blank lines; each spans the real lines from its first to its last."""
    filled = [(number, line) for number, line in enumerate(lines_of(text), 1) if line.strip()]
    windows = []
    for start in range(0, len(filled), stride):
        part = filled[start : start + size]
        shown = "\n".join(line for _, line in part)
        windows.append(Window(path, language, part[0][0], part[-1][0], shown))
    return windows


def directory_distance(path: str, other: str) -> int:
    """Steps from the one directory to the other: the `/` in both paths below what they have in common."""
    folders, others = path.split("/")[:-1], other.split("/")[:-1]
    common = 0
    for folder, counterpart in zip(folders, others, strict=False):
        if folder != counterpart:
            break
        common += 1
    return len(folders) + len(others) - 2 * common


def last_lines(prefix: str, draft: str, n: int) -> list[str]:
    """The last n lines that are not blank, of the text above the hole and then the draft. A draft begins a new line
    also where the cursor stands within one, as in the published scripts.
    """
    backwards = chain(reversed(lines_of(draft)), reversed(lines_of(prefix)))
    return [*islice((line for line in backwards if line.strip()), n)][::-1]


def _places(keys: list[str]) -> Ints:
    """Of each key among all keys in ascending order, the first of equal ones first."""
    places = np.empty(len(keys), dtype=np.int64)
    places[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return places


def _pairs(sequence: Ints, lengths: Ints) -> tuple[Ints, Ints, Ints]:
    """Distinct words of each chunk, their counts, and where each chunk begins in them."""
    n_words = int(sequence.max(initial=0)) + 1
    rows = np.repeat(np.arange(len(lengths)), lengths)
    keys, counts = np.unique(rows * n_words + sequence, return_counts=True)
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(np.bincount(keys // n_words, minlength=len(lengths)), out=starts[1:])
    return keys % n_words, counts.astype(np.int64), starts
