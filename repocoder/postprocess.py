"""Where a completion ends and how it fits its place: never a doubled suffix, bracket, quote or indentation.

One pure function finds the first place where the text must be cut. `StopRule` asks it while the model
streams, and `finish` once more for the whole text, so what is shown meanwhile is what will be there at
the end, but for indentation. Stop reasons: `line` (a line was wanted, and it is complete), `indent` (the
block ended), `suffix` (what follows the hole begins), `repetition` (the model runs in circles), `empty`
(nothing is left)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from repocoder.hole import Hole, State, hole_of, indent, opens_block, scan
from repocoder.llm.generator import Fed
from retrieval.types import Query

MIN_OVERLAP = 4
"""Characters of the rest of the line that the end of a completion must repeat to be cut, if not all of it."""

MIN_REST = 2  # characters of a rest of the line that is looked for at all: one is too often there by chance

SAME_LINE_LIMIT = 3  # the same line so often in a row: cut after the first
EMPTY_LINES, EMPTY_LINES_AT_TOP = 1, 2  # in a row within a block: more of them end it
CYCLE_LINES = 6  # longest cycle of lines that is looked for
CYCLE_LIMIT = 3  # a cycle so often: cut after the first
LOOP_UNIT = 24  # longest unit of a loop within a line, characters
LOOP_LIMIT = 8  # a unit so often: cut after the second
LOOP_LENGTH = 40  # characters a loop has at least: short tables of numbers are no loop

_CLOSING = re.compile(r"[\s)\]}>,;:]*$")
_DEFINITION = re.compile(r"\s*(?:(?:async\s+def|def|class)\b|@)")
_LOOP = re.compile(rf"((?=.{{0,{LOOP_UNIT - 1}}}\w).{{1,{LOOP_UNIT}}}?)\1{{{LOOP_LIMIT - 1},}}")


@dataclass(frozen=True, slots=True)
class Finished:
    """A completion as it is inserted."""

    text: str
    stop_reason: str
    notes: tuple[str, ...] = ()  # what was changed, one line each


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where the text ends, and why."""

    at: int
    reason: str


class StopRule:
    """`repocoder.llm.generator.StopRule` for one place: takes pieces, shows the text so far, says when to
    stop."""

    def __init__(self, query: Query) -> None:
        self._hole = hole_of(query)
        self._text = ""

    def reset(self) -> None:
        self._text = ""

    def feed(self, piece: str) -> Fed:
        self._text += piece
        text = _unified(self._text)
        cut = _find_cut(text, self._hole, final=False)
        if cut is not None:
            return Fed(text[: cut.at].rstrip(), cut.reason)
        return Fed(_without_doubtful_end(text, self._hole))


def finish(text: str, query: Query, stop_reason: str = "end") -> Finished:
    """Cut and fit what the model wrote. Pure; finishing a finished text changes nothing."""
    hole = hole_of(query)
    whole = _unified(text)
    cut = _find_cut(whole, hole, final=True)
    kept, reason = (whole, stop_reason) if cut is None else (whole[: cut.at], cut.reason)
    notes = [f"cut: {reason}"] if cut is not None and whole[cut.at :].strip() else []
    kept = _strip_lines(kept, hole)
    overlap = _cut_at_overlap(kept, hole)
    if overlap is not None:
        kept, reason = _strip_lines(kept[: overlap.at], hole), overlap.reason
        notes.append("cut: it repeated the rest of the line")
    fitted = _fit_indentation(kept, hole)
    if fitted != kept:
        notes.append("indentation corrected")
    if not fitted.strip():
        return Finished("", reason if reason == "cancelled" else "empty", tuple(notes))
    return Finished(fitted.replace("\n", hole.line_end), reason, tuple(notes))


def _find_cut(text: str, hole: Hole, *, final: bool) -> _Cut | None:
    """The first place where the completion must end, if any. Not `final`: what more text cannot change."""
    found = [
        cut
        for cut in (
            _cut_at_line_end(text, hole),
            _cut_at_quote(text, hole),
            _cut_at_bracket(text, hole),
            _cut_at_block_end(text, hole, final=final),
            _cut_at_suffix(text, hole, final=final),
            _cut_at_line_cycle(text, hole, final=final),
            _cut_at_loop(text),
        )
        if cut is not None
    ]
    return min(found, key=lambda cut: cut.at, default=None)


