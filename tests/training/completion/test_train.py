"""The trainer: its loss and its packs against plain restatements, and a resumed run against an unbroken one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch.nn import functional

from training.completion import train
from training.completion.data import FILE, HOLE, PAD_ID, Cursor, Sample, batches, fill, pack, read_shard
from training.completion.loss import weighted_nats
from training.completion.model import SHAPES, Decoder, Shape
from training.completion.optimizer import orthogonalise, schedule
from training.completion.train import targets_of
from training.completion.weights import load

TOKENIZER = '{"version": "1.0"}'


def _write_shard(place: Path, seed: int, samples: int = 40) -> None:
    """Samples that can be learnt: each counts on from a random number; the last third is the hole."""
    random = np.random.default_rng(seed)
    ids, roles, lengths = [], [], []
    for _ in range(samples):
        length = int(random.integers(12, 60))
        ids.append((random.integers(10, 200) + np.arange(length)).astype(np.uint16))
        role = np.full(length, FILE, dtype=np.uint8)
        role[2 * length // 3 :] = HOLE
        roles.append(role)
        lengths.append(length)
    place.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        place, ids=np.concatenate(ids), roles=np.concatenate(roles), lengths=np.array(lengths, dtype=np.int32)
    )


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tests run side by side: more threads than cores make small matrices slow."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    for number in range(2):
        _write_shard(tmp_path / "packed" / f"{number:03}.npz", number)
    (tmp_path / "tokenizer.json").write_text(TOKENIZER)
    return tmp_path


def _arguments(folder: Path, out: str, tokens: int) -> list[str]:
    data = str(folder / "packed")
    return [
        *("--data", data, "--validation", data, "--out", str(folder / out), "--shape", "tiny"),
        *("--tokenizer", str(folder / "tokenizer.json"), "--tokens", str(tokens)),
        *("--batch", "512", "--pack", "256", "--warmup", "4", "--device", "cpu"),
    ]


def test_the_blockwise_loss_has_the_values_and_gradients_of_cross_entropy() -> None:
    torch.manual_seed(0)
    states = torch.randn(1300, 16, dtype=torch.float64).float().requires_grad_()
    embedding = torch.randn(50, 16).requires_grad_()
    targets = torch.randint(0, 50, (1300,))
    weights = torch.rand(1300)
    loss, nats = weighted_nats(states, embedding, targets, weights)
    loss.backward()
    got = states.grad, embedding.grad
    states.grad = embedding.grad = None
    expected = functional.cross_entropy(states @ embedding.T, targets, reduction="none")
    (expected * weights).sum().backward()
    torch.testing.assert_close(nats, expected.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(got[0], states.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(got[1], embedding.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", ["llama", "qwen3"])
def test_a_sample_in_a_pack_has_the_logits_that_it_has_alone(architecture: str) -> None:
    torch.manual_seed(1)
    shape = Shape(architecture, 300, 32, 2, 4, 2, 8, 64, 128)  # type: ignore[arg-type]
    model = Decoder(shape)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    samples = [torch.randint(0, 300, (length,)) for length in (7, 1, 30)]
    with torch.no_grad():
        together = model(torch.cat(samples), [7, 1, 30]).split([7, 1, 30])
        for sample, logits in zip(samples, together, strict=True):
            torch.testing.assert_close(model(sample, [len(sample)]), logits, rtol=1e-4, atol=1e-5)


def test_the_shape_knows_its_number_of_parameters() -> None:
    for name in ("tiny", "12m"):
        model = Decoder(SHAPES[name])
        assert sum(weight.numel() for weight in model.parameters()) == SHAPES[name].parameters


def test_muon_steps_are_nearly_orthogonal() -> None:
    torch.manual_seed(2)
    for rows, columns in ((20, 50), (50, 20), (30, 90)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(3, rows, columns)))
        assert values.min() > 0.3
        assert values.max() < 1.4


def test_the_learning_rate_rises_stays_and_falls_to_zero() -> None:
    assert schedule(0.0, 0, warmup=10, decay=0.5) == pytest.approx(0.1)
    assert schedule(0.3, 99, warmup=10, decay=0.5) == 1
    assert schedule(0.75, 999, warmup=10, decay=0.5) == pytest.approx(0.5)
    assert schedule(1.0, 9999, warmup=10, decay=0.5) == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=60), st.integers(64, 256))
def test_packs_hold_every_sample_once_and_are_full_length(lengths: list[int], tokens: int) -> None:
    samples = [
        Sample(np.full(n, i + 10, dtype=np.int64), np.full(n, HOLE, dtype=np.uint8))
        for i, n in enumerate(lengths)
    ]
    packs = fill(samples, tokens)
    seen = [int(sample.ids[0]) - 10 for one in packs for sample in one]
    assert len(seen) == len(set(seen))
    missing = [lengths[number] for number in set(range(len(lengths))) - set(seen)]
    assert sum(missing) < tokens // 2  # only a last pack that is mostly empty is left out
    for one in packs:
        batch = pack(one, tokens)
        assert len(batch.ids) == len(batch.roles) == sum(batch.lengths) == tokens
        assert batch.used == min(tokens, sum(len(sample.ids) for sample in one))


def test_only_next_tokens_within_a_sample_count(packed: Path) -> None:
    samples = read_shard(packed / "packed" / "000.npz")[:3]
    batch = pack(samples, 256)
    places, roles = targets_of(batch, np.ones(3), np.random.default_rng(0))
    expected, start = [], 0
    for sample in samples:
        expected += [start + at for at in range(len(sample.ids) - 1)]
        start += len(sample.ids)
    assert places.tolist() == expected
    assert (batch.roles[places + 1] == roles).all()


def test_a_run_that_was_broken_off_ends_as_one_that_was_not(packed: Path) -> None:
    assert train.main(_arguments(packed, "whole", 4000)) == 0
    run = train.Run(
        train.Recipe(**json.loads((packed / "whole/state.json").read_text())["recipe"]),
        packed / "parts",
        "cpu",
    )
    stream = batches(packed / "packed", 256, run.progress.cursor)
    for _ in range(5):
        run.step([next(stream), next(stream)])
    run.checkpoint()
    assert train.main(["--out", str(packed / "parts"), "--resume", "--device", "cpu"]) == 0
    whole = load_file(packed / "whole/model/weights.safetensors")
    parts = load_file(packed / "parts/model/weights.safetensors")
    assert whole.keys() == parts.keys()
    for name in whole:
        torch.testing.assert_close(whole[name], parts[name], rtol=1e-4, atol=1e-5)


def test_training_learns_and_says_so(packed: Path) -> None:
    assert train.main(_arguments(packed, "run", 24_000)) == 0
    rows = [json.loads(line) for line in (packed / "run/log.jsonl").read_text().splitlines()]
    steps = [row for row in rows if "step" in row]
    assert steps[0]["hole"] > 5
    assert rows[-1]["validation"]["hole"] < 0.7 * steps[0]["hole"]
    model, tokenizer, facts = load(packed / "run/model")
    assert tokenizer.decode() == TOKENIZER
    assert facts["tokens"] >= 24_000
    assert model.shape == SHAPES["tiny"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--resume", "--out", "nowhere"], "no checkpoint"),
        (["--out", "nowhere", "--minutes", "1"], "tokenizer"),
        (["--out", "nowhere", "--tokenizer", "x"], "length of the run"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    change: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert train.main(["--shape", "tiny", *change]) == 2
    talk = capsys.readouterr().err
    assert said in talk
    assert talk.count("\n") == 1


def test_later_passes_see_the_same_samples_in_another_order(packed: Path) -> None:
    cursor = Cursor()
    passes: list[list[tuple[int, ...]]] = [[], []]
    for batch in batches(packed / "packed", 256, cursor):
        if cursor.epoch > 1:
            break
        ends = np.cumsum(batch.lengths)[:-1]
        passes[cursor.epoch] += [
            tuple(part.tolist()) for part in np.split(batch.ids, ends) if part[0] != PAD_ID
        ]
    first, second = passes
    assert first != second
    assert len(set(first) & set(second)) > 0.9 * len(first)  # packs differ in what a last, emptier one held
