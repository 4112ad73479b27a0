"""Asking the repository: a search in words or code, narrowed by path, kind and language; what speaks for each hit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec
from textual.content import Content

from retrieval.snippet import best_line, target
from tui.display import MUTED, milliseconds, plain
from tui.places import MARK, Found, Item, Place

if TYPE_CHECKING:
    from repocoder.engine import Engine
    from retrieval.types import Hit

HITS = 50
"""Hits that a list shows at once."""

HITS_TO_FILTER = 400
"""Hits that are asked for when most may be filtered away: 0.1 to 0.6 s where 50 take 0.1 s."""

KINDS = ("function", "method", "class", "module", "text")
"""What a chunk may be; "module" is code outside of definitions."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a hit must be; "" is anything. `path` is a pattern as in .gitignore: `src/`, `*.py`, `!tests/`."""

    path: str = ""
    kind: str = ""
    language: str = ""

    def __bool__(self) -> bool:
        return bool(self.path or self.kind or self.language)

    def predicate(self) -> Callable[[Hit], bool]:
        """Whether a hit is wanted. A pattern that begins with `!` names what is not."""
        pattern = self.path.strip()
        spec = _spec(pattern.removeprefix("!"))
        wanted = not pattern.startswith("!")

        def fits(hit: Hit) -> bool:
            return (
                self.kind in ("", hit.chunk.kind)
                and self.language in ("", hit.chunk.language)
                and (spec is None or spec.match_file(hit.path) is wanted)
            )

        return fits


class AskPlaces:
    """Hits of `Engine.search`. One search runs at a time; those that nobody waits for any more are not begun."""

    title = "Ask the repository"
    hint = "what it should do, in words, or a piece of code"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self.query = ""
        self.filters = Filters()

    def languages(self) -> tuple[str, ...]:
        """The languages of the indexed files, by name; may raise RepocoderError."""
        with self._engine.snapshot() as snapshot:
            return tuple(sorted({language for _, language, _ in snapshot.packages()}))

    def find(self, query: str, stop: Callable[[], bool]) -> Found:
        self.query, filters = query, self.filters
        if not query.strip():
            return Found((), Content("the whole index is searched: names, words and meaning"))
        with self._turn:
            if stop():
                return Found(())
            result = self._engine.search(query, HITS_TO_FILTER if filters else HITS)
        hits = list(filter(filters.predicate(), result.hits))[:HITS]
        took = milliseconds(result.timings.get("total_ms", 0.0))
        if hits:
            note = f"{len(hits)} hit{'' if len(hits) == 1 else 's'}, best first, {took}"
        elif result.hits:
            note = f"none of the best {len(result.hits)} hits passes the filters"
        else:
            note = "nothing was found: try other words"
        wanted = target([query], {})
        return Found(
            tuple(_item(hit, hit.start_line + best_line(_lines(hit), wanted)) for hit in hits), Content(note)
        )


def _spec(pattern: str) -> GitIgnoreSpec | None:
    """What a pattern stands for; None for none, and for one that is not complete yet."""
    try:
        return GitIgnoreSpec.from_lines([pattern]) if pattern else None
    except ValueError:
        return None


def _lines(hit: Hit) -> list[str]:
    return hit.text.split("\n")


def _item(hit: Hit, line: int) -> Item:
    """A hit at the line of it that is most like what was asked."""
    place = f"{hit.path}:{line}"
    label = Content.assemble(
        plain(hit.chunk.name or place, "bold"),
        plain(f"  {hit.chunk.kind}", "$text-secondary"),
        plain(f"  {place}" if hit.chunk.name else "", MUTED),
    )
    return Item(label, Place(hit.path, line), evidence(hit))


def evidence(hit: Hit) -> Content:
    """Why each channel found it, in words: a line for each."""
    lines = [
        Content.assemble((f"{channel(item.source)} #{item.rank}  ", MARK), plain(item.why))
        for item in hit.evidence
    ]
    return Content("\n").join(lines)


def channel(source: str) -> str:
    """A channel of a search as a word."""
    return {"symbols": "name", "lexical": "words", "dense": "meaning"}.get(source, source)
