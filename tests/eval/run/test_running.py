"""Whole runs with real worker processes: what dies is started again, what is done stays done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.run.recipe import Recipe
from eval.run.running import MAX_ERRORS_IN_A_ROW, Plan, run
from eval.run.workers import Processes
from eval.types import RunConfig, Task
from repocoder.errors import ModelError, WorkerError

MakePlan = Callable[..., Plan]
MakeTask = Callable[..., Task]
MakeTasks = Callable[..., tuple[Task, ...]]
ReadRecords = Callable[[Path], list[dict[str, Any]]]


def crew_of(slots: int) -> Callable[[Recipe], Processes]:
    return lambda recipe: Processes(recipe, slots)


def scores_by_task(records: list[dict[str, Any]]) -> dict[str, Any]:
    assert len({record["task_id"] for record in records}) == len(records)
    return {record["task_id"]: record for record in records}


def test_every_task_once_and_repositories_in_one_worker(
    make_plan: MakePlan, make_tasks: MakeTasks, read_records: ReadRecords, tmp_path: Path
) -> None:
    plan = make_plan(make_tasks(a=7, b=5, c=2))
    outline = run(plan, crew_of(2), show_progress=False)
    assert (outline.tasks, outline.done, outline.made, outline.errors) == (14, 14, 14, 0)
    records = read_records(plan.out)
    assert scores_by_task(records).keys() == {task.id for task in plan.tasks}
    notes = [line.split() for line in (tmp_path / "notes.txt").read_text().splitlines()]
    workers = {task.split("/")[0]: set[str]() for _, task in notes if "/" in task}
    for pid, task in notes:
        if "/" in task:
            workers[task.split("/")[0]].add(pid)
    assert all(len(pids) == 1 for pids in workers.values())
    assert len(set.union(*workers.values())) == 2
    assert [task for _, task in notes].count("closed") == 2  # samplers end what they have opened


def test_a_worker_that_is_done_helps_with_a_long_repository(
    make_plan: MakePlan, make_tasks: MakeTasks, tmp_path: Path
) -> None:
    run(make_plan(make_tasks(a=60, b=1), delay_s=0.01), crew_of(2), show_progress=False)
    notes = [line.split() for line in (tmp_path / "notes.txt").read_text().splitlines()]
    by_worker = Counter(pid for pid, task in notes if task.startswith("a/"))
    assert len(by_worker) == 2
    assert by_worker.total() == 60


def test_two_shards_equal_one_run(
    make_plan: MakePlan, make_tasks: MakeTasks, read_records: ReadRecords
) -> None:
    from eval.run.selection import take_shard

    tasks = make_tasks(a=4, b=3, c=2)
    run(make_plan(tasks, out="whole"), crew_of(1), show_progress=False)
    parts = []
    for number in (1, 2):
        plan = make_plan(
            take_shard(tasks, number, 2),
            out=f"part{number}",
            config=RunConfig("repoeval-line", "in-file", shard=f"{number}/2"),
        )
        run(plan, crew_of(1), show_progress=False)
        parts += read_records(plan.out)
    whole = read_records(make_plan(tasks, out="whole").out)
    assert scores_by_task(parts) == scores_by_task(whole)


def test_a_task_that_kills_its_worker_once_is_done_again(
    make_plan: MakePlan, make_task: MakeTask, read_records: ReadRecords
) -> None:
    tasks = (make_task("a", 0), make_task("a", 1, prefix="die once"), make_task("a", 2))
    plan = make_plan(tasks)
    assert run(plan, crew_of(1), show_progress=False).errors == 0
    assert len(scores_by_task(read_records(plan.out))) == 3


def test_a_task_that_always_kills_its_worker_is_an_error_and_the_rest_is_done(
    make_plan: MakePlan, make_task: MakeTask, read_records: ReadRecords
) -> None:
    tasks = (
        make_task("a", 0, prefix="die always"),
        make_task("a", 1),
        make_task("b", 0, prefix="die always"),
    )
    plan = make_plan(tasks)
    outline = run(plan, crew_of(1), show_progress=False)
    assert (outline.done, outline.errors) == (3, 2)
    records = scores_by_task(read_records(plan.out))
    assert records["a/1"]["error"] is None
    assert "died 2 times on this task" in records["a/0"]["error"]
    assert "SIGKILL" in records["b/0"]["error"]
    assert records["b/0"]["passes"] == []


def test_workers_that_die_again_and_again_end_the_run(
    make_plan: MakePlan, make_task: MakeTask, read_records: ReadRecords
) -> None:
    tasks = (make_task("a", 0), *(make_task("b", number, prefix="die always") for number in range(3)))
    plan = make_plan(tasks)
    with pytest.raises(WorkerError, match="died 4 times in a row"):
        run(plan, crew_of(1), show_progress=False)
    assert {record["task_id"] for record in read_records(plan.out)} < {"a/0", "b/0", "b/1"}
    assert read_records(plan.out)


def test_errors_of_ours_and_of_nobody_are_recorded(
    make_plan: MakePlan, make_task: MakeTask, read_records: ReadRecords
) -> None:
    tasks = (make_task("a", 0, prefix="no model"), make_task("a", 1, prefix="bug"), make_task("a", 2))
    plan = make_plan(tasks)
    assert run(plan, crew_of(1), show_progress=False).errors == 2
    records = scores_by_task(read_records(plan.out))
    assert records["a/0"]["error"] == "model: tiny: is not there: add it"
    assert records["a/1"]["error"].startswith("internal error: ZeroDivisionError")
    assert "slow_sampler.py:" in records["a/1"]["error"]
    assert records["a/0"].keys() == records["a/2"].keys()


def test_errors_are_done_again_only_if_asked(make_plan: MakePlan, make_task: MakeTask) -> None:
    tasks = (make_task("a", 0, prefix="no model"), make_task("a", 1))
    run(make_plan(tasks), crew_of(1), show_progress=False)
    assert run(make_plan(tasks, resume=True), crew_of(1), show_progress=False).made == 0
    mended = (make_task("a", 0), tasks[1])
    outline = run(make_plan(mended, resume=True, retry_errors=True), crew_of(1), show_progress=False)
    assert (outline.made, outline.errors) == (1, 0)


def test_when_nothing_works_the_run_ends(
    make_plan: MakePlan, make_task: MakeTask, read_records: ReadRecords
) -> None:
    tasks = tuple(make_task("a", number, prefix="no model") for number in range(MAX_ERRORS_IN_A_ROW + 5))
    plan = make_plan(tasks)
    with pytest.raises(WorkerError, match=r"in a row failed .*is not there"):
        run(plan, crew_of(1), show_progress=False)
    assert len(read_records(plan.out)) == MAX_ERRORS_IN_A_ROW


def test_a_sampler_that_cannot_be_opened_says_why(make_plan: MakePlan, make_tasks: MakeTasks) -> None:
    with pytest.raises(ModelError, match=r"gone\.gguf: no such file"):
        run(make_plan(make_tasks(a=2), place="slow_sampler:refuse"), crew_of(2), show_progress=False)


def test_a_worker_that_crashes_at_once_is_named(make_plan: MakePlan, make_tasks: MakeTasks) -> None:
    with pytest.raises(WorkerError, match="no_such_module"):
        run(make_plan(make_tasks(a=2), place="no_such_module:open"), crew_of(1), show_progress=False)


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from conftest import tasks_of
from eval.run.recipe import Recipe
from eval.run.running import Plan, run
from eval.run.workers import Processes
from eval.types import RunConfig
from repocoder.cli.signals import SignalWatch, Stopped
place = Path(sys.argv[2])
recipe = Recipe("slow_sampler:open_slow", {"delay_s": 0.02, "notes": str(place / "notes.txt")}, "in-file")
plan = Plan(RunConfig("repoeval-line", "in-file"), tasks_of(a=40, b=30, c=10), recipe, place / "run", True)
watch = SignalWatch()
try:
    run(plan, lambda recipe: Processes(recipe, 2), show_progress=False)
except Stopped as stopped:
    sys.exit(stopped.exit_code)
"""


