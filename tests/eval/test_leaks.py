"""Nothing of the truth, and with a left context nothing that follows it, reaches a prompt: for every method.

Two repositories are alike but for the truth of one task and what follows it in its file. Whoever looked there would
answer differently; every method but the oracles must give the same prompts, hits and evidence.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.methods import METHODS, ORACLES
from eval.run.sampler import Sampler, SamplerOptions
from eval.types import RunConfig, Task
from eval.workspace import Workspace
from repocoder.llm.fake import FakeGenerator
from repocoder.types import CompletionRequest

CANARY, WREN = "canary_that_sings", "wren_that_whistles"
ABOVE = """from helper import scale
from shapes import Shape


class Base(Shape):
    def area(self, width):
        return scale(self.sides, width)


"""
FAR = "\n".join(f"def filler_{n}(values):\n    return scale(values, {n})\n" for n in range(60))
HEAD = "\n\ndef target(values, width):\n    total = 0\n"
TRUTH = f"    from other import copy as {CANARY}"
BELOW = f"""
    return {CANARY}


def {CANARY}_after(values):
    from other import copy as {CANARY}_late
    return scale(values, {CANARY})


class {CANARY}_Late(Shape):
    def area(self):
        return {CANARY}_area
"""
VERSIONS = {
    "first": (TRUTH, BELOW),
    "other names": tuple(
        text.replace(CANARY, WREN).replace("other import copy", "rates import rate")
        for text in (TRUTH, BELOW)
    ),
    "other text": (f"    {CANARY} = rates.rate(total, width)", f"\n{CANARY} = [values, width]" * 40 + "\n"),
}
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


def task_of(version: str) -> Task:
    truth, below = VERSIONS[version]
    return Task(
        id="toy/0",
        benchmark="repoeval-line",
        kind="line",
        language="python",
        repository="toy",
        path="app/target.py",
        prefix=PREFIX,
        truth=truth,
        suffix=below,
        line=PREFIX.count("\n") + 1,
        column=0,
        origin="resampled",
    )


def record_of(
    folder: Path, version: int, method: str, **options: Any
) -> tuple[dict[str, Any], FakeGenerator]:
    task = task_of(version)
    root = folder / version / "toy"
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


BASELINES = ["in-file", "bm25", "repocoder", "repoformer"]
OURS = ["definitions", "similar", "hybrid", "engine"]


def test_every_method_is_looked_at() -> None:
    assert {*BASELINES, *OURS} == METHODS.keys() - ORACLES - {"dense", "published"}


def seen_by(folder: Path, version: str, method: str, layout: str) -> tuple[list[Any], list[float]]:
    """What the model was shown and why, and the scores of the hits; no name of the truth may be in it."""
    passes = 3 if method == "repocoder" else 2
    record, generator = record_of(folder, version, method, layout=layout, passes=passes)
    shown = "".join(generator.detokenize(request.token_ids) for request in generator.requests)
    kept = json.dumps([[one["hits"], one["prompt"]] for one in record["passes"]])
    for canary in (CANARY, WREN):
        assert canary not in shown
        assert canary not in kept
    hits = [hit for one in record["passes"] for hit in one["hits"]]
    if method != "in-file":
        assert hits, "nothing was retrieved, so nothing could leak"
    scores = [evidence.pop("score") for hit in hits for evidence in hit["evidence"]]
    scores += [hit.pop("score") for hit in hits]
    return [[one["prompt"] for one in record["passes"]], hits], scores


@pytest.mark.parametrize("layout", ["published", "native"])
@pytest.mark.parametrize("method", BASELINES)
def test_whatever_the_truth_and_what_follows_are_a_baseline_does_the_same(
    tmp_path: Path, method: str, layout: str
) -> None:
    assert seen_by(tmp_path, "first", method, layout) == seen_by(tmp_path, "other text", method, layout)


@pytest.mark.parametrize("layout", ["published", "native"])
@pytest.mark.parametrize("method", OURS)
def test_other_names_in_the_truth_and_below_change_nothing(tmp_path: Path, method: str, layout: str) -> None:
    """Ours search an index of the whole repository. The truth is not looked at and its words are not counted, but it
    does count in three numbers: the mean length of a chunk, the mean weight of a word, and where the file is cut into
    chunks. So both texts have one shape here, and scores may differ in the third digit.
    """
    (seen, scores), (again, others) = (
        seen_by(tmp_path, version, method, layout) for version in ("first", "other names")
    )
    assert seen == again
    assert scores == pytest.approx(others, rel=0.01)


@pytest.mark.parametrize("method", ["bm25-oracle", "oracle"])
def test_the_control_sees_the_truth(tmp_path: Path, method: str) -> None:
    """An oracle is shown the truth, so the tests above can fail: its hits follow the truth."""
    hits = [
        record_of(tmp_path, version, method)[0]["passes"][0]["hits"] for version in ("first", "other text")
    ]
    assert hits[0] != hits[1]


def test_without_the_exclusion_ours_would_see_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other control: the same index, asked without the rule, gives the names away."""
    monkeypatch.setattr(Workspace, "request", unguarded)
    record, _ = record_of(tmp_path, "first", "hybrid")
    assert CANARY in json.dumps(record["passes"][0]["hits"])


def unguarded(workspace: Workspace, task: Task) -> CompletionRequest:
    """Asks at the top of the same file for the words that stand at the hole, and excludes nothing."""
    top = f"{ABOVE}\n\ndef asks(values, width):\n    {CANARY} = {CANARY}_late\n    "
    line = top.count("\n") + 1
    rest = "\n" * (
        (task.prefix + task.truth + task.suffix).count("\n") + 1 - line
    )  # nothing seems to have moved
    return CompletionRequest(task.path, line, 4, text=top + rest, retrieval="always")


def test_with_both_sides_what_follows_is_shown_and_the_truth_is_not(tmp_path: Path) -> None:
    record, generator = record_of(tmp_path, "first", "hybrid", context="both", layout="native")
    text = "".join(generator.detokenize(request.token_ids) for request in generator.requests)
    assert f"return {CANARY}" in text
    assert TRUTH.strip() + "\n" not in text
    assert record["truth"] == TRUTH.strip()
