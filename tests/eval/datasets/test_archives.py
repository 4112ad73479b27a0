"""Archives are unpacked once, whole or not at all, and never outside of their folder."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from eval.datasets import archives
from eval.datasets.archives import unpacked
from repocoder.errors import StorageError, UsageError

CHILD = """
import sys
from pathlib import Path
from eval.datasets.archives import unpacked
print(unpacked(Path(sys.argv[1])))
"""
SLOW_CHILD = f"""
import time
from eval.datasets import archives
write = archives._Tree.write
def slow(self, name, content):
    write(self, name, content)
    print("half", flush=True)
    time.sleep(60)
archives._Tree.write = slow
{CHILD}
"""


def make_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:xz") as bundle:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            bundle.addfile(member, io.BytesIO(data))
    return path


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in files.items():
            bundle.writestr(name, data)
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


FILES = {"repo/a.py": b"a = 1\r\n", "repo/pkg/b.py": b"\xef\xbb\xbfb = 2", "other/empty": b""}


@pytest.mark.parametrize(("make", "name"), [(make_tar, "a.tar.xz"), (make_zip, "a.zip")])
def test_content_is_unpacked_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, make: type, name: str
) -> None:
    archive = make(tmp_path / name, FILES)
    folder = unpacked(archive)
    assert folder.is_relative_to(cache)
    assert content(folder) == FILES
    monkeypatch.setattr(archives, "_unpack", None)  # would fail
    assert unpacked(archive) == folder
    copy = tmp_path / f"copy-{name}"
    copy.write_bytes(archive.read_bytes())
    assert unpacked(copy) == folder  # by content, not by name


def test_a_changed_archive_gets_a_folder_of_its_own(tmp_path: Path, cache: Path) -> None:
    first = unpacked(make_tar(tmp_path / "a.tar.xz", FILES))
    second = unpacked(make_tar(tmp_path / "a.tar.xz", FILES | {"more": b"1"}))
    assert first != second
    assert content(first) == FILES
    assert content(second) == FILES | {"more": b"1"}


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/tmp/out", "a\\..\\out"])
@pytest.mark.parametrize(("make", "file"), [(make_tar, "a.tar.xz"), (make_zip, "a.zip")])
def test_names_that_lead_outside_are_refused(
    tmp_path: Path, cache: Path, make: type, file: str, name: str
) -> None:
    archive = make(tmp_path / file, {"good": b"1", name: b"2"})
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=r"damaged or hostile .* would land outside") as caught:
        unpacked(archive)
    assert "\n" not in str(caught.value)
    left = {path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"}
    assert left == before


def test_links_and_devices_are_left_out(tmp_path: Path, cache: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s", encoding="utf-8")
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as bundle:
        for name, kind, target in (
            ("repo/link", tarfile.SYMTYPE, str(secret)),
            ("repo/hard", tarfile.LNKTYPE, "../../secret"),
            ("repo/pipe", tarfile.FIFOTYPE, ""),
            ("repo/device", tarfile.CHRTYPE, ""),
            ("out", tarfile.SYMTYPE, str(tmp_path)),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            bundle.addfile(member)
        member = tarfile.TarInfo("out/planted")  # through the link above, if it were made
        member.size = 1
        bundle.addfile(member, io.BytesIO(b"x"))
    assert content(unpacked(path)) == {"out/planted": b"x"}
    assert not (tmp_path / "planted").exists()
    linked = tmp_path / "a.zip"
    with zipfile.ZipFile(linked, "w") as bundle:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        bundle.writestr(info, str(secret))
        bundle.writestr("file", "1")
    assert content(unpacked(linked)) == {"file": b"1"}


@pytest.mark.parametrize(("make", "name"), [(make_tar, "a.tar.xz"), (make_zip, "a.zip")])
@pytest.mark.parametrize(("limit", "value"), [("MAX_BYTES", 1000), ("MAX_FILES", 3)])
def test_bombs_are_refused(
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: type,
    name: str,
    limit: str,
    value: int,
) -> None:
    monkeypatch.setattr(archives, limit, value)
    archive = make(tmp_path / name, {f"{n}": b"0" * 300 for n in range(4)})
    with pytest.raises(UsageError, match="not an archive of a benchmark"):
        unpacked(archive)
    assert [path.suffix for path in (cache / "unpacked").iterdir()] == [".lock"]


@pytest.mark.parametrize(("make", "name"), [(make_tar, "a.tar.xz"), (make_zip, "a.zip")])
def test_damage_leaves_nothing(tmp_path: Path, cache: Path, make: type, name: str) -> None:
    data = make(tmp_path / name, {f"{n}": os.urandom(3000) for n in range(9)}).read_bytes()
    flipped = bytearray(data)
    flipped[5000] ^= 0xFF
    for damaged in (data[:9000], bytes(flipped), b"no archive", b""):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(UsageError, match="damaged or hostile"):
            unpacked(tmp_path / name)
        assert {path.suffix for path in (cache / "unpacked").iterdir()} == {".lock"}


def test_a_full_disk_leaves_nothing(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_tar(tmp_path / "a.tar.xz", FILES)

    def full(tree: archives._Tree, name: str, content: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(archives._Tree, "write", full)
        with pytest.raises(
            StorageError, match=r"unpack: .*a\.tar\.xz: No space left on device: free some space"
        ):
            unpacked(archive)
    assert [path.suffix for path in (cache / "unpacked").iterdir()] == [".lock"]
    assert content(unpacked(archive)) == FILES
    with pytest.raises(StorageError, match="No such file"):
        unpacked(tmp_path / "none.tar.xz")


def test_two_processes_at_once_and_one_killed(tmp_path: Path, cache: Path) -> None:
    files = {f"repo/{n}.py": b"x = 1\n" * n for n in range(200)}
    archive = make_tar(tmp_path / "a.tar.xz", files)

    def child(code: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, str(archive)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
        )

    killed = child(SLOW_CHILD)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "half\n"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    stumps = [path for path in (cache / "unpacked").iterdir() if path.is_dir()]
    assert [content(path) for path in stumps] == [{"repo/0.py": b""}]  # half a tree, under another name
    children = [child(CHILD), child(CHILD)]
    answers = {process.communicate(timeout=60)[0].strip() for process in children}
    assert [process.returncode for process in children] == [0, 0]
    (folder,) = answers
    assert content(Path(folder)) == files
    assert [path for path in (cache / "unpacked").iterdir() if path.is_dir()] == [Path(folder)]
