"""How fast are a retrieval and a search, beside others on the same chunks in the same run?

    python -m eval.bench.search REPO [--queries N] [--oracle-queries N] [--index FOLDER] [--baselines] [--json]

Queries are holes inside the repository's own code, by a fixed seed, each at another place. Timed is, in a process that
is running, with the index open and its pages in memory: the ranking alone (the same terms for both scorers, which must
agree); the whole `Retriever.retrieve` at a place that was never asked for, and then on the next line, as typing goes;
and a search for a person. Each request has facts of its own, as an editor's buffer is parsed anew.
`--baselines` adds bm25s and semble (`eval.bench.search_baselines`), installed into a folder of the user's cache.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rank_bm25 import BM25Okapi

from eval.bench.search_baselines import Spread, measured, spread, spread_of
from indexer.analyze import analyze
from indexer.build import Indexer
from indexer.snapshot import Snapshot
from indexer.tokens import terms
from retrieval.lexical import weigh
from retrieval.postings import Postings, PostingsBuilder
from retrieval.query import query_at
from retrieval.retriever import Retriever
from retrieval.types import Query

SEED = 20
TOP = 10
MIN_LINES = 60
"""Lines of a file that queries are taken from: shorter ones are mostly headers."""

WARM_UP = 3
"""Queries before it is timed: the process has loaded what it needs, the places are still unknown to it."""

PARSE_S = 30.0

SHOWN = 8
"""Hits of a retrieval."""


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
    retrieve: Spread  # at places that were never asked for
    next_line: Spread  # right after it, on the line below
    channels: dict[str, Spread]  # parts of `retrieve`
    shares: dict[str, float]  # of each part in the time of all
    search: Spread
    others: dict[str, Spread | str] = field(default_factory=dict)  # or why there is none


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.search", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("repository", type=Path)
    parser.add_argument("--queries", type=int, default=200, help="holes to search from")
    parser.add_argument("--oracle-queries", type=int, default=20, help="of these, for rank_bm25: it is slow")
    parser.add_argument(
        "--index", type=Path, help="where the index is, or is made; kept (default: thrown away)"
    )
    parser.add_argument("--baselines", action="store_true", help="also bm25s and semble; installs them")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-search-") as folder:
        root, directory = options.repository.resolve(), options.index or Path(folder) / "index"
        result = run(root, directory, options.queries, options.oracle_queries)
        if options.baselines:
            texts = [query.prefix[-1000:] for query in _queries(root, directory, options.queries)]
            result = replace(result, others=measured(root, directory, Path(folder), texts))
    if options.json:
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
    else:
        sys.stdout.write(describe(result))
    return 0


def run(root: Path, directory: Path, n_queries: int, n_oracle: int) -> Result:
    """Index `root` into `directory` and measure."""
    with Indexer(root, directory, derived=(PostingsBuilder(),)) as indexer:
        report = indexer.build()
    snapshot = _open(root, directory)
    folder = snapshot.derived_dir(PostingsBuilder.name)
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
    with _open(root, directory) as cold:  # the sample has filled the caches of the other
        retriever = Retriever(cold)
        first, after, parts = _retrievals(retriever, queries)
        words = [" ".join(query.identifiers[:3]) for query in queries]
        retriever.search("warm", TOP)
        found = spread(lambda text: retriever.search(text, TOP), words)
    total = sum(map(sum, parts.values())) or 1.0
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
        retrieve=spread_of(first),
        next_line=spread_of(after),
        channels={name: spread_of(times) for name, times in parts.items()},
        shares={name: sum(times) / total for name, times in parts.items()},
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


def _retrievals(
    retriever: Retriever, queries: Sequence[Query]
) -> tuple[list[float], list[float], dict[str, list[float]]]:
    """Milliseconds of each query, of the one on the line below right after it, and of the parts of the first."""
    first: list[float] = []
    after: list[float] = []
    parts: dict[str, list[float]] = {}
    for number, query in enumerate(queries):
        here, below = _parsed(query), _below(query)
        started = time.perf_counter()
        timings = retriever.retrieve(here, k=SHOWN, mode="auto").timings
        between = time.perf_counter()
        retriever.retrieve(below, k=SHOWN, mode="auto")
        if number >= WARM_UP:
            after.append(_since(between))
            first.append((between - started) * 1000)
            for name, milliseconds in timings.items():
                parts.setdefault(name, []).append(milliseconds)
    return first, after, parts


def _parsed(query: Query) -> Query:
    """The same with the facts of its buffer, parsed for it alone as the engine does."""
    return _at(query, query.line)


def _below(query: Query) -> Query:
    """The same at the end of the next line."""
    return _at(query, query.line + 1)


def _at(query: Query, line: int) -> Query:
    text = query.prefix + query.suffix
    lines = text.split("\n")
    line = min(line, len(lines))
    facts = analyze(query.path, text.encode(), budget_s=PARSE_S, every_use=True).facts
    return query_at(query.path, text, line, len(lines[line - 1].removesuffix("\r")), facts=facts)


def _open(root: Path, directory: Path) -> Snapshot:
    return Snapshot.open(directory, root, derived_versions={PostingsBuilder.name: PostingsBuilder.version})


def _queries(root: Path, directory: Path, count: int) -> list[Query]:
    with _open(root, directory) as snapshot:
        return sample_queries(snapshot, count)


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
        + line("retrieve, a new place", result.retrieve)
        + "".join(
            line(f"  {name}, {result.shares[name]:.0%}", times)
            for name, times in sorted(result.channels.items())
        )
        + line("retrieve, the next line", result.next_line)
        + line("search for a person", result.search)
        + "".join(
            f"  {name}: {times}\n" if isinstance(times, str) else line(name, times)
            for name, times in sorted(result.others.items())
        )
    )


def _since(moment: float) -> float:
    return (time.perf_counter() - moment) * 1000


if __name__ == "__main__":
    raise SystemExit(main())
