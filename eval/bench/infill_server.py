"""llama.cpp's own server as a baseline: started on a port of this machine, asked to fill in, and ended again."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_S = 60.0
ASK_S = 120.0
HOST = "127.0.0.1"


class ServerError(Exception):
    """It does not start, or refuses; the message says why."""


@dataclass(frozen=True, slots=True)
class Filled:
    """One answer."""

    text: str
    prompt_tokens: int  # with those that it found in its cache
    cached_tokens: int
    new_tokens: int
    seconds: float  # of the whole request


class InfillServer:
    """A running server."""

    def __init__(self, port: int) -> None:
        self._port = port

    def infill(self, prefix: str, suffix: str, extra: Sequence[tuple[str, str]], tokens: int) -> Filled:
        """Exactly `tokens` new tokens, greedy; `extra`: name and text of other files."""
        body = {
            "input_prefix": prefix,
            "input_suffix": suffix,
            "input_extra": [{"filename": name, "text": text} for name, text in extra],
            "n_predict": tokens,
            "temperature": 0,
            "ignore_eos": True,
            "cache_prompt": True,
            "samplers": ["temperature"],
        }
        started = time.perf_counter()
        answer = self.ask("POST", "/infill", body)
        seconds = time.perf_counter() - started
        timings = answer.get("timings", {})
        cached = int(timings.get("cache_n", 0))
        return Filled(
            answer.get("content", ""),
            int(timings.get("prompt_n", 0)) + cached,
            cached,
            int(timings.get("predicted_n", 0)),
            seconds,
        )

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Its answer. Raises ServerError, OSError."""
        from http.client import HTTPConnection, HTTPException

        connection = HTTPConnection(HOST, self._port, timeout=ASK_S)
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
        except HTTPException as error:
            raise ServerError(f"the server broke off: {error!r}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise ServerError(f"the server answers {response.status}: {answer[:200]!r}")
        return dict(json.loads(answer))


@contextlib.contextmanager
def infill_server(binary: Path, model: Path, *, context: int, threads: int) -> Iterator[InfillServer]:
    """Start `llama-server` on a free port with one slot, and end it. Raises ServerError.

    It gives other files what its context has beside one batch, so for a prompt of `context` tokens it gets more.
    """
    import socket

    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    command = [
        *(str(binary), "--model", str(model), "--host", HOST, "--port", str(port), "--parallel", "1"),
        *("--ctx-size", str(4 * context), "--batch-size", str(context)),
        *("--threads", str(threads), "--threads-batch", str(threads)),
        *("--no-webui", "--log-disable"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    server = InfillServer(port)
    try:
        deadline = time.monotonic() + START_S
        while True:
            if process.poll() is not None:
                said = process.stderr.read()[-300:] if process.stderr else b""
                raise ServerError(f"{binary} ends with code {process.returncode}: {said!r}")
            with contextlib.suppress(OSError, ServerError, ValueError):
                server.ask("GET", "/health")
                break
            if time.monotonic() > deadline:
                raise ServerError(f"{binary}: not ready after {START_S:.0f} s")
            time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr:
            process.stderr.close()