def _cut_at_line_end(text: str, hole: Hole) -> _Cut | None:
    """With text after the cursor only the line is wanted, unless a bracket is open that the rest closes."""
    if not hole.rest.strip():
        return None
    if not _CLOSING.match(hole.rest):
        at = text.find("\n")
        return None if at < 0 else _Cut(at, "line")
    for start, state, line in _lines(text, hole):
        end = start + len(line)
        code = (hole.before + line if start == 0 else line).rstrip()
        goes_on = not code or code.endswith((",", "(", "[", "{", "\\", "and", "or", "+", "="))
        if end < len(text) and not state.quote and not goes_on:
            return _Cut(end, "line")
    return None


def _cut_at_quote(text: str, hole: Hole) -> _Cut | None:
    """The quote that would end the string around the cursor, where the rest of the line ends it already."""
    quote = hole.open.quote
    if not quote or hole.rest.count(quote) % 2 == 0:
        return None
    match = re.search(rf"(?<!\\)(?:\\\\)*({re.escape(quote)})", text)
    if match is None or "\n" in text[: match.start(1)]:
        return None
    return _Cut(match.start(1), "suffix") if hole.rest.lstrip().startswith(quote) else None


def _cut_at_bracket(text: str, hole: Hole) -> _Cut | None:
    """The first closing bracket too many, where the suffix closes what was open at the cursor."""
    if not hole.supplied:
        return None
    allowed = len(hole.open.brackets) - hole.supplied
    closed = scan(text, hole.comment, State(quote=hole.open.quote)).closed
    return _Cut(closed[allowed][0], "suffix") if len(closed) > allowed else None


def _cut_at_block_end(text: str, hole: Hole, *, final: bool) -> _Cut | None:
    """The first line that leaves the block of the cursor, or follows the statement that was wanted."""
    if hole.rest.strip():
        return None
    block: _Block | None = None
    base: int | None = None
    empty_lines = 0
    last = ""
    for start, state, line in _lines(text, hole):
        complete = final or start + len(line) < len(text)
        if start == 0 or state.brackets or state.quote:
            last, empty_lines = (hole.before if start == 0 else "") + line, 0
            continue
        block = block or _block_of(text, last, hole)
        if block.whole:
            return _Cut(start - 1, "line")
        if not line.strip():
            empty_lines += complete
            if empty_lines > (EMPTY_LINES if block.base else EMPTY_LINES_AT_TOP):
                return _Cut(start - 1, "indent")
            continue
        depth = indent(line)
        if base is None:
            base = max(block.base, depth) if block.open_ended else block.base
            block = replace(block, single=block.single or (block.open_ended and _is_definition(line)))
            if block.open_ended and depth >= base:
                last, empty_lines = line, 0
                continue
        if depth < base or (depth == base and (block.deeper or (block.single and empty_lines > 0))):
            return _Cut(start - 1, "indent")
        last, empty_lines = line, 0
    return None


@dataclass(frozen=True, slots=True)
class _Block:
    """What may follow the first line of a completion."""

    base: int  # columns
    whole: bool = False  # nothing: one statement was wanted and is complete
    deeper: bool = False  # only lines with more columns than `base`
    single: bool = False  # one definition: after an empty line only deeper ones
    open_ended: bool = False  # the first line with text says what the columns are, not below `base`


def _block_of(text: str, last: str, hole: Hole) -> _Block:
    """`last` is the last line of the statement on the cursor's line."""
    first = text.partition("\n")[0]
    if not hole.before.strip():
        if not first.strip():
            return _Block(len(hole.before), open_ended=True)
        return _Block(indent(hole.before + first), single=_is_definition(first))
    base = indent(hole.before)
    if opens_block(last, hole.comment):
        return _Block(base, deeper=True)
    return _Block(base, whole=bool(first.strip() or hole.open.brackets))


def _is_definition(line: str) -> bool:
    return bool(_DEFINITION.match(line))


def _cut_at_suffix(text: str, hole: Hole, *, final: bool) -> _Cut | None:
    """The first line that is the next line of the file; lines of closing brackets are the bracket rule's."""
    if not hole.following.strip() or _CLOSING.match(hole.following):
        return None
    for start, _, line in _lines(text, hole):
        complete = start + len(line) < len(text) or final
        whole = (hole.before + line if start == 0 else line).rstrip()
        if complete and whole == hole.following and (start > 0 or hole.blank):
            return _Cut(max(0, start - 1), "suffix")
    return None


