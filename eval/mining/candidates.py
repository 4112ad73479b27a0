"""Every hole that RepoEval's rules allow in a set of files, before any is chosen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from eval.mining.holes import FileHoles, Hole
from eval.mining.sources import SourceFile
from eval.types import Kind

MIN_LINE_TOKENS = 5
MAX_CHARACTERS = 3000
"""Of a truth: 30 lines of 100 characters. Longer ones are data, and no model is asked for so much."""

_TOKEN = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_A-Za-z]+|[^\w\s]")

COMMON_NAMES = frozenset(
    """
    add all any append apply assert bind build call catch clear clone close collect concat contains copy count create
    delete each end equal equals error exec extend filter find first flush forEach format from get has hash hashCode
    hasNext id indexOf info init insert is items iter join keys last len length list load lock log lower main map match
    max min name new next node of off on open parse peek pop print println push put range read reduce remove replace
    reset resolve reverse run save set setUp size slice sort split start stop strip sub substring sum tearDown test then
    to toString trim type unlock unwrap update upper value values wait with write
    """.split()  # noqa: SIM905 (a list would take a line for each word)
)
"""Names of methods that every library has: that the repository defines one too does not make a call its own."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A hole of a file that may become a task: whole lines, 1-based inclusive."""

    kind: Kind
    file: SourceFile
    start_line: int
    end_line: int
    name: str  # of the function called, or of the function whose body it is; "" for a line


@dataclass(frozen=True, slots=True)
class Looked:
    """A file with its lines and what its grammar found."""

    file: SourceFile
    lines: tuple[str, ...]  # without line feeds
    holes: FileHoles


def candidates_of(looked: Looked, defined: Set[str]) -> Iterator[Candidate]:
    """All candidates of a file, by kind and position. `defined`: functions and types of the whole repository."""
    file, holes = looked.file, looked.holes
    banned = _numbers(holes.broken) | _masked_lines(looked)
    comments = _numbers(holes.comments)
    for number, line in enumerate(looked.lines, 1):
        if number > 1 and number not in banned and number not in comments and _is_worth(line):
            yield Candidate("line", file, number, number, "")
    for call in holes.calls:
        wanted = call.name in defined and call.name not in COMMON_NAMES
        if wanted and call.start_line > 1 and _is_sound(call, looked, banned):
            yield Candidate("api", file, call.start_line, call.end_line, call.name)
    for body in holes.functions:
        if body.start_line > 1 and _is_sound(body, looked, banned):
            yield Candidate("function", file, body.start_line, body.end_line, body.name)


def text_of(candidate: Candidate, lines: Mapping[str, tuple[str, ...]]) -> str:
    """What stands in the hole, each line stripped: two candidates with the same are alike."""
    found = lines[candidate.file.path][candidate.start_line - 1 : candidate.end_line]
    return "\n".join(line.strip() for line in found)


def _is_worth(line: str) -> bool:
    """RepoEval: at least five sub-word tokens. Comments were sorted out before."""
    text = line.strip()
    return 0 < len(text) <= MAX_CHARACTERS and len(_TOKEN.findall(text)) >= MIN_LINE_TOKENS


def _is_sound(hole: Hole, looked: Looked, banned: Set[int]) -> bool:
    if any(number in banned for number in range(hole.start_line, hole.end_line + 1)):
        return False
    lines = looked.lines[hole.start_line - 1 : hole.end_line]
    return sum(len(line) + 1 for line in lines) <= MAX_CHARACTERS


def _numbers(spans: Iterable[tuple[int, int]]) -> set[int]:
    return {number for first, last in spans for number in range(first, last + 1)}


def _masked_lines(looked: Looked) -> set[int]:
    """Lines that hold a secret: nobody shall be asked to write it."""
    file = looked.file
    whole = file.text.encode("utf-8")
    if whole == file.data:
        return set()
    pairs = zip(whole.split(b"\n"), file.data.split(b"\n"), strict=True)
    return {number for number, (masked, true) in enumerate(pairs, 1) if masked != true}
