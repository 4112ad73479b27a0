"""The weights of the repository memory that the package carries, fitted on packages that the model never saw.

    python -m training.memory --work build/training --model M.gguf --holes 40

Takes the samples of the splits validation and test, half of them without what follows the hole. Every second package is
for the fit, the others say what it is worth; the weights that are written are then fitted on all. Writes
`repocoder/assets/memory.json` and `training/reports/memory.json`.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from indexer.build import Indexer
from indexer.snapshot import Snapshot
from repocoder.llm.local import LocalGenerator, LocalModel
from repocoder.memory.calibration import DEFAULT, Fitted, fit, mean_nats, mixture, unpack
from repocoder.memory.mixing import EXPERTS, FEATURES, Weights
from repocoder.memory.repository import RepositoryMemory
from repocoder.models import file_sha256
from repocoder.prompt import PromptBudget, build_prompt
from repocoder.types import ModelInfo
from retrieval.types import Query
from training.completion.records import Sample, read_samples, sample_files
from training.completion.weights import TrainingError

NEUTRAL = Weights({name: [0.0] * len(FEATURES) for name in EXPERTS})
REPORT = Path(__file__).parent / "reports" / "memory.json"
CONTEXT = 1024
MOST_HOLE = 96  # tokens


class Report(msgspec.Struct, frozen=True):
    """Nats a token of true holes with their ends, on packages that were not fitted on."""

    model: str
    fitted_on: list[str]
    held_out: list[str]
    tokens: int
    alone: float
    mixed: float
    right_alone: float  # share of tokens that are the likeliest, model alone
    by_kind: dict[str, tuple[int, float, float]]  # kind of hole -> tokens, alone, mixed


def rows_of(
    samples: Sequence[Sample], memory: RepositoryMemory, generator: LocalGenerator, rng: random.Random
) -> Iterator[tuple[str, list[float]]]:
    """The kind of hole and a row for each of its tokens, its end included."""
    end = min(generator.vocab.template.end_ids)
    for sample in samples:
        truth = [*generator.tokenize(sample.hole), end]
        if len(truth) > MOST_HOLE:
            continue
        suffix = sample.suffix if rng.random() < 0.5 else ""
        query = Query(sample.path, sample.language, sample.line, 0, sample.prefix, suffix, "", ())
        hits = [one.as_hit(sample.language) for one in sample.hits] if sample.gate else []
        budget = PromptBudget.for_model(generator.vocab.n_ctx, MOST_HOLE)
        prompt = build_prompt(query, hits, generator, budget=budget, repo_name=sample.package)
        for row in generator.observe(prompt.token_ids, truth, memory.order(query)):
            yield sample.kind, row


def collect(work: Path, model: Path, holes: int) -> dict[str, list[tuple[str, list[float]]]]:
    """Rows by package."""
    generator = LocalGenerator(
        LocalModel(model, ModelInfo(model.stem, file_sha256(model)), max_ctx=CONTEXT, threads=1)
    )
    rows: dict[str, list[tuple[str, list[float]]]] = {}
    try:
        for split in ("validation", "test"):
            by_package: dict[str, list[Sample]] = {}
            for place in sample_files(work, split):
                for sample in read_samples(place):
                    by_package.setdefault(sample.package, []).append(sample)
            for package, samples in sorted(by_package.items()):
                rng = random.Random(package)  # noqa: S311
                chosen = rng.sample(samples, min(holes, len(samples)))
                root, index = work / "corpus" / "packages" / package, work / "memory" / package
                index.parent.mkdir(parents=True, exist_ok=True)
                with Indexer(root, index, derived=(), workers=1) as indexer:
                    if indexer.is_stale():
                        indexer.build()
                with Snapshot.open(index, root, derived_versions={}) as snapshot:
                    memory = RepositoryMemory(index, generator, NEUTRAL)
                    memory.update(snapshot)
                    rows[package] = list(rows_of(chosen, memory, generator, rng))
                print(f"{package}: {len(rows[package])} tokens", file=sys.stderr, flush=True)
    finally:
        generator.close()
    return rows


def judged(fitted: Fitted, rows: Sequence[tuple[str, list[float]]]) -> dict[str, tuple[int, float, float]]:
    """Tokens and nats a token, model alone and mixed, for each kind of hole and for all."""
    kinds = np.array([kind for kind, _ in rows])
    own, truths, given = unpack([row for _, row in rows])
    both = mixture(fitted.weights, own, truths, given)
    found = {}
    for kind in ("all", *sorted(set(kinds.tolist()))):
        mask = np.ones(len(kinds), bool) if kind == "all" else kinds == kind
        found[kind] = (int(mask.sum()), round(mean_nats(own[mask]), 4), round(mean_nats(both[mask]), 4))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.memory", description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--model", type=Path, required=True, help="a GGUF")
    parser.add_argument("--holes", type=int, default=40, help="of each package")
    parser.add_argument("--keep", type=Path, help="also write the rows here, as .npy")
    options = parser.parse_args(arguments)
    rows = collect(options.work, options.model.resolve(), options.holes)
    if len(rows) < 2:
        raise TrainingError("samples: fewer than two packages: run training.completion.samples first")
    packages = sorted(rows)
    known, held = packages[::2], packages[1::2]
    found = fit([row for package in known for _, row in rows[package]])
    unseen = [one for package in held for one in rows[package]]
    by_kind = judged(found, unseen)
    tokens, alone, mixed = by_kind.pop("all")
    right = float(np.mean([row[0] > 0.5 for _, row in unseen]))
    report = Report(options.model.stem, known, held, tokens, alone, mixed, round(right, 4), by_kind)
    everything = fit([row for package in packages for _, row in rows[package]], ", ".join(packages))
    DEFAULT.write_bytes(msgspec.json.format(msgspec.json.encode(everything.weights), indent=1) + b"\n")
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    if options.keep:
        np.save(options.keep, np.array([row for package in packages for _, row in rows[package]]))
    print(f"{tokens} held-out tokens: {alone} nats alone, {mixed} mixed ({1 - mixed / alone:.1%} less)")
    for kind, (count, before, after) in by_kind.items():
        print(f"  {kind}: {count} tokens, {before} -> {after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
