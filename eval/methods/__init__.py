"""What retrieves for a task: the baselines of the papers, and the channels of our own engine.

A method is opened for one repository (`eval.workspace.Workspace`) and asked once for each task and pass.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from repocoder.errors import UsageError

if TYPE_CHECKING:
    from eval.types import Task
    from eval.workspace import Workspace
    from retrieval.retriever import Retrieved


class Method(Protocol):
    """Gives the context of a task."""

    name: str

    def retrieve(self, task: Task, draft: str = "") -> Retrieved:
        """Hits best first, whether they are worth a prompt, milliseconds. `draft`: text of the pass before."""


METHODS: dict[str, str] = {
    "in-file": "no retrieval: the file alone",
    "bm25": "CrossCodeEval's BM25 over chunks of 10 lines, the chunk after each hit",
    "bm25-oracle": "the same with the truth in the query, the hits themselves: an upper bound",
    "repocoder": "RepoCoder's windows by Jaccard similarity; from pass 2 on with the draft in the query",
    "oracle": "RepoCoder's second pass with the true lines in the query: an upper bound",
    "repoformer": "Repoformer's chunks by Jaccard similarity, the chunk after each hit, without its gate",
    "published": "the BM25 lists that come with CrossCodeEval's data",
    "published-oracle": "the same, made with the truth in the query: an upper bound",
    "definitions": "our definitions channel alone",
    "similar": "our similar code channel alone",
    "dense": "our dense channel alone (needs --embedder)",
    "hybrid": "all our channels, fused, with a gate",
    "engine": "the product as users have it: gate, loop, stop rules, its own prompt",
}
"""Name -> what it is."""

_PLACES: dict[str, str] = {
    "in-file": "eval.methods.infile:open_in_file",
    "bm25": "eval.methods.baselines:open_bm25",
    "bm25-oracle": "eval.methods.baselines:open_bm25_oracle",
    "repocoder": "eval.methods.baselines:open_repocoder",
    "oracle": "eval.methods.baselines:open_oracle",
    "repoformer": "eval.methods.baselines:open_repoformer",
    "published": "eval.methods.published:open_published",
    "published-oracle": "eval.methods.published:open_published_oracle",
    "definitions": "eval.methods.channels:open_definitions",
    "similar": "eval.methods.channels:open_similar",
    "dense": "eval.methods.channels:open_dense",
    "hybrid": "eval.methods.channels:open_hybrid",
    "engine": "eval.methods.channels:open_hybrid",
}

TAKES_DRAFTS = frozenset({"repocoder", "repoformer", "similar", "dense", "hybrid"})
"""Methods that ask again with the text of a pass before; `engine` decides itself. Others make one pass."""

GATED = frozenset({"hybrid", "engine"})
"""Methods whose gate can be chosen."""

ORACLES = frozenset({"oracle", "bm25-oracle", "published-oracle"})
"""Methods that are shown the truth: upper bounds, never results."""


def open_method(name: str, workspace: Workspace) -> Method:
    """The method over one repository. Raises UsageError for an unknown name."""
    if name not in _PLACES:
        raise UsageError(f"no such method: {name}: choose one of {', '.join(METHODS)}")
    module, _, function = _PLACES[name].partition(":")
    opener: Callable[[Workspace], Method] = getattr(import_module(module), function)
    return opener(workspace)
