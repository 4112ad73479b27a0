"""Models behind an OpenAI-compatible `/v1/completions`: for `repocoder eval` only, when its user gives a URL.

This is the one module of the model's side with network code, loaded when a connection is opened. What it sends, code
of the user's repositories, goes to the address that was given and nowhere else: redirects are not followed, proxies
of the environment not used. The key comes from the environment and is in no message.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from repocoder.errors import ModelError, UsageError
from repocoder.llm.link import POLL_S
from repocoder.llm.remote_address import KEY_VARIABLE, Address, parse_url

if TYPE_CHECKING:
    import socket
    from http.client import HTTPConnection, HTTPResponse

    from repocoder.llm.remote_model import RemoteGenerator

MAX_ANSWER_BYTES = 64 << 20
MAX_EVENT_BYTES = 1 << 20
MAX_SAID = 160  # characters of a server's own words in a message
RETRIED = (429, 503)  # too many requests; llama-server while it loads
MAX_RETRY_AFTER_S = 30.0

Tell = Callable[[str], None]
"""Called with one line for each retry."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may take."""

    connect_s: float = 10.0
    silence_s: float = 300.0  # a long prompt of a large model without a sign of life
    waits_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)  # before each retry


class RefusedError(ModelError):
    """The server answered, but not with what was asked for."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class StoppedError(Exception):
    """The caller's cancel event ended an exchange."""


def open_remote(
    url: str,
    *,
    model: str = "",
    template: str = "none",
    tell: Tell | None = None,
    patience: Patience | None = None,
) -> RemoteGenerator:
    """The model at this URL, with or without `/v1` at its end; the first that the server lists if none is named.

    `template` is a name of `repocoder.fim.FAMILIES`, or "none": only what comes before the hole is shown. The server
    is asked at once what it can do. Raises UsageError for a bad URL, template or key, ModelError for the rest.
    """
    from repocoder.llm.remote_connect import connect

    server = Server(parse_url(url), _key(), patience or Patience(), tell or (lambda _: None))
    try:
        return connect(server, model, template)
    except BaseException:
        server.close()
        raise


