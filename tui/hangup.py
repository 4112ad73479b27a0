"""Notices that the terminal is gone: a window that was closed, a connection that broke.

SIGHUP tells so only the session that the terminal belongs to. A program in a session of its own hears nothing: each
read is at its end at once and each write fails, and Textual would go on reading.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Sequence

WRITER_S = 0.05
"""How long the writer is waited for, to see whether it has just met its end."""


def watch_terminal(
    descriptors: Sequence[int], gone: Callable[[], object], writer: Callable[[], threading.Thread | None]
) -> None:
    """Wait in a thread of its own for the hangup of a terminal, then lead `descriptors` nowhere and call `gone`.

    From then on reads are at their end and writes succeed, so that the program can end as it always does. `writer`
    gives the thread that writes to the terminal: what is left for one that has died is written in its place, or who
    hands it on would wait for ever.
    """
    threading.Thread(target=_watch, args=(descriptors, gone, writer), name="hangup", daemon=True).start()


def _watch(
    descriptors: Sequence[int], gone: Callable[[], object], writer: Callable[[], threading.Thread | None]
) -> None:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, 0)  # hangups and errors only: input is not ours
    if any(event & select.POLLNVAL for _, event in poll.poll()):
        return  # a system that cannot tell of terminals
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    gone()
    thread = writer()
    if thread is not None:
        thread.join(WRITER_S)
        if not thread.is_alive():
            thread.run()
