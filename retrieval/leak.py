"""The leak guard: what must not be retrieved, as it gives the hole away or is in the prompt already."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from retrieval.types import Query

VISIBLE_BEFORE, VISIBLE_AFTER = 60, 30
"""Lines of its own file around the cursor that the prompt shows anyway: about 800 and 400 tokens."""

END_OF_FILE = sys.maxsize

Lines = tuple[int, int]  # 1-based inclusive


@dataclass(frozen=True, slots=True)
class Guard:
    """Lines by path. `excluded` holds for every snippet; `visible` and `hidden` for those that quote the file."""

    excluded: Mapping[str, tuple[Lines, ...]]
    visible: Mapping[str, tuple[Lines, ...]]
    hidden: Mapping[str, tuple[Lines, ...]] = field(default_factory=dict)  # by the user

    @property
    def paths(self) -> frozenset[str]:
        """The files of which something is banned."""
        return frozenset({*self.excluded, *self.visible, *self.hidden})

    def allows(self, path: str, start: int, end: int, *, outline: bool = False) -> bool:
        """Whether the lines may be shown. An outline (signatures without bodies) may span what is visible or hidden:
        who makes it leaves out what is hidden (`is_hidden`).
        """
        return not any(first <= end and start <= last for first, last in self._bans(path, outline))

    def is_hidden(self, path: str, line: int) -> bool:
        """Whether the user wants the line never to be shown."""
        return any(first <= line <= last for first, last in self.hidden.get(path, ()))

    def ban_on(self, path: str, start: int, end: int) -> tuple[str, str]:
        """Stage and words for lines that `allows` refuses."""
        if any(first <= end and start <= last for first, last in self.hidden.get(path, ())):
            return "excluded", "excluded by you"
        if any(first <= end and start <= last for first, last in self.visible.get(path, ())):
            return "leak-guard", "lines around the cursor: the prompt shows them anyway"
        return "leak-guard", "would give away what is to be written"

    def stretches(self, path: str, start: int, end: int) -> list[Lines]:
        """The allowed parts of start..end, in their order."""
        allowed = [(start, end)]
        for first, last in self._bans(path, outline=False):
            allowed = [
                part
                for low, high in allowed
                for part in ((low, min(high, first - 1)), (max(low, last + 1), high))
                if part[0] <= part[1]
            ]
        return allowed

    def clip(self, path: str, start: int, end: int, anchor: int) -> Lines | None:
        """The longest allowed stretch of start..end that holds `anchor`; None if that is banned."""
        for first, last in self._bans(path, outline=False):
            if first <= anchor <= last:
                return None
            if last < anchor:
                start = max(start, last + 1)
            else:
                end = min(end, first - 1)
        return start, end

    def _bans(self, path: str, outline: bool) -> tuple[Lines, ...]:
        excluded = self.excluded.get(path, ())
        return excluded if outline else excluded + self.visible.get(path, ()) + self.hidden.get(path, ())


def guard_for(
    query: Query, indexed_lines: int, hidden: Mapping[str, tuple[Lines, ...]] | None = None
) -> Guard:
    """What the query bans. `indexed_lines` is the length of its file as indexed (0 if it is not), `hidden` what the
    user excluded.

    An exclusion in the query's own file bans everything after it too: under the rules of a benchmark nothing
    behind the hole is known. Lines are those of the index, which may lag behind the buffer: the visible
    window grows by the difference in length, so that a shifted line cannot slip out of it. Who excludes lines of
    the query's own file speaks of the file as it is indexed: there nothing has moved.
    """
    excluded: dict[str, tuple[Lines, ...]] = {}
    for ban in query.exclusions:
        last = END_OF_FILE if ban.path == query.path else ban.end_line
        excluded[ban.path] = (*excluded.get(ban.path, ()), (ban.start_line, last))
    n_lines = query.prefix.count("\n") + query.suffix.count("\n") + 1
    moved = bool(indexed_lines) and query.path not in excluded
    drift = abs(n_lines - indexed_lines) if moved else 0
    window = (query.line - VISIBLE_BEFORE - drift, query.line + VISIBLE_AFTER + drift)
    return Guard(excluded, {query.path: (window,)}, hidden or {})
