"""Mined tasks in a file: JSON Lines, one header and one line for each task, in CrossCodeEval's words for the texts."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.mining.miner import KINDS, Folder
from eval.types import Benchmark, Task
from indexer.reading import MAX_FILE_BYTES, UnreadableError, read_file
from indexer.secrets import mask
from repocoder.errors import StorageError, UsageError

FORMAT = 1


def write_tasks(path: Path, benchmark: Benchmark) -> None:
    """Write a mined benchmark so that `read_tasks` gives it back. The old file stays until the new one is whole.

    Raises StorageError.
    """
    root = benchmark.sources.folder(benchmark.tasks[0].repository if benchmark.tasks else "")
    header = {
        "repocoder_tasks": FORMAT,
        "name": benchmark.name,
        "language": benchmark.language,
        "sources": str(root),
        "notes": list(benchmark.notes),
    }
    rows = [header, *(_row(task) for task in benchmark.tasks)]
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise StorageError(f"{path}: cannot be written ({error.strerror}): choose another place") from None


def read_tasks(path: Path, sources: Path | None = None) -> Benchmark:
    """A benchmark that `write_tasks` wrote; `sources`: where its repository is now, if not where it was.

    Tasks of files that changed meanwhile are left out, and a note says how many: their lines are no longer where the
    guard against leaks would look for them. Raises UsageError, also if none is left.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        header = json.loads(lines[0])
        if not isinstance(header, dict) or header.get("repocoder_tasks") != FORMAT:
            raise ValueError
        name, notes = str(header["name"]), tuple(str(note) for note in header["notes"])
        tasks = [_task(json.loads(line), name) for line in lines[1:] if line]
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}): give a file of `eval mine`") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{path}: is no file of mined tasks: make one with `repocoder eval mine`") from None
    root = sources or Path(str(header.get("sources", "")))
    if not root.is_dir():
        raise UsageError(f"{path}: its repository {root} is gone: say where it is, or mine again")
    texts: dict[str, str | None] = {}
    same = [task for task in tasks if _is_unchanged(task, root, texts)]
    if not same:
        raise UsageError(f"{path}: every file of its tasks in {root} changed since: mine again")
    if len(same) < len(tasks):
        notes = (
            *notes,
            f"left out: {len(tasks) - len(same)} tasks: their files changed since they were made",
        )
    return Benchmark(name, "mined", str(header["language"]), tuple(same), Folder(root.resolve()), notes)


def _row(task: Task) -> dict[str, object]:
    return {
        "prompt": task.prefix,
        "groundtruth": task.truth,
        "right_context": task.suffix,
        "metadata": {
            "task_id": task.id,
            "kind": task.kind,
            "language": task.language,
            "repository": task.repository,
            "file": task.path,
            "groundtruth_start_lineno": task.line - 1,
            "origin": task.origin,
            "function_name": task.function,
        },
    }


def _task(row: Mapping[str, Any], benchmark: str) -> Task:
    """Raises KeyError, TypeError or ValueError for what is no task."""
    about = row["metadata"]
    texts = [row["prompt"], row["groundtruth"], row["right_context"]]
    words = [
        about[key] for key in ("task_id", "kind", "language", "repository", "file", "origin", "function_name")
    ]
    if not all(isinstance(text, str) for text in (*texts, *words)) or about["kind"] not in KINDS:
        raise ValueError
    task_id, kind, language, repository, path, origin, function = words
    return Task(
        id=task_id,
        benchmark=benchmark,
        kind=kind,
        language=language,
        repository=repository,
        path=path,
        prefix=texts[0],
        truth=texts[1],
        suffix=texts[2],
        line=int(about["groundtruth_start_lineno"]) + 1,
        column=0,
        origin=origin,
        function=function,
    )


def _is_unchanged(task: Task, root: Path, texts: dict[str, str | None]) -> bool:
    if task.path not in texts:
        try:
            data, _ = read_file(root, task.path, MAX_FILE_BYTES)
            texts[task.path] = mask(data).decode("utf-8")
        except (UnreadableError, UnicodeDecodeError, OSError):
            texts[task.path] = None
    return texts[task.path] == task.prefix + task.truth + task.suffix
