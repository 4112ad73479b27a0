"""Tasks, measurements and comparisons, with the first embedded model in the product's own worker."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from repocoder.gate.figures import area_under_curve, choose_threshold
from repocoder.llm.local import LocalGenerator
from repocoder.models import EMBEDDED_FILE
from training.completion import evaluate, figures
from training.completion.comparison import compare, quantisation, text_of
from training.completion.figures import figure, ratio
from training.completion.measure import (
    CONDITIONS,
    Condition,
    Outcome,
    Subject,
    build,
    likelihood,
    measure,
    open_model,
    scores,
)
from training.completion.samples import Sample, Snippet
from training.completion.tasks import Task, draw, key_of, read_tasks
from training.completion.weights import TrainingError

FIRST = EMBEDDED_FILE
SHAPES = Snippet(
    "pkg/shapes.py", "class Circle:\n    radius: float\n\n    def area(self) -> float: ...\n", 3, True
)
LIKE = Snippet("pkg/other.py", "def total(squares):\n    return sum(s.area() for s in squares)\n", 9, False)


def sample(number: int = 0, *, kind: str = "line", package: str = "pkg", hole: str = "") -> Sample:
    prefix = f"from pkg.shapes import Circle\n\n\ndef total{number}(circles):\n    "
    text = hole or f"return sum(circle.area() + {number} for circle in circles)"
    return Sample(
        package, "pkg/use.py", "python", kind, 5, prefix, text, "\n", (SHAPES, LIKE), True, ("Circle",), 1
    )


@pytest.fixture(scope="module")
def model() -> Iterator[LocalGenerator]:
    generator = open_model(str(FIRST), context=1024)
    yield generator
    generator.close()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Samples of two packages and three kinds, three of each."""
    folder = tmp_path / "samples" / "test"
    folder.mkdir(parents=True)
    for package in ("pkg", "lib"):
        rows = [sample(n, kind=kind, package=package) for kind in ("line", "rest", "body") for n in range(3)]
        with gzip.open(folder / f"{package}-4.jsonl.gz", "wb") as file:
            file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return tmp_path


def test_tasks_are_drawn_in_turn_and_a_larger_draw_begins_with_the_smaller(work: Path) -> None:
    tasks = read_tasks(work, "test")
    assert len(tasks) == 12 and {task.sample.kind for task in tasks} == {"line", "rest"}
    drawn = draw(tasks, 8, seed=2)
    assert draw(tasks, 4, seed=2) == drawn[:4]
    assert {(task.sample.package, task.sample.kind) for task in drawn[:4]} == {
        ("pkg", "line"), ("pkg", "rest"), ("lib", "line"), ("lib", "rest"),
    }  # fmt: skip
    assert draw(tasks, 99, seed=2) != draw(tasks, 99, seed=3)
    assert len({task.key for task in tasks}) == 12
    assert read_tasks(work, "test", seeds=[4]) == tasks
    with pytest.raises(TrainingError, match="run training"):
        read_tasks(work, "test", seeds=[5])


def test_the_prompt_shows_what_the_condition_says(model: LocalGenerator) -> None:
    one = sample()
    task = Task(key_of(one), msgspec.structs.replace(one, suffix="\n\n\nAFTER = 1\n"))
    texts = {}
    for condition in CONDITIONS:
        query, prompt = build(task, condition, model, max_tokens=96)
        texts[condition] = model.detokenize(prompt.token_ids)
        assert len(prompt.hits) == (2 if condition.retrieval else 0)
        assert query.column == 4 and task.sample.hole not in texts[condition]
    for condition, text in texts.items():
        assert ("class Circle" in text) is condition.retrieval
        assert ("AFTER" in text) is condition.right
    closed = Task(task.key, msgspec.structs.replace(task.sample, gate=False))
    assert build(closed, CONDITIONS[0], model, max_tokens=96)[1].hits == ()


