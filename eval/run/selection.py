"""Which tasks of a benchmark a run does: a sample of fixed seed, and a shard of it.

Both keep the published order, depend on nothing but their arguments, and use no generator whose sequence another
version of Python could change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import accumulate, groupby

from eval.types import Task
from repocoder.errors import UsageError

SNAP_SHARE = 0.1
"""A cut between shards moves to the edge of a repository that is at most this part of a shard away."""


def choose(tasks: Sequence[Task], limit: int | None, seed: int) -> tuple[Task, ...]:
    """`limit` tasks, each repository with its share: RepoEval's equal repositories give equal numbers.

    Every task is as likely as any other, so means over a sample estimate those over the benchmark. A smaller limit of
    the same seed gives a part of a larger one. None: all tasks.
    """
    if limit is None or limit >= len(tasks):
        return tuple(tasks)
    by_repository: dict[str, list[Task]] = {}
    for task in tasks:
        by_repository.setdefault(task.repository, []).append(task)
    places: dict[str, tuple[float, float]] = {}
    for repository, members in by_repository.items():
        shuffled = sorted(members, key=lambda task: _chance(seed, "task", task.id))
        start = _chance(seed, "repository", repository)
        for rank, task in enumerate(shuffled):
            places[task.id] = ((rank + start) / len(shuffled), start)
    chosen = {task.id for task in sorted(tasks, key=lambda task: (places[task.id], task.id))[:limit]}
    return tuple(task for task in tasks if task.id in chosen)


def parse_shard(text: str) -> tuple[int, int]:
    """(i, n) of "i/n", i from 1. Raises UsageError."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    number, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"--shard: {text}: not i/n with i from 1 to n: for example 1/4")
    return number, count


def take_shard(tasks: Sequence[Task], number: int, count: int) -> tuple[Task, ...]:
    """Part `number` (from 1) of `count`: disjoint, together all tasks, of nearly equal size.

    Repositories stay whole where that costs at most `SNAP_SHARE` of a shard; a large one is split over neighbours.
    """
    ordered = sorted(tasks, key=lambda task: task.repository)  # stable: published order inside a repository
    sizes = [len(list(members)) for _, members in groupby(ordered, key=lambda task: task.repository)]
    edges = [0, *accumulate(sizes)]
    first, last = (_cut(edges, len(ordered), cut, count) for cut in (number - 1, number))
    mine = {task.id for task in ordered[first:last]}
    return tuple(task for task in tasks if task.id in mine)


def by_repository(tasks: Sequence[Task]) -> list[tuple[Task, ...]]:
    """The tasks of each repository, the largest group first: what a worker takes at once."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.repository, []).append(task)
    return sorted(
        (tuple(group) for group in groups.values()), key=lambda group: (-len(group), group[0].repository)
    )


def _cut(edges: Sequence[int], total: int, cut: int, count: int) -> int:
    """Where shard `cut` ends, as a number of tasks: an edge of a repository if one is near."""
    exact = total * cut / count
    nearest = min(edges, key=lambda edge: (abs(edge - exact), edge))
    return nearest if abs(nearest - exact) <= SNAP_SHARE * total / count else round(exact)


def _chance(seed: int, kind: str, name: str) -> float:
    """A number in [0, 1) that looks random and depends on its arguments only."""
    digest = hashlib.sha256(f"{seed}\0{kind}\0{name}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)
