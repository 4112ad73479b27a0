"""How fast is a search, beside rank_bm25 on the same chunks in the same run?

    python -m eval.bench.search REPO [--queries N] [--oracle-queries N] [--json]

Queries are holes inside the repository's own code, by a fixed seed. Two things are timed, both warm: the
ranking alone (the same terms for both scorers, which must agree), and the whole `Retriever.retrieve`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from rank_bm25 import BM25Okapi

from indexer.build import Indexer
from indexer.snapshot import Snapshot
from indexer.tokens import terms
from retrieval.lexical import weigh
from retrieval.postings import Postings, PostingsBuilder
from retrieval.query import query_at
from retrieval.retriever import Retriever
from retrieval.types import Query

Item = TypeVar("Item")

SEED = 20
TOP = 10
MIN_LINES = 60
"""Lines of a file that queries are taken from: shorter ones are mostly headers."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds."""

    p50: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True)
class Result:
    """One run. `agreement` is the share of queries whose best ten scores are equal for both scorers."""

    repository: str
    files: int
    chunks: int
    lines: int
    index_seconds: float
    open_ms: float
    queries: int
    terms_per_query: float
    postings: Spread
    rank_bm25: Spread
    rank_bm25_build_seconds: float
    speedup_p50: float
    speedup_p95: float
    agreement: float
    retrieve: Spread
    channels: dict[str, Spread]
    search: Spread


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.search", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("repository", type=Path)
    parser.add_argument("--queries", type=int, default=200, help="holes to search from")
    parser.add_argument("--oracle-queries", type=int, default=20, help="of these, for rank_bm25: it is slow")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-search-") as folder:
        result = run(options.repository.resolve(), Path(folder), options.queries, options.oracle_queries)
    if options.json:
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
    else:
        sys.stdout.write(describe(result))
    return 0


def run(root: Path, directory: Path, n_queries: int, n_oracle: int) -> Result:
    """Index `root` into `directory` and measure."""
    builder = PostingsBuilder()
    indexer = Indexer(root, directory, derived=(builder,))
    report = indexer.build()
    indexer.close()
    snapshot = Snapshot.open(directory, root, derived_versions={builder.name: builder.version})
    folder = snapshot.derived_dir(builder.name)
    if folder is None:
        raise SystemExit("bench_search: the build wrote no postings")
    started = time.perf_counter()
    postings = Postings.open(folder)
    open_ms = _since(started)
    queries = sample_queries(snapshot, n_queries)
    weighted = [dict.fromkeys(weigh(query), 1.0) for query in queries]
    mine = spread(lambda query: postings.search(query, TOP), weighted)
    started = time.perf_counter()
    ids = [int(number) for number in snapshot.all_chunk_ids()]
    okapi = BM25Okapi([terms(chunk.text) for chunk in snapshot.chunks(ids)])
    build_seconds = _since(started) / 1000
    theirs = spread(lambda query: okapi.get_scores(list(query)), weighted[:n_oracle])
    retriever = Retriever(snapshot)
    parts: dict[str, list[float]] = {}
    whole = spread(lambda query: _retrieve(retriever, query, parts), queries)
    words = [" ".join(query.identifiers[:3]) for query in queries]
    retriever.search("warm", TOP)
    found = spread(lambda text: retriever.search(text, TOP), words)
    result = Result(
        repository=root.name,
        files=report.files,
        chunks=report.chunks,
        lines=sum(facts.n_lines for path in snapshot.paths() if (facts := snapshot.facts(path))),
        index_seconds=report.seconds,
        open_ms=open_ms,
        queries=len(queries),
        terms_per_query=sum(map(len, weighted)) / max(1, len(weighted)),
        postings=mine,
        rank_bm25=theirs,
        rank_bm25_build_seconds=build_seconds,
        speedup_p50=theirs.p50 / mine.p50,
        speedup_p95=theirs.p95 / mine.p95,
        agreement=agreement(postings, okapi, weighted[:n_oracle]),
        retrieve=whole,
        channels={name: spread_of(times) for name, times in parts.items()},
        search=found,
    )
    snapshot.close()
    return result


def sample_queries(snapshot: Snapshot, count: int) -> list[Query]:
    """Holes at the ends of lines inside the repository's own functions."""
    chance = random.Random(SEED)  # noqa: S311 (a sample, no secret)
    paths = sorted(path for path in snapshot.paths() if snapshot.language(path) == "python")
    long = [path for path in paths if (facts := snapshot.facts(path)) and facts.n_lines >= MIN_LINES]
    queries: list[Query] = []
    while long and len(queries) < count:
        path = chance.choice(long)
        facts = snapshot.facts(path)
        text = snapshot.content(path).decode("utf-8", "replace")
        lines = text.split("\n")
        line = chance.randrange(MIN_LINES // 3, len(lines))
        if lines[line - 1].startswith("    "):
            width = len(lines[line - 1].removesuffix("\r"))
            queries.append(query_at(path, text, line, width, facts=facts))
    return queries


def agreement(postings: Postings, okapi: BM25Okapi, queries: Sequence[Mapping[str, float]]) -> float:
    """Share of the queries for which both give the same ten best scores."""
    same = 0
    for query in queries:
        theirs = sorted(okapi.get_scores(list(query)), reverse=True)[:TOP]
        mine = [score for _, score in postings.search(query, TOP)]
        same += all(abs(left - right) < 1e-9 for left, right in zip(theirs, mine, strict=False))
    return same / max(1, len(queries))


def spread(work: Callable[[Item], object], items: Sequence[Item]) -> Spread:
    """Time `work` on each item, once; the first run of the first item warms up."""
    if items:
        work(items[0])
    times = []
    for item in items:
        started = time.perf_counter()
        work(item)
        times.append(_since(started))
    return spread_of(times)


def spread_of(times: Sequence[float]) -> Spread:
    ordered = sorted(times) or [0.0]
    return Spread(
        ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], ordered[-1]
    )


def describe(result: Result) -> str:
    """The result as lines for a person."""

    def line(name: str, times: Spread) -> str:
        return f"  {name:<24} p50 {times.p50:9.2f}   p95 {times.p95:9.2f}   max {times.max:9.2f}   ms\n"

    return (
        f"{result.repository}: {result.lines} lines, {result.files} files, {result.chunks} chunks,"
        f" indexed in {result.index_seconds:.1f} s, postings opened in {result.open_ms:.0f} ms\n"
        f"{result.queries} queries of {result.terms_per_query:.0f} terms\n"
        + line("ranking, postings", result.postings)
        + line("ranking, rank_bm25", result.rank_bm25)
        + f"  rank_bm25 takes {result.speedup_p50:.0f} times as long (p95: {result.speedup_p95:.0f}),"
        f" and {result.rank_bm25_build_seconds:.1f} s to build; equal rankings: {result.agreement:.0%}\n"
        + line("retrieve, all channels", result.retrieve)
        + "".join(line("  " + name, times) for name, times in sorted(result.channels.items()))
        + line("search for a person", result.search)
    )


def _retrieve(retriever: Retriever, query: Query, parts: dict[str, list[float]]) -> None:
    for name, milliseconds in retriever.retrieve(query, k=8, mode="auto").timings.items():
        parts.setdefault(name, []).append(milliseconds)


def _since(moment: float) -> float:
    return (time.perf_counter() - moment) * 1000


if __name__ == "__main__":
    raise SystemExit(main())
