"""Nothing gets out of the sandbox, whoever asks, and nothing runs where it cannot be had."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from eval.execution import sandbox
from eval.execution.environments import Prepared
from eval.execution.sandbox import Finished, Job, Limits, run
from repocoder.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]

ESCAPES = r"""
import ctypes, json, os, pathlib, signal, socket, subprocess, sys

canary, target, port, home, name = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)

def connect(family, address):
    with socket.socket(family) as client:
        client.settimeout(1)
        client.connect(address)

def call(function, *arguments):
    if function(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

def attach(process):
    call(libc.ptrace, 16, process, None, None)

def become_root():
    os.setuid(0)

def device():
    os.mknod("/tmp/disk", 0o060666, os.makedev(254, 0))
    open("/tmp/disk", "rb").read(1)

def other_sees_us():
    if not any(entry.isdigit() and int(entry) > 100000 for entry in os.listdir("/proc")):
        raise OSError("only ourselves")

def look_home():
    seen = {os.path.join(home, name) for name in os.listdir(home)}
    if all(any(root.startswith(path) for root in (sys.prefix, sys.base_prefix)) for path in seen):
        raise OSError("only the way to the interpreter")

def climb():
    os.chdir("/")
    for _ in range(50):
        os.chdir("..")
    open(canary.lstrip("/")).read()

def kill_outside():
    os.kill(int(name), 0)

attempts = {
    "read a file of the host": lambda: open(canary).read(),
    "read it through process 1": lambda: open("/proc/1/root" + canary).read(),
    "read it through our root": lambda: open("/proc/self/root" + canary).read(),
    "climb out of the root": climb,
    "see more of the home than the interpreter": look_home,
    "follow a link of the repository": lambda: open("/repository/link").read(),
    "read passwords": lambda: open("/etc/shadow").read(),
    "write beside the canary": lambda: open(target, "w").write("x"),
    "write to the root": lambda: open("/x", "w").write("x"),
    "write to the system": lambda: open("/usr/x", "w").write("x"),
    "write to the interpreter": lambda: open(os.path.join(sys.base_prefix, "x"), "w").write("x"),
    "write to the packages": lambda: open(os.path.join(sys.prefix, "x"), "w").write("x"),
    "touch kernel settings": lambda: open("/proc/sys/kernel/hostname", "w").write("x"),
    "press sysrq": lambda: open("/proc/sysrq-trigger", "w").write("s"),
    "connect to the host": lambda: connect(socket.AF_INET, ("127.0.0.1", int(port))),
    "connect to the world": lambda: connect(socket.AF_INET, ("192.0.2.1", 80)),
    "ask for a name": lambda: socket.getaddrinfo("example.com", 80),
    "connect to an abstract socket": lambda: connect(socket.AF_UNIX, "\0" + pathlib.Path(canary).name),
    "make a user namespace": lambda: call(libc.unshare, 0x10000000),
    "make a mount namespace": lambda: call(libc.unshare, 0x00020000),
    "mount": lambda: call(libc.mount, b"tmpfs", b"/tmp", b"tmpfs", 0, None),
    "make the root writable": lambda: call(libc.mount, b"none", b"/", None, 4096 | 32, None),
    "unmount": lambda: call(libc.umount2, b"/usr", 2),
    "change the root": lambda: os.chroot("/tmp"),
    "become root": become_root,
    "make a device": device,
    "trace process 1": lambda: attach(1),
    "read the memory of process 1": lambda: open("/proc/1/mem", "rb").read(1),
    "read the environment of process 1": lambda: open("/proc/1/environ", "rb").read(1),
    "open the files of process 1": lambda: os.listdir("/proc/1/fd"),
    "see the processes of the host": other_sees_us,
    "signal a process of the host": kill_outside,
    "raise a limit": lambda: __import__("resource").setrlimit(7, (4096, 4096)),
    "name the machine": lambda: socket.sethostname("x"),
}
escaped = []
for what, attempt in attempts.items():
    try:
        attempt()
    except (OSError, ValueError):
        continue
    escaped.append(what)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGSTOP):
    try:
        os.kill(1, number)
    except PermissionError:
        pass
print(json.dumps({"tried": len(attempts), "escaped": escaped, "environment": sorted(os.environ), "uid": os.getuid()}))
"""


def python(prepared: Prepared, code: str, *arguments: str, limits: Limits | None = None) -> Finished:
    """Run Python code in the sandbox."""
    limits = limits or Limits(wall_s=120)
    files = {"/repository/code.py": code}
    command = [str(prepared.python), "-B", "/repository/code.py", *arguments]
    return run(Job(command, visible=prepared.visible, files=files, limits=limits))


def test_every_escape_is_contained(prepared: Prepared, tmp_path: Path) -> None:
    canary, target = tmp_path / f"canary{uuid.uuid4().hex}", tmp_path / "written"
    canary.write_text("secret")
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "link").symlink_to(canary)
    with socket.socket() as listener, socket.socket(socket.AF_UNIX) as local:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        local.bind("\0" + canary.name)
        local.listen()
        port = str(listener.getsockname()[1])
        home = os.path.expanduser("~")  # noqa: PTH111
        arguments = [str(canary), str(target), port, home, str(os.getpid())]
        done = run(
            Job(
                [str(prepared.python), "-B", "/repository/code.py", *arguments],
                visible=prepared.visible,
                copies={"/repository": repository},
                files={"/repository/code.py": ESCAPES},
                environment={"ONLY": "this"},
                limits=Limits(wall_s=120),
            )
        )
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert found["tried"] >= 25
    assert found["escaped"] == []
    assert set(found["environment"]) <= {"PATH", "HOME", "LANG", "ONLY", "LC_CTYPE"}
    assert found["uid"] == 1000
    assert canary.read_text() == "secret"
    assert not target.exists()
    assert (repository / "code.py").exists() is False


def test_what_it_writes_is_gone_and_bounded(prepared: Prepared) -> None:
    code = """