def start(make_plan: MakePlan, tmp_path: Path) -> subprocess.Popen[bytes]:
    make_plan(())  # sets the environment
    command = [sys.executable, "-c", SCRIPT, os.environ["PYTHONPATH"], str(tmp_path)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for_lines(samples: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while not samples.exists() or samples.read_bytes().count(b"\n") < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_goes_on_without_losing_or_redoing(
    make_plan: MakePlan,
    make_tasks: MakeTasks,
    read_records: ReadRecords,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    samples = tmp_path / "run" / "samples.jsonl"
    before: list[dict[str, Any]] = []
    for stop_after in (5, 25):
        with start(make_plan, tmp_path) as child:
            wait_for_lines(samples, len(before) + stop_after)
            child.send_signal(number)
            _, errors = child.communicate(timeout=20)
        assert child.returncode == (-9 if number == signal.SIGKILL else 130), errors
        whole = samples.read_bytes()
        assert whole.endswith(b"\n")
        after = read_records(tmp_path / "run")
        assert after[: len(before)] == before
        before = after
    assert len(before) < 80
    pids = {int(line.split()[0]) for line in (tmp_path / "notes.txt").read_text().splitlines()}
    deadline = time.monotonic() + 10
    while not all(is_gone(pid) for pid in pids):  # workers end with the run, however it ends
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with start(make_plan, tmp_path) as child:
        _, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    tasks = make_tasks(a=40, b=30, c=10)
    run(make_plan(tasks, out="uninterrupted"), crew_of(2), show_progress=False)
    mine, other = read_records(tmp_path / "run"), read_records(tmp_path / "uninterrupted")
    assert mine[: len(before)] == before
    assert scores_by_task(mine) == scores_by_task(other)
