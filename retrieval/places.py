"""Places that a user pointed at, in the index as it is now: lines that are excluded, and hits of what is pinned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING
from zlib import crc32

from indexer.packing import Seen
from indexer.types import FileFacts
from retrieval.leak import END_OF_FILE, Guard, Lines
from retrieval.lexical import Lexical, coverage, weigh
from retrieval.render import render_symbol
from retrieval.types import Evidence, Hit, Place, Query
from retrieval.uses import context_terms

if TYPE_CHECKING:
    from indexer.snapshot import Snapshot

MAX_CHARACTERS = 4000
"""Of one pinned text, about 1,100 tokens: more than the room that all snippets have by default."""

WHY = "pinned by you"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The lines of some places by path, and the places that the index does not have, with the reason."""

    lines: Mapping[str, tuple[Lines, ...]]
    missing: tuple[tuple[Place, str], ...]


@dataclass(frozen=True, slots=True)
class Pinned:
    """Hits of pins, in the order in which they were pinned, and one line for each pin that shows nothing."""

    hits: tuple[Hit, ...]
    notes: tuple[str, ...]


NO_PINS = Pinned((), ())


def resolve(places: Sequence[Place], snapshot: Snapshot) -> Resolved:
    """Where the places are. A file that is not indexed (ignored, secret, outside) is missing, whatever lies on disk."""
    lines: defaultdict[str, tuple[Lines, ...]] = defaultdict(tuple)
    missing: list[tuple[Place, str]] = []
    for place in places:
        found = lines_of(place, snapshot)
        if isinstance(found, str):
            missing.append((place, found))
        else:
            lines[place.path] += found
    return Resolved(dict(lines), tuple(missing))


def lines_of(place: Place, snapshot: Snapshot) -> tuple[Lines, ...] | str:
    """The lines of a place, several where a name is defined more than once; or why there are none, in words."""
    facts = snapshot.facts(place.path)
    if facts is None:
        return f"{place.path} is not in the index"
    if place.qualname:
        spans = [symbol.span for symbol in facts.symbols if symbol.qualname == place.qualname]
        return (
            tuple((span.start_line, span.end_line) for span in spans)
            or f"{place.path} defines no {place.qualname}"
        )
    if place.lines is None:
        return ((1, END_OF_FILE),)
    moved = _moved(place, snapshot)
    if moved[0] > facts.n_lines:
        return f"{place.path} has {facts.n_lines} lines"
    return (moved,)


def mark_of(place: Place, snapshot: Snapshot) -> str:
    """By what the lines of a place are found again when others were written above them; "" for other places."""
    if place.lines is None or place.path not in snapshot.paths():
        return ""
    lines = _lines_in(place.path, snapshot)[place.lines[0] - 1 : place.lines[1]]
    return f"{crc32(lines[0]):08x}{_digest(lines)}" if lines and any(lines) else ""


def _moved(place: Place, snapshot: Snapshot) -> Lines:
    """Where the lines of a place are now: the nearest that are the same; where there are none, as they were chosen."""
    assert place.lines is not None
    start, end = place.lines
    if not place.mark:
        return place.lines
    lines, count = _lines_in(place.path, snapshot), end - start + 1
    first, digest = place.mark[:_FIRST], place.mark[_FIRST:]
    if _digest(lines[start - 1 : end]) == digest:
        return place.lines
    found = [
        number
        for number, line in enumerate(lines, 1)
        if f"{crc32(line):08x}" == first and _digest(lines[number - 1 : number - 1 + count]) == digest
    ]
    nearest = min(found, key=lambda number: (abs(number - start), number), default=start)
    return nearest, nearest + count - 1


_FIRST = 8  # digits of a mark that stand for the first line


def _lines_in(path: str, snapshot: Snapshot) -> list[bytes]:
    """The lines of a file without the white space around them: to indent code does not make it another."""
    return [line.strip() for line in snapshot.content(path).split(b"\n")]


def _digest(lines: Sequence[bytes]) -> str:
    return blake2b(b"\n".join(lines), digest_size=16).hexdigest()


def pinned(query: Query, snapshot: Snapshot, lexical: Lexical, guard: Guard) -> Pinned:
    """What the pins of a query show. Nothing that the guard forbids: neither the hole nor what is excluded."""
    hits: list[Hit] = []
    notes: list[str] = []
    shower = _Shower(query, snapshot, lexical, guard)
    for place in query.pins:
        found = shower.show(place)
        if isinstance(found, str):
            notes.append(f"pinned: {place}: {found}")
        else:
            hits.extend(hit for hit in found if all(_spot(hit) != _spot(other) for other in hits))
    ranked = (
        Hit(hit.chunk, 1.0, (Evidence("pinned", rank, 1.0, WHY),), hit.text, hit.start_line, hit.end_line)
        for rank, hit in enumerate(hits, 1)
    )
    return Pinned(tuple(ranked), tuple(notes))


