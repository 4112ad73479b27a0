"""A child process: frames, limits, death. The child of these tests is a small module on a path of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexer.errors import WorkerError
from indexer.ipc import MAX_FRAME_BYTES, ChildDiedError, ChildProcess, Limits

CHILD = """
import os, resource, signal, sys, time
from indexer.ipc import connect
channel = connect()
while True:
    try:
        order = channel.recv()
    except EOFError:
        break
    match order:
        case ["echo", value]: channel.send(value)
        case ["print", text]:
            print(text); sys.stderr.write(text); os.write(1, text.encode()); sys.stdout.flush()
            channel.send("done")
        case ["sleep", seconds]: time.sleep(seconds)
        case ["exit", code]: os._exit(code)
        case ["crash"]: os.kill(os.getpid(), signal.SIGSEGV)
        case ["allocate", size]:
            try:
                channel.send(len(bytearray(size)))
            except MemoryError:
                channel.send("MemoryError")
        case ["garbage"]:
            os.write(channel._target, bytes([255, 255, 255, 255, 1]))
            time.sleep(60)
        case ["ask", what]:
            interrupt = repr(signal.getsignal(signal.SIGINT))
            channel.send({"path": sys.path, "int": interrupt, "arguments": sys.argv[2:]}[what])
        case ["spin"]:
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
            while True: pass
"""
WAIT_S = 60.0  # far above what any answer takes, for busy machines


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ChildProcess]]:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "ipc_test_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    children: list[ChildProcess] = []

    def run(**options: object) -> ChildProcess:
        child = ChildProcess("ipc_test_child", **options)  # type: ignore[arg-type]
        children.append(child)
        return child

    yield run
    for child in children:
        child.kill()


def wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # dead; whoever inherited it has not asked yet
            return True
        time.sleep(0.01)
    return False


def test_messages_go_both_ways(start: Callable[..., ChildProcess]) -> None:
    child = start(arguments=("one", "two"))
    for value in (None, 1, "ä\n", b"\0" * 3_000_000, [1, {"a": [b""]}]):
        child.send(["echo", value])
        assert child.recv(WAIT_S) == value
    child.send(["ask", "arguments"])
    assert child.recv(WAIT_S) == ["one", "two"]
    assert child.alive
    child.kill()
    assert not child.alive
    child.kill()
    with pytest.raises(ChildDiedError):
        child.send(["echo", 1])


def test_stray_prints_land_in_the_tail(start: Callable[..., ChildProcess]) -> None:
    child = start()
    child.send(["print", "x" * 100_000 + "end"])
    assert child.recv(WAIT_S) == "done"
    child.send(["exit", 3])
    with pytest.raises(ChildDiedError, match="code 3"):
        child.recv(WAIT_S)
    child.kill()
    assert child.stderr_tail.endswith("end")
    assert len(child.stderr_tail) <= 8192


def test_a_crash_is_an_error_that_names_the_signal(start: Callable[..., ChildProcess]) -> None:
    child = start()
    child.send(["crash"])
    with pytest.raises(ChildDiedError, match="SIGSEGV") as caught:
        child.recv(WAIT_S)
    assert isinstance(caught.value, WorkerError)
    assert "\n" not in str(caught.value)


def test_a_module_that_does_not_exist(start: Callable[..., ChildProcess]) -> None:
    child = ChildProcess("no_such_module_at_all")
    with pytest.raises(ChildDiedError, match="No module named"):
        child.recv(WAIT_S)
    child.kill()


def test_a_damaged_stream_is_found(start: Callable[..., ChildProcess]) -> None:
    assert MAX_FRAME_BYTES < 0xFFFFFFFF
    child = start()
    child.send(["garbage"])
    with pytest.raises(ChildDiedError, match="broke its stream"):
        child.recv(WAIT_S)


def test_no_answer_in_time(start: Callable[..., ChildProcess]) -> None:
    child = start()
    child.send(["echo", 1])
    child.recv(WAIT_S)
    child.send(["sleep", 60])
    with pytest.raises(TimeoutError):
        child.recv(0.05)


def test_memory_is_limited(start: Callable[..., ChildProcess]) -> None:
    child = start(limits=Limits(address_space=1 << 29))
    child.send(["allocate", 1 << 20])
    assert child.recv(WAIT_S) == 1 << 20
    child.send(["allocate", 1 << 30])
    assert child.recv(WAIT_S) == "MemoryError"


def test_the_current_folder_is_not_on_the_path(
    start: Callable[..., ChildProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("msgspec.py", "resource.py", "ipc_test_child.py"):
        (hostile / name).write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    monkeypatch.chdir(hostile)
    child = start()
    child.send(["ask", "path"])
    path = child.recv(WAIT_S)
    assert "" not in path
    assert str(hostile) not in path
    assert not (tmp_path / "canary").exists()


def test_interrupts_are_left_to_the_parent(start: Callable[..., ChildProcess]) -> None:
    child = start()
    child.send(["ask", "int"])
    assert "SIG_IGN" in child.recv(WAIT_S)
    os.kill(child.pid, signal.SIGINT)
    child.send(["echo", "alive"])
    assert child.recv(WAIT_S) == "alive"
    assert os.getpgid(child.pid) != os.getpgid(0)


def test_a_child_outlives_the_thread_that_started_it(start: Callable[..., ChildProcess]) -> None:
    children: list[ChildProcess] = []
    thread = threading.Thread(target=lambda: children.append(start()))
    thread.start()
    thread.join()
    children[0].send(["echo", 1])
    assert children[0].recv(WAIT_S) == 1
    time.sleep(0.1)
    children[0].send(["echo", 2])
    assert children[0].recv(WAIT_S) == 2


@pytest.mark.parametrize("order", ["spin", "sleep"])
def test_a_child_dies_with_its_parent(start: Callable[..., ChildProcess], order: str) -> None:
    """Even when the parent is killed outright, and whatever the child is doing."""
    source = (
        "import sys, time, threading\nfrom indexer.ipc import ChildProcess\n"
        "child = ChildProcess('ipc_test_child')\nchild.send(['echo', 1]); child.recv(60)\n"
        f"child.send([{order!r}] + [60] * ({order!r} == 'sleep'))\n"
        "print(child.pid, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        time.sleep(0.1)
        parent.kill()
    assert wait_until_gone(child)
