"""Starting child processes from a thread that lives as long as this process."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable
from typing import Any

from indexer.errors import WorkerError

# The kernel's "parent died" signal is sent when the *thread* that started the child ends. So one thread,
# which lives
# as long as the process, starts all children, whoever asks.
_Start = Callable[[], "subprocess.Popen[bytes]"]
_starter_lock = threading.Lock()
_starter: tuple[int, queue.SimpleQueue[tuple[_Start, queue.SimpleQueue[Any]]]] | None = None


def spawn(start: _Start) -> subprocess.Popen[bytes]:
    """The process that `start` starts. Raises WorkerError."""
    global _starter
    with _starter_lock:
        if _starter is None or _starter[0] != os.getpid():  # a forked copy of this process has no such thread
            orders: queue.SimpleQueue[tuple[_Start, queue.SimpleQueue[Any]]] = queue.SimpleQueue()
            threading.Thread(
                target=_start_children, args=(orders,), name="child starter", daemon=True
            ).start()
            _starter = (os.getpid(), orders)
        orders = _starter[1]
    answer: queue.SimpleQueue[Any] = queue.SimpleQueue()
    orders.put((start, answer))
    result = answer.get()
    if isinstance(result, OSError):
        raise WorkerError(f"worker process: cannot start: {result.strerror}") from result
    assert isinstance(result, subprocess.Popen)
    return result


def _start_children(orders: queue.SimpleQueue[tuple[_Start, queue.SimpleQueue[Any]]]) -> None:
    while True:
        start, answer = orders.get()
        try:
            answer.put(start())
        except OSError as error:
            answer.put(error)
