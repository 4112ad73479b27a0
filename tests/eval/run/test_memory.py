"""The peak of a run counts what its workers hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eval.run.memory import PeakMemory

HELD = 64 << 20
CHILD = f"import sys; held = b'x' * {HELD}; print('ready', flush=True); sys.stdin.read()"


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this system does not tell")
def test_memory_of_a_child_is_counted() -> None:
    with PeakMemory() as alone:
        pass
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    with PeakMemory() as both:
        pass
    child.communicate()
    assert alone.bytes > 0
    assert both.bytes - alone.bytes > 0.9 * HELD
