"""The embedder beside all-MiniLM-L6-v2 and BM25, on packages that it was not trained on, in one run.

    python -m training.embedder.evaluate --work build/training --out training/reports/embedder.json

Three tasks: a docstring finds its function (of which the docstring was removed), the lines around a call find the
definition that is called, in another file, and the same where the call's name was removed from these lines. Each
among all definitions of the task and package by package, which is how the product searches. The mean reciprocal rank
has a 95 % bootstrap interval over the queries. Speed is that of the same texts, one encoder after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.snapshot import Snapshot
from repocoder.embedders import FOLDER
from retrieval.dense import BATCH, passage
from retrieval.embed import Embedder
from retrieval.postings import PostingsBuilder
from retrieval.static import FILES, StaticEncoder, file_sha256
from training.embedder import baselines, texts
from training.embedder.pairs import Pair, read_pairs, read_sources
from training.embedder.ranking import interval, mrr, ranks_of

POOL, QUERIES = 500, 300
"""Definitions and queries of a task at most: the baseline takes a minute for so many on a busy machine."""

CHUNKS = 60_000
TARGET_S = 6.0


@dataclass(frozen=True, slots=True)
class Task:
    """Queries, each with the place of what it looks for in the pool, and the package of each text of the pool."""

    name: str
    queries: tuple[str, ...]
    wanted: NDArray[np.int64]
    pool: tuple[str, ...]
    packages: tuple[str, ...]


def make_task(
    name: str, pairs: Iterable[Pair], pool: int = POOL, asked: int = QUERIES, seed: int = 5
) -> Task:
    """A sample of the pairs; no query is asked twice with two answers, no definition is twice in the pool."""
    chance = random.Random(seed)  # noqa: S311 (a sample, no secret)
    answers: dict[str, set[str]] = defaultdict(set)
    found = list(pairs)
    for pair in found:
        answers[pair.anchor].add(pair.positive)
    found = [pair for pair in found if len(answers[pair.anchor]) == 1]
    chance.shuffle(found)
    places: dict[str, int] = {}
    packages: list[str] = []
    queries: list[tuple[str, int]] = []
    for pair in found:
        if pair.positive not in places:
            if len(places) == pool:
                continue
            places[pair.positive] = len(places)
            packages.append(pair.package)
        if len(queries) < asked:
            queries.append((pair.anchor, places[pair.positive]))
    wanted = np.array([place for _, place in queries], dtype=np.int64)
    return Task(name, tuple(query for query, _ in queries), wanted, tuple(places), tuple(packages))


def make_tasks(pairs: Sequence[Pair], pool: int = POOL, asked: int = QUERIES) -> list[Task]:
    calls = [pair for pair in pairs if pair.kind == "call"]
    return [
        make_task("docstring", (pair for pair in pairs if pair.kind == "docstring"), pool, asked),
        make_task("call", calls, pool, asked),
        make_task("call without its name", map(_nameless, calls), pool, asked),
    ]


def _nameless(pair: Pair) -> Pair:
    anchor = texts.without_name(pair.anchor, pair.name)
    return Pair(pair.kind, pair.package, anchor, pair.positive, pair.name)


def figures_of(task: Task, scores: NDArray[np.float32]) -> dict[str, Any]:
    """MRR with its interval: among the whole pool, and among the definitions of the query's package."""
    alone = np.array(task.packages)
    own = alone[task.wanted][:, None] == alone[None, :]
    ranks = {
        "all": ranks_of(scores, task.wanted),
        "package": ranks_of(np.where(own, scores, -np.inf), task.wanted),
    }
    return {
        name: {"mrr": round(mrr(found), 4), "interval": [round(end, 4) for end in interval(1.0 / found)]}
        for name, found in ranks.items()
    }


def compare(tasks: Sequence[Task], encoders: Mapping[str, Embedder]) -> dict[str, Any]:
    """task -> its sizes and the figures of each method; and each encoder's texts a second."""
    timed = {name: baselines.Timed(embedder) for name, embedder in encoders.items()}
    for one in timed.values():
        one.embedder.embed(["warm"])
    table: dict[str, Any] = {}
    for task in tasks:
        sizes = np.unique(np.array(task.packages), return_counts=True)[1]
        row: dict[str, Any] = {
            "queries": len(task.queries),
            "pool": len(task.pool),
            "pool of a package": {"smallest": int(sizes.min()), "largest": int(sizes.max())},
        }
        for name, one in timed.items():
            row[name] = figures_of(task, one.score(task.queries, task.pool))
        row["bm25"] = figures_of(task, baselines.bm25(task.queries, task.pool))
        table[task.name] = row
        print(json.dumps({task.name: row}), file=sys.stderr, flush=True)
    speeds = {
        name: {"texts": one.texts, "per_second": round(one.texts / one.seconds, 1)}
        for name, one in timed.items()
    }
    return {"tasks": table, "speed": speeds}


def read_chunks(work: Path, split: str, count: int) -> list[str]:
    """The passages of up to `count` chunks of indexed packages, those that the index has for them."""
    found: list[str] = []
    derived = PostingsBuilder()
    for package in sorted(read_sources(work / "corpus")[split]):
        root = (work / "corpus" / "packages" / package).resolve()
        directory = work / "index" / package
        if len(found) < count and directory.exists():
            with Snapshot.open(directory, root, derived_versions={derived.name: derived.version}) as snapshot:
                ids = snapshot.all_chunk_ids()[: count - len(found)]
                found.extend(passage(chunk.text) for chunk in snapshot.chunks(ids))
    return found


def time_chunks(embedder: Embedder, chunks: Sequence[str]) -> dict[str, Any]:
    """Seconds of embedding chunks in the batches of an index, the encoder's own loading included."""
    began = time.perf_counter()
    for start in range(0, len(chunks), BATCH):
        embedder.embed(chunks[start : start + BATCH])
    seconds = time.perf_counter() - began
    return {
        "chunks": len(chunks),
        "characters": sum(map(len, chunks)),
        "seconds": round(seconds, 2),
        "cores": len(os.sched_getaffinity(0)),
        "target_s": TARGET_S,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.embedder.evaluate", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the exported encoder")
    parser.add_argument("--split", default="test")
    parser.add_argument("--out", type=Path, default=Path("training/reports/embedder.json"))
    parser.add_argument("--pool", type=int, default=POOL)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--only-time", action="store_true", help="only the time of 60,000 chunks")
    options = parser.parse_args(arguments)
    figures: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    files = {name: file_sha256(options.folder / name) for name in FILES}
    ours = StaticEncoder(options.folder, files)
    figures["sha256"] = files
    chunks = read_chunks(options.work, "train", CHUNKS)
    figures["command"] = "python -m training.embedder.evaluate"
    figures["time"] = {**time_chunks(ours, chunks), "load_average": round(os.getloadavg()[0], 1)}
    if not options.only_time:
        pairs = list(read_pairs(options.work, options.split))
        figures["packages"] = sorted({pair.package for pair in pairs})
        figures.update(
            compare(
                make_tasks(pairs, options.pool, options.queries), {"ours": ours, "minilm": baselines.minilm()}
            )
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
