"""Nothing of the truth, and with a left context nothing that follows it, reaches a prompt: for every method.

Two repositories are alike but for the truth of one task and what follows it in its file. Whoever looked there would
answer differently; every method but the oracles must give the same prompt, hits, scores of hits and evidence.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.methods import METHODS, ORACLES
from eval.run.sampler import Sampler, SamplerOptions
from eval.types import RunConfig, Task
from repocoder.llm.fake import FakeGenerator

CANARY = "canary_that_sings"
ABOVE = """from helper import scale
from shapes import Shape


class Base(Shape):
    def area(self, width):
        return scale(self.sides, width)


"""
FAR = "\n".join(f"def filler_{n}(values):\n    return scale(values, {n})\n" for n in range(60))
HEAD = "\n\ndef target(values, width):\n    total = 0\n"
TRUTHS = (
    f"    {CANARY} = scale(total, width)",
    f"    from other import copy as {CANARY}_copy; import rates, {CANARY}",
)
BELOW = (
    f"\n    return {CANARY}\n\n\ndef {CANARY}_after(values):\n    return scale(values, {CANARY})\n",
    f"\n    return rates.{CANARY}_rate(values, width)\n\n\nclass {CANARY}_Late(Shape):\n    {CANARY}_area = 1\n"
    f"    def area(self):\n        return {CANARY}_area\n" + f"\n{CANARY} = [values, width]" * 40 + "\n",
)
OTHERS = {
    "helper.py": "def scale(values, width):\n    '''Scale values to a width.'''\n    return values * width\n",
    "shapes.py": "class Shape:\n    sides = 4\n\n    def area(self, width):\n        raise NotImplementedError\n",
    "other.py": "from helper import scale\nfrom app.target import target\n\n\ndef copy(values, width):\n    total = 0\n"
    "    total = scale(values, width)\n    return target(total, width)\n",
    "rates.py": "from app import target as module\n\n\ndef rate(values, width):\n"
    "    return module.target(values, width)\n",
    "app/again.py": "from app.target import Base\n\n\nclass Again(Base):\n    def area(self, width):\n"
    "        total = 0\n        return super().area(width)\n",
}
PREFIX = ABOVE + FAR + HEAD


def task_of(version: int) -> Task:
    return Task(
        id="toy/0",
        benchmark="repoeval-line",
        kind="line",
        language="python",
        repository="toy",
        path="app/target.py",
        prefix=PREFIX,
        truth=TRUTHS[version],
        suffix=BELOW[version],
        line=PREFIX.count("\n") + 1,
        column=0,
        origin="resampled",
    )


def record_of(
    folder: Path, version: int, method: str, **options: Any
) -> tuple[dict[str, Any], FakeGenerator]:
    task = task_of(version)
    root = folder / f"{version}" / "toy"
    for path, text in {**OTHERS, "app/target.py": task.prefix + task.truth + task.suffix}.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    generator = FakeGenerator("    total = scale(total, width)\n    return total\n", n_ctx=16384)
    config = RunConfig("repoeval-line", method, model="fake", **options)
    sampler = Sampler(
        config,
        SamplerOptions(folders={"toy": str(root)}, indexes=str(folder / f"{version}-index")),
        generator,
    )
    try:
        return sampler.sample(task), generator
    finally:
        sampler.close()


BLIND = sorted(METHODS.keys() - ORACLES - {"dense", "published"})


@pytest.mark.parametrize("method", BLIND)
@pytest.mark.parametrize("layout", ["published", "native"])
def test_the_truth_and_what_follows_change_nothing(tmp_path: Path, method: str, layout: str) -> None:
    passes = 3 if method == "repocoder" else 2
    seen = []
    for version in (0, 1):
        record, generator = record_of(tmp_path, version, method, layout=layout, passes=passes)
        for request in generator.requests:
            assert CANARY not in generator.detokenize(request.token_ids)
        assert CANARY not in json.dumps([[p["hits"], p["prompt"]] for p in record["passes"]])
        seen.append([(p["prompt"], p["hits"]) for p in record["passes"]] + [record["gate"]])
    assert seen[0] == seen[1]
    if method != "in-file":
        assert seen[0][0][1], "nothing was retrieved, so nothing could leak"


@pytest.mark.parametrize("method", ["bm25-oracle", "oracle"])
def test_the_control_sees_the_truth(tmp_path: Path, method: str) -> None:
    """An oracle is shown the truth, so the test above can fail: its hits follow the truth."""
    hits = [record_of(tmp_path, version, method)[0]["passes"][0]["hits"] for version in (0, 1)]
    assert hits[0] != hits[1]


def test_with_both_sides_what_follows_is_shown_and_the_truth_is_not(tmp_path: Path) -> None:
    record, generator = record_of(tmp_path, 0, "hybrid", context="both", layout="native")
    text = "".join(generator.detokenize(request.token_ids) for request in generator.requests)
    assert f"return {CANARY}" in text
    assert TRUTHS[0].strip() not in text
    assert record["truth"] == TRUTHS[0].strip()
