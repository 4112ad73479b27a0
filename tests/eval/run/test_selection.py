"""Properties of the sample and of shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.run.selection import by_repository, choose, parse_shard, take_shard
from eval.types import Task
from repocoder.errors import UsageError

sizes = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.integers(1, 30), min_size=1, max_size=12
)

MakeTasks = Callable[..., tuple[Task, ...]]


def ids(tasks: tuple[Task, ...]) -> set[str]:
    return {task.id for task in tasks}


def in_order(tasks: tuple[Task, ...], part: tuple[Task, ...]) -> bool:
    """Is `part` in the order of the whole list, without repeats?"""
    chosen = ids(part)
    return [task.id for task in tasks if task.id in chosen] == [task.id for task in part]


@given(sizes, st.integers(0, 200), st.integers(0, 5))
def test_a_sample_has_its_size_its_order_and_each_repositorys_share(
    make_tasks: MakeTasks, given_sizes: dict[str, int], limit: int, seed: int
) -> None:
    tasks = make_tasks(**given_sizes)
    chosen = choose(tasks, limit, seed)
    assert len(chosen) == min(limit, len(tasks))
    assert in_order(tasks, chosen)
    counts = Counter(task.repository for task in chosen)
    for repository, size in given_sizes.items():
        share = size * len(chosen) / len(tasks)
        # Each repository is at most one task off at any place; the place itself moves with the others' errors.
        assert abs(counts[repository] - share) <= 1 + size * len(given_sizes) / len(tasks)


def test_equal_repositories_give_equal_numbers(make_tasks: MakeTasks) -> None:
    tasks = make_tasks(a=200, b=200, c=200, d=200)
    for seed in range(20):
        counts = Counter(task.repository for task in choose(tasks, 400, seed))
        assert all(99 <= counts[name] <= 101 for name in "abcd"), counts


def test_every_task_is_as_likely(make_tasks: MakeTasks) -> None:
    tasks = make_tasks(a=40, b=10, c=10, d=3)
    counts = Counter(task.id for seed in range(600) for task in choose(tasks, 21, seed))
    assert all(140 <= counts[task.id] <= 260 for task in tasks), counts.most_common()


@given(sizes, st.integers(0, 60), st.integers(0, 60), st.integers(0, 3))
def test_a_smaller_limit_is_a_part_of_a_larger_one(
    make_tasks: MakeTasks, given_sizes: dict[str, int], one: int, other: int, seed: int
) -> None:
    tasks = make_tasks(**given_sizes)
    less, more = sorted((one, other))
    assert ids(choose(tasks, less, seed)) <= ids(choose(tasks, more, seed))


def test_the_seed_decides_and_the_order_of_the_list_does_not(make_tasks: MakeTasks) -> None:
    tasks = make_tasks(a=30, b=20)
    assert choose(tasks, 10, 1) == choose(tasks, 10, 1)
    assert choose(tasks, 10, 1) != choose(tasks, 10, 2)
    assert ids(choose(tasks[::-1], 10, 1)) == ids(choose(tasks, 10, 1))
    assert [task.id for task in choose(tasks, 4, 0)] == PINNED


PINNED = ["b/11", "b/16", "a/17", "a/20"]
"""A new version that draws other tasks makes all committed results incomparable."""


@given(sizes, st.integers(1, 9))
def test_shards_are_disjoint_and_together_all(
    make_tasks: MakeTasks, given_sizes: dict[str, int], count: int
) -> None:
    tasks = make_tasks(**given_sizes)
    shards = [take_shard(tasks, number, count) for number in range(1, count + 1)]
    assert sorted(task.id for shard in shards for task in shard) == sorted(task.id for task in tasks)
    assert max(map(len, shards)) <= len(tasks) / count * 1.2 + 1
    for shard in shards:
        assert in_order(tasks, shard)


def split_repositories(tasks: tuple[Task, ...], count: int) -> int:
    """How many repositories are in two neighbouring shards."""
    shards = [
        {task.repository for task in take_shard(tasks, number, count)} for number in range(1, count + 1)
    ]
    return sum(len(one & other) for one, other in pairwise(shards))


def test_repositories_stay_whole_where_possible(make_tasks: MakeTasks) -> None:
    many = make_tasks(**{f"r{number:03}": 1 + number % 9 for number in range(200)})
    assert split_repositories(many, 4) == 0
    assert split_repositories(make_tasks(a=200, b=200, c=200, d=200), 2) == 0
    assert split_repositories(make_tasks(a=200, b=200, c=200, d=200), 3) == 2  # equal work is worth more
    assert [len(take_shard(make_tasks(a=100), number, 4)) for number in (1, 2, 3, 4)] == [25, 25, 25, 25]


@given(sizes)
def test_groups_are_whole_repositories_the_largest_first(
    make_tasks: MakeTasks, given_sizes: dict[str, int]
) -> None:
    groups = by_repository(make_tasks(**given_sizes))
    assert [len(group) for group in groups] == sorted(given_sizes.values(), reverse=True)
    assert all(len({task.repository for task in group}) == 1 for group in groups)


@pytest.mark.parametrize("text", ["3/2", "0/2", "1/0", "1", "a/b", "1/2/3", "-1/2", "1/ 2", ""])
def test_a_bad_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        parse_shard(text)


def test_a_good_shard() -> None:
    assert parse_shard("2/3") == (2, 3)
