"""Parts of the command line that need no process: places, progress, DOT, what `clean` may remove."""

from __future__ import annotations

import os
from pathlib import Path

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.types import Progress
from repocoder import jsonout
from repocoder.cli.clean import check_is_index
from repocoder.cli.graph import dot_lines
from repocoder.cli.place import Place, locate, parse_place
from repocoder.cli.progress import describe
from repocoder.errors import IndexFailedError, UsageError


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = Path(os.path.realpath(tmp_path)) / "repo"
    (root / ".git").mkdir(parents=True)
    (root / "pkg").mkdir()
    for name in ("a.py", "pkg/b.py", "odd:3", "odd:3:4.py", "x:1"):
        (root / name).write_text("pass\n")
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize(
    ("given", "path", "line", "column"),
    [
        ("a.py:3", "a.py", 3, None),
        ("a.py:3:0", "a.py", 3, 0),
        ("./pkg/../a.py:12:7", "a.py", 12, 7),
        ("pkg/b.py:1", "pkg/b.py", 1, None),
        ("odd:3:4", "odd:3", 4, None),
        ("odd:3:4.py:5:6", "odd:3:4.py", 5, 6),
        ("x:1:2", "x:1", 2, None),
    ],
)
def test_places(repo: Path, given: str, path: str, line: int, column: int | None) -> None:
    assert parse_place(given, None) == Place(repo, path, line, column)


def test_a_file_that_exists_decides_what_a_colon_is(repo: Path) -> None:
    (repo / "x").write_text("pass\n")
    assert parse_place("x:1:2", None) == Place(repo, "x", 1, 2)


@pytest.mark.parametrize(
    "given", ["", ":", ":3", "a.py", "a.py:", "a.py:-1", "a.py:1:", "a.py:٣", "a.py:1e3", "a.py:+1"]
)
def test_what_is_no_place(repo: Path, given: str) -> None:
    with pytest.raises(UsageError):
        parse_place(given, None)


@given(st.text(st.characters(exclude_characters="\0"), max_size=30))
def test_any_text_is_a_place_or_a_usage_error(text: str) -> None:
    try:
        place = parse_place(text, None)
    except UsageError:
        return
    assert place.line >= 0


def test_the_repository_is_found_from_the_file(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_place("repo/pkg/b.py:1", None) == Place(repo, "pkg/b.py", 1, None)
    assert parse_place("pkg/b.py:1", "repo") == Place(repo, "pkg/b.py", 1, None)
    assert parse_place("repo/pkg/b.py:1", "repo") == Place(repo, "pkg/b.py", 1, None)
    assert parse_place("b.py:1", "repo/pkg") == Place(repo / "pkg", "b.py", 1, None)


def test_without_git_the_current_folder_holds_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Path(os.path.realpath(tmp_path))
    (place / "plain" / "pkg").mkdir(parents=True)
    (place / "plain" / "pkg" / "a.py").write_text("pass\n")
    monkeypatch.chdir(place / "plain")
    assert parse_place("pkg/a.py:1", None) == Place(place / "plain", "pkg/a.py", 1, None)
    monkeypatch.chdir(place / "plain" / "pkg")
    assert parse_place("a.py:1", None) == Place(place / "plain" / "pkg", "a.py", 1, None)
    monkeypatch.chdir("/usr")
    assert parse_place(f"{place}/plain/pkg/a.py:1", None) == Place(place / "plain" / "pkg", "a.py", 1, None)


def test_the_file_inside_wins_over_one_outside(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text("outside\n")
    monkeypatch.chdir(tmp_path)
    assert locate("a.py", "repo") == (repo, "a.py")


def test_outside_and_links_out_are_refused(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("x\n")
    (repo / "link.py").symlink_to(tmp_path / "secret.py")
    for name in ("../secret.py", "link.py"):
        with pytest.raises(UsageError, match="outside of the repository"):
            locate(name, ".")


def test_unsaved_files_need_not_exist(repo: Path) -> None:
    assert parse_place("pkg/new.py:4:2", None, must_exist=False) == Place(repo, "pkg/new.py", 4, 2)


def test_progress_says_stage_count_rate_and_time_left() -> None:
    line = describe(Progress("parse", 1200, 5000, "pkg/a\x1b.py"), 2.0)
    assert line == "parsing 1200/5000 24% 600/s 6 s left pkg/a␛.py"
    assert describe(Progress("walk", 17, 0), 0.1) == "looking for files 17"
    assert describe(Progress("publish", 0, 0), 0.0) == "writing"
    assert describe(Progress("new-stage", 3, 3), 9.0) == "new-stage 3/3 100% 0/s"


def test_dot_cannot_be_broken_by_names() -> None:
    graph = networkx.MultiDiGraph()
    for number, name in enumerate(['a"]; evil [label="', "back\\", "new\nline", "esc\x1b"]):
        graph.add_node(number, path="p.py", qualname=name, kind="function", start_line=1, end_line=2)
    graph.add_edge(0, 1, kind="calls", weight=1.0, line=3)
    lines = list(dot_lines(graph))
    assert len("".join(lines).splitlines()) == 3 + 4 + 1 + 1
    assert 'label="a\\"]; evil [label=\\""' in lines[1]
    assert 'label="back\\\\"' in lines[2]


def test_json_holds_only_what_json_knows() -> None:
    text = jsonout.dump({"a": float("nan"), "b": (1, 0.123456789), "c": os.fsdecode(b"\xff\x1b"), "d": None})
    assert text == '{"a": null, "b": [1, 0.1235], "c": "\\udcff\\u001b", "d": null}'


def test_only_an_index_folder_is_removed(tmp_path: Path) -> None:
    index = tmp_path / "index"
    (index / "generations").mkdir(parents=True)
    (index / "index.sqlite").write_text("")
    check_is_index(index)
    (tmp_path / "link").symlink_to(index)
    (index / "photo.jpg").write_text("")
    for place in (index, tmp_path / "link"):
        with pytest.raises(IndexFailedError):
            check_is_index(place)
