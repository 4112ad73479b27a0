"""CrossCodeEval: statements that need a name of another file, in four languages.

Ding et al., "CrossCodeEval: A Diverse and Multilingual Benchmark for Cross-File Code Completion", NeurIPS 2023
Datasets and Benchmarks. The official release has no source repositories; the restored copy has.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from eval.datasets.places import find_crosscodeeval
from eval.datasets.records import check_place, find_file, read_records
from eval.metrics import score
from eval.types import Benchmark, PublishedChunk, Task
from repocoder.errors import UsageError

LANGUAGES = {  # name of the benchmark -> language
    "crosscodeeval-python": "python",
    "crosscodeeval-java": "java",
    "crosscodeeval-typescript": "typescript",
    "crosscodeeval-csharp": "csharp",
}
_EXTENSIONS = {
    "python": (".py",),
    "java": (".java",),
    "typescript": (".ts", ".tsx"),
    "csharp": (".cs",),
}
_PUBLISHED = {"python": 2665, "java": 2139, "typescript": 3356, "csharp": 1768}  # tasks of the official lists

LISTS = {"bm25": "line_completion_rg1_bm25.jsonl", "bm25-oracle": "line_completion_oracle_bm25.jsonl"}
"""Name in `Task.published` -> task file that has the chunks of this retrieval."""

Chunks = tuple[PublishedChunk, ...]


class _Metadata(msgspec.Struct, frozen=True):
    task_id: str
    repository: str
    file: str
    restoration: str = ""  # only in restored copies


class _Record(msgspec.Struct, frozen=True):
    prompt: str
    groundtruth: str
    right_context: str
    metadata: _Metadata


class _Chunk(msgspec.Struct, frozen=True):
    retrieved_chunk: str
    filename: str
    score: float


class _CrossFile(msgspec.Struct, frozen=True):
    chunks: list[_Chunk] = msgspec.field(name="list")


class _TaskId(msgspec.Struct, frozen=True):
    task_id: str


class _Retrieval(msgspec.Struct, frozen=True):
    groundtruth: str
    metadata: _TaskId
    crossfile_context: _CrossFile | str | None = None  # text instead of a list: nothing was retrieved


def load_crosscodeeval(benchmark: str, data: Path) -> Benchmark:
    """The tasks of one language, in the official order. Raises UsageError if they are not in `data` or are damaged."""
    language = LANGUAGES[benchmark]
    place = find_crosscodeeval(data, benchmark, language)
    records = read_records(place.tasks, _Record)
    for number, record in enumerate(records, 1):
        check_place(place.tasks, number, record.metadata.repository, record.metadata.file)
        if not record.metadata.file.endswith(_EXTENSIONS[language]):
            raise UsageError(
                f"benchmark: {benchmark}: {place.tasks}: task {number} is a hole of {record.metadata.file}: "
                "name the folder of the right language with --data DIR"
            )
    lists = _read_lists(place.tasks.parent)
    tasks = tuple(_tasks(benchmark, language, records, lists))
    return Benchmark(
        name=benchmark,
        family="crosscodeeval",
        language=language,
        tasks=tasks,
        sources=place.sources,
        notes=tuple(_notes(language, tasks, bool(place.sources.archives or _has_any(place.sources.folders)))),
    )


def _tasks(
    benchmark: str,
    language: str,
    records: list[_Record],
    lists: Mapping[str, Mapping[tuple[str, str], Chunks]],
) -> Iterator[Task]:
    seen: Counter[str] = Counter()
    for record in records:
        metadata = record.metadata
        seen[metadata.task_id] += 1
        again = seen[metadata.task_id]
        prefix = record.prompt.removeprefix("\ufeff")
        key = (metadata.task_id, record.groundtruth)
        yield Task(
            id=metadata.task_id if again == 1 else f"{metadata.task_id}#{again}",
            benchmark=benchmark,
            kind="line",
            language=language,
            repository=metadata.repository,
            path=metadata.file,
            prefix=prefix,
            truth=record.groundtruth,
            suffix=record.right_context,
            line=prefix.count("\n") + 1,
            column=len(prefix) - (prefix.rfind("\n") + 1),
            origin=metadata.restoration or "official",
            published={name: chunks[key] for name, chunks in lists.items() if key in chunks},
        )


def _read_lists(folder: Path) -> dict[str, dict[tuple[str, str], Chunks]]:
    """Name of a retrieval -> (task, truth) -> its chunks, best first; without the files that are not there."""
    texts: dict[str, str] = {}  # a chunk is in many lists: one string for all
    lists: dict[str, dict[tuple[str, str], Chunks]] = {}
    for name, file in LISTS.items():
        if (path := find_file(folder, file)) is None:
            continue
        lists[name] = {
            (record.metadata.task_id, record.groundtruth): _chunks(record.crossfile_context, texts)
            for record in read_records(path, _Retrieval)
        }
    return lists


def _chunks(found: _CrossFile | str | None, texts: dict[str, str]) -> Chunks:
    if not isinstance(found, _CrossFile):
        return ()
    chunks = (
        PublishedChunk(
            path=chunk.filename,
            text=texts.setdefault(chunk.retrieved_chunk, chunk.retrieved_chunk),
            score=chunk.score,
        )
        for chunk in found.chunks
    )
    return tuple(sorted(chunks, key=lambda chunk: -chunk.score))


def _notes(language: str, tasks: tuple[Task, ...], sources: bool) -> Iterator[str]:
    official = _PUBLISHED[language]
    origins = Counter(task.origin for task in tasks)
    missing = f"{len(tasks)} of the {official} published tasks"
    restored = set(origins) != {"official"}
    if restored:
        ways = ", ".join(f"{name} {count}" for name, count in origins.most_common())
        yield f"restored: {missing}, put back together from public pieces ({ways})"
    else:
        yield f"official: {missing}"
    for name in LISTS:
        have = sum(name in task.published for task in tasks)
        how = "recomputed with the published rule" if restored else "official"
        yield f"chunks of {name}: {how}, for {have} of {len(tasks)} tasks"
    if not sources:
        yield "no source repositories: only methods that read the task's own file or the published chunks can run"
    unseen = sum(PurePosixPath(task.path).suffix == ".tsx" for task in tasks) if restored and sources else 0
    if unseen:
        yield (
            f"{unseen} tasks are holes of .tsx files; the restored repositories hold no .tsx file, so a task's own "
            "file is known from the task alone and other .tsx files cannot be found"
        )
    # Where a statement ends is looked up, not parsed, in the other languages, so this costs some milliseconds
    short = (
        sum(score(task, task.truth)["exact_match"] != 100 for task in tasks) if language != "python" else 0
    )
    if short:
        yield (
            f"by the published rule a prediction ends at its first ; {{ or }}, which lies within {short} of the "
            f"{len(tasks)} truths: a perfect prediction reaches {100 * (1 - short / len(tasks)):.1f} % exact match"
        )


def _has_any(folders: tuple[Path, ...]) -> bool:
    """Does one of the folders hold a folder?"""
    return any(
        place.is_dir()
        for folder in folders
        if folder.is_dir()
        for place in itertools.islice(folder.iterdir(), 100)
    )
