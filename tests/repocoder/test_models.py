"""The record of models, trust by digest, and downloads from a hub that runs on this machine."""

from __future__ import annotations

import fcntl
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from repocoder import download, models, paths
from repocoder.errors import ModelError
from repocoder.models import EMBEDDED_NAME, RECOMMENDED, Recommended

TOKENS = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "repocoder"


@pytest.fixture
def file(write_gguf: Callable[..., Path]) -> Path:
    return write_gguf({"general.name": "mine"}, TOKENS, control=TOKENS, name="my model.gguf")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_embedded_model_is_the_pinned_one() -> None:
    found = models.resolve()
    assert found == models.resolve(EMBEDDED_NAME)
    assert found.sha256 == digest(found.path) == models.EMBEDDED_SHA256
    assert found.max_ctx == models.EMBEDDED_CTX
    assert models.EMBEDDED_SHA256 in found.path.with_suffix(".md").read_text()


def test_a_changed_embedded_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy.gguf"
    data = bytearray(models.EMBEDDED_FILE.read_bytes())
    data[-1] ^= 1
    copy.write_bytes(data)
    monkeypatch.setattr(models, "EMBEDDED_FILE", copy)
    for call in (models.resolve, lambda: models.verify(EMBEDDED_NAME)):
        with pytest.raises(ModelError, match="not the file of this release"):
            call()


def test_add_list_verify_remove(file: Path, data_home: Path) -> None:
    added = models.add(file)
    assert (added.name, added.sha256) == ("my_model", digest(file))
    assert added.path == data_home / "models" / "my_model.gguf"
    assert added.path.samefile(file)  # a hard link where that is possible
    assert models.add(file) == added  # again: nothing new
    embedded, row = models.list_models()
    assert (embedded.name, embedded.template, embedded.n_ctx) == (
        EMBEDDED_NAME,
        "repocoder",
        models.EMBEDDED_CTX,
    )
    assert embedded.note == models.EMBEDDED_NOTE and embedded.origin == "embedded"
    assert (row.name, row.template, row.n_ctx, row.size) == ("my_model", "granite", 512, file.stat().st_size)
    assert (row.origin, row.problem, row.sha256) == ("added", "", added.sha256)
    assert models.verify("my_model") == models.resolve("my_model") == added
    assert (data_home / "models.json").stat().st_mode & 0o077 == 0
    assert models.remove("my_model") is True
    assert file.exists() and not added.path.exists()
    assert [row.name for row in models.list_models()] == [EMBEDDED_NAME]


def test_a_linked_file_stays_where_it_is(file: Path) -> None:
    added = models.add(file, name="linked", link=True)
    assert added.path == file
    assert models.remove("linked") is False
    assert file.exists()


def test_a_copy_where_links_are_impossible(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError("no hard links")

    monkeypatch.setattr(os, "link", no_links)
    added = models.add(file)
    assert not added.path.samefile(file) and digest(added.path) == digest(file)
    assert [place.name for place in added.path.parent.iterdir()] == ["my_model.gguf"]


def test_a_file_that_changes_is_found_without_hashing_and_its_digest_with(file: Path) -> None:
    models.add(file, name="m", link=True)
    hashed: list[Path] = []
    real = models.file_sha256
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "file_sha256", lambda path: hashed.append(path) or real(path))
        models.resolve("m")
        assert hashed == []  # untouched: taken as it is
        os.utime(file)
        models.resolve("m")
        models.resolve("m")
        assert hashed == [file]  # touched: hashed once
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    for call in (models.resolve, models.verify):
        with pytest.raises(ModelError, match="changed since it was recorded") as caught:
            call("m")
        assert caught.value.exit_code == 4


