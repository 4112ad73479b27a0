"""How a worker gets its sampler, and how a sample becomes a line: the same for processes here and machines elsewhere.

Only data travels: a recipe names a function and its arguments, tasks and records are JSON.
"""

from __future__ import annotations

import importlib
import json
import time
import traceback
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

from eval.types import Task
from repocoder.errors import LockedError, RepocoderError

LOCK_WAIT_S = 600.0  # the index of a million lines takes minutes; longer is no wait but a fault
LOCK_POLL_S = 0.2

_SHOWN_LENGTH = 300  # of an unexpected error's text, in a record


class Sampler(Protocol):
    """Makes the record of a task. Used by one thread."""

    def sample(self, task: Task) -> dict[str, Any]: ...


class Recipe(msgspec.Struct, frozen=True):
    """Which function opens the sampler: `place(**arguments)` is a context manager that gives one."""

    place: str  # "package.module:function", importable wherever workers run
    arguments: dict[str, Any]  # values of JSON
    method: str  # for the records of tasks that no sampler could finish

    def open(self) -> AbstractContextManager[Sampler]:
        module, _, name = self.place.partition(":")
        opened = getattr(importlib.import_module(module), name)(**self.arguments)
        assert isinstance(opened, AbstractContextManager)
        return opened


def encode_task(task: Task) -> bytes:
    """The task as JSON in ASCII: text that is not Unicode (a lone surrogate) survives too."""
    return json.dumps(msgspec.to_builtins(task, enc_hook=dict)).encode("ascii")


def decode_task(data: bytes) -> Task:
    """The inverse of `encode_task`."""
    return msgspec.convert(json.loads(data), Task)


def sample_line(sampler: Sampler, task: Task, method: str) -> bytes:
    """The record of a task as one line of JSON, without its end. What fails is in its `error`, never raised."""
    try:
        return encode_record(_insist(sampler, task))
    except RepocoderError as error:
        return encode_record(failed_record(task, method, str(error)))
    except Exception as error:  # noqa: BLE001  # the edge of a worker: one bad task must not end a run of hours
        frame = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {error}"[:_SHOWN_LENGTH]
        why = f"internal error: {what} ({frame.filename.rpartition('/')[2]}:{frame.lineno})"
        return encode_record(failed_record(task, method, why))


def _insist(sampler: Sampler, task: Task) -> dict[str, Any]:
    """The record of a task; while another process builds the same index, wait for it."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return sampler.sample(task)
        except LockedError:
            if time.monotonic() > deadline:
                raise
        time.sleep(LOCK_POLL_S)


def encode_record(record: dict[str, Any]) -> bytes:
    """One line of JSON in ASCII, without its end, that every reader takes: a surrogate alone becomes `?`.

    Raises ValueError for NaN, TypeError for what JSON has not.
    """
    line = _dump(record)
    if b"\\ud" in line:  # a name that is not UTF-8; or just a character beyond the basic plane
        text = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace")
        line = _dump(json.loads(text))
    return line


def _dump(record: dict[str, Any]) -> bytes:
    return json.dumps(record, allow_nan=False, separators=(",", ":")).encode("ascii")


def record_head(task: Task, method: str) -> dict[str, Any]:
    """How every record begins."""
    return {
        "task_id": task.id,
        "benchmark": task.benchmark,
        "kind": task.kind,
        "language": task.language,
        "repository": task.repository,
        "path": task.path,
        "line": task.line,
        "origin": task.origin,
        "method": method,
        "truth": task.truth,
    }


def failed_record(task: Task, method: str, why: str) -> dict[str, Any]:
    """The record of a task that could not be done: of the form of all others, without passes and scores."""
    return {
        **record_head(task, method),
        "gate": None,
        "passes": [],
        "scores": {},
        "timings": {},
        "error": " ".join(why.splitlines()),
    }
