from __future__ import annotations

import os
from pathlib import Path

import pytest

from repocoder import paths


@pytest.fixture(autouse=True)
def xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CACHE", "DATA", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))


def test_places_follow_xdg(tmp_path: Path) -> None:
    assert paths.cache_dir() == tmp_path / "cache" / "repocoder"
    assert paths.models_dir() == tmp_path / "data" / "repocoder" / "models"
    assert paths.config_file() == tmp_path / "config" / "repocoder" / "config.toml"


def test_nothing_is_created(tmp_path: Path) -> None:
    paths.index_dir(tmp_path)
    paths.models_dir()
    assert list(tmp_path.iterdir()) == []


def test_index_dir_is_one_for_each_real_path(tmp_path: Path) -> None:
    (tmp_path / "a" / "shop").mkdir(parents=True)
    (tmp_path / "b" / "shop").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "shop")
    first, second = paths.index_dir(tmp_path / "a/shop"), paths.index_dir(tmp_path / "b/shop")
    assert first != second
    assert first == paths.index_dir(tmp_path / "link") == paths.index_dir(tmp_path / "a/../a/shop")
    assert first.name.startswith("shop-")
    assert len(first.name) == len("shop-") + 16


@pytest.mark.parametrize(
    "name", ["..x", "-rf", "a\x1b]52;c;x\x07", "日本", "x" * 200, os.fsdecode(b"\xff\xfe")]
)
def test_odd_repository_names_make_plain_folder_names(tmp_path: Path, name: str) -> None:
    folder = paths.index_dir(tmp_path / name)
    assert folder.parent == paths.indexes_dir()
    assert folder.name.isascii()
    assert folder.name.isprintable()
    assert len(folder.name) < 80


def test_root_of_the_file_system_has_a_name() -> None:
    assert paths.index_dir(Path("/")).name.startswith("root-")


def test_find_root_is_the_nearest_git(tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "outer" / "vendor" / "inner"
    (outer / ".git").mkdir(parents=True)
    inner.mkdir(parents=True)
    (inner / ".git").write_text("gitdir: elsewhere\n")
    (inner / "deep").mkdir()
    (inner / "deep" / "file.py").write_text("")
    assert paths.find_root(inner / "deep" / "file.py") == inner
    assert paths.find_root(outer / "vendor") == outer


def test_find_root_without_git_is_the_folder_itself(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("")
    assert paths.find_root(tmp_path) == tmp_path
    assert paths.find_root(tmp_path / "file.py") == tmp_path
