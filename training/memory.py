"""The weights of the repository memory that the package carries, fitted on packages that the model never saw.

    python -m training.memory --work build/training --model M.gguf --holes 40

Takes the samples of the splits validation and test, half of them without what follows the hole, in the prompts of the
product: they end before the word or blanks at the cursor, which the model writes again, so that a likelihood is that of
these and the hole. Every second package is for the fit, the others say what it is worth; the weights that are written
are then fitted on all. Writes `repocoder/assets/memory.json` and `training/reports/memory.json`.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import msgspec
import numpy as np

from eval.metrics.exact import exact_match_lines
from indexer.build import Indexer
from indexer.snapshot import Snapshot
from repocoder.hole import hole_of
from repocoder.llm.generator import GenerateRequest
from repocoder.llm.local import LocalGenerator, LocalModel
from repocoder.llm.messages import Remember
from repocoder.memory.calibration import DEFAULT, Fitted, fit, mean_nats, mixture, unpack
from repocoder.memory.mixing import EXPERTS, FEATURES, Weights
from repocoder.memory.repository import RepositoryMemory
from repocoder.models import file_sha256
from repocoder.postprocess import StopRule, finish
from repocoder.prompt import PromptBudget, build_prompt
from repocoder.types import ModelInfo
from retrieval.types import Query
from training.completion.records import Sample, read_samples, sample_files
from training.completion.weights import TrainingError

NEUTRAL = Weights({name: [0.0] * len(FEATURES) for name in EXPERTS})
REPORT = Path(__file__).parent / "reports" / "memory.json"
CONTEXT = 1024
MOST_HOLE = 96  # tokens


class Kind(msgspec.Struct, frozen=True):
    """One kind of hole: nats a token of the truth with its end, and exact match, without and with the memory."""

    holes: int
    tokens: int
    alone: float
    mixed: float
    exact_alone: float
    exact_mixed: float


class Report(msgspec.Struct, frozen=True):
    """What the memory is worth on packages that its weights were not fitted on."""

    model: str
    fitted_on: list[str]
    held_out: list[str]
    kinds: dict[str, Kind]


@dataclass(frozen=True, slots=True)
class Held:
    """A hole with its prompt, what may be remembered there, and a row for each of its tokens, its end included."""

    kind: str
    hole: str
    query: Query
    token_ids: tuple[int, ...]
    typed: str
    memory: Remember
    rows: list[list[float]]


def observed(
    samples: Sequence[Sample], memory: RepositoryMemory, generator: LocalGenerator, rng: random.Random
) -> Iterator[Held]:
    """The holes that a completion has room for."""
    end = min(generator.vocab.template.end_ids)
    for sample in samples:
        if len(generator.tokenize(sample.hole)) >= MOST_HOLE:
            continue
        suffix = sample.suffix if rng.random() < 0.5 else ""
        column = len(sample.prefix) - sample.prefix.rfind("\n") - 1
        query = Query(sample.path, sample.language, sample.line, column, sample.prefix, suffix, "", ())
        hits = [one.as_hit(sample.language) for one in sample.hits] if sample.gate else []
        budget = PromptBudget.for_model(generator.vocab.n_ctx, MOST_HOLE)
        prompt = build_prompt(query, hits, generator, budget=budget, repo_name=sample.package, heals=True)
        truth = [*generator.tokenize(prompt.typed + sample.hole), end]
        order = memory.order(replace(query, prefix=query.prefix.removesuffix(prompt.typed)))
        rows = generator.observe(prompt.token_ids, truth, order)
        yield Held(sample.kind, sample.hole, query, prompt.token_ids, prompt.typed, order, rows)


def collect(work: Path, generator: LocalGenerator, holes: int) -> dict[str, list[Held]]:
    """Holes by package."""
    found: dict[str, list[Held]] = {}
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
                found[package] = list(observed(chosen, memory, generator, rng))
            print(f"{package}: {len(found[package])} holes", file=sys.stderr, flush=True)
    return found


def exact(held: Sequence[Held], generator: LocalGenerator, weights: Weights | None) -> dict[str, list[float]]:
    """Exact match (0 or 100) of each hole, of its kind and of all: of the text as a user would get it."""
    found: dict[str, list[float]] = {"all": []}
    for one in held:
        memory = None if weights is None else msgspec.structs.replace(one.memory, weights=weights.experts)
        order = GenerateRequest(
            one.token_ids, MOST_HOLE, StopRule(one.query), may_be_empty=not hole_of(one.query).wants_text,
            memory=memory, typed=one.typed,
        )  # fmt: skip
        written = generator.generate(order)
        match = exact_match_lines(finish(written.text, one.query, written.stop_reason).text, one.hole)
        for kind in ("all", one.kind):
            found.setdefault(kind, []).append(match)
    return found


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
    options = parser.parse_args(arguments)
    path = options.model.resolve()
    info = ModelInfo(path.stem, file_sha256(path))
    generator = LocalGenerator(LocalModel(path, info, max_ctx=CONTEXT, threads=1))
    try:
        found = collect(options.work, generator, options.holes)
        packages = sorted(found)
        known, held = packages[::2], packages[1::2]
        if not held:
            raise TrainingError("samples: fewer than two packages: run training.completion.samples first")
        fitted = fit([row for package in known for one in found[package] for row in one.rows])
        unseen = [one for package in held for one in found[package]]
        alone, mixed = exact(unseen, generator, None), exact(unseen, generator, fitted.weights)
    finally:
        generator.close()
    nats = judged(fitted, [(one.kind, row) for one in unseen for row in one.rows])
    report = Report(
        path.stem,
        known,
        held,
        {
            kind: Kind(
                len(alone[kind]), *nats[kind], *(round(fmean(some[kind]), 2) for some in (alone, mixed))
            )
            for kind in nats
        },
    )
    rows = [row for package in packages for one in found[package] for row in one.rows]
    everything = fit(rows, ", ".join(packages))
    DEFAULT.write_bytes(msgspec.json.format(msgspec.json.encode(everything.weights), indent=1) + b"\n")
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    for kind, one in report.kinds.items():
        print(
            f"{kind}: {one.holes} holes, {one.tokens} tokens, {one.alone} -> {one.mixed} nats"
            f" ({one.mixed / one.alone - 1:+.1%}), exact match {one.exact_alone} -> {one.exact_mixed}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