import os
kept = 0
try:
    for number in range(64):
        with open(f"/tmp/{number}", "wb") as file:
            file.write(bytes(1 << 20))
        kept += 1
except OSError as error:
    print(error.errno, kept)
try:
    with open("/repository/large", "wb") as file:
        file.write(bytes(1 << 20))
except OSError as error:
    print(error.errno)
"""
    done = python(prepared, code, limits=Limits(wall_s=120, scratch_bytes=16 << 20))
    words = done.out.split()
    assert words[0] == words[2] == "28", done  # ENOSPC
    assert 8 <= int(words[1]) < 16


def test_a_sleeper_is_killed(prepared: Prepared) -> None:
    started = time.monotonic()
    done = python(prepared, "import time; time.sleep(1000)", limits=Limits(wall_s=1))
    assert (done.ended, done.status) == ("timeout", None)
    assert time.monotonic() - started < 60  # not a thousand, however busy the machine


def test_a_fork_bomb_stays_in_its_box(prepared: Prepared) -> None:
    code = """
import os, time
made = 0
try:
    while made < 1000:
        if os.fork() == 0:
            time.sleep(300)
        made += 1
except BlockingIOError:
    print("no more after", made)
"""
    done = python(prepared, code, limits=Limits(wall_s=120, processes=32))
    assert done.ended == "exit"
    assert 0 < int(done.out.split()[-1]) <= 32


def test_detached_children_die_with_it(prepared: Prepared) -> None:
    marker = uuid.uuid4().hex
    code = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600) # {marker}"], start_new_session=True)
"""
    assert python(prepared, code).status == 0
    assert not any(marker.encode() in line for line in command_lines())


def test_it_dies_with_its_caller(prepared: Prepared) -> None:
    marker = uuid.uuid4().hex
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from eval.execution.sandbox import Job, Limits, run
run(Job(["/bin/sh", "-c", "sleep 600; : {marker}"], directory="/tmp", limits=Limits(wall_s=600)))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as caller:
        wait_until(
            lambda: any(marker.encode() in line and b"sleep 600" in line[:20] for line in command_lines())
        )
        caller.kill()
    wait_until(lambda: not any(marker.encode() in line for line in command_lines()))


def command_lines() -> list[bytes]:
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                lines.append(b" ".join(words[2:] if words[:1] == [b"/bin/sh"] else words))
    return lines


def wait_until(condition, seconds: float = 100.0) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_memory_is_bounded_for_all_together(prepared: Prepared) -> None:
    code = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        block = bytearray(os.urandom(1 << 20) * 60)
        time.sleep(300)
time.sleep(300)
"""
    done = python(prepared, code, limits=Limits(wall_s=120, memory_bytes=150 << 20))
    assert done.ended == "memory"
    assert done.peak_bytes > 150 << 20


def test_output_is_cut_not_collected(prepared: Prepared) -> None:
    code = "import sys\nfor _ in range(400): sys.stdout.write('x' * 10000); sys.stderr.write('y' * 10000)"
    done = python(prepared, code, limits=Limits(wall_s=120, output_bytes=50000))
    assert done.status == 0
    assert (len(done.out), len(done.err)) == (50000, 50000)


def test_a_command_that_is_not_there_was_lost(prepared: Prepared) -> None:
    done = run(Job(["/bin/no-such-program"]))
    assert (done.ended, done.proven) == ("lost", False)
    assert "/bin/no-such-program" in done.why


def test_a_status_is_not_a_proof(prepared: Prepared) -> None:
    done = python(prepared, "raise SystemExit(0)")
    assert (done.status, done.proven) == (0, False)


@pytest.mark.skipif(os.geteuid() != 0, reason="these tests run as an ordinary user already")
def test_ordinary_users_may(prepared: Prepared) -> None:
    """Root sees to it for them: the same trial as user nobody, with any Python that nobody may start."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from eval.execution.sandbox import refusal; print(refusal())"
    for command in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run(
                [command, "-c", code, str(ROOT)],
                user=65534,
                group=65534,
                extra_groups=[],
                cwd="/",
                env={},
                check=False,
                capture_output=True,
                text=True,
            )
        except OSError:  # may not start it
            continue
        if done.returncode == 0:
            assert done.stdout.strip() == "" or done.stdout.startswith("sandbox: ")
            return
    pytest.skip("no Python that an ordinary user may start can read these sources")


def test_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = json.dumps({"refused": "unshare: Operation not permitted"}).encode() + b"\n"
    with pytest.raises(UsageError, match=r"^sandbox: unshare: Operation not permitted: allow ") as caught:
        sandbox._finished(answer, b"", b"", "nonce")
    assert "\n" not in str(caught.value)


def test_only_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.refusal.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    try:
        assert sandbox.refusal() == "namespaces: only Linux has them"
    finally:
        sandbox.refusal.cache_clear()
