"""rank_bm25 itself behind the interface of the postings: the oracle, for whoever doubts the default."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rank_bm25 import BM25Okapi

from indexer.tokens import terms
from indexer.types import Chunk
from retrieval.postings import top
from retrieval.segments import among


class OkapiBackend:
    """BM25Okapi over chunks. Reads all of them when made; a query of a large repository takes seconds."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        ids: list[int] = []
        corpus: list[list[str]] = []
        for chunk in chunks:
            ids.append(chunk.id)
            corpus.append(terms(chunk.text))
        self._order = {number: row for row, number in enumerate(ids)}
        self.ids = np.asarray(ids, dtype=np.int64)
        # BM25Okapi divides by the number of documents and of distinct terms
        self._okapi = BM25Okapi(corpus) if any(corpus) else None

    def search(
        self, terms: Mapping[str, float], k: int, *, without: Sequence[int] = ()
    ) -> list[tuple[int, float]]:
        """The best k chunks with a score above 0, as (chunk id, score), ties by ascending id."""
        if self._okapi is None:
            return []
        scorer = copy.copy(self._okapi)
        scorer.idf = self.idf(terms, without=without)
        scores = np.zeros(len(self.ids))
        for term, weight in terms.items():
            scores += weight * scorer.get_scores([term])
        if without:
            scores[among(self.ids, np.sort(np.asarray(without, dtype=np.int64)))] = 0.0
        return top(self.ids, scores, k)

    def best(
        self, terms: Mapping[str, float], k: int, *, without: Sequence[int] = ()
    ) -> tuple[list[tuple[int, float]], NDArray[np.bool_]]:
        """`search`, and `shared` of the terms and what was found."""
        found = self.search(terms, k, without=without)
        return found, self.shared(list(terms), [number for number, _ in found])

    def idf(self, terms: Iterable[str], *, without: Sequence[int] = ()) -> dict[str, float]:
        """BM25Okapi's idf, of the chunks that are not left out."""
        if self._okapi is None:
            return {}
        known: Mapping[str, float] = self._okapi.idf
        if not without:
            return {term: float(known[term]) for term in terms if term in known}
        rows = [self._order[number] for number in set(without) if number in self._order]
        found: dict[str, float] = {}
        for term in terms:
            frequency = sum(term in document for document in self._okapi.doc_freqs) if term in known else 0
            frequency -= sum(term in self._okapi.doc_freqs[row] for row in rows)
            if frequency > 0:
                idf = math.log(len(self.ids) - len(rows) - frequency + 0.5) - math.log(frequency + 0.5)
                found[term] = idf if idf >= 0 else self._okapi.epsilon * self._okapi.average_idf
        return found

    def shared(self, terms: Sequence[str], ids: Sequence[int]) -> NDArray[np.bool_]:
        held = np.zeros((len(terms), len(ids)), dtype=np.bool_)
        for column, number in enumerate(ids):
            if self._okapi is not None and number in self._order:
                document = self._okapi.doc_freqs[self._order[number]]
                held[:, column] = [term in document for term in terms]
        return held
