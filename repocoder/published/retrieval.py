"""Retrieval of a published method in one repository: what the command line and eval have in common."""

from __future__ import annotations

import time
from collections.abc import Mapping

from repocoder.published.budgets import Protocol
from repocoder.published.layouts import TokenizeMany, context_start_line
from retrieval.baselines.repoformer import RepoformerJaccard
from retrieval.baselines.types import Baseline, Hole
from retrieval.baselines.windows import SIZE, SIZE_FUNCTIONS, RepoCoderWindows
from retrieval.retriever import Retrieved
from retrieval.types import GateDecision, Hit, Query

TOGETHER = (frozenset({"typescript", "tsx"}), frozenset({"c", "cpp"}))
"""Languages whose files use each other's names."""

NOTHING = Retrieved((), GateDecision(False, 0.0, 0.0, "retrieval is switched off"), {})


def make_baseline(
    method: str,
    files: Mapping[str, str],
    tokenize_many: TokenizeMany,
    language: str,
    *,
    functions: bool = False,
) -> Baseline:
    """The retriever of "repocoder" or "repoformer" over these files; `functions`: for holes that are whole bodies."""
    if method == "repocoder":
        size = SIZE_FUNCTIONS if functions else SIZE
        return RepoCoderWindows(files, tokenize_many, language=language, size=size)
    return RepoformerJaccard(files, language=language, functions=functions)


def hole_of(query: Query, limits: Protocol, tokenize_many: TokenizeMany, first: int = 1) -> Hole:
    """The hole as a baseline is asked; `first`: line at which the in-file prompt begins at the earliest."""
    start = max(first, context_start_line(query.prefix, limits, tokenize_many))
    return Hole(query.path, query.prefix, query.line, start)


def always(hits: tuple[Hit, ...], milliseconds: float) -> Retrieved:
    """Hits of a method that has no gate."""
    gate = GateDecision(True, 1.0, 0.0, "this method always retrieves")
    return Retrieved(hits, gate, {"retrieve_ms": milliseconds})


def ask(baseline: Baseline, hole: Hole, draft: str = "") -> Retrieved:
    """What a baseline finds, and how long it took."""
    started = time.perf_counter()
    hits = baseline.retrieve(hole, draft)
    return always(hits, (time.perf_counter() - started) * 1000)
