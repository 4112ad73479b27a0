"""`eval mine`: a benchmark from any repository. The rules are RepoEval's; what they leave open is decided here, once.

- Line: not the first of its file, no comment, at least five sub-word tokens.
- API: a call of a function or type that the repository defines, under a name that not every library has; the whole
  lines of the call, at most 30.
- Function: a body of 3 to 30 lines behind its docstring. Functions that a test file names come first, where there are
  tests (RepoEval takes functions that tests cover).

No two tasks of a kind are alike. Generated code is never used; tests, examples and vendored code only where a kind has
nothing else. The lot is the order of SHA-256 of the seed and the hole: the same seed and files give the same tasks on
every machine, and most of them again when a part of the files has changed.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from eval.mining.candidates import Candidate, Looked, candidates_of, text_of
from eval.mining.holes import SUPPORTED
from eval.mining.parsing import HoleFinder
from eval.mining.since import History, parse_date
from eval.mining.sources import SourceFile, family_of, languages_below, read_sources
from eval.types import Benchmark, Kind, Task
from indexer.walk import WalkOptions
from repocoder.errors import UsageError

KINDS: tuple[Kind, ...] = get_args(Kind)
_WORD = re.compile(r"\w+")
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")

OnProgress = Callable[[int, int], None]
"""Files looked at, files in all."""


@dataclass(frozen=True, slots=True)
class MineOptions:
    """What to make."""

    tasks: int = 300  # in all, as many of each kind as there are
    seed: int = 0
    since: str = ""  # ISO date: only lines that were last written after it
    language: str = ""  # of SUPPORTED; "": the one with most source
    walk: WalkOptions = field(default_factory=WalkOptions)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the one repository of a mined benchmark is."""

    root: Path

    def folder(self, repository: str) -> Path:
        """The same for each name: there is only one."""
        return self.root


def mine(
    root: Path, options: MineOptions | None = None, *, on_progress: OnProgress | None = None
) -> Benchmark:
    """Tasks from the repository at `root`, by kind, path and line. Nothing is written.

    Raises UsageError, a line that says what to do, where no task can be made.
    """
    options = options or MineOptions()
    if options.tasks < 1:
        raise UsageError(f"--tasks: {options.tasks}: is no number of tasks: give 1 or more")
    root = root.resolve()
    history = History(root, parse_date(options.since)) if options.since else None
    left_out: Counter[str] = Counter()
    try:
        family, others = _choose_language(root, options)
        files = list(read_sources(root, family, options.walk, left_out))
    except OSError as error:
        raise UsageError(
            f"{root}: cannot be read ({error.strerror}): give the folder of a repository"
        ) from None
    looked = _look(files, left_out, on_progress)
    pools, remarks = _pools(looked, options.seed)
    chosen = _draw(pools, looked, options.tasks, history)
    if not chosen:
        when = f" that was last written after {options.since}" if options.since else ""
        hint = "choose an earlier date" if options.since else "give a larger repository"
        raise UsageError(f"mine: {root}: no code in {family}{when} can be a task: {hint}")
    name = _NO_NAME.sub("-", root.name).strip("-") or "repository"
    tasks = tuple(_task(candidate, name) for candidate in sorted(chosen, key=_place))
    notes = (*_summary(chosen, options, len(files), family), *remarks, *_leftovers(left_out, others))
    return Benchmark(f"mined-{name}", "mined", family, tasks, Folder(root), notes)


def _choose_language(root: Path, options: MineOptions) -> tuple[str, list[str]]:
    """The language of the tasks, and those that are left out. Raises UsageError, OSError."""
    if options.language and options.language not in SUPPORTED:
        raise UsageError(
            f"--language: {options.language}: tasks are made of {', '.join(SUPPORTED)}: name one of them"
        )
    sizes = languages_below(root, options.walk)
    wanted = family_of(options.language) if options.language else ""
    if not sizes or (wanted and wanted not in sizes):
        raise UsageError(
            f"mine: {root}: has no source file in {wanted or 'a language that tasks are made of'}: give a folder with"
            f" code in {', '.join(SUPPORTED)}"
        )
    ranked = sorted(sizes, key=lambda name: (-sizes[name], name))
    chosen = wanted or ranked[0]
    return chosen, [name for name in ranked if name != chosen]


def _look(
    files: Sequence[SourceFile], left_out: Counter[str], on_progress: OnProgress | None
) -> list[Looked]:
    """Parse every file; those that cannot be are counted."""
    looked: list[Looked] = []
    with HoleFinder() as finder:
        for done, file in enumerate(files, 1):
            holes = finder.find(file.data, file.language)
            if holes.failed:
                left_out["not-parsed"] += 1
            else:
                looked.append(Looked(file, tuple(file.text.split("\n")), holes))
            if on_progress is not None:
                on_progress(done, len(files))
    return looked


