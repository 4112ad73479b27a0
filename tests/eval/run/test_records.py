"""The folder of a run: nothing lost, nothing twice, nothing mixed up."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.run.recipe import decode_task, encode_record, encode_task, failed_record
from eval.run.records import open_folder, read_outcomes
from eval.types import PublishedChunk, RunConfig, Task
from repocoder.errors import LockedError, StorageError, UsageError

CONFIG = RunConfig(
    "repoeval-line", "in-file", limit=4, details={"model": "/here/tiny.gguf", "embedder": "minilm"}
)
ReadRecords = Callable[[Path], list[dict[str, Any]]]
MakeTask = Callable[..., Task]


def line_of(task: Task, error: str = "") -> bytes:
    record = failed_record(task, "in-file", error)
    return encode_record(record if error else {**record, "error": None})


@pytest.fixture
def lines(make_task: MakeTask) -> list[bytes]:
    return [line_of(make_task("a", number)) for number in range(4)]


def write(folder: Path, lines: list[bytes]) -> None:
    with open_folder(folder, CONFIG, {"notes": ["n"]}, resume=True) as run:
        for line in lines:
            run.add(line)


def test_what_is_written_is_there_again(tmp_path: Path, lines: list[bytes]) -> None:
    write(tmp_path, lines[:2])
    with open_folder(tmp_path, CONFIG, {}, resume=True) as run:
        assert list(run.outcomes) == ["a/0", "a/1"]
        run.add(lines[2])
        with pytest.raises(ValueError, match="a/2"):
            run.add(lines[2])
    assert (tmp_path / "samples.jsonl").read_bytes() == b"\n".join(lines[:3]) + b"\n"
    described = json.loads((tmp_path / "run.json").read_text())
    config = described["config"]
    assert (config["benchmark"], config["limit"], described["notes"]) == ("repoeval-line", 4, ["n"])


def test_a_line_is_in_the_file_before_the_next_sample(tmp_path: Path, lines: list[bytes]) -> None:
    with open_folder(tmp_path, CONFIG, {}, resume=False) as run:
        run.add(lines[0])
        assert (tmp_path / "samples.jsonl").read_bytes() == lines[0] + b"\n"


@pytest.mark.parametrize("kept", [1, 5, 50, -1])
def test_a_torn_last_line_is_cut_off(
    tmp_path: Path, lines: list[bytes], kept: int, read_records: ReadRecords
) -> None:
    write(tmp_path, lines[:2])
    with open(tmp_path / "samples.jsonl", "ab") as file:
        file.write(lines[2][:kept])
    write(tmp_path, lines[2:])
    assert [record["task_id"] for record in read_records(tmp_path)] == ["a/0", "a/1", "a/2", "a/3"]


def test_a_first_line_that_is_torn_and_longer_than_what_is_read_at_once(
    tmp_path: Path, lines: list[bytes]
) -> None:
    write(tmp_path, [])
    (tmp_path / "samples.jsonl").write_bytes(b'{"task_id": "' + b"x" * (3 << 20))
    write(tmp_path, lines)
    assert (tmp_path / "samples.jsonl").read_bytes() == b"\n".join(lines) + b"\n"


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path, lines: list[bytes]) -> None:
    write(tmp_path, lines)
    (tmp_path / "samples.jsonl").write_bytes(lines[0] + b"\n\0\0\0\n" + lines[1] + b"\n")
    with pytest.raises(StorageError, match=r"samples\.jsonl:2: damaged"):
        list(read_outcomes(tmp_path))


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, lines: list[bytes]) -> None:
    write(tmp_path / "run", lines[:1])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    for name in ("run", "other"):
        with (
            pytest.raises(UsageError, match="--resume"),
            open_folder(tmp_path / name, CONFIG, {}, resume=False),
        ):
            pass
    with (
        pytest.raises(UsageError, match=r"no run\.json"),
        open_folder(tmp_path / "other", CONFIG, {}, resume=True),
    ):
        pass
    assert (tmp_path / "other" / "letter.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "bm25"}, "method 'in-file', not 'bm25'"),
        ({"limit": None}, "limit 4, not None"),
        ({"seed": 3}, "seed"),
        ({"details": {}}, "embedder 'minilm', not None"),
    ],
)
def test_another_configuration_is_refused_by_its_key(
    tmp_path: Path, lines: list[bytes], change: dict[str, Any], words: str
) -> None:
    write(tmp_path, lines[:1])
    with (
        pytest.raises(UsageError, match=words),
        open_folder(tmp_path, replace(CONFIG, **change), {}, resume=True),
    ):
        pass


def test_another_machine_may_go_on_with_its_copy_of_the_model(tmp_path: Path, lines: list[bytes]) -> None:
    write(tmp_path, lines[:1])
    with open_folder(
        tmp_path, replace(CONFIG, details=CONFIG.details | {"model": "/there/tiny.gguf"}), {}, resume=True
    ) as run:
        assert list(run.outcomes) == ["a/0"]


def test_only_one_has_the_folder(tmp_path: Path, lines: list[bytes]) -> None:
    write(tmp_path, lines[:1])
    with open(tmp_path / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with (
            pytest.raises(LockedError, match="is writing it"),
            open_folder(tmp_path, CONFIG, {}, resume=True),
        ):
            pass
    write(tmp_path, lines[1:])


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match="file"),
        open_folder(tmp_path / "file" / "run", CONFIG, {}, resume=False),
    ):
        pass


def test_errors_can_be_dropped(tmp_path: Path, make_task: MakeTask, read_records: ReadRecords) -> None:
    good, bad = line_of(make_task("a", 0)), line_of(make_task("a", 1), "model: gone\nand more")
    write(tmp_path, [bad, good])
    with open_folder(tmp_path, CONFIG, {}, resume=True) as run:
        assert run.outcomes["a/1"].error == "model: gone and more"
        assert (run.drop_errors(), run.drop_errors()) == (1, 0)
        run.add(line_of(make_task("a", 1)))
    assert [(record["task_id"], record["error"]) for record in read_records(tmp_path)] == [
        ("a/0", None),
        ("a/1", None),
    ]


def test_tasks_travel_unchanged(make_task: MakeTask) -> None:
    task = replace(
        make_task("ä", 1, prefix='"\ud800\u2028\n'), published={"bm25": (PublishedChunk("a.py", "x", 0.5),)}
    )
    assert decode_task(encode_task(task)) == task
    assert b"\n" not in encode_task(task)
