from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.mining import MineOptions, mine, read_tasks, write_tasks
from repocoder.errors import StorageError, UsageError


def test_what_is_written_is_read_again(repository: Path, tmp_path: Path) -> None:
    (repository / "package" / "crlf.py").write_bytes(
        (repository / "package/module_0.py").read_bytes().replace(b"_0", b"_\xc3\xa9").replace(b"\n", b"\r\n")
    )
    benchmark = mine(repository, MineOptions(tasks=10_000))
    place = tmp_path / "mined.jsonl"
    write_tasks(place, benchmark)
    assert read_tasks(place) == benchmark
    assert [path.name for path in tmp_path.iterdir() if "jsonl" in path.name] == ["mined.jsonl"]
    rows = [json.loads(line) for line in place.read_text().splitlines()]
    assert rows[0]["repocoder_tasks"] == 1
    assert len(rows) == len(benchmark.tasks) + 1
    assert rows[1]["groundtruth"] == benchmark.tasks[0].truth


def test_tasks_of_changed_files_are_left_out(repository: Path, tmp_path: Path) -> None:
    benchmark = mine(repository, MineOptions(tasks=10_000))
    place = tmp_path / "mined.jsonl"
    write_tasks(place, benchmark)
    changed = repository / "package" / "module_2.py"
    changed.write_text("# one line more\n" + changed.read_text())
    (repository / "package" / "module_4.py").unlink()
    again = read_tasks(place)
    gone = {"package/module_2.py", "package/module_4.py"}
    assert again.tasks == tuple(task for task in benchmark.tasks if task.path not in gone)
    count = len(benchmark.tasks) - len(again.tasks)
    assert count > 0
    assert f"left out: {count} tasks: their files changed since they were made" in again.notes


def test_the_repository_may_have_moved(repository: Path, tmp_path: Path) -> None:
    benchmark = mine(repository, MineOptions(tasks=6))
    place = tmp_path / "mined.jsonl"
    write_tasks(place, benchmark)
    moved = repository.rename(tmp_path / "moved")
    with pytest.raises(UsageError, match="is gone"):
        read_tasks(place)
    again = read_tasks(place, moved)
    assert again.tasks == benchmark.tasks
    assert again.sources.folder("boxes") == moved.resolve()
    for path in moved.rglob("*.py"):
        path.write_text("changed = 1\n")
    with pytest.raises(UsageError, match="changed since: mine again"):
        read_tasks(place, moved)


@pytest.mark.parametrize(
    "text",
    ["", "no json\n", "[]\n", "{}\n",
     '{"repocoder_tasks": 99}\n', '{"repocoder_tasks": 1, "name": "x", "notes": []}\n{}\n',
     '{"repocoder_tasks": 1, "name": "x", "notes": []}\n3\n', '{"repocoder_tasks": 1}\n'],
)  # fmt: skip
def test_what_is_no_task_file_is_said(tmp_path: Path, text: str) -> None:
    place = tmp_path / "odd.jsonl"
    place.write_text(text)
    with pytest.raises(UsageError, match="no file of mined tasks"):
        read_tasks(place)


def test_a_task_file_cannot_reach_outside_its_repository(repository: Path, tmp_path: Path) -> None:
    benchmark = mine(repository, MineOptions(tasks=3))
    (tmp_path / "outside.py").write_text("a = 1\nb = 2\n")
    outside = replace(benchmark.tasks[0], path="../outside.py", prefix="a = 1\n", truth="b = 2", suffix="\n")
    place = tmp_path / "mined.jsonl"
    write_tasks(place, replace(benchmark, tasks=(outside,)))
    with pytest.raises(UsageError, match="mine again"):
        read_tasks(place)


def test_places_that_cannot_be_used(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_tasks(tmp_path / "missing.jsonl")
    with pytest.raises(StorageError, match="choose another place"):
        write_tasks(tmp_path / "missing" / "a.jsonl", mine(repository, MineOptions(tasks=3)))
