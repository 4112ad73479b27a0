"""Each part that can be left out is there, is really out, and comes back."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from eval.ablations import ABLATIONS, Ablation, channels_without, without
from eval.run.sampler import open_sampler
from eval.types import Task
from retrieval import fuse, neighbors

HELPER = "def scale(values, width):\n    '''Scale values to a width.'''\n    return values * width\n"
OTHER = "def length(values, width):\n    total = sum(values, width)\n    return total\n"
PREFIX = "from helper import scale\n\n\ndef area(values, width):\n"
TASK = Task(
    *("toy/0", "repoeval-line", "line", "python", "toy", "main.py", PREFIX, "    return scale(values)", "\n"),
    *(5, 0, "resampled"),
)
CHANGES = [one for one in ABLATIONS.values() if one.changes]


def constants(one: Ablation) -> list[Any]:
    return [getattr(importlib.import_module(module), name) for module, name, _ in one.changes]


@pytest.mark.parametrize("one", CHANGES, ids=lambda one: one.name)
def test_a_part_is_out_and_comes_back(one: Ablation) -> None:
    whole = constants(one)
    with without([one.name]):
        assert all(cut != kept for cut, kept in zip(constants(one), whole, strict=True))
    assert constants(one) == whole


def test_every_feature_of_a_definition_can_be_left_out_and_several_at_once() -> None:
    names = [f"definitions.{name.replace('_', '-')}" for name in neighbors.WEIGHTS]
    with without(names):
        weights: Mapping[str, float] = neighbors.WEIGHTS
        assert set(weights.values()) == {0.0}
    with pytest.raises(RuntimeError), without(["fusion.side", "definitions.near"]):
        raise RuntimeError
    assert fuse.SIDE_PENALTY < 1
    assert neighbors.WEIGHTS["near"] > 0


def test_what_is_a_channel_is_not_asked() -> None:
    channels = ("definitions", "similar", "dense")
    assert channels_without(channels, ["similar", "fusion.side"]) == ("definitions", "dense")
    assert channels_without(channels, []) == channels


@pytest.mark.parametrize(
    ("part", "left"),
    [((), {"definitions", "similar"}), (("definitions",), {"similar"}), (("similar",), {"definitions"})],
)
def test_a_run_without_a_channel_shows_nothing_of_it(
    tmp_path: Path, part: tuple[str, ...], left: set[str]
) -> None:
    root = tmp_path / "toy"
    root.mkdir()
    for name, text in (("helper.py", HELPER), ("other.py", OTHER), ("main.py", PREFIX + TASK.truth)):
        (root / name).write_text(text)
    for number in range(6):  # a term of every file says nothing
        (root / f"more{number}.py").write_text(f"def colour{number}():\n    return {number}\n")
    config = {"benchmark": TASK.benchmark, "method": "hybrid", "gate": "always", "without": list(part)}
    options = {"folders": {"toy": str(root)}, "indexes": str(tmp_path / "index"), "threads": 1}
    with open_sampler(config, options) as sampler:
        (only,) = sampler.sample(TASK)["passes"]
    assert {entry["source"] for hit in only["hits"] for entry in hit["evidence"]} == left
