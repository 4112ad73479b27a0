"""A sampler without a model, importable by worker processes: the record follows from the task alone.

What it does besides is read from the task's text, so that a test can make it slow, fail or die.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eval.types import Task
from repocoder.errors import ModelError


class SlowSampler:
    def __init__(self, delay_s: float, notes: str) -> None:
        self._delay_s = delay_s
        self._notes = Path(notes)

    def sample(self, task: Task) -> dict[str, Any]:
        time.sleep(self._delay_s)
        with open(self._notes, "a", encoding="utf-8") as notes:
            notes.write(f"{os.getpid()} {task.id}\n")
        if "die once" in task.prefix:
            mark = self._notes.with_suffix(".died")
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if "die always" in task.prefix:
            os.kill(os.getpid(), signal.SIGKILL)
        if "no model" in task.prefix:
            raise ModelError("model: tiny: is not there: add it")
        if "bug" in task.prefix:
            return {"scores": 1 / len(task.suffix)}
        return record(task)


@contextmanager
def open_slow(delay_s: float, notes: str) -> Iterator[SlowSampler]:
    yield SlowSampler(delay_s, notes)
    with open(notes, "a", encoding="utf-8") as file:
        file.write(f"{os.getpid()} closed\n")


@contextmanager
def refuse(**_arguments: Any) -> Iterator[SlowSampler]:
    raise ModelError("model file: gone.gguf: no such file: check the path")
    yield


def record(task: Task) -> dict[str, Any]:
    """The whole record of a task that went well."""
    score = 100.0 * (hashlib.sha256(task.id.encode()).digest()[0] % 2)
    scores = {"exact_match": score, "identifier_f1": None}
    one = {
        "number": 1,
        "hits": [],
        "prompt": task.prefix,
        "prompt_tokens": 5,
        "context_tokens": 0,
        "context_snippets": 0,
        "prediction": task.truth,
        "stop_reason": "end",
        "completion_tokens": 3,
        "mean_logprob": -0.5,
        "truth_log_likelihood": -3.0,
        "truth_tokens": 3,
        "truth_characters": len(task.truth),
        "scores": scores,
        "timings": {"total_ms": 1.0},
    }
    return {
        "task_id": task.id,
        "benchmark": task.benchmark,
        "kind": task.kind,
        "language": task.language,
        "repository": task.repository,
        "path": task.path,
        "line": task.line,
        "origin": task.origin,
        "method": "in-file",
        "truth": task.truth,
        "gate": None,
        "passes": [one],
        "scores": scores,
        "timings": {"total_ms": 1.0},
        "error": None,
    }
