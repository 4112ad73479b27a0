"""Writing a file back: atomic, only over the bytes that were read, never through a link."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from repocoder import edits
from repocoder.edits import read_text_file, replace_file
from repocoder.errors import StaleTargetError, StorageError, UsageError

LIMIT = 1 << 20


def _root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "package").mkdir(parents=True)
    return root


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a = 1\n",
        b"no end",
        b"crlf\r\nlines\r\n",
        b"mixed\r\nlines\nand\rmore",
        "\ufeffbom\n".encode(),
        "form\x0cfeed \x85 next \u2028 line\n".encode(),
        b"\x1b]52;c;AAAA\x07\n",
    ],
)
def test_writing_what_was_read_leaves_the_file_identical(tmp_path: Path, data: bytes) -> None:
    root = _root(tmp_path)
    target = root / "package" / "module.py"
    target.write_bytes(data)
    file = read_text_file(root, "package/module.py", LIMIT)
    replace_file(root, file.path, file.encode(file.text), expected_sha256=file.sha256)
    assert target.read_bytes() == data
    assert [entry.name for entry in target.parent.iterdir()] == ["module.py"]


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o664])
def test_the_mode_is_kept(tmp_path: Path, mode: int) -> None:
    root = _root(tmp_path)
    target = root / "run.sh"
    target.write_text("old")
    target.chmod(mode)
    file = read_text_file(root, "run.sh", LIMIT)
    digest = replace_file(root, "run.sh", b"new", expected_sha256=file.sha256)
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert read_text_file(root, "run.sh", LIMIT).sha256 == digest


def test_a_file_that_changed_is_not_overwritten(tmp_path: Path) -> None:
    root = _root(tmp_path)
    target = root / "a.py"
    target.write_text("mine")
    file = read_text_file(root, "a.py", LIMIT)
    target.write_text("theirs")
    with pytest.raises(StaleTargetError, match=r"changed on disk: a\.py") as caught:
        replace_file(root, "a.py", b"new", expected_sha256=file.sha256)
    assert caught.value.exit_code == 7
    assert target.read_text() == "theirs"
    replace_file(root, "a.py", b"new", expected_sha256=None)
    assert target.read_text() == "new"


def test_a_file_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    root = _root(tmp_path)
    outside = tmp_path / "outside"
    outside.write_text("same")
    target = root / "a.py"
    target.write_text("same")
    file = read_text_file(root, "a.py", LIMIT)
    target.unlink()
    target.symlink_to(outside)
    for expected in (file.sha256, None):
        with pytest.raises(StaleTargetError):
            replace_file(root, "a.py", b"new", expected_sha256=expected)
    assert outside.read_text() == "same"
    assert target.is_symlink()


def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    root = _root(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.py").write_text("same")
    (root / "package" / "a.py").write_text("same")
    file = read_text_file(root, "package/a.py", LIMIT)
    (root / "package" / "a.py").unlink()
    (root / "package").rmdir()
    (root / "package").symlink_to(elsewhere)
    with pytest.raises(StorageError):
        replace_file(root, "package/a.py", b"new", expected_sha256=file.sha256)
    with pytest.raises(UsageError):
        read_text_file(root, "package/a.py", LIMIT)
    assert (elsewhere / "a.py").read_text() == "same"


def test_a_removed_file_is_only_written_when_that_is_wanted(tmp_path: Path) -> None:
    root = _root(tmp_path)
    target = root / "a.py"
    target.write_text("x")
    file = read_text_file(root, "a.py", LIMIT)
    target.unlink()
    with pytest.raises(StaleTargetError, match="removed on disk"):
        replace_file(root, "a.py", b"new", expected_sha256=file.sha256)
    replace_file(root, "a.py", b"new", expected_sha256=None)
    assert target.read_text() == "new"


def test_a_change_between_the_comparison_and_the_rename_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = _root(tmp_path)
    target = root / "a.py"
    target.write_text("x")
    file = read_text_file(root, "a.py", LIMIT)
    keep = edits._keep_attributes

    def change_then_keep(*arguments: object) -> None:
        keep(*arguments)  # type: ignore[arg-type]
        target.write_text("in between")

    monkeypatch.setattr(edits, "_keep_attributes", change_then_keep)
    with pytest.raises(StaleTargetError):
        replace_file(root, "a.py", b"new", expected_sha256=file.sha256)
    assert target.read_text() == "in between"
    assert [entry.name for entry in root.iterdir() if entry.is_file()] == ["a.py"]


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_failing_disk_leaves_the_old_file_and_no_stump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    root = _root(tmp_path)
    target = root / "a.py"
    target.write_text("old")
    file = read_text_file(root, "a.py", LIMIT)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(StorageError, match="No space left") as caught:
        replace_file(root, "a.py", b"new", expected_sha256=file.sha256)
    monkeypatch.undo()
    assert caught.value.exit_code == 6
    assert target.read_text() == "old"
    assert [entry.name for entry in root.iterdir() if entry.is_file()] == ["a.py"]


def test_what_is_no_text_is_refused_with_the_reason(tmp_path: Path) -> None:
    root = _root(tmp_path)
    (root / "nul.py").write_bytes(b"x" * 9000 + b"\0")
    (root / "latin.py").write_bytes("é".encode("latin-1"))
    (root / "large.py").write_bytes(b"x" * 100)
    os.mkfifo(root / "pipe.py")
    cases = {
        "nul.py": "binary",
        "latin.py": "not UTF-8",
        "large.py": "too large",
        "pipe.py": "not a regular file",
        "package": "not a regular file",
        "gone.py": "no such file",
        "../outside": "not inside",
        "/etc/passwd": "not inside",
    }
    for path, reason in cases.items():
        with pytest.raises(UsageError, match=reason):
            read_text_file(root, path, 99 if path == "large.py" else LIMIT)
