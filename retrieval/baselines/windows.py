"""RepoCoder (Zhang et al., EMNLP 2023): sliding windows of the whole repository, by Jaccard similarity.

- Windows of `size` lines (20; 50 for function bodies), one at every `STEP` lines, centred: `[c - size/2, c + size/2)`
  for c = 0, 10, 20…, cut at the ends of the file. All files that are given, the target file included. Windows of
  identical text are one window with several places.
- Similarity: Jaccard of the sets of token ids of a tokenizer of code (the paper: that of Codex; here the one that is
  given). Files are tokenised line by line, each distinct line once; the set of a window is the union of its lines. So a
  token that spans a line end is not seen, and blank lines have no tokens. The best 20 are kept; of equal ones the first
  by path and line.
- Leak guard: a place in the target file counts only if its last line is above `context_start_line`; a window needs one
  place that counts, and only such a place is shown. The released main branch lacks this guard in its first pass and
  finds the answer itself (issue 21 of its repository); this is the algorithm of the repaired branch.
- Pass 1 asks with the last `size` lines above the hole, not before `context_start_line`, and shows the window shifted
  down by one step, 10 lines: what follows the match. At the end of a file the shifted window ends with the file and
  keeps its size upwards; what two matches would show is shown once. One that would reach the hole is left out. The
  shift is the step for both sizes of window: the published rule is "10 lines", not a share of the window.
- With a draft (pass 2 and later) or the truth (the oracle) the query are the last size/2 lines above the hole and at
  most size/2 lines of the draft, blank lines removed, and the match itself is shown. A draft that continues the
  cursor's own line makes one line with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice

from retrieval.baselines.types import NAMED_WORDS, Hole, TokenizeMany, Window, lines_of, reason
from retrieval.baselines.window_index import Match, WindowIndex
from retrieval.types import Hit

SIZE = 20
SIZE_FUNCTIONS = 50
STEP = 10
KEPT = 20

_NAME = re.compile(r"[^\W\d]\w+")
_WITHIN = re.compile(r"\w")


class RepoCoderWindows:
    """Over one repository."""

    def __init__(
        self, files: Mapping[str, str], tokenize_many: TokenizeMany, *, language: str, size: int = SIZE
    ) -> None:
        self._language = language
        self._size = size
        self._index = WindowIndex({path: lines_of(files[path]) for path in files}, tokenize_many, size, STEP)

    def retrieve(self, hole: Hole, draft: str = "", *, k: int = KEPT) -> tuple[Hit, ...]:
        """Those of the k most similar windows that may be shown, best first. Nothing is found for a query without
        tokens, which has no line that is not blank.
        """
        asked = self._query(hole, draft)
        query = self._index.tokens_of(asked)
        if not query.distinct:
            return ()
        shift = 0 if draft else STEP
        matches = self._index.best(query, k, path=hole.path, above=self._allowed(hole))
        names = _names(asked)
        hits: list[Hit] = []
        shown: set[tuple[str, int, int]] = set()
        for match in matches:
            window = self._shown(match, hole, shift)
            if (
                window is not None
                and (place := (window.path, window.start_line, window.end_line)) not in shown
            ):
                shown.add(place)
                why = self._why(match, names, query.distinct, bool(shift))
                hits.append(window.hit("windows", len(hits) + 1, match.similarity, why))
        return tuple(hits)

    def _query(self, hole: Hole, draft: str) -> list[str]:
        first = max(0, hole.context_start_line - 1)
        if not draft:
            lines = lines_of(hole.prefix)
            return lines[max(first, len(lines) - self._size) :]
        half = self._size // 2
        above = hole.lines_above
        lines = lines_of(hole.prefix + draft)
        return [line for line in lines[max(first, above - half) : above + self._size - half] if line.strip()]

    def _allowed(self, hole: Hole) -> int:
        """How many first lines of the target file may be retrieved. None, if it was changed above the hole since its
        windows were made: they are of another text then.
        """
        allowed = min(hole.context_start_line - 1, hole.lines_above)
        known = self._index.files.get(hole.path, [])
        if allowed <= 0 or lines_of(hole.prefix)[: hole.lines_above] != known[: hole.lines_above]:
            return 0
        return allowed

    def _shown(self, match: Match, hole: Hole, shift: int) -> Window | None:
        """The first place that may be shown, moved down by `shift` lines."""
        for path, start, end in match.places:
            lines = self._index.files[path]
            if shift:
                if path == hole.path and end + shift > hole.lines_above:
                    continue
                end = min(end + shift, len(lines))
                start = max(0, end - self._size)
            return Window(path, self._language, start + 1, end, "\n".join(lines[start:end]))
        return None

    def _why(self, match: Match, names: Sequence[str], distinct: int, shifted: bool) -> str:
        """The longest of the shared names, which are the least common ones as a rule, are named."""
        path, start, end = match.places[0]
        text = "\n".join(self._index.files[path][start:end])
        shared = islice((name for name in names if _stands_in(text, name)), NAMED_WORDS)
        why = reason(match.shared, distinct, "tokens", [*shared])
        return f"follows what {why}" if shifted else why


def _names(lines: Sequence[str]) -> list[str]:
    """Longest first."""
    return sorted(set(_NAME.findall("\n".join(lines))), key=lambda name: (-len(name), name))


def _stands_in(text: str, name: str) -> bool:
    """As a whole name. Most are not there at all, which makes this much cheaper than to take the text apart."""
    start = text.find(name)
    while start >= 0:
        end = start + len(name)
        if not _WITHIN.match(text[start - 1 : start]) and not _WITHIN.match(text[end : end + 1]):
            return True
        start = text.find(name, end)
    return False
