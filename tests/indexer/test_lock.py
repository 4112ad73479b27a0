"""The writer's lock: one holder, and it ends with the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.errors import LockedError
from indexer.lock import writer_lock

HOLDER = """
import sys, time
from pathlib import Path
from indexer.lock import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_holder_is_refused(tmp_path: Path) -> None:
    with writer_lock(tmp_path), pytest.raises(LockedError, match=str(os.getpid())), writer_lock(tmp_path):
        pass
    with writer_lock(tmp_path):
        pass


def test_lock_ends_with_a_killed_process(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=str(process.pid)), writer_lock(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    with writer_lock(tmp_path):
        pass


def test_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("text")
    (tmp_path / "lock").symlink_to(target)
    with pytest.raises(OSError, match="lock"), writer_lock(tmp_path):
        pass
    assert target.read_text() == "text"
