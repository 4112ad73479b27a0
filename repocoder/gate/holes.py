"""Holes of the user's own repository, made from its index: where a completion could have been asked for.

- *line*: a whole line behind its indentation; *rest*: what is left of a line behind a dot, a bracket, an equals sign or
  a keyword; *call*: a line that calls what the repository itself defines.
- Of source files with a grammar, tests, examples and vendored code only where there is nothing else. No comments, no
  docstrings, nothing with less than five sub-word tokens (RepoEval's rule, Zhang et al. 2023), no two of one text.
- The lot is the order of SHA-256 of the seed and the hole, so that a larger draw goes on with the smaller one.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from indexer.languages import language_named
from indexer.snapshot import Snapshot
from repocoder.hole import State, scan
from repocoder.types import CompletionRequest
from retrieval.fuse import is_side
from retrieval.types import Exclusion

KINDS = ("line", "rest", "call")

MIN_LINE_TOKENS = 5
MAX_CHARACTERS = 240  # of a hole: a longer line is data
MOST_FILES = 300
"""Files that are looked at: reading what the index knows of one takes some milliseconds."""

FILE_SHARE = 0.05  # of all holes of a kind, that one file may have, but always two
WITHOUT_RIGHT = 0.3
"""Of the holes have nothing behind them: code that is written from the top down, and RepoEval."""

_NO_CODE = ("/*", "*", '"', "'", "`")  # comments, docstrings, texts that go over several lines

_TOKEN = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_A-Za-z]+|[^\w\s]")
_CUT = re.compile(r"[.(\[{]|[=,:] |\b(?:return|yield|await|raise|not|and|or|if|in|is|new) ")


@dataclass(frozen=True, slots=True)
class Hole:
    """A place with the text that was there."""

    key: str  # 16 hexadecimal digits of place and text
    kind: str
    path: str
    line: int  # 1-based
    column: int  # 0-based characters
    prefix: str  # of the file, up to the cursor
    truth: str
    suffix: str  # "" where nothing behind it is known

    @property
    def request(self) -> CompletionRequest:
        """The completion of it: the buffer without the truth, whose line and all below it must not be retrieved."""
        return CompletionRequest(
            path=self.path,
            line=self.line,
            column=self.column,
            text=self.prefix + self.suffix,
            exclusions=(Exclusion(self.path, self.line, self.line),),
        )


@dataclass(frozen=True, slots=True)
class _Candidate:
    kind: str
    path: str
    line: int
    start: int  # column
    lot: bytes


def draw_holes(snapshot: Snapshot, count: int, seed: int) -> list[Hole]:
    """At most `count` holes, the kinds in turn."""
    paths = [path for path in sorted(snapshot.paths()) if language_named(snapshot.language(path)).grammar]
    paths.sort(key=lambda path: _lot(f"{seed}\0{path}"))
    main = [path for path in paths if not is_side(path)]
    pools: dict[str, list[_Candidate]] = {kind: [] for kind in KINDS}
    for some in (main, paths):
        for path in some[:MOST_FILES] if not any(pools.values()) else ():
            for one in _candidates(snapshot, path, seed):
                pools[one.kind].append(one)
    most = max(2, int(FILE_SHARE * count / len(KINDS)))
    texts: set[str] = set()
    turns = (
        _allowed(sorted(pool, key=lambda one: one.lot), snapshot, texts, most) for pool in pools.values()
    )
    found = (hole for turn in zip_longest(*turns) for hole in turn if hole is not None)
    return [hole for hole, _ in zip(found, range(count), strict=False)]


def _candidates(snapshot: Snapshot, path: str, seed: int) -> Iterator[_Candidate]:
    """All of a file, each line at most once for a kind."""
    text, facts = _text(snapshot, path), snapshot.facts(path)
    comment = language_named(snapshot.language(path)).line_comment
    calls = {
        reference.line
        for reference in (facts.references if facts else ())
        if reference.kind == "call" and snapshot.defines(reference.name.rpartition(".")[2])
    }
    states: Sequence[State] = scan(text, comment).lines
    for number, (line, state) in enumerate(zip(text.split("\n"), states, strict=False), 1):
        body = line.strip()
        if number == 1 or state.quote or body.startswith((comment, *_NO_CODE)) or not _is_worth(body):
            continue
        indent = len(line) - len(line.lstrip())
        yield _candidate("call" if number in calls else "line", path, number, indent, seed)
        cuts = [match.end() for match in _CUT.finditer(line) if match.end() > indent]
        cuts = [cut for cut in cuts if len(line[cut:].strip()) >= 2]
        if cuts:
            lot = _lot(f"{seed}\0cut\0{path}\0{number}")
            yield _candidate("rest", path, number, cuts[lot[0] % len(cuts)], seed)


def _candidate(kind: str, path: str, line: int, start: int, seed: int) -> _Candidate:
    return _Candidate(kind, path, line, start, _lot(f"{seed}\0{kind}\0{path}\0{line}\0{start}"))


def _lot(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _allowed(pool: Sequence[_Candidate], snapshot: Snapshot, texts: set[str], most: int) -> Iterator[Hole]:
    """The holes of a kind in the order of their lots: no two alike, and no file with more than `most`."""
    per_file: Counter[str] = Counter()
    for one in pool:
        if per_file[one.path] >= most:
            continue
        hole = _hole(one, _text(snapshot, one.path))
        if hole.truth not in texts:
            texts.add(hole.truth)
            per_file[one.path] += 1
            yield hole


def _hole(one: _Candidate, text: str) -> Hole:
    lines = text.split("\n")
    offset = sum(len(line) + 1 for line in lines[: one.line - 1])
    body = lines[one.line - 1].rstrip()
    truth = body[one.start :]
    shows_right = int.from_bytes(one.lot[-4:], "big") / 2**32 >= WITHOUT_RIGHT
    key = hashlib.sha256(one.lot + text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    end = offset + len(body)
    prefix = text[: offset + one.start]
    return Hole(
        key, one.kind, one.path, one.line, one.start, prefix, truth, text[end:] if shows_right else ""
    )


def _is_worth(body: str) -> bool:
    return 0 < len(body) <= MAX_CHARACTERS and len(_TOKEN.findall(body)) >= MIN_LINE_TOKENS


def _text(snapshot: Snapshot, path: str) -> str:
    return snapshot.content(path).decode("utf-8", "replace").replace("\r\n", "\n")
