"""The whole recipe on a small corpus: pairs, vocabulary, training, export; the product reads the result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

import torch
from sentence_transformers import SentenceTransformer

from repocoder.embedders import FOLDER
from retrieval.static import FILES, StaticEncoder, file_sha256
from training.embedder import evaluate, export, pairs, train, vocabulary

PACKAGES = {"first": "train", "second": "train", "third": "validation", "fourth": "test"}

WORDS = {
    "first": ("invoice", "customer", "discount", "ledger", "payment", "currency"),
    "second": ("planet", "orbit", "telescope", "gravity", "comet", "satellite"),
    "third": ("recipe", "oven", "flour", "dough", "butter", "pastry"),
    "fourth": ("river", "bridge", "valley", "glacier", "meadow", "canyon"),
}


def write_corpus(corpus: Path) -> None:
    """Four packages of two files each: functions with docstrings and comments, and who calls them."""
    lines = []
    for package, split in PACKAGES.items():
        defining, calling = ['"""Definitions."""\n'], ["from defining import *\n"]
        for word in WORDS[package]:
            defining.append(
                f"def measure_{word}(values, limit):\n"
                f'    """Measure how large a {word} may become before it is refused."""\n'
                f"    # keep only the {word} values that are below\n"
                f"    kept_{word} = [value for value in values if value < limit]\n"
                f"    total_{word} = sum(kept_{word})\n"
                f"    return total_{word} / max(1, len(kept_{word}))\n" + f"# {word}\n" * 120
            )
            calling.append(
                f"def show_{word}(screen):\n    {word}_values = screen.read()\n"
                f"    screen.write(measure_{word}({word}_values, 10))\n"
            )
        folder = corpus / "packages" / package
        folder.mkdir(parents=True)
        for name, parts in {"defining.py": defining, "calling.py": calling}.items():
            (folder / name).write_text("\n\n".join(parts), encoding="utf-8")
            row = {"package": package, "path": name, "language": "python", "bytes": 1, "split": split}
            lines.append(json.dumps(row))
    (corpus / "files.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder after all steps but the export."""
    folder = tmp_path_factory.mktemp("training")
    write_corpus(folder / "corpus")
    assert pairs.main(["--work", str(folder)]) == 0
    assert vocabulary.main(["--work", str(folder), "--size", "400", "--every", "1"]) == 0
    arguments = ["--work", str(folder), "--steps", "50", "--batch", "32", "--start", "random"]
    assert train.main(arguments) == 0
    return folder


def test_every_kind_of_pair_is_found(work: Path) -> None:
    found = list(pairs.read_pairs(work, "train"))
    assert {pair.kind for pair in found} == set(pairs.KINDS)
    for pair in found:
        if pair.kind == "docstring":
            assert pair.anchor not in pair.positive
        if pair.kind == "call":
            assert f"def {pair.name}(" in pair.positive
            assert pair.name in pair.anchor
            assert f"def {pair.name}(" not in pair.anchor  # another file


def test_splits_are_kept_apart(work: Path) -> None:
    packages = {
        split: {pair.package for pair in pairs.read_pairs(work, split)} for split in ("train", "test")
    }
    assert packages == {"train": {"first", "second"}, "test": {"fourth"}}


def test_pairs_that_are_there_stay(work: Path) -> None:
    (place,) = (work / "embedder/pairs/train").glob("first-*.jsonl.gz")
    before = place.stat().st_mtime_ns
    assert pairs.main(["--work", str(work)]) == 0
    assert place.stat().st_mtime_ns == before


def test_training_lowers_the_loss(work: Path) -> None:
    log = json.loads((work / "embedder/model/train.json").read_text())["log"]
    assert log[-1]["step"] == 50
    assert log[-1]["loss"] > 0
    plan, folder = train.Plan(start="random"), work / "embedder"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    data = train.read_split(work, "train", tokenizer)["call"]
    start = train.make_model(tokenizer, train.start_vectors(tokenizer, folder, plan))
    trained = SentenceTransformer(str(folder / "model"), device="cpu")
    before, after = (loss_of(model, data, plan) for model in (start, trained))
    assert after < 0.8 * before


def loss_of(model: SentenceTransformer, data: train.Pairs, plan: train.Plan) -> float:
    """Of all pairs in one batch, nothing left out."""
    rows = next(data.batches(len(data), np.random.default_rng(1)))
    features = [data.anchors.features(rows), data.positives.features(rows)]
    with torch.no_grad():
        return float(train.make_loss(model, plan.scale)(features, torch.empty(0)))


def test_a_seed_gives_the_same_vectors_in_any_process(work: Path) -> None:
    """Python's hash of a text is another one in each."""
    arguments = [
        "--work",
        str(work),
        "--steps",
        "50",
        "--batch",
        "32",
        "--start",
        "random",
        "--name",
        "again",
    ]
    script = f"from training.embedder import train; train.main({arguments!r})"
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    first, again = (work / "embedder" / name / "model.safetensors" for name in ("model", "again"))
    vectors = [load_file(place)["embedding.weight"] for place in (first, again)]
    assert np.abs(vectors[0] - vectors[1]).max() < 1e-4


def test_the_export_is_what_was_trained_and_the_product_reads_it(work: Path, tmp_path: Path) -> None:
    assert export.main(["--work", str(work), "--out", str(tmp_path)]) == 0
    digests = {name: file_sha256(tmp_path / name) for name in FILES}
    trained = load_file(work / "embedder/model/model.safetensors")["embedding.weight"]
    stored = load_file(tmp_path / "model.safetensors")
    restored = stored["embeddings"] * stored["weights"][:, None]
    assert np.abs(restored - trained).max() <= stored["weights"].max() / 2 + 1e-7
    encoder = StaticEncoder(tmp_path, digests)
    assert encoder.dim == train.DIM
    tasks = evaluate.make_tasks(list(pairs.read_pairs(work, "test")))
    assert [task.name for task in tasks] == ["docstring", "call", "call without its name"]
    table = evaluate.compare(tasks, {"ours": encoder})["tasks"]
    for row in table.values():
        for method in ("ours", "bm25"):
            low, high = row[method]["all"]["interval"]
            assert 0 < low <= row[method]["all"]["mrr"] <= high <= 1
            assert row[method]["package"]["mrr"] >= row[method]["all"]["mrr"]


def test_the_format_is_that_of_the_embedded_encoder(work: Path, tmp_path: Path) -> None:
    export.main(["--work", str(work), "--out", str(tmp_path)])
    names = {place.name for place in tmp_path.iterdir()}
    assert names == {place.name for place in FOLDER.iterdir()}
    assert (tmp_path / "modules.json").read_bytes() == (FOLDER / "modules.json").read_bytes()
