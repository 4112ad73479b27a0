"""A signal ends the program with its exit code and gives the terminal back (safety.md, 8 and 20)."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pytest

CHILD = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("scripted", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from tui.app import RepocoderApp
session = Path(sys.argv[3]) if sys.argv[3:] else None
app = RepocoderApp(module.ScriptedEngine(Path(sys.argv[2])), session=session)
app.run()
sys.exit(app.return_code)
"""
ENTER_ALTERNATE, LEAVE_ALTERNATE = b"\x1b[?1049h", b"\x1b[?1049l"
START_S = 30.0


def _read_until(descriptor: int, marks: tuple[bytes, ...], seconds: float) -> bytes:
    """Read what the program writes until every mark was seen, its end, or the time is over."""
    output = b""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not all(mark in output for mark in marks):
        if select.select([descriptor], [], [], 0.1)[0]:
            try:
                data = os.read(descriptor, 1 << 16)
            except OSError:  # the other side was closed
                break
            if not data:
                break
            output += data
    return output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_restores_the_terminal(repository: Path, number: signal.Signals) -> None:
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(Path(__file__).with_name("conftest.py")), str(repository)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "NO_COLOR": "1"},
        start_new_session=True,
    )
    try:
        started = _read_until(ours, (ENTER_ALTERNATE, b"main.py", b"4 files"), START_S)
        assert b"main.py" in started
        assert termios.tcgetattr(theirs) != before
        process.send_signal(number)
        ended = _read_until(ours, (LEAVE_ALTERNATE, b"\x1b[?25h"), START_S)
        assert process.wait(START_S) == 128 + number
        ended += _read_until(ours, (b"never",), 0.2)
        assert LEAVE_ALTERNATE in ended
        assert b"\x1b[?25h" in ended  # the cursor is visible again
        assert b"Traceback" not in ended
        assert termios.tcgetattr(theirs) == before
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def test_a_terminal_that_vanishes_ends_the_program(repository: Path, tmp_path: Path) -> None:
    """Its window was closed, and no signal came: the program is in a session of its own."""
    session = tmp_path / "session.json"
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", CHILD),
            *(str(Path(__file__).with_name("conftest.py")), str(repository), str(session)),
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "NO_COLOR": "1", "XDG_STATE_HOME": str(tmp_path)},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        _read_until(ours, (ENTER_ALTERNATE, b"main.py", b"4 files"), START_S)
        os.close(ours)
        ours = -1
        assert process.wait(START_S) == 128 + signal.SIGHUP
        assert session.exists()  # it ended as it always does
    finally:
        process.kill()
        process.wait()
        if ours >= 0:
            os.close(ours)