_Pools = dict[Kind, list[Candidate]]


def _pools(looked: Sequence[Looked], seed: int) -> tuple[_Pools, list[str]]:
    """Candidates of each kind in the order in which they are tried, and what a reader must know of them."""
    defined = {name for one in looked for name in one.holes.defines}
    tested = {word for one in looked if one.file.is_aside for word in _WORD.findall(one.file.text)}
    main: _Pools = {kind: [] for kind in KINDS}
    aside: _Pools = {kind: [] for kind in KINDS}
    for one in looked:
        for candidate in candidates_of(one, defined):
            (aside if one.file.is_aside else main)[candidate.kind].append(candidate)
    notes: list[str] = []
    for kind in KINDS:
        if aside[kind] and not main[kind]:
            main[kind] = aside[kind]
            notes.append(f"{kind}: from tests, examples or vendored code: there is nothing else")
        main[kind].sort(key=lambda one: (_is_untested(one, tested), _lot(one, seed)))
    return main, notes


def _is_untested(candidate: Candidate, tested: set[str]) -> bool:
    return candidate.kind == "function" and candidate.name not in tested


def _lot(candidate: Candidate, seed: int) -> bytes:
    place = f"{seed}\0{candidate.kind}\0{candidate.file.path}\0{candidate.start_line}\0{candidate.end_line}"
    return hashlib.sha256(place.encode("utf-8", "surrogateescape")).digest()


def _draw(pools: _Pools, looked: Sequence[Looked], wanted: int, history: History | None) -> list[Candidate]:
    """In turn one of each kind until there are enough; a kind that runs out leaves its turns to the others."""
    lines = {one.file.path: one.lines for one in looked}
    turns = [_allowed(pool, lines, history) for pool in pools.values()]
    chosen: list[Candidate] = []
    while turns and len(chosen) < wanted:
        for turn in list(turns):
            candidate = next(turn, None)
            if candidate is None:
                turns.remove(turn)
            elif len(chosen) < wanted:
                chosen.append(candidate)
    return chosen


def _allowed(
    pool: Sequence[Candidate], lines: Mapping[str, tuple[str, ...]], history: History | None
) -> Iterator[Candidate]:
    """Those of a kind that are not alike, one at each place, and new enough."""
    texts: set[str] = set()
    places: set[tuple[str, int]] = set()
    fresh: dict[str, frozenset[int]] = {}
    for candidate in pool:
        text, place = text_of(candidate, lines), (candidate.file.path, candidate.start_line)
        if text in texts or place in places:
            continue
        if history is not None:
            path = candidate.file.path
            if path not in fresh:
                fresh[path] = history.fresh_lines(path, candidate.file.data)
            numbers = range(candidate.start_line, candidate.end_line + 1)
            written = (number for number in numbers if lines[path][number - 1].strip())
            if not fresh[path].issuperset(written):
                continue
        texts.add(text)
        places.add(place)
        yield candidate


def _place(candidate: Candidate) -> tuple[int, str, int]:
    return KINDS.index(candidate.kind), candidate.file.path, candidate.start_line


def _task(candidate: Candidate, repository: str) -> Task:
    """The task of a hole: a function's truth ends with its line feed, as RepoEval's do, the others' before it."""
    text = candidate.file.text
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: candidate.start_line - 1])
    end = start + sum(len(line) + 1 for line in lines[candidate.start_line - 1 : candidate.end_line]) - 1
    if candidate.kind == "function":
        end = min(len(text), end + 1)
    elif text[start:end].endswith("\r"):
        end -= 1
    path = candidate.file.path
    return Task(
        id=f"{repository}/{candidate.kind}/{path}:{candidate.start_line}",
        benchmark=f"mined-{repository}",
        kind=candidate.kind,
        language=candidate.file.language,
        repository=repository,
        path=path,
        prefix=text[:start],
        truth=text[start:end],
        suffix=text[end:],
        line=candidate.start_line,
        column=0,
        origin="mined",
        function=candidate.name if candidate.kind == "function" else "",
    )


def _summary(chosen: Sequence[Candidate], options: MineOptions, files: int, family: str) -> Iterator[str]:
    counts = Counter(candidate.kind for candidate in chosen)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS)
    yield f"mined by RepoEval's rules from {files} files in {family}, seed {options.seed}: {told}"
    if options.since:
        yield f"only lines that were last written after {options.since}, by git"
    if len(chosen) < options.tasks:
        yield f"{len(chosen)} tasks of the {options.tasks} asked for: there are no more"


def _leftovers(left_out: Counter[str], others: Sequence[str]) -> Iterator[str]:
    for reason, count in sorted(left_out.items()):
        yield f"left out: {count} files: {reason}"
    if others:
        yield f"left out: code in {', '.join(others)}: choose with --language"
