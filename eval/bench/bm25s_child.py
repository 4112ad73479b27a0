"""What runs in a process of its own with bm25s on its path: its ranking of an index's chunks.

python -m eval.bench.bm25s_child ROOT INDEX QUERIES
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from typing import Any

from eval.bench.processes import own_peak_bytes, say
from eval.bench.search import sample_queries
from indexer.snapshot import Snapshot
from indexer.tokens import terms
from retrieval.lexical import select, weigh
from retrieval.postings import Postings, PostingsBuilder

TOP = 16


def main(arguments: list[str]) -> int:
    root, directory, count = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    versions = {PostingsBuilder.name: PostingsBuilder.version}
    with Snapshot.open(directory, root, derived_versions=versions) as snapshot:
        folder = snapshot.derived_dir(PostingsBuilder.name)
        if folder is None:
            raise SystemExit("the index has no postings")
        ours = Postings.open(folder)
        asked = [list(select(weigh(query), ours).masses) for query in sample_queries(snapshot, count)]
        corpus = [terms(chunk.text) for chunk in snapshot.chunks(snapshot.all_chunk_ids())]
    bm25s: Any = importlib.import_module("bm25s")
    started = time.perf_counter()
    theirs = bm25s.BM25(method="robertson")
    theirs.index(corpus, show_progress=False)
    built = time.perf_counter() - started
    milliseconds = []
    for number, words in enumerate([asked[0], *asked] if asked else []):
        started = time.perf_counter()
        theirs.retrieve([words], k=min(TOP, len(corpus)), show_progress=False)
        if number:  # the first warms up
            milliseconds.append((time.perf_counter() - started) * 1000)
    say({"milliseconds": milliseconds, "build_seconds": built, "main_bytes": own_peak_bytes()})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
