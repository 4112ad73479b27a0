"""The *recent* channel: what was edited last and is like the code around the hole.

Three sources: other open files with unsaved text, files that the index saw change in the last minutes, and lines that
git sees as changed. An edit speaks for a snippet only if the snippet has something in common with the hole: what falls
below the threshold of similar code is not given.

Measured on 127 changed lines of commits of this repository, with all other changes of the commit in the working tree:
of the names that a line needs and its file does not show, the first four snippets held 35 % without the channel and
39 % with it, the first two 23 % and 29 % (standard error of both differences: 3 points). It is the best case: whoever
writes the line has seldom made all the other changes before.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from indexer.languages import language_of
from indexer.secrets import mask_text
from indexer.tokens import count_terms
from indexer.types import Chunk
from retrieval import snippet
from retrieval.gate import SIMILAR_THRESHOLD
from retrieval.leak import Guard, Lines
from retrieval.lexical import Lexical, compared_lines, select, shown_lines, weigh
from retrieval.trace import Trace
from retrieval.types import Evidence, Hit, Query
from retrieval.worktree import Changes

if TYPE_CHECKING:
    from indexer.snapshot import Snapshot

MINUTES = 30
"""What was saved before is not recent; git may still tell of it."""

MAX_EDITED = 12
"""Files saved within that time. More at once were written by a checkout or a formatter, not by a person."""

MAX_CHUNKS = 200
"""Chunks of the index that are compared with the hole."""

MAX_HITS = 3
"""Most that the channel gives: beside definitions and similar code, not instead of them."""

MAX_BUFFER_CHARACTERS = 1 << 18
MAX_WINDOWS = 40  # of one buffer: 500 changed lines
WINDOW, STEP = 24, 12
"""Lines of a changed stretch of an unsaved file that are compared and shown at once."""

BUFFERS_HELD = 16

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Something that was edited, as far as one chunk of the index holds it."""

    chunk: Chunk
    lines: tuple[Lines, ...]  # that changed
    uncommitted: bool  # git sees them as changed
    mtime_ns: int  # 0: not within MINUTES


@dataclass(frozen=True, slots=True)
class _Window:
    """Lines of an unsaved file, as a prompt may show them: secrets masked."""

    path: str
    start: int
    end: int
    text: str
    terms: frozenset[str]


