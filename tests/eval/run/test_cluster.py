"""Ray as the engine: a real cluster of this machine, and the ways in which there is none."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from eval.run.cluster import LOCAL, Cluster, ClusterSize, SamplerActor
from eval.run.recipe import Recipe, encode_task
from eval.run.running import Plan, run
from eval.run.workers import Processes
from eval.types import Task
from repocoder import __version__
from repocoder.errors import ModelError, UsageError, WorkerError

MakePlan = Callable[..., Plan]
MakeTask = Callable[..., Task]
MakeTasks = Callable[..., tuple[Task, ...]]
ReadRecords = Callable[[Path], list[dict[str, Any]]]

TWO = ClusterSize(slots=2, local_cores=2)


def test_a_cluster_gives_the_same_samples_as_processes(
    make_plan: MakePlan, make_tasks: MakeTasks, make_task: MakeTask, read_records: ReadRecords
) -> None:
    pytest.importorskip("ray")
    tasks = (*make_tasks(a=6, b=4), make_task("c", 0, "die once"), make_task("c", 1, "no model"))
    plan = make_plan(tasks, out="cluster")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, of sockets and processes that it leaves to the collector
        outline = run(plan, lambda recipe: Cluster(recipe, LOCAL, TWO), show_progress=False)
    assert (outline.done, outline.errors) == (12, 1)
    other = make_plan(tasks, out="processes")
    run(other, lambda recipe: Processes(recipe, 1), show_progress=False)
    mine, theirs = ({record["task_id"]: record for record in read_records(one.out)} for one in (plan, other))
    assert mine == theirs


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"install repocoder\[ray\]"):
        Cluster(Recipe("x:y", {}, "in-file"), LOCAL, TWO)


def pretend_ray(monkeypatch: pytest.MonkeyPatch, init: Callable[..., None]) -> list[str]:
    """A Ray whose cluster has two cores; the list says that it was left."""
    left: list[str] = []
    ray = SimpleNamespace(
        init=init, cluster_resources=lambda: {"CPU": 2.0}, shutdown=lambda: left.append("left")
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    return left


def test_nobody_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_settings: Any) -> None:
        raise ConnectionError("nobody there\nsecond line")

    pretend_ray(monkeypatch, refuse)
    with pytest.raises(WorkerError, match=r"^cluster: host:1: nobody there: start it with `ray start`"):
        Cluster(Recipe("x:y", {}, "in-file"), "host:1", TWO)


@pytest.mark.parametrize("size", [ClusterSize(slots=3), ClusterSize(cores_per_slot=3), ClusterSize(slots=0)])
def test_more_workers_than_the_cluster_has_room_for(
    monkeypatch: pytest.MonkeyPatch, size: ClusterSize
) -> None:
    left = pretend_ray(monkeypatch, lambda **_settings: None)
    with pytest.raises(UsageError, match="has room for"):
        Cluster(Recipe("x:y", {}, "in-file"), "host:1", size)
    assert left == ["left"]


def test_the_actor_alone(make_plan: MakePlan, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(())
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    actor = SamplerActor(msgspec.msgpack.encode(plan.recipe), __version__)
    assert actor.open() == {"ready": True}
    assert msgspec.json.decode(actor.sample(encode_task(make_task("a", 0))))["task_id"] == "a/0"
    actor.close()
    actor.close()
    assert Path(plan.recipe.arguments["notes"]).read_text().count("closed") == 1
    refused = make_plan((), place="slow_sampler:refuse")
    answer = SamplerActor(msgspec.msgpack.encode(refused.recipe), __version__).open()
    assert answer["exit_code"] == ModelError.exit_code
    older = SamplerActor(msgspec.msgpack.encode(plan.recipe), "0.0.1").open()
    assert "install the same version" in older["refused"]
