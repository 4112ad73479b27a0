"""Archives that mean harm, and what is installed."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import msgspec
import pytest

from repocoder.errors import UsageError
from tests.training.corpus.conftest import MakeArchive
from training.corpus import sources
from training.corpus.sources import (
    in_environment,
    in_npm_archive,
    in_standard_library,
    in_wheel,
    installed_digest,
    installed_version,
)


def is_python(path: str) -> bool:
    return path.endswith(".py")


def test_a_wheel_gives_what_was_asked_for(wheel: MakeArchive) -> None:
    listing = in_wheel(
        wheel("a.whl", {"a/b.py": "b = 1\n", "a/logo.png": "x", "a.dist-info/LICENSE": "MIT"}), is_python
    )
    assert listing.has_licence
    assert list(listing.members) == [("a/b.py", b"b = 1\n")]


def test_an_npm_archive_gives_paths_without_the_folder_around_them(npm_archive: MakeArchive) -> None:
    archive = npm_archive("a.tgz", {"package/src/b.py": "b = 1\n", "package/readme.md": "no licence"})
    listing = in_npm_archive(archive, is_python)
    assert not listing.has_licence
    assert list(listing.members) == [("src/b.py", b"b = 1\n")]


@pytest.mark.parametrize("name", ["../out.py", "/etc/out.py", "a/../../out.py", "a\\..\\out.py"])
def test_a_path_that_leads_outside_is_refused(
    name: str, wheel: MakeArchive, npm_archive: MakeArchive
) -> None:
    with pytest.raises(UsageError, match=r"a\.whl: .* would land outside: do not use this archive"):
        in_wheel(wheel("a.whl", {name: "x = 1\n"}), is_python)
    with pytest.raises(UsageError, match=r"a\.tgz: .* would land outside: do not use this archive"):
        in_npm_archive(npm_archive("a.tgz", {name: "x = 1\n"}), is_python)


def test_links_are_passed_over(tmp_path: Path, npm_archive: MakeArchive) -> None:
    archive = npm_archive("a.tgz", {"package/a.py": "-> /etc/passwd", "package/b.py": "b = 1\n"})
    assert [member.path for member in in_npm_archive(archive, is_python).members] == ["b.py"]
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as bundle:
        link = zipfile.ZipInfo("link.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        bundle.writestr(link, "/etc/passwd")
    assert list(in_wheel(tmp_path / "a.whl", is_python).members) == []


def test_an_archive_that_claims_too_much_is_refused(
    wheel: MakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = wheel("a.whl", {"a.py": "a" * 100, "b.py": "b" * 100})
    monkeypatch.setattr(sources, "MAX_UNPACKED", 150)
    with pytest.raises(UsageError, match="of sources: not a package"):
        in_wheel(archive, is_python)
    monkeypatch.setattr(sources, "MAX_MEMBERS", 1)
    with pytest.raises(UsageError, match="more than 1 files"):
        in_wheel(archive, is_python)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no more", b"\x1f\x8b\x08 nothing"])
def test_a_damaged_archive_is_one_line(data: bytes, tmp_path: Path) -> None:
    archive = tmp_path / "a.bin"
    archive.write_bytes(data)
    for read in (in_wheel, in_npm_archive):
        with pytest.raises(UsageError, match="fetch it again"):
            list(read(archive, is_python).members)


def test_an_archive_that_is_cut_off_in_a_member_is_one_line(npm_archive: MakeArchive) -> None:
    archive = npm_archive(
        "a.tgz", {"package/a.py": "".join(f"a{number} = {number * 7919}\n" for number in range(9000))}
    )
    archive.write_bytes(archive.read_bytes()[:-4000])
    with pytest.raises(UsageError, match="fetch it again"):
        list(in_npm_archive(archive, is_python).members)


def test_an_installed_package_is_read_where_it_is() -> None:
    listing = in_environment("msgspec", lambda path: path == "msgspec/__init__.py")
    assert [member.path for member in listing.members] == ["msgspec/__init__.py"]
    assert listing.has_licence
    assert installed_version("msgspec") == msgspec.__version__
    assert len(installed_digest("msgspec")) == 64
    assert installed_digest("msgspec") != installed_digest("click")
    with pytest.raises(
        UsageError, match="no-such-thing: not installed: install the project with all its extras"
    ):
        in_environment("no-such-thing", is_python)


def test_the_standard_library_is_without_what_is_installed_beside_it() -> None:
    listing = in_standard_library(lambda path: path == "heapq.py")
    assert [member.path for member in listing.members] == ["heapq.py"]
    assert not any("site-packages" in path for path in listing.paths)
