"""The shape of the place where a completion goes: its line, its block, what is open there."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise

from indexer.languages import language_named
from retrieval.types import Query

CONTEXT_LINES = 80  # before and after the cursor, for indentation and for brackets that the suffix closes
SCANNED_CHARACTERS = 200_000  # before the cursor, for what is open there: some 30 ms
DEFAULT_UNIT = 4  # columns of one level of indentation, where the file does not tell
TAB_COLUMNS = 8  # as Python counts them

CLOSERS = {")": "(", "]": "[", "}": "{"}
_MARK = re.compile(r"\"\"\"|'''|\\.|[\"'()\[\]{}\n]|#|//|--")
_STATEMENT = re.compile(r"\s*(?:(?:def|class|return|import|from|raise|with|while|try|async)\b|@)")
"""Begins a line only outside of brackets: whatever seems open before it was misread."""


_UNFINISHED = re.compile(
    r"(?:[=(\[{,.+\-*/%&|^<>@]|\b(?:return|import|from|if|elif|while|for|in|and|or|not|is|await|with|raise|assert))\s*$"
)
"""Code before the cursor that cannot end a statement. `return` can, but who asks there wants to see what."""


@dataclass(frozen=True, slots=True)
class State:
    """What is open at a point of a text."""

    brackets: str = ""  # opening brackets, outermost first
    quote: str = ""  # the quote that ends the open string, "" outside of strings


@dataclass(frozen=True, slots=True)
class Scan:
    """What a stretch of code opens and closes."""

    end: State
    closed: tuple[
        tuple[int, str], ...
    ]  # closing brackets without an opening one in the stretch: offset, bracket
    lines: tuple[State, ...]  # at the start of each line


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in a file, as far as post-processing asks. Columns are of indentation, 0-based."""

    before: str  # the line of the cursor up to it
    rest: str  # the same line after it
    following: str  # first line with text after that line, "" if there is none
    open: State  # at the cursor
    supplied: int  # closing brackets of the suffix whose opening ones are before the cursor
    expected: int  # columns where a statement on the cursor's line begins
    floor: int  # columns below which it would leave the block that goes on after it
    unit: int  # columns of one level
    comment: str  # begins a comment to the end of the line
    line_end: str  # \n or \r\n
    tabs: bool = field(default=False)  # the neighbourhood is indented with tabs

    @property
    def wants_text(self) -> bool:
        """Is nothing no answer? So on a blank line, and after what cannot end a statement."""
        return self.blank or _UNFINISHED.search(self.before) is not None

    @property
    def blank(self) -> bool:
        """Is there nothing on the line yet?"""
        return not self.before.strip() and not self.rest.strip()


def hole_of(query: Query) -> Hole:
    """The shape of the cursor's place."""
    comment = language_named(query.language).line_comment
    prefix, suffix = (text.replace("\r\n", "\n") for text in (query.prefix, query.suffix))
    above, before = _split_last(prefix)
    rest, _, below = suffix.partition("\n")
    above_lines = above.split("\n")[-CONTEXT_LINES:] if above else []
    below_lines = below.split("\n", CONTEXT_LINES)[:CONTEXT_LINES]
    state = scan(prefix[-SCANNED_CHARACTERS:], comment, resets=True).end
    after = scan("\n".join([rest, *below_lines]), comment, State(quote=state.quote)).closed
    previous = next((line for line in reversed(above_lines) if line.strip()), "")
    following = next((line for line in below_lines if line.strip()), "")
    unit = _unit(above_lines + below_lines)
    expected = indent(previous) + (unit if opens_block(previous, comment) else 0)
    floor = (
        expected if opens_block(previous, comment) else min(expected, indent(following) if following else 0)
    )
    return Hole(
        before=before,
        rest=rest,
        following=following.rstrip(),
        open=state,
        supplied=min(len(after), len(state.brackets)),
        expected=expected,
        floor=floor,
        unit=unit,
        comment=comment,
        line_end="\r\n" if "\r\n" in query.prefix[-4000:] or "\r\n" in query.suffix[:4000] else "\n",
        tabs=any(line.startswith("\t") for line in (before, previous, following)),
    )


def scan(text: str, comment: str, start: State | None = None, *, resets: bool = False) -> Scan:
    """Follow brackets and strings through a text; an unfinished one-line string ends with its line.

    `resets`: a line that can only begin a statement closes whatever seemed open.
    """
    state = start or State()
    closed: list[tuple[int, str]] = []
    lines = [state]
    position = 0
    while (match := _MARK.search(text, position)) is not None:
        mark, position = match.group(), match.end()
        if mark == "\n":
            if len(state.quote) == 1:
                state = replace(state, quote="")
            if resets and not state.quote and state.brackets and _STATEMENT.match(text, position):
                state = State()
            lines.append(state)
        elif state.quote:
            if mark == state.quote:
                state = replace(state, quote="")
            elif len(mark) == 3 and mark[0] == state.quote:
                position -= 2  # one quote ends the string, the others are looked at again
                state = replace(state, quote="")
        elif mark[0] in "\"'":
            state = replace(state, quote=mark)
        elif mark == comment:
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif mark in "([{":
            state = replace(state, brackets=state.brackets + mark)
        elif mark in CLOSERS:
            if state.brackets and (state.brackets[-1] == CLOSERS[mark] or start is None):
                state = replace(state, brackets=state.brackets[:-1])
            else:
                closed.append((match.start(), mark))
    return Scan(state, tuple(closed), tuple(lines))


def indent(line: str) -> int:
    """Columns of white space at the start of a line."""
    expanded = line.expandtabs(TAB_COLUMNS)
    return len(expanded) - len(expanded.lstrip())


def opens_block(line: str, comment: str) -> bool:
    """Does a line end with what a block follows? A comment after it is no part of it."""
    code = line
    if comment in line:
        code = (
            line[: line.find(comment)] if scan(line[: line.find(comment)], comment).end.quote == "" else line
        )
    return code.rstrip().endswith((":", "{"))


def _unit(lines: list[str]) -> int:
    """The commonest step of indentation after a line that opens a block."""
    steps: Counter[int] = Counter()
    texts = [line for line in lines if line.strip()]
    for line, after in pairwise(texts):
        step = indent(after) - indent(line)
        if line.rstrip().endswith((":", "{")) and 0 < step <= TAB_COLUMNS:
            steps[step] += 1
    return steps.most_common(1)[0][0] if steps else DEFAULT_UNIT


def _split_last(text: str) -> tuple[str, str]:
    head, _, tail = text.rpartition("\n")
    return head, tail
