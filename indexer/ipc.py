"""A child process that speaks length-framed msgpack, and dies with its parent.

Parent: `ChildProcess("package.module")`. Child: `connect()` in that module's `main`. A frame is 4 bytes of
length
(little-endian) and that many bytes of msgpack. The child's frames travel on descriptors of their own, so a
stray print
(Python's or native code's) lands in the captured stderr and harms nothing.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from typing import Any

import msgspec

from indexer.errors import WorkerError
from indexer.spawn import spawn

MAX_FRAME_BYTES = 1 << 30  # a length above this is a damaged stream, not a message
STDERR_TAIL_BYTES = 8192  # enough for a traceback; what came before is dropped
READ_BYTES = 1 << 20  # the largest read of one call: a pipe holds 64 KiB by default, at most 1 MiB
EXIT_WAIT_S = 2.0  # a process that was sent SIGKILL is gone by then, or stuck in the kernel
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_LENGTH = struct.Struct("<I")


class ChildDiedError(WorkerError):
    """The child ended, or sent bytes that are not frames."""


class Limits(msgspec.Struct, frozen=True, array_like=True):
    """Resource limits that the child gives itself before it does anything. 0 leaves a limit as it is.
    Bytes.
    """

    address_space: int = 0  # RLIMIT_AS
    data: int = 0  # RLIMIT_DATA
    nice: int = 0  # added to its niceness: 19 gives way to everything


class _Birth(msgspec.Struct, frozen=True, array_like=True):
    """What the child is told on its command line."""

    parent: int  # process id: if it is another one already, the parent has died meanwhile
    limits: Limits


class ChildProcess:
    """A running `python -m MODULE`. Started by the constructor.

    `send` may be called from several threads; `recv` from one at a time. Send large messages only while the
    child is
    reading: nothing is read here while a `send` waits.
    """

    def __init__(self, module: str, *, arguments: tuple[str, ...] = (), limits: Limits | None = None) -> None:
        birth = msgspec.json.encode(_Birth(os.getpid(), limits or Limits())).decode()
        # -P: the current folder, which may be a hostile repository, must not be on the module path.
        command = [sys.executable, "-P", "-m", module, birth, *arguments]
        self.module = module
        self._process = spawn(
            lambda: subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd="/",
                process_group=0,  # the terminal's Ctrl-C is for the parent, which decides
            )
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._stdin = self._process.stdin.fileno()
        self._stdout = self._process.stdout.fileno()
        os.set_blocking(self._stdin, False)
        self._write_lock = threading.Lock()
        self._buffer = bytearray()
        self._tail = bytearray()
        self._stderr_reader = threading.Thread(
            target=self._drain_stderr, name=f"{module} stderr", daemon=True
        )
        self._stderr_reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def stderr_tail(self) -> str:
        """The last bytes that the child wrote on stderr or by print."""
        return bytes(self._tail).decode("utf-8", "replace")

    def fileno(self) -> int:
        """The descriptor to poll for replies. A frame may be buffered already: see `pending`."""
        return self._stdout

    @property
    def pending(self) -> bool:
        """Whether `recv` has a whole frame without reading."""
        return self._frame_end() is not None

    def send(self, message: Any, *, timeout: float | None = None) -> None:
        """Send one message. Raises ChildDiedError, TimeoutError (the stream is then unusable: kill)."""
        body = msgspec.msgpack.encode(message)
        view = memoryview(_LENGTH.pack(len(body)) + body)
        deadline = None if timeout is None else time.monotonic() + timeout
        poller = select.poll()
        with self._write_lock:
            if self._process.stdin is None or self._process.stdin.closed:
                raise self._died()
            poller.register(self._stdin, select.POLLOUT)
            while view:
                try:
                    view = view[os.write(self._stdin, view) :]
                except BlockingIOError:
                    if not poller.poll(_milliseconds_left(deadline)):
                        raise TimeoutError(f"{self.module} does not read") from None
                except OSError as error:
                    raise self._died() from error

    def recv(self, timeout: float | None = None) -> Any:
        """The next message of the child. Raises TimeoutError, ChildDiedError."""
        try:
            return msgspec.msgpack.decode(self.recv_bytes(timeout))
        except msgspec.DecodeError as error:
            raise self._died() from error

    def recv_bytes(self, timeout: float | None = None) -> bytes:
        """The next message, still encoded: for callers that decode it to a type of theirs."""
        deadline = None if timeout is None else time.monotonic() + timeout
        poller = select.poll()
        while (end := self._frame_end()) is None:
            if self._process.stdout is None or self._process.stdout.closed:
                raise self._died()
            poller.register(self._stdout, select.POLLIN)
            if not poller.poll(_milliseconds_left(deadline)):
                raise TimeoutError(f"{self.module} does not answer")
            piece = os.read(self._stdout, READ_BYTES)
            if not piece:
                raise self._died()
            self._buffer += piece
        body = bytes(memoryview(self._buffer)[_LENGTH.size : end])
        del self._buffer[:end]
        return body

    def kill(self) -> None:
        """End the child now and free its descriptors. May be called again."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_WAIT_S)
        with self._write_lock:
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
        self._stderr_reader.join(EXIT_WAIT_S)

    def _frame_end(self) -> int | None:
        if len(self._buffer) < _LENGTH.size:
            return None
        length = int(_LENGTH.unpack_from(self._buffer)[0])
        if length > MAX_FRAME_BYTES:
            raise self._died()
        end = _LENGTH.size + length
        return end if len(self._buffer) >= end else None

    def _died(self) -> ChildDiedError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)  # give the kernel a moment to say how it ended
        code = self._process.returncode
        lines = self.stderr_tail.strip().splitlines()
        last = f" ({lines[-1][:200]})" if lines else ""
        how = "broke its stream" if code is None else f"ended with {_describe_exit(code)}"
        return ChildDiedError(f"worker process: {self.module} {how}{last}: it is started again on next use")

    def _drain_stderr(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with stream:
            while piece := stream.read(STDERR_TAIL_BYTES):
                self._tail += piece
                del self._tail[:-STDERR_TAIL_BYTES]


class Channel:
    """The child's end: blocking `recv` and `send`."""

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._buffer = bytearray()
        self._lock = threading.Lock()

    def fileno(self) -> int:
        """The descriptor to poll for messages."""
        return self._source

    def recv_bytes(self) -> bytes | None:
        """The next message, encoded; None when the parent has closed the stream."""
        while len(self._buffer) < _LENGTH.size or len(self._buffer) < self._end():
            piece = os.read(self._source, READ_BYTES)
            if not piece:
                return None
            self._buffer += piece
        end = self._end()
        body = bytes(memoryview(self._buffer)[_LENGTH.size : end])
        del self._buffer[:end]
        return body

    def recv(self) -> Any:
        """The next message; raises EOFError when the parent has closed the stream."""
        body = self.recv_bytes()
        if body is None:
            raise EOFError
        return msgspec.msgpack.decode(body)

    def send(self, message: Any) -> None:
        """Send one message. Thread-safe."""
        body = msgspec.msgpack.encode(message)
        view = memoryview(_LENGTH.pack(len(body)) + body)
        with self._lock:
            while view:
                view = view[os.write(self._target, view) :]

    def _end(self) -> int:
        return _LENGTH.size + int(_LENGTH.unpack_from(self._buffer)[0])


def connect() -> Channel:
    """Called first in a child: ties it to its parent, applies limits, and takes stdin and stdout for
    frames.
    """
    birth = msgspec.json.decode(sys.argv[1], type=_Birth)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the parent is gone: nobody is left to tell
    _die_with(birth.parent)
    for kind, amount in (
        (resource.RLIMIT_AS, birth.limits.address_space),
        (resource.RLIMIT_DATA, birth.limits.data),
    ):
        if amount:
            hard = resource.getrlimit(kind)[1]
            soft = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
            resource.setrlimit(kind, (soft, hard))
    os.nice(birth.limits.nice)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not leave a copy of the source on disk
    channel = Channel(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    return channel


def _die_with(parent: int) -> None:
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _milliseconds_left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, (deadline - time.monotonic()) * 1000)
