"""What is completed: a file as it is, or an unsaved edit."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from repocoder.buffer import open_buffer
from repocoder.errors import UsageError
from repocoder.types import CompletionRequest


def test_a_file_and_the_end_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"one\r\n  two\r\n")
    buffer = open_buffer(tmp_path, CompletionRequest("a.py", 2))
    assert (buffer.text, buffer.column) == ("one\r\n  two\r\n", 5)
    assert buffer.sha256 == hashlib.sha256(b"one\r\n  two\r\n").hexdigest()


def test_an_unsaved_buffer_needs_no_file(tmp_path: Path) -> None:
    assert open_buffer(tmp_path, CompletionRequest("new.py", 1, text="x = ")).column == 4


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [("a.py", b"x\0y", "binary"), ("a.py", b"\xff\xfe", "not UTF-8"), ("a.py", b"x" * (9 << 20), "larger")],
)
def test_what_cannot_be_completed_is_refused_in_one_line(
    tmp_path: Path, name: str, data: bytes, word: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=word) as caught:
        open_buffer(tmp_path, CompletionRequest(name, 1))
    assert "\n" not in str(caught.value)


def test_files_of_secrets_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CANARY=1\n")
    with pytest.raises(UsageError, match="secrets"):
        open_buffer(tmp_path, CompletionRequest(".env", 1))


def test_links_folders_pipes_and_missing_files_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.py").write_text("CANARY = 1\n")
    (root / "link.py").symlink_to(tmp_path / "secret.py")
    os.mkfifo(root / "pipe.py")
    for path in ("link.py", "pipe.py", "missing.py", ".", "../secret.py", "link.py/x"):
        with pytest.raises(UsageError) as caught:
            open_buffer(root, CompletionRequest(path, 1))
        assert "CANARY" not in str(caught.value)
