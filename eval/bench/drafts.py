"""What drafts from the repository's memory are worth: tokens a second, and whether the greedy text stays the same.

    python -m eval.bench.drafts REPO [--model M.gguf] [--holes 30] [--tokens 48] [--json FILE]

At each hole (a random line of a random file, the file above it as prompt) the same model writes the same number of
tokens without the memory, with its drafts alone, and with its distribution mixed in, with and without drafts; beside
them llama-cpp-python's high-level class, plain and with its prompt lookup. Times are of decoding, without the prompt.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.generator import GenerateRequest
from repocoder.llm.local import LocalGenerator, open_generator
from repocoder.llm.messages import Remember
from repocoder.models import resolve
from repocoder.types import CompletionRequest
from retrieval.types import Exclusion

MIN_LINES = 40  # of a file that has holes
LOOKUP_TOKENS = 8  # that llama-cpp-python's prompt lookup drafts, as many as ours


@dataclass(frozen=True, slots=True)
class Hole:
    """A prompt and what may be remembered there."""

    token_ids: tuple[int, ...]
    memory: Remember


@dataclass(frozen=True, slots=True)
class Row:
    """One way to decode, over all holes."""

    name: str
    tokens: int
    seconds: float
    median_speed: float  # tokens a second, median over the holes
    same_text: float | None  # share of holes with the text of the first way; None where that says nothing

    @property
    def speed(self) -> float:
        return self.tokens / max(self.seconds, 1e-9)


def holes_of(engine: Engine, count: int, seed: int) -> Iterator[Hole]:
    """Random lines, indented ones, of random Python files."""
    rng = random.Random(seed)  # noqa: S311
    with engine.snapshot() as snapshot:
        paths = sorted(path for path in snapshot.paths() if snapshot.language(path) == "python")
    rng.shuffle(paths)
    found = 0
    for path in paths:
        text = (engine.root / path).read_text("utf-8", "replace")
        lines = text.splitlines(keepends=True)
        places = [number for number, line in enumerate(lines) if number > MIN_LINES / 2 and line[:1] in " \t"]
        if len(lines) < MIN_LINES or not places:
            continue
        number = rng.choice(places)
        indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
        request = CompletionRequest(
            path, number + 1, len(indent), text="".join(lines[:number]) + indent, retrieval="never",
            exclusions=(Exclusion(path, number + 1, len(lines)),),
        )  # fmt: skip
        explanation = engine.explain(request)
        memory = engine.recollect(explanation.query)
        if memory is not None:
            prompt = explanation.prompt
            yield Hole((*prompt.token_ids, *engine.generator.tokenize(prompt.typed)), memory)
            found += 1
        if found == count:
            return


def measure(
    name: str,
    holes: Sequence[Hole],
    decode: Callable[[Hole], tuple[Sequence[int], float]],
    texts: list[tuple[int, ...]] | None,
) -> tuple[Row, list[tuple[int, ...]]]:
    """Run one way over all holes; `decode` gives the tokens and the seconds after the prompt."""
    written: list[tuple[int, ...]] = []
    speeds: list[float] = []
    seconds = 0.0
    for hole in holes:
        ids, took = decode(hole)
        written.append(tuple(ids))
        seconds += took
        if ids:
            speeds.append(len(ids) / max(took, 1e-9))
    same = None
    if texts is not None:
        same = sum(a == b for a, b in zip(written, texts, strict=True)) / max(1, len(holes))
    tokens = sum(map(len, written))
    return Row(name, tokens, seconds, statistics.median(speeds) if speeds else 0.0, same), written


def ours(generator: LocalGenerator, tokens: int, remember: Callable[[Hole], Remember | None]) -> Any:
    """The product's worker."""

    def decode(hole: Hole) -> tuple[Sequence[int], float]:
        done = generator.generate(GenerateRequest(hole.token_ids, tokens, memory=remember(hole)))
        return done.token_ids, (done.total_ms - done.prefill_ms) / 1000

    return decode


def theirs(path: Path, context: int, threads: int, tokens: int, *, lookup: bool) -> Any:
    """llama-cpp-python's high-level class."""
    from llama_cpp import Llama
    from llama_cpp.llama_speculative import LlamaPromptLookupDecoding

    draft = LlamaPromptLookupDecoding(num_pred_tokens=LOOKUP_TOKENS) if lookup else None
    model = Llama(
        str(path), n_ctx=context, n_threads=threads, n_threads_batch=threads, verbose=False, draft_model=draft,
        logits_all=lookup,
    )  # fmt: skip

    def decode(hole: Hole) -> tuple[Sequence[int], float]:
        ids: list[int] = []
        model.reset()  # type: ignore[no-untyped-call]
        started = 0.0
        for token in model.generate(list(hole.token_ids), temp=0.0, repeat_penalty=1.0):
            if not ids:
                started = time.perf_counter()
            if token == model.token_eos() or len(ids) == tokens:
                break
            ids.append(token)
        return ids, time.perf_counter() - started

    return decode


def run(root: Path, name: str | None, count: int, tokens: int, threads: int) -> list[Row]:
    """All ways on the holes of one repository."""
    generator = open_generator(name, threads=threads)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(embedder="none", max_tokens=tokens, threads=threads)
        with Engine(root, settings, generator=generator, directory=Path(folder) / "index") as engine:
            engine.ensure_index()
            engine.remember()
            holes = list(holes_of(engine, count, seed=1))
            context = generator.vocab.n_ctx
            alone, texts = measure("without", holes, ours(generator, tokens, lambda _: None), None)
            rows.append(alone)
            for label, most, mixed in (
                ("drafts", 8, False),
                ("mixed, no drafts", 1, True),
                ("mixed", 8, True),
            ):
                way = ours(generator, tokens, partial(_with, most=most, mixed=mixed))
                row, written = measure(label, holes, way, texts)
                rows.append(row)
                texts = written if label == "mixed, no drafts" else texts
    generator.close()
    path = resolve(name).path
    for label, lookup in (("llama-cpp-python", False), ("llama-cpp-python, prompt lookup", True)):
        decode = theirs(path, context, threads, tokens, lookup=lookup)
        row, written = measure(label, holes, decode, texts if lookup else None)
        texts = written
        rows.append(row)
    return rows


def _with(hole: Hole, *, most: int, mixed: bool) -> Remember:
    memory = hole.memory
    return Remember(memory.segments, memory.before, memory.weights if mixed else {}, most)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="eval.bench.drafts", description=__doc__.splitlines()[0])
    parser.add_argument("repo", type=Path)
    parser.add_argument("--model", help="a recorded model or a GGUF; else the embedded one")
    parser.add_argument("--holes", type=int, default=30)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    rows = run(options.repo.resolve(), options.model, options.holes, options.tokens, options.threads)
    base = rows[0].speed
    for row in rows:
        same = "" if row.same_text is None else f", same text {row.same_text:.0%}"
        print(
            f"{row.name:32} {row.tokens:6} tokens  {row.speed:7.0f} a second  x {row.speed / base:.2f}{same}"
        )
    if options.json:
        facts = {
            "machine": platform.machine(),
            "python": platform.python_version(),
            "threads": options.threads,
        }
        table = [asdict(row) | {"speed": round(row.speed, 1)} for row in rows]
        options.json.write_text(json.dumps({"facts": facts, "rows": table}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