class _Shower:
    """Chooses the text of each pin of one query."""

    def __init__(self, query: Query, snapshot: Snapshot, lexical: Lexical, guard: Guard) -> None:
        self._query, self._snapshot, self._lexical, self._guard = query, snapshot, lexical, guard

    def show(self, place: Place) -> list[Hit] | str:
        """Hits without evidence, or why there are none, in words."""
        found = lines_of(place, self._snapshot)
        facts = self._snapshot.facts(place.path)
        if isinstance(found, str):
            return found
        assert facts is not None
        if place.lines is None and not place.qualname and place.path == self._query.path:
            return "it is the file at the cursor, which the prompt shows around the cursor"
        hits = [hit for lines in found for hit in self._quote(facts, place, lines)]
        return hits or self._why_nothing(place, found[0])

    def _quote(self, facts: FileFacts, place: Place, lines: Lines) -> list[Hit]:
        """The lines themselves; of what is too long the outline, and the part that is most like the hole."""
        content = self._snapshot.content(facts.path).decode("utf-8", "replace").split("\n")
        last = min(lines[1], len(content))
        allowed = self._guard.stretches(facts.path, lines[0], last)
        parts = [hit for part in allowed if (hit := self._hit(facts.path, content, part)) is not None]
        if sum(len(hit.text) for hit in parts) <= MAX_CHARACTERS:
            return parts
        if place.lines is not None:
            return [_cut(hit) for hit in parts]
        outline = self._outline(facts, place.qualname, (lines[0], last))
        return [*outline, *self._most_like(facts.path, (lines[0], last), content)]

    def _hit(self, path: str, content: Sequence[str], lines: Lines) -> Hit | None:
        start, end = lines
        while start <= end and not content[start - 1].strip():
            start += 1
        while start <= end and not content[end - 1].strip():
            end -= 1
        chunk = self._snapshot.chunk_at(path, start) if start <= end else None
        return None if chunk is None else Hit(chunk, 1.0, (), "\n".join(content[start - 1 : end]), start, end)

    def _outline(self, facts: FileFacts, qualname: str, lines: Lines) -> list[Hit]:
        shown = without_hidden(facts, self._guard)
        text = render_symbol(shown, qualname, {}, context_terms(self._query))
        chunk = self._snapshot.chunk_at(facts.path, lines[0])
        allowed = self._guard.allows(facts.path, *lines, outline=True)
        if not text or chunk is None or not allowed:
            return []
        return [Hit(chunk, 1.0, (), text, *lines)]

    def _most_like(self, path: str, lines: Lines, content: Sequence[str]) -> list[Hit]:
        """The chunk of the lines that shares most with what is near the hole, the first of equals."""
        chunks = [
            chunk
            for chunk in self._snapshot.chunks_of(path)
            if lines[0] <= chunk.span.end_line
            and chunk.span.start_line <= lines[1]
            and self._guard.allows(path, chunk.span.start_line, chunk.span.end_line)
        ]
        if not chunks:
            return []
        shares = coverage(weigh(self._query), self._lexical, [chunk.id for chunk in chunks]).shares
        best = chunks[int(shares.argmax())]
        start, end = max(lines[0], best.span.start_line), min(lines[1], best.span.end_line)
        hit = self._hit(path, content, (start, end))
        return [] if hit is None else [_cut(hit)]

    def _why_nothing(self, place: Place, lines: Lines) -> str:
        if self._guard.allows(place.path, *lines):
            return "there is only white space"
        return self._guard.ban_on(place.path, *lines)[1]


def without_hidden(facts: Seen, guard: Guard) -> Seen:
    """The facts without the definitions that begin on lines that the user excluded."""
    if not guard.hidden.get(facts.path):
        return facts
    from msgspec.structs import replace

    path = facts.path
    return replace(
        facts,
        symbols=tuple(one for one in facts.symbols if not guard.is_hidden(path, one.span.start_line)),
        bindings=tuple(one for one in facts.bindings if not guard.is_hidden(path, one.line)),
    )


def _cut(hit: Hit) -> Hit:
    """The first whole lines of a hit that are not too long."""
    if len(hit.text) <= MAX_CHARACTERS:
        return hit
    text = hit.text[:MAX_CHARACTERS].rpartition("\n")[0] or hit.text[:MAX_CHARACTERS]
    return Hit(hit.chunk, hit.score, hit.evidence, text, hit.start_line, hit.start_line + text.count("\n"))


def _spot(hit: Hit) -> tuple[str, int, int, str]:
    return hit.path, hit.start_line, hit.end_line, hit.text