def test_likelihood_is_of_the_hole_and_of_any_end_behind_it(model: LocalGenerator) -> None:
    task = Task("k", sample())
    _, prompt = build(task, CONDITIONS[0], model, max_tokens=96)
    assert prompt.typed == "    "
    ids = (*prompt.token_ids, *model.tokenize("    "))
    nats, end_nats, tokens = likelihood(prompt, task.sample.hole, model)
    truth = model.tokenize(task.sample.hole)
    assert tokens == len(truth)
    assert nats == pytest.approx(-sum(model.score(ids, truth)))
    ends = model.vocab.template.end_ids
    assert len(ends) > 1
    assert math.exp(-end_nats) == pytest.approx(
        sum(math.exp(model.score((*ids, *truth), [end])[0]) for end in ends), rel=1e-6
    )


def test_an_outcome_is_what_the_product_would_insert(model: LocalGenerator) -> None:
    outcome = measure(Task("k", sample()), CONDITIONS[0], model, "m", "s")
    assert outcome is not None
    assert "\n" not in outcome.text.strip("\n") or outcome.stop_reason
    assert outcome.characters == len(sample().hole) and outcome.snippets == 2
    assert (outcome.exact, outcome.similarity) == scores(outcome.text, sample().hole)
    too_long = Task("k", sample(hole="x" + " + x" * 1100))
    assert measure(too_long, CONDITIONS[0], model, "m", "s") is None


def test_scores_are_cut_to_the_truths_lines() -> None:
    assert scores("  a = 1\nb = 2", "a = 1") == (100.0, 100.0)
    assert scores("a = 2", "a = 1") == (0.0, pytest.approx(80.0))
    assert scores("", "a = 1") == (0.0, 0.0)


