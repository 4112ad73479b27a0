"""RepoEval: holes at whole lines, calls and function bodies of Python repositories.

Zhang et al., "RepoCoder: Repository-Level Code Completion Through Iterative Retrieval and Generation", EMNLP 2023.
The published prompts are cut on the left; a task has the whole file, as the repository holds it.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec

from eval.datasets.places import Place, find_repoeval
from eval.datasets.records import check_place, read_records
from eval.datasets.sources import Snapshots, read_source
from eval.types import Benchmark, Kind, Task
from repocoder.errors import UsageError


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a kind of task is read from."""

    kind: Kind
    level: str  # folder and archive of its repositories
    files: tuple[str, ...]  # of tasks, the published list first
    published: int  # tasks of the published list


_LINE_REPOSITORIES = "line_and_api_level"

SETTINGS = {
    "repoeval-line": _Setting(
        "line",
        _LINE_REPOSITORIES,
        (
            "line_level_completion_2k_context_codex.test.jsonl",
            "line_level_completion.resampled.test.jsonl",
        ),
        1600,
    ),
    "repoeval-api": _Setting(
        "api",
        _LINE_REPOSITORIES,
        ("api_level_completion_2k_context_codex.test.jsonl", "api_level_completion.resampled.test.jsonl"),
        1600,
    ),
    "repoeval-function": _Setting(
        "function",
        "function_level",
        ("function_level_completion_2k_context_codex.test.jsonl",),
        455,
    ),
}


class _Metadata(msgspec.Struct, frozen=True):
    task_id: str
    ground_truth: str
    fpath_tuple: list[str]
    context_start_lineno: int  # 0-based
    line_no: int | None = None  # 0-based, where the truth starts: line and API
    lineno: int | None = None  # the same, function
    function_name: str = ""


class _Record(msgspec.Struct, frozen=True):
    prompt: str
    metadata: _Metadata


@dataclass(slots=True)
class _Findings:
    """What a reader of a table must know of the tasks."""

    without_sources: Counter[str] = field(default_factory=Counter)  # repository -> its tasks
    moved: list[str] = field(default_factory=list)  # tasks whose truth does not stand at its line
    other_prompt: list[str] = field(default_factory=list)  # tasks whose file differs above the truth


def load_repoeval(benchmark: str, data: Path) -> Benchmark:
    """One of the three kinds. Raises UsageError if it is not in `data` or is damaged."""
    setting = SETTINGS[benchmark]
    place = find_repoeval(data, benchmark, setting.level, setting.files)
    origin = "resampled" if ".resampled." in place.tasks.name else "official"
    found = _Findings()
    tasks = tuple(_tasks(benchmark, place, origin, found))
    return Benchmark(
        name=benchmark,
        family="repoeval",
        language="python",
        tasks=tasks,
        sources=place.sources,
        notes=tuple(_notes(setting, tasks, origin, found)),
    )


def _tasks(benchmark: str, place: Place, origin: str, found: _Findings) -> Iterator[Task]:
    setting = SETTINGS[benchmark]
    texts: dict[tuple[str, ...], str | None] = {}
    numbers: Counter[str] = Counter()  # of the tasks of each repository so far
    for number, record in enumerate(read_records(place.tasks, _Record), 1):
        metadata = record.metadata
        parts, line = _position(place.tasks, number, metadata)
        repository = parts[0]
        identity = metadata.task_id
        if setting.kind == "function":  # the published identifiers name the repository only
            identity = f"{repository}/{numbers[repository]}"
        numbers[repository] += 1
        if parts not in texts:
            texts[parts] = _file_text(place.sources, parts)
        hole = _split(record, line, texts[parts], identity, found)
        yield Task(
            id=identity,
            benchmark=benchmark,
            kind=setting.kind,
            language="python",
            repository=repository,
            path="/".join(parts[1:]),
            prefix=hole.prefix,
            truth=hole.truth,
            suffix=hole.suffix,
            line=hole.line,
            column=0,
            origin=origin,
            function=metadata.function_name,
            context_start_line=metadata.context_start_lineno + 1,
        )