def test_a_change_that_hides_its_times_is_found_by_verify(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.add(file, name="m", link=True)
    stamp = models.Stamp.of(file)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    monkeypatch.setattr(models.Stamp, "of", classmethod(lambda *_: stamp))
    assert models.resolve("m").sha256 != digest(file)
    with pytest.raises(ModelError, match="changed since"):
        models.verify("m")


def test_a_path_is_hashed_once_and_again_when_touched(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []
    real = models.file_sha256
    monkeypatch.setattr(models, "file_sha256", lambda path: hashed.append(path) or real(path))
    for _ in range(3):
        assert models.resolve(str(file)).sha256 == digest(file)
    assert len(hashed) == 1
    os.utime(file, (1, 1))
    models.resolve(str(file))
    assert len(hashed) == 2


def test_a_copy_of_the_embedded_file_has_its_context_too(tmp_path: Path) -> None:
    copy = Path(shutil.copy(models.EMBEDDED_FILE, tmp_path / "other.gguf"))
    assert models.resolve(str(copy)).max_ctx == models.EMBEDDED_CTX


def test_mistakes_are_one_line_and_exit_4(file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF" + b"\xff" * 100)
    models.add(file, name="taken")
    other = tmp_path / "other.gguf"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    other.write_bytes(data)
    calls: list[Callable[[], object]] = [
        lambda: models.resolve("nowhere"),
        lambda: models.resolve(str(tmp_path / "nowhere.gguf")),
        lambda: models.resolve(str(bad)),
        lambda: models.resolve(str(tmp_path)),
        lambda: models.resolve("qwen2.5-coder-1.5b"),
        lambda: models.add(bad),
        lambda: models.add(tmp_path / "nowhere"),
        lambda: models.add(file, name="../escape"),
        lambda: models.add(file, name=EMBEDDED_NAME),
        lambda: models.add(other, name="taken"),
        lambda: models.verify("nowhere"),
        lambda: models.remove("nowhere"),
        lambda: models.remove(EMBEDDED_NAME),
        lambda: download.find_recommended("nowhere"),
    ]
    for call in calls:
        with pytest.raises(ModelError) as caught:
            call()
        assert caught.value.exit_code == 4 and "\n" not in str(caught.value)
    with pytest.raises(ModelError, match=r"models pull qwen2\.5-coder-1\.5b"):
        models.resolve("qwen2.5-coder-1.5b")


def test_a_lost_file_is_listed_with_its_problem(file: Path) -> None:
    added = models.add(file)
    added.path.unlink()
    row = models.list_models()[1]
    assert row.problem and row.name == "my_model"
    with pytest.raises(ModelError):
        models.resolve("my_model")
    assert models.remove("my_model") is False


def test_a_damaged_record_says_so(data_home: Path) -> None:
    data_home.mkdir(parents=True)
    for text in ("{", '{"version": 9}', '{"models": 3}'):
        (data_home / "models.json").write_text(text)
        with pytest.raises(ModelError, match="record of models"):
            models.list_models()


def test_pinned_downloads_are_well_formed() -> None:
    assert [model.name for model in RECOMMENDED] == [
        f"qwen2.5-coder-{size}" for size in ("0.5b", "1.5b", "3b")
    ]
    for model in RECOMMENDED:
        assert len(model.revision) == 40 and len(model.sha256) == 64
        int(model.revision, 16), int(model.sha256, 16)
        assert model.size > 100 << 20


# ---- a hub on this machine


class Hub(http.server.ThreadingHTTPServer):
    """Serves one file as the hub does: etag, commit, size, ranges. May break off in the middle."""

    def __init__(self, data: bytes, model: Recommended) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data, self.model = data, model
        self.etag, self.breaks_at, self.served, self.ranges = model.sha256, 0, 0, True
        self.requests: list[tuple[str, str, str | None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        hub = self.server
        hub.requests.append((self.command, self.path, self.headers.get("Range")))
        wanted = f"/{hub.model.repo}/resolve/{hub.model.revision}/{hub.model.file}"
        if self.path != wanted:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        first = 0 if not hub.ranges else int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        self.send_response(206 if first else 200)
        self.send_header("ETag", f'"{hub.etag}"')
        self.send_header("X-Repo-Commit", hub.model.revision)
        self.send_header("Content-Length", str(len(hub.data) - first))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(hub.data) - 1}/{len(hub.data)}")
        self.end_headers()
        if not body:
            return
        end = hub.breaks_at or len(hub.data)
        self.wfile.write(hub.data[first:end])
        hub.served += max(0, end - first)
        if hub.breaks_at:
            self.close_connection = True


@pytest.fixture
def hub(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    data = file.read_bytes() + bytes(3 << 20)
    model = Recommended(
        "small", "org/Small-GGUF", "small.gguf", "c" * 40, len(data), hashlib.sha256(data).hexdigest(), ""
    )
    server = Hub(data, model)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_HOME", str(paths.data_dir() / "hf"))
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_download_is_checked_recorded_and_shows_progress(hub: Hub, data_home: Path) -> None:
    steps: list[tuple[int, int]] = []
    got = download.pull(
        hub.model, progress=lambda done, size: steps.append((done, size)), endpoint=hub.address
    )
    assert got.path == data_home / "models" / "small.gguf" and got.sha256 == hub.model.sha256
    assert got.path.read_bytes() == hub.data
    assert steps[-1] == (len(hub.data), len(hub.data)) and [done for done, _ in steps] == sorted(
        done for done, _ in steps
    )
    assert models.resolve("small") == got
    assert models.list_models()[1].origin == "pulled"
    assert [place.name for place in (data_home / "models").iterdir()] == ["small.gguf"]


def test_a_broken_download_is_resumed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.file_download as hub_code

    monkeypatch.setattr(hub_code.time, "sleep", lambda _: None)
    monkeypatch.setattr(
        hub_code.constants, "DOWNLOAD_CHUNK_SIZE", 1 << 16
    )  # 10 MiB are written at once otherwise
    hub.breaks_at = 2 << 20
    with pytest.raises(ModelError, match="a second pull goes on"):
        download.pull(hub.model, endpoint=hub.address)
    hub.breaks_at, hub.served = 0, 0
    hub.requests.clear()
    assert download.pull(hub.model, endpoint=hub.address).sha256 == hub.model.sha256
    assert 0 < hub.served < len(hub.data)
    assert any(wanted and wanted != "bytes=0-" for _, _, wanted in hub.requests)


def test_a_server_that_knows_no_ranges_and_a_part_that_is_too_long(hub: Hub, data_home: Path) -> None:
    (data_home / "models").mkdir(parents=True)
    part = data_home / "models" / "small.part"
    part.write_bytes(b"x" * (len(hub.data) + 1))
    assert download.pull(hub.model, endpoint=hub.address).path.read_bytes() == hub.data
    hub.ranges = False
    part.write_bytes(hub.data[:1000])
    assert download.pull(hub.model, endpoint=hub.address).path.read_bytes() == hub.data
    part.write_bytes(b"another beginning")
    hub.ranges = True
    with pytest.raises(ModelError, match="not the pinned file"):
        download.pull(hub.model, endpoint=hub.address)
    assert not part.exists()


def test_two_downloads_of_one_model_at_once(hub: Hub, data_home: Path) -> None:
    (data_home / "models").mkdir(parents=True)
    with (data_home / "models" / "small.part").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ModelError, match="already"):
            download.pull(hub.model, endpoint=hub.address)


def test_another_file_than_the_pinned_one_is_refused(hub: Hub, data_home: Path) -> None:
    cases = (
        (replace(hub.model, size=hub.model.size + 1), "pinned are"),
        (replace(hub.model, sha256="0" * 64), "pinned is"),
    )
    for model, words in cases:
        with pytest.raises(ModelError, match=words):
            download.pull(model, endpoint=hub.address)
    assert hub.served == 0  # found before a byte came
    hub.etag = "no-digest"
    with pytest.raises(ModelError, match="not the pinned file"):
        download.pull(replace(hub.model, sha256="0" * 64), endpoint=hub.address)
    assert hub.served > 0
    assert not list((data_home / "models").glob("*.gguf"))
    assert len(models.list_models()) == 1


def test_a_hub_that_is_not_there_or_has_no_such_file(hub: Hub) -> None:
    for model, address in (
        (replace(hub.model, file="other.gguf"), hub.address),
        (hub.model, "http://127.0.0.1:9"),
    ):
        with pytest.raises(ModelError, match="check the network") as caught:
            download.pull(model, endpoint=address)
        assert "\n" not in str(caught.value)


def test_no_network_library_is_loaded_before_a_download() -> None:
    code = (
        "import sys, json, repocoder.models, repocoder.download, repocoder.llm.local\n"
        "repocoder.models.list_models()\n"
        "heavy = {'huggingface_hub', 'httpx', 'httpx2', 'requests', 'llama_cpp'}\n"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(answer) == []