def _cut_at_overlap(text: str, hole: Hole) -> _Cut | None:
    """The end of the text that repeats the rest of the line, all of it or a good part."""
    rest = hole.rest.strip()
    if _CLOSING.match(rest):
        return None
    end = len(text)
    while True:
        kept = text[:end]
        for length in range(min(len(rest), end), min(len(rest), MIN_OVERLAP) - 1, -1):
            if length >= MIN_REST and kept.endswith(rest[:length]):
                end -= length
                break
        else:
            return _Cut(end, "suffix") if end < len(text) else None


def _cut_at_line_cycle(text: str, hole: Hole, *, final: bool) -> _Cut | None:
    """The end of the first round where complete lines first go round and round, as a stream meets it."""
    lines = [(start, line) for start, line in _split(text) if start + len(line) < len(text) or final]
    filled = [
        (start, ("" if start else hole.before) + line.rstrip()) for start, line in lines if line.strip()
    ]
    for end in range(1, len(filled) + 1):
        for period in range(1, CYCLE_LINES + 1):
            rounds = SAME_LINE_LIMIT if period == 1 else CYCLE_LIMIT
            first = end - period * rounds
            if first < 0:
                break
            names = [line for _, line in filled[first:end]]
            unit = names[:period]
            if names == unit * rounds and not all(_CLOSING.match(name) for name in unit):
                while first > 0 and filled[first - 1][1] == filled[first - 1 + period][1]:
                    first -= 1  # the earliest round
                start, _ = filled[first + period - 1]
                return _Cut(start + len(text[start:].partition("\n")[0]), "repetition")
    return None


def _cut_at_loop(text: str) -> _Cut | None:
    """After the second round of a loop within a line."""
    for start, line in _split(text):
        match = _LOOP.search(line) if len(line) >= LOOP_LENGTH else None
        if match is not None and match.end() - match.start() >= LOOP_LENGTH:
            return _Cut(start + match.start() + 2 * len(match.group(1)), "repetition")
    return None


def _without_doubtful_end(text: str, hole: Hole) -> str:
    """What can be shown: not white space at the end, nor a line that may be the next of the file."""
    shown = text.rstrip()
    start = shown.rfind("\n") + 1
    last = (hole.before if start == 0 else "") + shown[start:]
    if hole.following and start > 0 and hole.following.startswith(last):
        return shown[:start].rstrip()
    return shown


def _strip_lines(text: str, hole: Hole) -> str:
    """No white space at the ends of lines; one space stays before what follows on the line."""
    lines = text.split("\n")
    last = lines[-1].rstrip()
    if hole.rest.strip() and not hole.rest[0].isspace() and last != lines[-1] and last:
        last += " "
    return "\n".join([line.rstrip() for line in lines[:-1]] + [last]).rstrip("\n")


def _fit_indentation(text: str, hole: Hole) -> str:
    """Columns of the first line as its block has them, on a line where nothing stands yet."""
    if (
        not hole.blank
        or hole.tabs
        or "\t" in text
        or hole.open.brackets
        or hole.open.quote
        or not text.strip()
    ):
        return text
    lines = text.split("\n")
    have = len(hole.before)
    while not lines[0].strip():  # blank lines before the code: the cursor's line is to hold it
        lines.pop(0)
        lines[0] = _shift(lines[0], -have)
    own = indent(lines[0])
    wanted = _wanted_columns(have + own, hole)
    shift = max(wanted, have) - have - own
    deeper = all(indent(line) >= hole.floor for line in lines[1:] if line.strip())
    rest = lines[1:] if deeper else [_shift(line, max(shift, 0)) for line in lines[1:]]
    return "\n".join([_shift(lines[0], shift), *rest])


def _wanted_columns(total: int, hole: Hole) -> int:
    """The nearest columns at which a statement may begin here."""
    if total > hole.expected:
        return hole.expected
    if total < hole.floor:
        return hole.floor if hole.floor < hole.expected or total == 0 else hole.expected
    excess = (hole.expected - total) % hole.unit
    return total if excess == 0 else total + excess


def _shift(line: str, columns: int) -> str:
    if columns >= 0:
        return " " * columns + line if line.strip() else line
    return line[min(-columns, len(line) - len(line.lstrip())) :]


def _lines(text: str, hole: Hole) -> Iterator[tuple[int, State, str]]:
    """(offset, state at its start relative to the cursor's block, line without its end) of each line."""
    states = scan(text, hole.comment, hole.open).lines
    for (start, line), state in zip(_split(text), states, strict=True):
        yield start, state, line


def _split(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n").removesuffix("\r")
