"""The retrieval of Repoformer (Wu et al., ICML 2024) for RepoEval, without its gate.

Chunks of 10 lines, one every 5 lines (for function bodies 20 and 10), from other files, blank lines removed; the query
are the last 10 (20) lines above the hole that are not blank; Jaccard similarity of the sets of words; the best 10 (5).
What is shown is the next chunk of the file, which overlaps the match by half; with a draft, or the truth, in the query
the match itself. Candidates and ties are those of CrossCodeEval, whose script this was.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from retrieval.baselines.chunks import Candidates, Query
from retrieval.baselines.nearby import Layout, NearbyChunks
from retrieval.baselines.types import Hole
from retrieval.types import Hit

LINES = Layout(size=10, stride=5, query=10)
FUNCTIONS = Layout(size=20, stride=10, query=20)
TOP = 10
TOP_FUNCTIONS = 5


class RepoformerJaccard:
    """Over one repository; `functions`: for holes that are whole bodies."""

    def __init__(self, files: Mapping[str, str], *, language: str, functions: bool = False) -> None:
        layout = FUNCTIONS if functions else LINES
        self._top = TOP_FUNCTIONS if functions else TOP
        self._nearby = NearbyChunks(files, layout, language=language, source="repoformer", scorer=jaccard)

    def retrieve(self, hole: Hole, draft: str = "", *, k: int | None = None) -> tuple[Hit, ...]:
        """See `NearbyChunks.retrieve`; k is the published 10 or 5 if left out."""
        return self._nearby.retrieve(hole, draft, k=self._top if k is None else k)


def jaccard(candidates: Candidates, query: Query) -> NDArray[np.float64]:
    """Of the distinct words of the query and of each candidate."""
    asked = np.zeros(len(candidates.frequencies), dtype=bool)
    asked[query.known] = True
    shared = np.bincount(candidates.rows[asked[candidates.words]], minlength=len(candidates.chunks))
    similarity: NDArray[np.float64] = shared / (query.distinct + candidates.sizes - shared)
    return similarity
