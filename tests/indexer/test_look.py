"""Builds that are told what changed: they look at nothing else, and end where a walk of everything would."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from indexer import update
from indexer.look import look, places_of
from indexer.walk import WalkOptions, walk


def no_walk(*_: Any, **__: Any) -> None:
    raise AssertionError("the repository was walked")


def write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def edit(root: Path) -> list[str]:
    write(root / "pkg/mod3.py", "class Thing3:\n    other = 1\n")
    return ["pkg/mod3.py"]


def add(root: Path) -> list[str]:
    write(root / "new/deep/one.py", "x = 1\n")
    write(root / "new/two.py", "y = 1\n")
    return ["new"]


def add_and_name_each(root: Path) -> list[str]:
    write(root / "new/one.py", "x = 1\n")
    write(root / "top.py", "y = 1\n")
    return ["new/one.py", "top.py", "never/was.py"]


def remove_file(root: Path) -> list[str]:
    (root / "pkg/mod4.py").unlink()
    return ["pkg/mod4.py"]


def remove_folder(root: Path) -> list[str]:
    shutil.rmtree(root / "pkg")
    return ["pkg"]


def rename_folder(root: Path) -> list[str]:
    (root / "pkg").rename(root / "moved")
    return ["pkg", "moved"]


def folder_becomes_file(root: Path) -> list[str]:
    shutil.rmtree(root / "pkg")
    write(root / "pkg", "not a folder any more\n")
    return ["pkg"]


def folder_becomes_link(root: Path) -> list[str]:
    (root / "pkg").rename(root / "moved")
    (root / "pkg").symlink_to("moved")
    return ["pkg/mod1.py", "pkg", "moved"]


def becomes_binary(root: Path) -> list[str]:
    (root / "pkg/mod1.py").write_bytes(b"x = 1\n\0")
    return ["pkg/mod1.py"]


def secret_and_link(root: Path) -> list[str]:
    write(root / ".env", "KEY=1\n")
    (root / "pkg/link.py").symlink_to("mod1.py")
    return [".env", "pkg/link.py"]


def ignored(root: Path) -> list[str]:
    write(root / "node_modules/a/b.py", "x = 1\n")
    write(root / "pkg/__pycache__/c.py", "x = 1\n")
    return ["node_modules/a/b.py", "pkg/__pycache__", "pkg/mod1.py"]


def output_folder(root: Path) -> list[str]:
    write(root / "build/one.py", "x = 1\n")
    write(root / "build/sub/two.py", "x = 1\n")
    return ["build/one.py", "build/sub"]


CHANGES: list[Callable[[Path], list[str]]] = [
    edit, add, add_and_name_each, remove_file, remove_folder, rename_folder, folder_becomes_file, folder_becomes_link,
    becomes_binary, secret_and_link, ignored, output_folder,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_named_changes_give_what_a_walk_gives(
    bench: Any, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], list[str]]
) -> None:
    paths = change(bench.root)
    with monkeypatch.context() as patches:
        patches.setattr(update, "walk", no_walk)
        bench.indexer().build(changed=paths)
    assert bench.state() == bench.clean_state()


def test_what_is_not_named_is_not_seen(bench: Any) -> None:
    edit(bench.root)
    remove_file(bench.root)
    assert bench.indexer().build(changed=["pkg/mod4.py"]).changed == 1
    assert bench.indexer().build(changed=()).changed == 0
    assert bench.indexer().is_stale()
    assert bench.indexer().build().changed == 1
    assert bench.state() == bench.clean_state()


def test_rules_that_change_are_applied_to_all(bench: Any) -> None:
    write(bench.root / "pkg/.gitignore", "mod1*\n")
    assert bench.indexer().build(changed=["pkg/.gitignore"]).changed >= 1
    assert bench.state() == bench.clean_state()
    write(bench.root / "pkg/mod1.py", "changed = 1\n")
    assert bench.indexer().build(changed=["pkg/mod1.py"]).changed == 0
    (bench.root / "pkg/.gitignore").unlink()
    bench.indexer().build(changed=["pkg/.gitignore"])
    assert "pkg/mod1.py" in bench.state()["files"]
    assert bench.state() == bench.clean_state()


def test_output_that_becomes_a_package_is_taken_whole(bench: Any) -> None:
    output_folder(bench.root)
    bench.indexer().build()
    write(bench.root / "build/__init__.py", "")
    assert bench.indexer().build(changed=["build/__init__.py"]).changed == 3
    assert bench.state() == bench.clean_state()


def test_random_named_changes_converge(bench: Any) -> None:
    before = {entry.path: entry for entry in walk(bench.root)}
    for _ in range(6):
        for _ in range(bench.repository.chance.randrange(1, 6)):
            bench.repository.change()
        now = {entry.path: entry for entry in walk(bench.root)}
        changed = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
        bench.indexer().build(changed=changed)
        before = now
        assert bench.state() == bench.clean_state()


def test_without_an_index_everything_is_walked(bench: Any) -> None:
    shutil.rmtree(bench.directory)
    assert bench.indexer().build(changed=["pkg/mod1.py"]).files == 14


def test_every_place_is_looked_at_as_the_walk_does(tmp_path: Path) -> None:
    write(tmp_path / ".gitignore", "*.log\n!keep.log\nskipped/\n/only_here.py\n")
    for name in (
        "a.py",
        "x.log",
        "keep.log",
        "skipped/b.py",
        "only_here.py",
        "sub/only_here.py",
        "sub/skipped/c.py",
    ):
        write(tmp_path / name, "x = 1\n")
    write(tmp_path / "sub/.gitignore", "!skipped/\nd*.py\n")
    write(tmp_path / "sub/d1.py", "x = 1\n")
    write(tmp_path / "env/pyvenv.cfg", "")
    write(tmp_path / "env/lib/e.py", "x = 1\n")
    (tmp_path / os.fsdecode(b"odd\xff")).mkdir()
    write(tmp_path / os.fsdecode(b"odd\xff") / "f.py", "x = 1\n")
    options = WalkOptions(ignore=("a*",))
    everything = list(walk(tmp_path, options=options))
    for folder, folders, files in os.walk(tmp_path):
        for name in [*folders, *files]:
            place = str((Path(folder) / name).relative_to(tmp_path))
            expected = [e for e in everything if e.path == place or e.path.startswith(f"{place}/")]
            inside = [e for e in look(tmp_path, [place], options) if not place.startswith(f"{e.path}/")]
            assert inside == expected, place


@pytest.mark.parametrize(
    ("changed", "places"),
    [
        (["a/b.py", "a", "c"], ("a", "c")),
        (["a/b.py", "ab"], ("a/b.py", "ab")),
        ([], ()),
        ([""], None),
        (["a/.gitignore"], None),
        ([".git/info/exclude"], None),
        (["dist/__init__.py"], ("dist",)),
        (["a/__init__.py"], ("a/__init__.py",)),
        (["env/pyvenv.cfg"], ("env",)),
        (["pyvenv.cfg"], None),
    ],
)
def test_places(changed: list[str], places: tuple[str, ...] | None) -> None:
    assert places_of(changed) == places