def test_a_run_goes_on_where_it_was(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = work / "evaluation" / "outcomes.jsonl"
    arguments = [
        "--work",
        str(work),
        "--tasks",
        "2",
        "--workers",
        "1",
        "--right-only",
        "--json",
        str(work / "r.json"),
    ]
    assert evaluate.main(arguments) == 0
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    path.write_bytes(b"".join(lines[:2]) + lines[2][:40])  # ended in the middle of a line
    assert evaluate.main(arguments) == 0
    again = path.read_bytes().splitlines(keepends=True)
    assert again[:2] == lines[:2] and len(again) == 4
    said = [msgspec.json.decode(line, type=Outcome) for line in (*lines, *again)]
    timeless = [msgspec.structs.replace(one, seconds=0.0) for one in said]
    assert timeless[:4] == timeless[4:]
    report = json.loads((work / "r.json").read_text())
    assert report["about"]["tasks"] == 2 and report["about"]["left_out"] == 0
    assert {row["kind"] for row in report["rows"]} == {"line", "rest", "all"}
    assert "within" not in capsys.readouterr().err
    assert evaluate.main(["--work", str(work / "nowhere")]) == 2
    assert "run training.completion.samples first" in capsys.readouterr().err


def outcome(model: str, task: int, condition: Condition, *, exact: float, nats: float) -> Outcome:
    package = "even" if task % 2 == 0 else "odd"
    return Outcome(
        model, f"{task:03d}", package, "line", condition, "s", "x" if exact else "", "end", exact, exact,
        nats, 1.0, 4, 19, 500, 2, 0.5,
    )  # fmt: skip


def outcomes(model: str, nats: float, right_of: int) -> list[Outcome]:
    """40 tasks: with retrieval `right_of` of them are exact, without it half as many; a hole has `nats`."""
    return [
        outcome(model, task, condition, exact=100.0 * (task < (right_of if condition.retrieval else right_of // 2)),
                nats=nats + (0 if condition.retrieval else 10))
        for task in range(40)
        for condition in CONDITIONS
    ]  # fmt: skip


def test_comparisons_are_paired_and_by_character() -> None:
    models = [Subject("first", "", "a", 1), Subject("ours", "", "b", 1)]
    everything = [*outcomes("a", 19.0, 4), *outcomes("b", 9.0, 20)]
    report = compare(models, everything, {"tasks": 40})
    row = next(
        one
        for one in report.rows
        if (one.model, one.kind, one.retrieval, one.right) == ("ours", "line", True, True)
    )
    assert row.tasks == 40 and row.exact[0] == 50.0 and row.empty == 20
    assert row.nats_per_character[:1] == [0.5] and row.nats_per_token[0] == 2.0
    assert row.exact[1] is not None and 30 < row.exact[1] < 50  # type: ignore[operator]
    found = {
        (one.name, one.model): one.figure
        for one in report.comparisons
        if one.kind == "line" and one.retrieval and one.right
    }
    assert found["nats_ratio", "ours"] == [0.5, 0.5, 0.5]  # the same for each task: no width
    assert found["exact_difference", "ours"][0] == 40.0
    assert found["gain", "ours"][0] == 2.0 and found["gain", "first"][0] == 2.0
    assert ("nats_ratio", "first") not in found
    assert {one.package for one in report.packages} == {"even", "odd"}
    text = text_of(report)
    assert "target: at most 0.85" in text and "0.500 [0.500, 0.500]" in text


def test_only_tasks_of_all_models_count() -> None:
    models = [Subject("first", "", "a", 1), Subject("ours", "", "b", 1)]
    some = [one for one in outcomes("b", 9.0, 20) if one.task != "007" or one.condition.retrieval]
    report = compare(models, [*outcomes("a", 19.0, 4), *some], {"tasks": 40})
    assert {row.tasks for row in report.rows} == {39}
    assert report.about["left_out"] == 1


def test_types_of_one_model() -> None:
    models = [Subject("f32", "", "a", 1), Subject("q8", "", "b", 1)]
    report = quantisation(models, [*outcomes("a", 9.0, 20), *outcomes("b", 9.0, 19)], {"tasks": 40})
    found = {
        one.name: one.figure[0]
        for one in report.comparisons
        if one.retrieval and one.right and one.kind == "all"
    }
    assert found == {"nats_ratio": 1.0, "exact_difference": -2.5, "equal_texts": pytest.approx(0.975)}


def test_intervals() -> None:
    chance = np.random.default_rng(4)
    values = chance.normal(10, 2, 400)
    found = figure({"x": values.tolist(), "n": [1.0] * 400}, ratio("x", "n"))
    assert found.value == pytest.approx(values.mean())
    assert found.low is not None and found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.15)
    clusters = ["a" if value > 10 else "b" for value in values]
    wide = figure({"x": values.tolist(), "n": [1.0] * 400}, ratio("x", "n"), clusters)
    assert wide.high is not None and wide.low is not None and wide.high - wide.low > 2
    assert figure({"x": [1.0], "n": [0.0]}, ratio("x", "n")).value is None
    assert figure({"x": [], "n": []}, ratio("x", "n")).value is None
    assert figures.resampled_sums(np.ones((7, 1)), 5).tolist() == [[7.0]] * 5


def test_area_under_the_curve() -> None:
    labels = np.array([True, True, False, False])
    assert area_under_curve(np.array([0.9, 0.8, 0.2, 0.1]), labels) == 1.0
    assert area_under_curve(np.array([0.1, 0.2, 0.8, 0.9]), labels) == 0.0
    assert area_under_curve(np.array([0.5, 0.5, 0.5, 0.5]), labels) == 0.5
    assert area_under_curve(np.array([0.9, 0.3, 0.3, 0.1]), labels) == 0.875
    assert math.isnan(area_under_curve(np.array([0.9]), np.array([True])))
    chance = np.random.default_rng(2)
    scores, truth = chance.integers(0, 9, 60).astype(float), chance.random(60) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[truth] for b in scores[~truth]]
    assert area_under_curve(scores, truth) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize(
    ("gains", "threshold"), [([50.0, 10.0, -30.0, -40.0], 0.7), ([-5.0] * 4, 1.0), ([5.0] * 4, 0.1)]
)
def test_the_threshold_takes_what_helps_and_no_more(gains: list[float], threshold: float) -> None:
    assert choose_threshold(np.array([0.9, 0.7, 0.4, 0.1]), np.array(gains)) == threshold
