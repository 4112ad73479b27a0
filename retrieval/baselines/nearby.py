"""One way to answer for the retrievers over chunks: rank the candidates, show the matches or what follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.baselines.chunks import Candidates, ChunkedFiles, Query, last_lines
from retrieval.baselines.ranges import Ints
from retrieval.baselines.types import NAMED_WORDS, Hole, reason
from retrieval.types import Hit

Scorer = Callable[[Candidates, Query], NDArray[np.float64]]
"""Candidates, query -> (n,) scores, greater is better."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How files are cut and asked."""

    size: int  # lines of a chunk
    stride: int  # lines from one chunk to the next
    query: int  # lines of a query that are not blank


class NearbyChunks:
    """Files in chunks, for one scorer. `files` are those that may be shown."""

    def __init__(
        self, files: Mapping[str, str], layout: Layout, *, language: str, source: str, scorer: Scorer
    ) -> None:
        self.chunks = ChunkedFiles(files, language=language, size=layout.size, stride=layout.stride)
        self._n_lines = layout.query
        self._source = source
        self._scorer = scorer

    def retrieve(self, hole: Hole, draft: str = "", *, k: int) -> tuple[Hit, ...]:
        """The k best chunks of other files: those after the matches; with a draft the matches themselves. Fewer come
        back where two show the same text. Nothing is found for a query without words.
        """
        query = self.chunks.query(last_lines(hole.prefix, draft, self._n_lines))
        candidates = self.chunks.near(hole.path)
        if not query.distinct or not len(candidates.chunks):
            return ()
        scores = self._scorer(candidates, query)
        ties = self.chunks.text_order if draft else self.chunks.name_order
        best = np.lexsort((ties[candidates.chunks], scores))[::-1][:k]
        hits: list[Hit] = []
        seen: set[str] = set()
        for row in best:
            match = int(candidates.chunks[row])
            shown = match if draft else self.chunks.after(match)
            window = self.chunks.windows[shown]
            if draft or window.text not in seen:
                seen.add(window.text)
                why = self._why(match, shown, query, candidates)
                hits.append(window.hit(self._source, len(hits) + 1, float(scores[row]), why))
        return tuple(hits)

    def _why(self, match: int, shown: int, query: Query, candidates: Candidates) -> str:
        """The rarest of the shared words are named."""
        shared: Ints = np.intersect1d(query.known, self.chunks.distinct(match), assume_unique=True)
        rarest = sorted(shared, key=lambda number: (candidates.frequencies[number], self.chunks.word(number)))
        why = reason(
            len(shared),
            query.distinct,
            "words",
            [self.chunks.word(number) for number in rarest[:NAMED_WORDS]],
        )
        return why if shown == match else f"follows what {why}"
