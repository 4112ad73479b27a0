"""Only the pinned content is accepted, from a server on this machine; whatever fails is one line and leaves nothing."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from eval.datasets import NAMES, archives, fetch
from eval.datasets.fetch import Fetched, Pin, fetch_archive, git_blob_id
from repocoder.errors import LockedError, RepocoderError, StorageError, UsageError

CONTENT = os.urandom(700_000)


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


PIN = Pin("owner/name", "c" * 40, "folder/data.zip", blob_id(CONTENT), "repoeval/data.zip")
ADDRESS = f"/owner/name/{'c' * 40}/folder/data.zip"


class Server(ThreadingHTTPServer):
    """Serves one content at one address, with the faults that a test asks for."""

    content = CONTENT
    status = 200
    stop_after = 0  # bytes after which the connection breaks, 0: never
    ranges = True  # does it know parts?
    redirect = ""
    announce = True
    asked: list[str]  # the `Range` of each request

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when the client has hung up, as it does with too much content."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        part = self.headers.get("Range", "")
        server.asked.append(part)
        if server.redirect or self.path != ADDRESS or server.status != 200:
            self.send_response(302 if server.redirect else 404 if self.path != ADDRESS else server.status)
            if server.redirect:
                self.send_header("Location", server.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(part[6:-1]) if part and server.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}"
            )
        data = server.content[start:]
        if server.announce:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: server.stop_after or None])

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(server: Server, folder: Path, pin: Pin = PIN) -> Fetched:
    return fetch_archive(pin, folder, server=f"http://127.0.0.1:{server.server_address[1]}")


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def check_refused(server: Server, folder: Path, message: str, left: list[str], pin: Pin = PIN) -> None:
    with pytest.raises(StorageError, match=message) as caught:
        get(server, folder, pin)
    assert "\n" not in str(caught.value)
    assert files(folder) == left


def test_the_pinned_content_is_kept(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    address = f"http://127.0.0.1:{server.server_address[1]}"
    got = fetch_archive(PIN, tmp_path, lambda *step: seen.append(step), server=address)
    assert got == Fetched(tmp_path / PIN.place, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert got.path.read_bytes() == CONTENT
    assert files(tmp_path) == [PIN.place]
    assert seen[-1] == ("data.zip", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted({done for _, done, _ in seen})
    assert get(server, tmp_path) == got
    assert server.asked == [""]  # what is there is not asked for again


def test_other_content_is_refused(server: Server, tmp_path: Path) -> None:
    server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    check_refused(server, tmp_path, "fetch: data.zip: not the pinned content: it was deleted", [])
    server.content = CONTENT + b"0"
    check_refused(server, tmp_path, "not the pinned content", [])


def test_a_damaged_copy_is_replaced(server: Server, tmp_path: Path) -> None:
    target = tmp_path / PIN.place
    target.parent.mkdir()
    target.write_bytes(b"damaged")
    assert get(server, tmp_path).path.read_bytes() == CONTENT


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_goes_on(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.stop_after = 300_000
    part = f"{PIN.place}.part"
    check_refused(
        server, tmp_path, r"the connection ended after 300000 of 700000 bytes: try again: what came", [part]
    )
    assert (tmp_path / part).read_bytes() == CONTENT[:300_000]
    server.stop_after, server.ranges = 0, ranges
    assert get(server, tmp_path).path.read_bytes() == CONTENT
    assert server.asked == ["", "bytes=300000-"]
    assert files(tmp_path) == [PIN.place]


def test_a_part_of_something_else_is_found_out(server: Server, tmp_path: Path) -> None:
    part = tmp_path / f"{PIN.place}.part"
    part.parent.mkdir()
    part.write_bytes(b"x" * 300_000)
    check_refused(server, tmp_path, "not the pinned content", [])
    assert get(server, tmp_path).path.read_bytes() == CONTENT


def test_a_whole_part_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    part = tmp_path / f"{PIN.place}.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT)
    assert get(server, tmp_path).path.read_bytes() == CONTENT
    assert server.asked == []


def test_an_unannounced_size_is_no_hindrance(server: Server, tmp_path: Path) -> None:
    server.announce = False
    assert get(server, tmp_path).path.read_bytes() == CONTENT


@pytest.mark.parametrize("announce", [True, False])
def test_too_much_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, announce: bool
) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 600_000)
    server.announce = announce
    check_refused(server, tmp_path, "refused", [])


@pytest.mark.parametrize("status", [404, 403, 500, 503])
def test_an_error_of_the_server_is_one_line(server: Server, tmp_path: Path, status: int) -> None:
    server.status = status
    check_refused(server, tmp_path, rf"fetch: data.zip: .*: the server answers {status} .*--data DIR", [])


def test_a_part_that_does_not_fit_is_deleted(server: Server, tmp_path: Path) -> None:
    server.status = 416
    part = tmp_path / f"{PIN.place}.part"
    part.parent.mkdir()
    part.write_bytes(b"x")
    check_refused(server, tmp_path, "what came before does not fit: it was deleted", [])


def test_no_network_is_one_line(tmp_path: Path) -> None:
    with Server(("127.0.0.1", 0), Handler) as unused:
        port = unused.server_address[1]
    with pytest.raises(
        StorageError, match=r"fetch: data.zip: no answer from http://127.* \(.*refused\): try again"
    ):
        fetch_archive(PIN, tmp_path, server=f"http://127.0.0.1:{port}")
    assert files(tmp_path) == []


def test_only_https_is_spoken(server: Server, tmp_path: Path) -> None:
    for address in (
        "http://localhost:1",
        "http://example.org",
        "ftp://example.org",
        "file:///etc",
        "http://127.0.0.1.org",
    ):
        with pytest.raises(StorageError, match="not HTTPS: refused"):
            fetch_archive(PIN, tmp_path, server=address)
    for target in (f"http://127.0.0.1:{server.server_address[1]}/other", "ftp://x/y"):
        server.redirect = target
        check_refused(server, tmp_path, re.escape(f"{target}: not HTTPS: refused"), [])
    server.redirect = "file:///etc/passwd"
    check_refused(server, tmp_path, "Redirection to url 'file:///etc/passwd' is not allowed", [])
    assert server.asked == [""] * 3  # none was followed
    assert fetch.SERVER.startswith("https://")


def test_a_failing_disk_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        check_refused(server, tmp_path, r"fetch: .*data\.zip: No space left on device: free some space", [])
    with monkeypatch.context() as patch:
        patch.setattr(fetch, "SPARE_BYTES", 1 << 60)
        check_refused(server, tmp_path, "No space left on device", [])
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="make the folder writable"):
        get(server, tmp_path / "file")


def test_a_second_fetch_waits_for_nobody(server: Server, tmp_path: Path) -> None:
    (tmp_path / PIN.place).parent.mkdir()
    with (
        fetch._locked_part(tmp_path / f"{PIN.place}.part", PIN),
        pytest.raises(LockedError, match="another process"),
    ):
        get(server, tmp_path)


def test_fetch_downloads_each_archive_once_and_unpacks_it(
    server: Server, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as writer:
        writer.writestr("inner/file", "text")
    server.content = bundle.getvalue()
    pin = replace(PIN, blob=blob_id(server.content))
    monkeypatch.setattr(fetch, "ARCHIVES", {"repoeval-line": (pin,), "repoeval-api": (pin,)})
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(
        fetch,
        "fetch_archive",
        lambda pin, folder, progress: fetch_archive(pin, folder, progress, server=address),
    )
    (got,) = fetch.fetch(["repoeval-line", "repoeval-api"])
    assert got.path == cache / PIN.place
    assert server.asked == [""]
    assert (archives.unpacked(got.path) / "inner" / "file").read_text(encoding="utf-8") == "text"
    (other,) = fetch.fetch(["repoeval-line"], tmp_path / "own")
    assert other.path == tmp_path / "own" / PIN.place


def test_every_benchmark_has_pins() -> None:
    assert tuple(fetch.ARCHIVES) == NAMES
    for pin in {pin for pins in fetch.ARCHIVES.values() for pin in pins}:
        assert re.fullmatch(r"[0-9a-f]{40}", pin.revision)
        assert re.fullmatch(r"[0-9a-f]{40}", pin.blob)
        assert pin.place.endswith(f"/{pin.name}")
        assert pin.name.endswith(archives.SUFFIXES)
    with pytest.raises(UsageError, match="fetch: humaneval: no such benchmark: choose of repoeval-line, "):
        fetch.fetch(["humaneval"])


def test_the_name_of_content_is_the_one_that_git_gives(tmp_path: Path) -> None:
    for data in (b"", b"text\n", CONTENT):
        path = tmp_path / "file"
        path.write_bytes(data)
        answer = subprocess.run(["git", "hash-object", "--no-filters", path], capture_output=True, text=True)
        assert git_blob_id(path) == answer.stdout.strip() == blob_id(data)


def test_errors_are_of_the_kind_that_the_command_line_shows() -> None:
    assert issubclass(StorageError, RepocoderError)
    assert not issubclass(fetch._Interrupted, RepocoderError)