def _position(path: Path, number: int, metadata: _Metadata) -> tuple[tuple[str, ...], int]:
    """The parts of the file's path and the 0-based line of the truth."""
    check_place(path, number, *metadata.fpath_tuple)
    line = metadata.lineno if metadata.line_no is None else metadata.line_no
    if len(metadata.fpath_tuple) < 2 or line is None or line < 0 or metadata.context_start_lineno < 0:
        raise UsageError(f"task file: {path}: task {number}: no file, or no line of it: get the file again")
    return tuple(metadata.fpath_tuple), line


def _file_text(sources: Snapshots, parts: tuple[str, ...]) -> str | None:
    """The file that a task is a hole of, None if the data has no sources of its repository."""
    folder = sources.find(parts[0])
    return None if folder is None else read_source(folder.joinpath(*parts[1:]))


class _Hole(NamedTuple):
    prefix: str
    truth: str
    suffix: str
    line: int  # 1-based


def _split(record: _Record, line: int, text: str | None, identity: str, found: _Findings) -> _Hole:
    """Take the truth out of its file. Without the file, or if it is another one, the published prompt has to do."""
    truth = record.metadata.ground_truth
    span = None if text is None else locate(text, line, truth)
    if text is None or span is None:
        if text is None:
            found.without_sources[record.metadata.fpath_tuple[0]] += 1
        else:
            found.moved.append(identity)
        cut = record.prompt
        return _Hole(cut if not cut or cut.endswith("\n") else f"{cut}\n", truth, "", line + 1)
    start, end = span
    # The published function prompts have lost the blank lines at their end.
    if not _plain(text[:start]).endswith(_plain(record.prompt)):
        found.other_prompt.append(identity)
    return _Hole(text[:start], text[start:end], text[end:], text.count("\n", 0, start) + 1)


def locate(text: str, line: int, truth: str) -> tuple[int, int] | None:
    """Start and end offset of `truth` in `text` if it begins with the 0-based `line`, else None.

    The line is counted as editors do (ends at a line feed) and, if the truth is not there, as Python's `splitlines`
    does, with which the benchmark was made (also at form feeds). Files may have CRLF where the truth has LF.
    """
    for lines in (list(io.StringIO(text)), text.splitlines(keepends=True)):
        start = sum(map(len, lines[:line]))
        for written in (truth, truth.replace("\n", "\r\n")):
            if line < len(lines) and text.startswith(written, start):
                return start, start + len(written)
    return None


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip()


def _notes(setting: _Setting, tasks: tuple[Task, ...], origin: str, found: _Findings) -> Iterator[str]:
    repositories = len({task.repository for task in tasks})
    if origin == "resampled":
        yield (
            f"resampled: {len(tasks)} tasks of {repositories} repositories, drawn again by the published rule; NOT the "
            f"published list ({setting.published} tasks of 8 repositories), so the task sample differs from papers"
        )
    else:
        yield f"official: {len(tasks)} of the {setting.published} published tasks, {repositories} of 8 repositories"
    if setting.kind == "function":
        yield "the RepoCoder paper scores 373 of the 455 function tasks: not those of trlx and betty"
    if found.without_sources:
        names = ", ".join(f"{name} {count}" for name, count in sorted(found.without_sources.items()))
        yield (
            f"no sources for {found.without_sources.total()} tasks ({names}): they have the published, cut prompt only"
        )
    if found.moved:
        yield f"{_some(found.moved)}: the truth is not at its line of the sources: the published prompt is used"
    if found.other_prompt:
        yield (
            f"{_some(found.other_prompt)}: the published prompt differs from the sources above the truth: "
            "the sources are used"
        )


def _some(identities: list[str]) -> str:
    shown = ", ".join(identities[:5]) + (", …" if len(identities) > 5 else "")
    return f"{len(identities)} {'task' if len(identities) == 1 else 'tasks'} ({shown})"