class Server:
    """One server over HTTP/1.1: JSON in, JSON or a stream of it out. For one thread at a time."""

    def __init__(self, address: Address, key: str, patience: Patience, tell: Tell) -> None:
        self.address = address
        self._key = key
        self._patience = patience
        self._tell = tell
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = (
            None  # of the connection; it forgets it before the answer is read
        )

    @property
    def is_key_readable(self) -> bool:
        """Does the key travel unencrypted to another machine?"""
        return bool(self._key) and self.address.scheme == "http" and not self.address.is_here

    def ask(self, path: str, body: object = None, cancel: threading.Event | None = None) -> Any:
        """The answer to a POST of `body`, to a GET without one. ModelError, RefusedError, StoppedError."""
        with self._exchange(path, body, cancel) as response:
            return self._whole(response)

    def stream(
        self, path: str, body: object, cancel: threading.Event | None = None
    ) -> Generator[Any, None, None]:
        """The events of a streamed answer as they come; one if the server does not stream. As `ask` otherwise.

        Closing the iterator closes the connection, by which a server notices that nobody listens.
        """
        try:
            with self._exchange(path, body, cancel) as response:
                if "event-stream" in response.headers.get("Content-Type", ""):
                    yield from self._events(response)
                else:
                    yield self._whole(response)
                if cancel is not None and cancel.is_set():
                    raise StoppedError
        finally:
            self.close()

    def problem(self, what: str, then: str = "look at the server's log") -> ModelError:
        """An error about this server, in one line."""
        return ModelError(f"remote model: {self.address}: {what}: {then}")

    def quoted(self, text: str) -> str:
        """A server's own words for a message: short, in one line, without what steers a terminal, and no key."""
        clean = " ".join(text.replace(self._key, "…").split() if self._key else text.split())
        return "".join(character for character in clean if character.isprintable())[:MAX_SAID]

    def close(self) -> None:
        """End the connection; the next question opens a new one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._socket = None

    # ---- one exchange

    @contextmanager
    def _exchange(self, path: str, body: object, cancel: threading.Event | None) -> Iterator[HTTPResponse]:
        from http.client import HTTPException

        data = None if body is None else json.dumps(body).encode()
        try:
            with self._watched(cancel):
                yield self._insist(path, data, cancel)
        except (OSError, HTTPException) as error:
            self.close()
            if cancel is not None and cancel.is_set():
                raise StoppedError from None
            raise self._explain(error) from error
        except (ModelError, StoppedError):
            self.close()
            raise

    def _insist(self, path: str, data: bytes | None, cancel: threading.Event | None) -> HTTPResponse:
        """The answer, if it is a good one; after a few tries where trying again may help."""
        for wait_s in (*self._patience.waits_s, None):
            problem: ModelError
            try:
                response = self._send(path, data)
            except ConnectionError as error:
                self.close()
                if cancel is not None and cancel.is_set():
                    raise
                problem = self._explain(error)
            else:
                if response.status == 200:
                    return response
                problem = self._refusal(response, path)
                if response.status not in RETRIED:
                    raise problem
                wait_s = None if wait_s is None else max(wait_s, _asked_to_wait(response))
            if wait_s is None:
                raise problem
            self._tell(f"{problem} (tried again in {wait_s:g} s)")
            _sleep(wait_s, cancel)
        raise AssertionError("unreachable")

    def _send(self, path: str, data: bytes | None) -> HTTPResponse:
        """A connection that was kept may have been closed by the server meanwhile: that one failure is none."""
        kept = self._is_open()
        headers = {"Accept": "application/json, text/event-stream", "User-Agent": "repocoder-eval"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        while True:
            connection = (self._connection if self._is_open() else None) or self._connect()
            try:
                connection.request("GET" if data is None else "POST", self.address.root + path, data, headers)
                return connection.getresponse()
            except ConnectionError:
                self.close()
                if not kept:
                    raise
                kept = False

    def _connect(self) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection

        kind = HTTPSConnection if self.address.scheme == "https" else HTTPConnection
        connection = kind(self.address.host, self.address.port, timeout=self._patience.connect_s)
        connection.connect()
        connection.sock.settimeout(self._patience.silence_s)
        self._connection, self._socket = connection, connection.sock
        return connection

    def _is_open(self) -> bool:
        """A connection that the server wants to end has no socket any more."""
        return self._connection is not None and self._connection.sock is not None

    @contextmanager
    def _watched(self, cancel: threading.Event | None) -> Iterator[None]:
        """While it lasts, a cancel ends the connection, which ends any waiting for it."""
        if cancel is None:
            yield
            return
        done = threading.Event()

        def watch() -> None:
            while not done.wait(POLL_S):
                if cancel.is_set():
                    self._shut_down()

        thread = threading.Thread(target=watch, name="remote-cancel", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _shut_down(self) -> None:
        import socket

        if self._socket is not None:
            with suppress(OSError):  # it is closed already
                self._socket.shutdown(socket.SHUT_RDWR)

    # ---- answers

    def _whole(self, response: HTTPResponse) -> Any:
        data = response.read(MAX_ANSWER_BYTES + 1)
        if len(data) > MAX_ANSWER_BYTES:
            raise self.problem("its answer is too large")
        return self._decoded(data)

    def _events(self, response: HTTPResponse) -> Iterator[Any]:
        """Server-sent events, each with its JSON in one line, up to `[DONE]` or the end."""
        while line := response.readline(MAX_EVENT_BYTES + 1):
            if len(line) > MAX_EVENT_BYTES:
                raise self.problem("one event of its stream is too large")
            name, _, value = line.strip().partition(b":")
            if name not in (b"data", b"error"):  # a comment, an empty line, a name
                continue
            if value.strip() == b"[DONE]":
                return
            decoded = self._decoded(value)
            yield {"error": decoded} if name == b"error" else decoded

    def _decoded(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self.problem("its answer is not JSON", "is it an OpenAI-compatible server?") from None

    def _refusal(self, response: HTTPResponse, path: str) -> RefusedError:
        said = self.quoted(_message_of(response.read(MAX_EVENT_BYTES)))
        status = response.status
        self.close()
        if 300 <= status < 400:
            what, then = (
                f"redirects ({status}), which is not followed",
                "give the address to which it leads",
            )
        elif status in (401, 403):
            what, then = f"refuses access ({status})", f"set {KEY_VARIABLE} to its key"
        elif status == 404 and not said:
            what, then = f"has no {path} (404)", "give the address of an OpenAI-compatible server"
        else:
            what, then = f"answers {status}{f' ({said})' if said else ''}", "look at the server's log"
        return RefusedError(str(self.problem(what, then)), status)

    def _explain(self, error: Exception) -> ModelError:
        if isinstance(error, TimeoutError):
            return self.problem("does not answer in time", "is it overloaded?")
        if isinstance(error, ConnectionRefusedError):
            return self.problem("refuses the connection", "is it running?")
        if isinstance(error, ConnectionError):
            return self.problem("closed the connection")
        if isinstance(error, OSError):
            return self.problem(
                f"cannot be reached ({self.quoted(error.strerror or str(error))})", "check the URL"
            )
        return self.problem("does not speak HTTP", "check the URL")


def _key() -> str:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not all("!" <= character <= "~" for character in key):
        raise UsageError(f"{KEY_VARIABLE}: not a key: it has other characters than letters, digits and signs")
    return key


def _asked_to_wait(response: HTTPResponse) -> float:
    value = response.headers.get("Retry-After", "")
    return min(float(value), MAX_RETRY_AFTER_S) if value.isascii() and value.isdecimal() else 0.0


def _message_of(data: bytes) -> str:
    """What a server says of an error: OpenAI's form, and what FastAPI makes."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    said = error.get("message") or error.get("detail") if isinstance(error, dict) else error
    return said if isinstance(said, str) else ""


def _sleep(seconds: float, cancel: threading.Event | None) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if cancel is not None and cancel.is_set():
            raise StoppedError
        time.sleep(min(left, POLL_S))
