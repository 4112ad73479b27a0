"""Archives are fetched once, and used only if they are the ones that the catalogue names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from indexer.errors import StorageError
from repocoder.errors import UsageError
from tests.training.corpus.conftest import MakeArchive, digest
from training.corpus import fetch as fetching
from training.corpus.catalogue import Package
from training.corpus.fetch import archive_of, fetch


@pytest.fixture
def package(wheel: MakeArchive) -> tuple[Package, Path]:
    """A package and the archive that an index would hand out."""
    archive = wheel("served.whl", {"a/b.py": "b = 1\n"})
    return Package("A.b", "1.0", "MIT", "wheel", digest(archive)), archive


@pytest.fixture
def index(package: tuple[Package, Path], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces the command of pip by a copy of the archive; the list grows by one each time."""
    asked: list[str] = []

    def command(wanted: Package, scratch: str) -> list[str]:
        asked.append(wanted.name)
        return [sys.executable, "-c", f"import shutil; shutil.copy({str(package[1])!r}, {scratch!r})"]

    monkeypatch.setattr(fetching, "_command", command)
    return asked


def test_an_archive_is_fetched_once(package: tuple[Package, Path], index: list[str], tmp_path: Path) -> None:
    for _ in range(2):
        found = fetch([package[0]], tmp_path / "archives")
        assert found == {"A.b": tmp_path / "archives" / "a-b-1.0.whl"}
        assert digest(found["A.b"]) == package[0].sha256
    assert index == ["A.b"]
    assert [path.name for path in (tmp_path / "archives").iterdir()] == ["a-b-1.0.whl"]


def test_a_damaged_archive_is_fetched_again(
    package: tuple[Package, Path], index: list[str], tmp_path: Path
) -> None:
    target = archive_of(package[0], tmp_path)
    target.write_bytes(b"half of it")
    fetch([package[0]], tmp_path)
    assert digest(target) == package[0].sha256


def test_another_digest_is_refused(package: tuple[Package, Path], index: list[str], tmp_path: Path) -> None:
    other = Package("A.b", "1.0", "MIT", "wheel", "0" * 64)
    with pytest.raises(UsageError, match=r"A\.b 1\.0: SHA-256 is [0-9a-f]{64}, not the catalogue's"):
        fetch([other], tmp_path / "archives")
    assert list((tmp_path / "archives").iterdir()) == []


def test_offline_says_what_is_missing(
    package: tuple[Package, Path], index: list[str], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"A\.b 1\.0: run once without --offline"):
        fetch([package[0]], tmp_path, offline=True)
    assert index == []


def test_a_failed_download_is_one_line(
    package: tuple[Package, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('no such version\\nat all')"]
    monkeypatch.setattr(fetching, "_command", lambda wanted, scratch: failing)
    with pytest.raises(UsageError, match=r"could not be fetched \(at all\)"):
        fetch([package[0]], tmp_path)
    monkeypatch.setattr(fetching, "_command", lambda wanted, scratch: ["no-such-program-here"])
    with pytest.raises(UsageError, match=r"no-such-program-here: .*: install it, or try again"):
        fetch([package[0]], tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(package: tuple[Package, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="name a folder that can be written"):
        fetch([package[0]], tmp_path / "file" / "archives")


@pytest.mark.parametrize("kind", ["wheel", "npm"])
def test_nothing_of_a_package_is_run(kind: str) -> None:
    command = fetching._command(Package("a", "1", "MIT", kind, "0" * 64), "/scratch")  # type: ignore[arg-type]
    assert (
        ("--ignore-scripts" in command)
        if kind == "npm"
        else (command[command.index(":all:") - 1] == "--only-binary")
    )
