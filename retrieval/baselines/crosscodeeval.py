"""The BM25 retrieval of CrossCodeEval (Ding et al., NeurIPS 2023), which made the lists that come with its tasks.

Chunks of 10 lines without overlap, from other files, blank lines removed; the query are the last 10 lines of the prompt
that are not blank; Okapi BM25 as in the library `rank_bm25` (k1 1.5, b 0.75, a negative inverse document frequency
becomes a quarter of the mean of all). The statistics are those of the at most 1,000 candidates of the hole, not of the
repository. What is shown is the chunk after each hit ("rg1"); with the reference in the query the hit itself
("oracle"). The released TypeScript lists know only files below `src/`. In a repository of a few chunks that mean can be
negative, and a word of most chunks then counts against them; that is kept, as are hits without any shared word.

All 110 official lists that are public come out the same: texts, files, order, and scores to 1e-9.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from retrieval.baselines.chunks import Candidates, Query
from retrieval.baselines.nearby import Layout, NearbyChunks
from retrieval.baselines.types import Hole
from retrieval.types import Hit

LAYOUT = Layout(size=10, stride=10, query=10)
TOP = 5
K1, B, EPSILON = 1.5, 0.75, 0.25


class CrossCodeEvalBM25:
    """Over one repository."""

    def __init__(self, files: Mapping[str, str], *, language: str) -> None:
        if language == "typescript":
            files = {path: text for path, text in files.items() if path.startswith("src/")}
        self._nearby = NearbyChunks(files, LAYOUT, language=language, source="bm25", scorer=okapi)

    def retrieve(self, hole: Hole, draft: str = "", *, k: int = TOP) -> tuple[Hit, ...]:
        """See `NearbyChunks.retrieve`; `draft` is the reference of the oracle."""
        return self._nearby.retrieve(hole, draft, k=k)


def okapi(candidates: Candidates, query: Query) -> NDArray[np.float64]:
    """BM25Okapi of each candidate. Summed word by word in the order of the query, as the library does, so that equal
    chunks have equal scores and others the same rounding as in the published lists.
    """
    n_chunks = len(candidates.chunks)
    place = {word: column for column, word in enumerate(query.known.tolist())}
    columns = np.full(len(candidates.frequencies), -1, dtype=np.int64)
    columns[query.known] = np.arange(len(query.known))
    columns = columns[candidates.words]
    asked = columns >= 0
    counts = np.zeros((len(place), n_chunks))
    counts[columns[asked], candidates.rows[asked]] = candidates.counts[asked]
    lengths = candidates.lengths / (candidates.lengths.sum() / n_chunks)
    parts = counts * (K1 + 1) / (counts + K1 * (1 - B + B * lengths))
    parts *= inverse_frequencies(candidates.frequencies, n_chunks)[query.known][:, None]
    scores = np.zeros(n_chunks)
    for word in query.sequence:
        scores += parts[place[word]]
    return scores


def inverse_frequencies(frequencies: NDArray[np.int64], n_chunks: int) -> NDArray[np.float64]:
    """Of each word that stands in `frequencies` of the chunks; 0 for a word of none."""
    used = np.bincount(frequencies)  # how many words stand in 0, 1, 2… chunks
    used[0] = 0
    values = np.zeros(len(used))
    for frequency in np.flatnonzero(used).tolist():
        values[frequency] = math.log(n_chunks - frequency + 0.5) - math.log(frequency + 0.5)
    mean = float(used @ values) / max(1, int(used.sum()))
    values[values < 0] = EPSILON * mean
    return values[frequencies]
