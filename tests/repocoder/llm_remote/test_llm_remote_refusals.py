"""Whatever a server does wrong is one line that says what to do, and the key is in none of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from repocoder.errors import ModelError, RepocoderError, UsageError
from repocoder.llm.fake import FakeGenerator
from repocoder.llm.generator import GenerateRequest
from repocoder.llm.remote import Patience, RefusedError, open_remote
from repocoder.llm.remote_address import Address, parse_url
from repocoder.models import resolve

KEY = "sk-canary-0123456789"
Start = Callable[..., Any]
JSON = {"Content-Type": "application/json"}
STREAM = {"Content-Type": "text/event-stream"}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPOCODER_REMOTE_KEY", KEY)


def failure(call: Callable[[], object], kind: type[RepocoderError] = ModelError) -> str:
    """The one line of the error that a call raises; the key is nowhere in what a traceback shows."""
    with pytest.raises(kind) as caught:
        call()
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in f"{error!s} {error!r} {getattr(error, '__dict__', '')}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    message = str(caught.value)
    assert message.isprintable() and len(message) < 400 and message.count(": ") >= 2
    return message


def completing(rig: Start, connect: Start, answer: tuple[int, dict[str, str], bytes], **options: Any) -> str:
    """The error of `generate` with a server whose completions are answered like this."""
    server = rig("llama-server", FakeGenerator("abc"), n_ctx=4096)
    remote = connect(server.url, **options)
    server.answer = lambda path, body: answer if path == "/v1/completions" else None
    message = failure(lambda: remote.generate(GenerateRequest((9, 9), 3)))
    server.answer = lambda path, body: None
    assert remote.generate(GenerateRequest((9, 9), 3)).text == "abc"  # nothing is left over
    return message


def test_nobody_there(connect: Start) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told: list[str] = []
    message = failure(lambda: connect(f"http://127.0.0.1:{port}", tell=told.append))
    assert message == f"remote model: http://127.0.0.1:{port}: refuses the connection: is it running?"
    assert len(told) == 2 and all("tried again in 0.0" in line for line in told)
    assert "cannot be reached" in failure(lambda: connect("http://no-such-host.invalid"))


@pytest.mark.parametrize(
    ("status", "headers", "data", "says"),
    [
        (
            401,
            JSON,
            {"error": {"message": f"Incorrect API key provided: {KEY}."}},
            "set REPOCODER_REMOTE_KEY",
        ),
        (403, {}, None, "refuses access (403)"),
        (404, {}, None, "has no /v1/completions (404): give the address"),
        (404, JSON, {"message": "The model `x` does not exist."}, "404 (The model `x` does not exist.)"),
        (
            500,
            JSON,
            {"error": {"message": f"\x1b]52;c;QQ==\x07 {KEY} broke\non\u202e line"}},
            "answers 500 (]52;c;QQ== … broke on line)",
        ),
        (500, {}, b"\xff\x00<html>", "answers 500: look at the server's log"),
        (307, {"Location": "http://127.0.0.1:1/elsewhere"}, None, "redirects (307), which is not followed"),
        (200, JSON, b"{nonsense", "not JSON"),
        (200, JSON, b"[" * 100_000, "not JSON"),
        (200, JSON, [], "no object"),
        (200, JSON, {"choices": "x"}, "without choices"),
        (200, JSON, {"choices": [1]}, "no object"),
        (200, JSON, {"choices": [{"text": 1}]}, "without text"),
        (
            200,
            JSON,
            {"choices": [{"text": "a", "logprobs": {"tokens": ["a"], "token_logprobs": []}}]},
            "do not fit",
        ),
        (200, JSON, {"choices": [{"text": "a", "logprobs": {"content": [{"token": "a"}]}}]}, "no number"),
        (200, JSON, {"choices": [{"text": "a"}]}, "breaks off"),
        (200, JSON, {"error": {"message": f"no {KEY}"}}, "'no …'"),
        (200, STREAM, b'data: {"choices": [{"text": "a"}]}\n\n', "breaks off"),
        (200, STREAM, b'data: {"error": {"message": "out of memory"}}\n\n', "'out of memory'"),
        (200, STREAM, b'error: {"message": "out of memory"}\n\n', "'out of memory'"),
        (200, STREAM, b"data: {nonsense\n\n", "not JSON"),
        (200, STREAM, b"data: " + b"x" * (2 << 20), "too large"),
        (200, {**STREAM, "Content-Length": "100000"}, b'data: {"choices": []}\n\n', "in time"),
    ],
)
def test_bad_answers(
    rig: Start, connect: Start, status: int, headers: dict[str, str], data: object, says: str
) -> None:
    raw = data if isinstance(data, bytes) else b"" if data is None else json.dumps(data).encode()
    patience = Patience(2.0, 1.0, (0.01,))
    assert says in completing(rig, connect, (status, headers, raw), patience=patience)


def test_a_redirect_gets_neither_prompt_nor_key(rig: Start, connect: Start) -> None:
    elsewhere = rig("llama-server", FakeGenerator("abc"))
    target = elsewhere.url + "/v1/completions"
    for status in (301, 302, 303, 307, 308):
        assert "not followed" in completing(rig, connect, (status, {"Location": target}, b""))
    assert elsewhere.seen == []


def test_a_busy_server_is_asked_again(rig: Start, connect: Start) -> None:
    told: list[str] = []
    server = rig("llama-server", FakeGenerator("abc"), n_ctx=4096)
    remote = connect(server.url, tell=told.append)
    busy = iter([(503, {}, b'{"error": {"message": "Loading model"}}'), (429, {"Retry-After": "1"}, b"")])
    server.answer = lambda path, body: next(busy, None) if path == "/v1/completions" else None
    started = time.monotonic()
    assert remote.generate(GenerateRequest((9, 9), 3)).text == "abc"
    assert time.monotonic() - started >= 1
    assert len(told) == 2 and "503 (Loading model)" in told[0] and "tried again in 1 s" in told[1]
    server.answer = lambda path, body: (503, {}, b"")
    assert "answers 503" in failure(lambda: remote.generate(GenerateRequest((9, 9), 3)))
    assert len(told) == 4
    server.answer = lambda path, body: (429, {"Retry-After": "20"}, b"")
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    assert remote.generate(GenerateRequest((9, 9), 3), cancel=cancel).stop_reason == "cancelled"
    assert time.monotonic() - started < 15


def test_a_slow_server(rig: Start, connect: Start) -> None:
    server = rig("llama-server", FakeGenerator("abc"), n_ctx=4096)
    remote = connect(server.url, patience=Patience(2.0, 0.3, ()))
    server.pause_s = 3
    started = time.monotonic()
    message = failure(lambda: remote.generate(GenerateRequest((9, 9), 3)))
    assert "does not answer in time" in message and time.monotonic() - started < 2.5


def test_a_server_that_speaks_something_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def talk() -> None:
            with suppress(OSError):  # closed when the client has seen enough
                for _ in range(2):
                    peer, _ = listening.accept()
                    with peer:
                        peer.recv(1000)
                        peer.sendall(b"SSH-2.0-OpenSSH_9\r\n")

        threading.Thread(target=talk, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        patience = Patience(2.0, 2.0, ())
        assert "does not speak HTTP" in failure(lambda: open_remote(url, patience=patience))


def test_the_key_goes_to_the_server_alone(
    rig: Start, connect: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = rig("vllm", FakeGenerator("abc"), n_ctx=4096)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    remote = connect(server.url)
    remote.generate(GenerateRequest((9, 9), 3))
    assert {headers.get("Authorization") for _, _, headers in server.seen} == {f"Bearer {KEY}"}
    assert all(KEY not in json.dumps(body) for _, body, _ in server.seen)
    assert KEY not in f"{remote.info} {remote.notes} {remote!r} {vars(remote)}"
    for bad in ("two\nlines", "with space", "é"):
        monkeypatch.setenv("REPOCODER_REMOTE_KEY", bad)
        assert bad not in failure(lambda: connect(server.url), UsageError)
    monkeypatch.delenv("REPOCODER_REMOTE_KEY")
    server.seen.clear()
    connect(server.url)
    assert all("Authorization" not in headers for _, _, headers in server.seen)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://localhost:8080/v1/", "http://localhost:8080"),
        ("https://models.example.org/team/v1", "https://models.example.org/team"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_addresses(url: str, shown: str) -> None:
    assert str(parse_url(url)) == shown


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "ftp://host",
        "file:///etc/passwd",
        "http://host:99999",
        "http://host:x",
        f"http://me:{KEY}@host",
        f"http://{KEY}@host",
        f"http://host/v1?key={KEY}",
        "http://host/v1#x",
        "http://host/a b",
        "http://host/%0d%0aX: y",
        "http://ho\x1bst/",
        "http://[::1",
        "localhost:8080",
        "",
    ],
)
def test_bad_addresses(url: str) -> None:
    failure(lambda: open_remote(url), UsageError)


def test_a_note_where_the_key_can_be_read() -> None:
    from repocoder.llm.remote import Server

    def readable(address: Address, key: str) -> bool:
        return Server(address, key, Patience(), lambda _: None).is_key_readable

    assert readable(Address("http", "models.example.org", None, ""), KEY)
    assert not readable(Address("https", "models.example.org", None, ""), KEY)
    assert not readable(Address("http", "models.example.org", None, ""), "")
    assert not readable(Address("http", "localhost", 8080, ""), KEY)


def test_servers_that_are_no_models(rig: Start, connect: Start) -> None:
    lists: list[object] = [[], {"data": 1}, {"data": [1]}, {"data": []}, {"data": [{"id": 3}]}]
    for listed in lists:
        server = rig("plain", FakeGenerator())
        server.answer = lambda path, body, listed=listed: (200, JSON, json.dumps(listed).encode())
        assert "/v1/models" in failure(lambda server=server: connect(server.url))
    server = rig("plain", FakeGenerator())
    server.answer = lambda path, body: (404, {}, b"")
    with pytest.raises(RefusedError) as caught:
        connect(server.url)
    assert caught.value.status == 404 and "has no /v1/models" in str(caught.value)


def test_the_product_refuses_urls(tmp_path: Path) -> None:
    """Whoever sets it: nothing but the evaluation sends code anywhere."""
    assert "for `repocoder eval` only" in failure(lambda: resolve("http://127.0.0.1:8080"))
    (tmp_path / "m.py").write_text("def f():\n    return\n")
    command = [sys.executable, "-m", "repocoder", "complete", "m.py:2:10"]
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "c"),
        "XDG_CONFIG_HOME": str(tmp_path / "k"),
    }
    for more, variables in (
        (["--model", "http://127.0.0.1:8080"], {}),
        ([], {"REPOCODER_MODEL": "https://a.b/v1"}),
    ):
        done = subprocess.run(
            [*command, *more],
            cwd=tmp_path,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 4 and done.stdout == ""
        (line,) = done.stderr.splitlines()[-1:]
        assert line.startswith("repocoder: remote model: remote models are for `repocoder eval` only")
