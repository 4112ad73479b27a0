"""Servers on real sockets that answer as llama-server, as vLLM and as one that only completes text.

The embedded model, or a double, runs behind them. Like the real ones they take control tokens in a prompt of text, and
in a text to tokenise, for control tokens, unless llama-server is told otherwise.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from repocoder.llm.fake import CONTROL_TOKENS
from repocoder.llm.generator import Generated, GenerateRequest, Generator
from repocoder.llm.local import LocalGenerator, open_generator
from repocoder.llm.remote import Patience, open_remote
from repocoder.llm.remote_model import RemoteGenerator

QUICK = Patience(connect_s=2.0, silence_s=20.0, waits_s=(0.01, 0.02))
CONTROL = re.compile("|".join(re.escape(text) for text in CONTROL_TOKENS))


def with_control(backend: Generator, text: str) -> list[int]:
    """Tokenise as servers do: the embedded model has its control tokens in the order of `CONTROL_TOKENS`."""
    ids: list[int] = []
    end = 0
    for match in CONTROL.finditer(text):
        ids += [*backend.tokenize(text[end : match.start()]), CONTROL_TOKENS.index(match.group())]
        end = match.end()
    return ids + backend.tokenize(text[end:])


@dataclass
class Rig:
    """One server, what it was asked, and knobs for what it does."""

    kind: str  # llama-server | vllm | plain
    backend: Generator
    model: str = "/models/repocoder-some-q8_0.gguf"
    n_ctx: int = 1024
    pause_s: float = 0.0  # before each event of a stream
    old: bool = False  # a llama-server that does not know `parse_special`
    streams: bool = True
    unknown: tuple[str, ...] = ()  # fields of a request that it refuses
    answer: Callable[[str, Any], tuple[int, dict[str, str], bytes] | None] = lambda path, body: None
    url: str = ""
    seen: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    sent_events: int = 0
    broken_off: threading.Event = field(default_factory=threading.Event)

    def bodies(self, path: str) -> list[Any]:
        return [body for asked, body, _ in self.seen if asked == path]

    # ---- what the kinds of servers answer

    def models(self) -> dict[str, Any]:
        row: dict[str, Any] = {"id": self.model, "object": "model"}
        if self.kind == "vllm":
            row["max_model_len"] = self.n_ctx
        elif self.kind == "llama-server":
            row["meta"] = {"n_vocab": self.backend.vocab.size, "n_ctx_train": 2 * self.n_ctx}
        return {"object": "list", "data": [row]}

    def props(self) -> dict[str, Any] | None:
        settings = {"default_generation_settings": {"n_ctx": self.n_ctx}}
        return settings if self.kind == "llama-server" else None

    def tokenize(self, body: dict[str, Any]) -> dict[str, Any] | None:
        if self.kind == "llama-server":
            if "content" not in body:
                return {"tokens": []}
            plain = not self.old and body.get("parse_special") is False
            text = body["content"]
            ids = self.backend.tokenize(text) if plain else with_control(self.backend, text)
            return {"tokens": ids}
        if self.kind == "vllm":
            ids = with_control(self.backend, body["prompt"])
            return {"count": len(ids), "max_model_len": self.n_ctx, "tokens": ids}
        return None

    def detokenize(self, body: dict[str, Any]) -> dict[str, Any] | None:
        text = self.backend.detokenize(body["tokens"])
        return {"llama-server": {"content": text}, "vllm": {"prompt": text}}.get(self.kind)

    def echo(self, body: dict[str, Any]) -> dict[str, Any]:
        ids = body["prompt"]
        assert self.kind == "vllm" and body["max_tokens"] == 0
        values = [None, *self.backend.score(ids[:1], ids[1:])]
        tokens = [self.backend.detokenize([token_id]) for token_id in ids]
        choice = {"text": "".join(tokens), "logprobs": {"tokens": tokens, "token_logprobs": values}}
        return {"choices": [{**choice, "index": 0, "finish_reason": "length"}]}

    def complete(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """The events of the answer."""
        assert body["temperature"] == 0
        prompt = body["prompt"]
        ids = with_control(self.backend, prompt) if isinstance(prompt, str) else prompt
        ids = ids if self.kind != "plain" else ids[-(self.n_ctx - body["max_tokens"]) :]
        done = self.backend.generate(GenerateRequest(tuple(ids), body["max_tokens"]))
        events = [self.event(piece, values) for piece, values in self.pieces(done)]
        ended = done.stop_reason == "end"
        if ended and self.kind == "vllm":
            events.append(self.event("", [("<|endoftext|>", -0.5)]))
        events.append({"choices": [{"text": "", "finish_reason": "stop" if ended else "length"}]})
        return [*events, {"choices": [], "usage": {"prompt_tokens_details": {"cached_tokens": 7}}}]

    def pieces(self, done: Generated) -> Iterator[tuple[str, list[tuple[str, float]]]]:
        start = 0
        for end, logprob in zip(done.token_ends, done.token_logprobs, strict=True):
            text = done.text[start:end]
            yield text, [(text, logprob)]
            start = end

    def event(self, text: str, values: list[tuple[str, float]]) -> dict[str, Any]:
        logprobs: dict[str, Any] | None = None
        if self.kind == "llama-server":
            logprobs = {"content": [{"id": 1, "token": token, "logprob": value} for token, value in values]}
        elif self.kind == "vllm":
            tokens, numbers = zip(*values, strict=True)
            logprobs = {"tokens": tokens, "token_logprobs": numbers, "text_offset": [0] * len(tokens)}
        return {"choices": [{"text": text, "index": 0, "logprobs": logprobs, "finish_reason": None}]}


def joined(events: list[dict[str, Any]]) -> dict[str, Any]:
    """One answer instead of a stream."""
    choices = [event["choices"][0] for event in events if event["choices"]]
    rows = [choice["logprobs"] for choice in choices if choice.get("logprobs")]
    logprobs = {key: [value for row in rows for value in row[key]] for key in rows[0]} if rows else None
    text = "".join(choice["text"] for choice in choices)
    return {"choices": [{"text": text, "logprobs": logprobs, "finish_reason": choices[-1]["finish_reason"]}]}


class QuietServer(ThreadingHTTPServer):
    """Clients that go away in the middle are what is tested."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def serve(rig: Rig) -> ThreadingHTTPServer:
    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            self.respond(None)

        def do_POST(self) -> None:
            self.respond(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def respond(self, body: Any) -> None:
            rig.seen.append((self.path, body, dict(self.headers)))
            scripted = rig.answer(self.path, body)
            if scripted is not None:
                self.send(*scripted)
            elif self.path == "/v1/completions" and set(rig.unknown) & body.keys():
                self.send(400, {}, b'{"error": {"message": "unknown field"}}')
            elif self.path == "/v1/completions" and body.get("echo"):
                self.send_json(rig.echo(body))
            elif self.path == "/v1/completions":
                events = rig.complete(body)
                self.stream(events) if body["stream"] and rig.streams else self.send_json(joined(events))
            elif rig.kind == "vllm" and self.path == "/tokenize" and "prompt" not in body:
                self.send(400, {}, b'{"object": "error", "message": "prompt: field required", "code": 400}')
            else:
                found = {
                    "/v1/models": rig.models,
                    "/props": rig.props,
                    "/tokenize": lambda: rig.tokenize(body),
                    "/detokenize": lambda: rig.detokenize(body),
                }.get(self.path, lambda: None)()
                self.send_json(found) if found else self.send(404, {}, b'{"detail": "Not Found"}')

        def send_json(self, answer: Any) -> None:
            self.send(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())

        def send(self, status: int, headers: dict[str, str], data: bytes) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def stream(self, events: list[dict[str, Any]]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for line in (": hello", *(f"data: {json.dumps(event)}" for event in events), "data: [DONE]"):
                    time.sleep(rig.pause_s)
                    data = f"{line}\n\n".encode()
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                    rig.sent_events += 1
                self.wfile.write(b"0\r\n\r\n")
            except ConnectionError:
                rig.broken_off.set()
                self.close_connection = True

    server = QuietServer(("127.0.0.1", 0), Answers)
    rig.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPOCODER_REMOTE_KEY", raising=False)


@pytest.fixture(scope="session")
def embedded() -> Iterator[LocalGenerator]:
    """The model behind the servers, and the one to compare with."""
    model = open_generator(threads=1)
    yield model
    model.close()


@pytest.fixture
def rig() -> Iterator[Callable[..., Rig]]:
    """Start a server; takes the fields of `Rig`."""
    servers: list[ThreadingHTTPServer] = []

    def start(kind: str, backend: Generator, **options: Any) -> Rig:
        made = Rig(kind, backend, **options)
        servers.append(serve(made))
        return made

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def connect() -> Iterator[Callable[..., RemoteGenerator]]:
    """`open_remote` with little patience; what was opened is closed."""
    opened: list[RemoteGenerator] = []

    def open_(url: str, **options: Any) -> RemoteGenerator:
        opened.append(open_remote(url, **{"patience": QUICK, **options}))
        return opened[-1]

    yield open_
    for remote in opened:
        remote.close()
