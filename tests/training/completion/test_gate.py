"""The gate token from label to GGUF: labels of the real model, the second stage, and its comparison."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from repocoder.gate.figures import area_under_curve
from repocoder.gate.logistic import fit
from repocoder.llm.gate import GateTokens
from repocoder.llm.local import open_generator
from repocoder.models import EMBEDDED_FILE
from training.completion import gate
from training.completion.data import CONTEXT, FILE, HOLE
from training.completion.export import write_gguf
from training.completion.gate_stage import Example, Learner, Stage, balance, by_tokens, learn, split
from training.completion.initial import read_gguf
from training.completion.labels import Label, append, label, labelled, question_ids, read_labels, shows_right
from training.completion.logistic import FEATURES, features
from training.completion.measure import open_model, scores
from training.completion.model import SHAPES, Decoder
from training.completion.samples import Sample, Snippet
from training.completion.tasks import Task, key_of
from training.completion.vocabulary import Vocabulary
from training.completion.weights import TrainingError, save

FIRST = EMBEDDED_FILE
SHAPES_FILE = Snippet(
    "pkg/shapes.py", "class Circle:\n    def area(self) -> float:\n        return 3\n", 3, True
)
LIKE = Snippet("pkg/other.py", "def total(squares):\n    return sum(s.area() for s in squares)\n", 9, False)
TOKENS = GateTokens(5, 6, 2)
SMALL = replace(SHAPES["tiny"], vocabulary=256)  # its steps take milliseconds


def task(number: int = 0, package: str = "pkg", *, hits: bool = True, hole: str = "") -> Task:
    prefix = f"from pkg.shapes import Circle\n\n\ndef total{number}(circles):\n    "
    row = Sample(
        package, "pkg/use.py", "python", "line", 5, prefix, hole or f"return circles[{number}].area()",
        "\n\n\nAFTER = 1\n", (SHAPES_FILE, LIKE) if hits else (), True, ("Circle",), 1,
    )  # fmt: skip
    return Task(key_of(row), row)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model with random weights and the first model's tokenizer."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    _, tokenizer = read_gguf(FIRST)
    torch.manual_seed(3)
    model = Decoder(SHAPES["tiny"])
    for weight in model.parameters():
        torch.nn.init.normal_(weight, mean=float(weight.ndim == 1), std=0.1)
    save(folder, model, tokenizer.to_str().encode(), {"name": "repocoder-tiny"})
    return folder


def examples(count: int) -> list[Example]:
    """Questions whose answer is one token of them, of ten packages."""
    chance = np.random.default_rng(1)
    made = []
    for number in range(count):
        helped = bool(chance.random() < 0.4)
        ids = [*chance.integers(100, SMALL.vocabulary, 12).tolist(), 50 if helped else 60, 5]
        made.append(Example(tuple(map(int, ids)), helped, 10.0 if helped else -5.0, f"p{number % 10}"))
    return made


def test_a_label_compares_the_same_file_with_and_without_snippets() -> None:
    model = open_model(str(FIRST), context=1024)
    try:
        one = task()
        row = label(one, model, "digest")
        assert row is not None and row.task == one.key and row.right is shows_right(one)
        assert row.similarity_with == scores(row.text_with, one.sample.hole)[1]
        assert row.similarity_without == scores(row.text_without, one.sample.hole)[1]
        assert row.helped is (row.similarity_with > row.similarity_without)
        assert row.nats_with != row.nats_without and row.tokens == len(model.tokenize(one.sample.hole)) + 1
        assert label(task(hits=False), model, "digest") is None
        assert label(task(hole="x" + " + x" * 600), model, "digest") is None
    finally:
        model.close()


def test_both_ways_of_training_and_use_ask_the_same_question(tiny: Path) -> None:
    """The trainer's tokenizer and the product's worker give the same ids."""
    model = open_model(str(FIRST), context=1024)
    try:
        ours, theirs = (
            question_ids(task(3), one, TOKENS) for one in (Vocabulary(tiny / "tokenizer.json"), model)
        )
    finally:
        model.close()
    assert ours == theirs and ours[-1] == TOKENS.question


def test_some_questions_have_nothing_behind_the_hole() -> None:
    shown = [shows_right(task(number)) for number in range(400)]
    assert 0.6 < np.mean(shown) < 0.8


def row_of(one: Task, *, helped: bool, gain: float = 10.0) -> Label:
    similarity = (50.0 + gain, 50.0) if helped else (50.0 - gain, 50.0)
    return Label(
        "m",
        one.key,
        one.sample.package,
        "line",
        shows_right(one),
        *similarity,
        0.0,
        0.0,
        5.0,
        6.0,
        4,
        "a",
        "b",
    )


def test_labels_survive_an_end_in_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "gate" / "n.jsonl"
    first, second, third = task(1), task(2), task(3)
    append(path, [(first.key, row_of(first, helped=True)), (second.key, None)])
    path.write_bytes(path.read_bytes() + b'{"model": "m", "ta')
    assert read_labels(path) == {first.key: row_of(first, helped=True), second.key: None}
    append(path, [(third.key, row_of(third, helped=False))])
    assert [row.helped for _, row in labelled([third, second, first], path)] == [False, True]
    with pytest.raises(TrainingError, match="gate label first"):
        list(labelled([task(9)], path))


def test_the_loss_is_of_the_answer_alone_and_both_classes_weigh_the_same() -> None:
    torch.manual_seed(0)
    learner = Learner(Decoder(SMALL), (6, 2), Stage())
    some = examples(12)
    with torch.no_grad():
        logits = learner.logits(some)
        for one, found in zip(some, logits, strict=True):
            whole = learner.model(torch.tensor(one.ids), [len(one.ids)])[-1]
            assert found == pytest.approx(float(whole[6] - whole[2]), abs=1e-5)
    assert learner.scores(some) == pytest.approx(torch.sigmoid(logits).numpy(), abs=1e-6)
    truth = torch.tensor([1.0, 0.0, 0.0, 0.0])
    weights = balance(truth, 0.25)
    assert weights.tolist() == pytest.approx([2.0, 2 / 3, 2 / 3, 2 / 3])
    assert [len(part) for part in by_tokens(some, 30)] == [2] * 6


def test_whole_packages_are_held_out() -> None:
    train, held = split(examples(200), 0.25)
    assert {one.package for one in train}.isdisjoint(one.package for one in held)
    assert 0.25 <= len(held) / 200 <= 0.4
    with pytest.raises(TrainingError, match="label more samples"):
        split([Example((1, 5), True, 1.0, "a"), Example((1, 5), False, 1.0, "b")], 0.5)


def test_the_stage_learns_what_can_be_learnt_and_keeps_the_best(tmp_path: Path) -> None:
    """Beside packed samples, whose holes it does not forget; the threshold is one of its own scores."""
    packed = tmp_path / "packed"
    packed.mkdir()
    chance = np.random.default_rng(5)
    lengths = np.full(24, 90, np.int32)
    roles = np.tile(np.repeat(np.array([CONTEXT, FILE, HOLE], np.uint8), 30), 24)
    ids = chance.integers(100, 140, len(roles)).astype(np.uint16)
    np.savez(packed / "000.npz", ids=ids, roles=roles, lengths=lengths, kinds=np.zeros(24, np.uint8))
    torch.manual_seed(7)
    model = Decoder(SMALL)
    stage = Stage(steps=60, questions=24, ordinary=360, rate=0.5, warmup=5, every=15)
    found = learn(model, examples(300), (6, 2), stage, packed=packed, validation=packed, say=lambda _: None)
    train, held = split(examples(300), stage.held_out)
    learner = Learner(model, (6, 2), stage)
    assert area_under_curve(learner.scores(held), np.array([one.helped for one in held])) > 0.95
    assert found["looks"][0]["area"] < 0.9
    best = min(found["looks"], key=lambda look: look["loss"])
    assert found["best_step"] == best["step"] > 0
    assert learner.look(0, held).loss == pytest.approx(best["loss"], abs=1e-6)
    assert found["hole_nats_after"] < found["hole_nats_before"]
    assert 0 < found["threshold"] < 1 and found["labels"] == 300 and len(train) + len(held) == 300


def test_features_do_not_look_at_the_hole() -> None:
    one = features(task(1), right=True)
    other = features(task(1, hole="something(else)"), right=True)
    assert one == other and len(one) == len(FEATURES)
    named = dict(zip(FEATURES, one, strict=True))
    assert named["definitions"] == 1 and named["similar"] == 1 and named["blank_line"] == 1
    assert named["same_folder"] == 1 and 0 < named["best_jaccard"] < 1
    assert dict(zip(FEATURES, features(task(1), right=False), strict=True))["suffix_characters"] == 0


def test_the_logistic_gate_finds_the_weights_that_made_the_labels() -> None:
    chance = np.random.default_rng(3)
    rows = chance.normal(3.0, 2.0, (4000, 3))
    rows[:, 2] = 1.0  # a constant feature says nothing and breaks nothing
    truth = chance.random(4000) < 1 / (1 + np.exp(-(1.5 * (rows[:, 0] - 3) - 0.5)))
    model = fit(rows, truth)
    assert model.weights[0] / model.deviations[0] == pytest.approx(1.5, abs=0.15)
    assert abs(model.weights[1]) < 0.15 and model.weights[2] == pytest.approx(0, abs=1e-6)
    assert model.scores(rows).mean() == pytest.approx(truth.mean(), abs=0.01)
    with pytest.raises(ValueError, match="one class"):
        fit(rows, np.ones(4000, dtype=bool))


def write_samples(work: Path, split_name: str, packages: list[str]) -> list[Task]:
    folder = work / "samples" / split_name
    folder.mkdir(parents=True)
    tasks = []
    for package in packages:
        rows = [task(number, package) for number in range(6)]
        tasks += rows
        with gzip.open(folder / f"{package}-1.jsonl.gz", "wb") as file:
            file.write(b"".join(msgspec.json.encode(row.sample) + b"\n" for row in rows))
    return tasks


def test_the_steps_of_the_command_line(
    tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Label, train, export, evaluate: each takes what the one before has left."""
    work = tmp_path
    write_samples(work, "train", ["a", "b", "c", "d"])
    test = write_samples(work, "test", ["e", "f"])
    common = ["--work", str(work)]
    assert gate.main(["label", *common, "--model", str(FIRST), "--name", "real", "--split", "test", "--count", "2",
                      "--workers", "1"]) == 0  # fmt: skip
    assert "2 labels of 2 holes" in capsys.readouterr().out
    assert (
        gate.main(
            ["label", *common, "--model", str(FIRST), "--name", "real", "--split", "test", "--count", "2"]
        )
        == 0
    )
    assert len(read_labels(work / "gate" / "real.jsonl")) == 2
    for name, rows in (("n", [task(i, p) for p in "abcd" for i in range(6)]), ("t", test)):
        made = [(one.key, row_of(one, helped=i % 2 == 0)) for i, one in enumerate(rows)]
        append(work / "gate" / f"{name}.jsonl", made)
    out = work / "gated"
    assert gate.main(["train", *common, "--labels", "n", "--init", str(tiny), "--out", str(out), "--steps", "2",
                      "--questions", "4"]) == 0  # fmt: skip
    facts = json.loads((out / "model.json").read_text())
    assert facts["gate"] is True and facts["gate_stage"]["labels"] == 24
    write_gguf(out, work / "gated.gguf", "F32")
    generator = open_generator(str(work / "gated.gguf"), threads=1)
    area = pytest.approx(facts["gate_area"], abs=1e-6)
    assert generator.vocab.gate == GateTokens(5, 6, 2, pytest.approx(facts["gate_threshold"], abs=1e-6), area)
    generator.close()
    arguments = ["evaluate", *common, "--labels", "n", "--test-labels", "t", "--json", str(work / "g.json")]
    assert gate.main([*arguments, "--model", str(work / "gated.gguf")]) == 0
    report = json.loads((work / "g.json").read_text())
    assert report["labels"] == 12 and report["packages"] == 2 and report["helped"] == 0.5
    policies = {one["gate"]: one for one in report["policies"]}
    assert policies["never"]["retrieves"] == 0 and policies["always"]["retrieves"] == 100
    assert policies["oracle"]["similarity"][0] == 55.0 and policies["always"]["similarity"][0] == 50.0
    assert {area["gate"] for area in report["areas"]} == {"token", "logistic", "free rule"}
    capsys.readouterr()
    assert gate.main([*arguments, "--model", str(FIRST)]) == 2
    assert "no gate token" in capsys.readouterr().err