class Recent:
    """The channel over one snapshot. Several threads may use it."""

    def __init__(
        self,
        snapshot: Snapshot,
        changes: Callable[[], Changes] = Changes,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`changes`: what git sees, by default nothing. `clock` gives nanoseconds since the epoch."""
        self._snapshot = snapshot
        self._changes = changes
        self._clock = clock
        self._lock = threading.Lock()
        self._newest: list[tuple[int, str]] | None = None
        self._stretches: tuple[object, tuple[_Stretch, ...]] = (None, ())
        self._buffers: OrderedDict[str, tuple[str, tuple[_Window, ...]]] = OrderedDict()

    def find(
        self,
        query: Query,
        lexical: Lexical,
        *,
        guard: Guard,
        weights: Mapping[str, float] | None = None,
        trace: Trace | None = None,
    ) -> list[Hit]:
        """The edits that are most like the hole, best first. `weights` are those of `lexical.weigh`, if known."""
        now = self._clock()
        windows = [one for path, text in query.buffers for one in self._windows(query, path, text, guard)]
        unsaved = {window.path for window in windows}
        stretches = [
            one
            for one in self._edited(now)
            if one.chunk.path not in unsaved and guard.allows(one.chunk.path, *_span(one.chunk))
        ]
        if not windows and not stretches:
            return []
        wanted = select(weigh(query) if weights is None else weights, lexical)
        terms = list(wanted.masses)
        if not terms:
            return []
        held = lexical.shared(terms, [one.chunk.id for one in stretches])
        unsaved_held = np.array([[term in one.terms for one in windows] for term in terms], dtype=np.bool_)
        covered = wanted.cover(np.hstack([held, unsaved_held.reshape(len(terms), -1)]))
        target = snippet.target(compared_lines(query), wanted.idf)
        ranked = sorted(range(len(covered.shares)), key=lambda column: -covered.shares[column])
        found: list[Hit] = []
        for column in ranked:
            share = float(covered.shares[column])
            if trace is None and (share < SIMILAR_THRESHOLD or len(found) == MAX_HITS):
                break
            if column < len(stretches):
                hit = self._saved(stretches[column], target, guard, now)
            else:
                hit = self._unsaved(windows[column - len(stretches)])
            if hit is not None:
                evidence = Evidence(
                    "recent", len(found) + 1, share, f"{hit.evidence[0].why}; {covered.why(column)}"
                )
                found.append(replace(hit, score=share, evidence=(evidence,)))
        return _best(found, trace)

    # ---- what the index has

    def _edited(self, now: int) -> tuple[_Stretch, ...]:
        """What was saved lately and what git sees as changed, by chunk; worked out again where one of them changed."""
        changes = self._changes()
        saved = self._saved_since(now - MINUTES * 60 * _NS)
        key = (changes.number, tuple(saved))
        with self._lock:
            if self._stretches[0] != key:
                self._stretches = (key, self._stretches_of(changes.lines, saved))
            return self._stretches[1]

    def _saved_since(self, since: int) -> dict[str, int]:
        """Path -> when, of files saved after that; none where so many were that no person edited them."""
        if self._newest is None:
            pairs = ((when, path) for path, when in self._snapshot.modified().items())
            self._newest = heapq.nlargest(MAX_EDITED + 1, pairs)
        saved = {path: when for when, path in self._newest if when >= since}
        return saved if len(saved) <= MAX_EDITED else {}

    def _stretches_of(
        self, changed: Mapping[str, tuple[Lines, ...]], saved: Mapping[str, int]
    ) -> tuple[_Stretch, ...]:
        stretches: list[_Stretch] = []
        for path in (*saved, *(path for path in changed if path not in saved)):
            for chunk in self._snapshot.chunks_of(path):  # () for what is ignored, secret or not indexed
                first, last = chunk.span.start_line, chunk.span.end_line
                lines = tuple(
                    (max(first, low), min(last, high))
                    for low, high in changed.get(path, ((first, last),))
                    if low <= last and first <= high
                )
                if lines:
                    stretches.append(_Stretch(chunk, lines, path in changed, saved.get(path, 0)))
        return tuple(stretches[:MAX_CHUNKS])

    def _saved(self, stretch: _Stretch, target: snippet.Target, guard: Guard, now: int) -> Hit | None:
        around = snippet.excerpt(self._snapshot.content(stretch.chunk.path), stretch.chunk.span)
        shown = shown_lines(stretch.chunk, around, target, guard, continuation=False, among=stretch.lines)
        if shown is None:
            return None
        reasons = [_ago(now - stretch.mtime_ns)] if stretch.mtime_ns else []
        if stretch.uncommitted:
            reasons.append("changed since the last commit")
        return _hit(stretch.chunk, ", ".join(reasons), around.text(*shown), shown)

    # ---- what is not saved

    def _windows(self, query: Query, path: str, text: str, guard: Guard) -> tuple[_Window, ...]:
        """The changed lines of an open file. A file that is not indexed, or of which lines are banned, gives none:
        the lines of a buffer are not those that a ban names.
        """
        banned = path in guard.hidden or path in guard.excluded or path == query.path
        if banned or path not in self._snapshot.paths() or len(text) > MAX_BUFFER_CHARACTERS:
            return ()
        with self._lock:
            known = self._buffers.get(path)
            if known is None or known[0] != text:
                known = (text, _changed_windows(path, text, self._snapshot.content(path)))
                self._buffers[path] = known
            self._buffers.move_to_end(path)
            while len(self._buffers) > BUFFERS_HELD:
                self._buffers.popitem(last=False)
        return known[1]

    def _unsaved(self, window: _Window) -> Hit | None:
        chunks = self._snapshot.chunks_of(window.path)
        if not chunks:
            return None
        chunk = next((one for one in chunks if one.span.end_line >= window.start), chunks[-1])
        return _hit(chunk, "unsaved change in an open file", window.text, (window.start, window.end))


def _changed_windows(path: str, text: str, indexed: bytes) -> tuple[_Window, ...]:
    """Windows over the lines between the first and the last that differ from the index."""
    language = language_of(path)
    masked = mask_text(text, config=language is None or not language.grammar)
    new, old = masked.replace("\r\n", "\n").split("\n"), indexed.decode("utf-8", "replace").split("\n")
    old = [line.removesuffix("\r") for line in old]
    first = 0
    while first < min(len(new), len(old)) and new[first] == old[first]:
        first += 1
    same = 0
    while same < min(len(new), len(old)) - first and new[-1 - same] == old[-1 - same]:
        same += 1
    last = len(new) - same  # lines first + 1 to last, from 1, are others
    windows: list[_Window] = []
    for start in range(first, last, STEP):
        low, high = _padded(start, min(last, start + WINDOW), len(new))
        shown = "\n".join(new[low:high]).rstrip()[: snippet.MAX_CHARACTERS]
        if any(line.strip() for line in new[start : min(last, start + WINDOW)]):
            end = low + shown.count("\n") + 1
            windows.append(_Window(path, low + 1, end, shown, frozenset(count_terms(shown))))
        if start + WINDOW >= last or len(windows) == MAX_WINDOWS:
            break
    return tuple(windows)


def _padded(start: int, end: int, lines: int) -> tuple[int, int]:
    """With as many lines around a short change as make a window."""
    more = max(0, WINDOW - (end - start))
    return max(0, start - more // 2), min(lines, end + more - more // 2)


def _hit(chunk: Chunk, why: str, text: str, lines: Lines) -> Hit:
    return Hit(chunk, 0.0, (Evidence("recent", 0, 0.0, why),), text, *lines)


def _best(found: Sequence[Hit], trace: Trace | None) -> list[Hit]:
    """The first MAX_HITS above the threshold of hits that come best first; the evidence's score is the coverage."""
    above = [hit for hit in found if hit.score >= SIMILAR_THRESHOLD]
    if trace is not None:
        for hit in found[len(above) :]:
            why = f"covers {hit.score:.2f} of what is near the cursor, less than {SIMILAR_THRESHOLD}"
            trace.drop(hit, "threshold", why)
        for hit in above[MAX_HITS:]:
            trace.drop(hit, "channel", f"{MAX_HITS} other recent edits are more like the hole")
    return above[:MAX_HITS]


def _span(chunk: Chunk) -> Lines:
    return chunk.span.start_line, chunk.span.end_line


def _ago(nanoseconds: int) -> str:
    minutes = max(0, nanoseconds) // (60 * _NS)
    if minutes < 1:
        return "edited less than a minute ago"
    return f"edited {minutes} minute{'s' if minutes > 1 else ''} ago"
