"""The retrievers of the papers, over the files of one repository. Each is made when a task first asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from eval.metrics import family_of
from eval.protocols import protocol_for
from eval.protocols.layouts import context_start_line
from eval.types import Task
from eval.workspace import Workspace
from repocoder.published.retrieval import ask, make_baseline
from retrieval.baselines.crosscodeeval import CrossCodeEvalBM25
from retrieval.baselines.types import Baseline, Hole
from retrieval.retriever import Retrieved

Make = Callable[[Workspace, bool], Baseline]
"""A retriever for lines, or with True for function bodies, whose windows are larger."""


@dataclass(slots=True)
class Published:
    """A baseline as the benchmark asks it. `with_truth`: the oracle, whose draft is the truth."""

    name: str
    workspace: Workspace
    make: Make
    with_truth: bool = False
    made: dict[bool, Baseline] = field(default_factory=dict)

    def retrieve(self, task: Task, draft: str = "") -> Retrieved:
        is_function = task.kind == "function"
        if is_function not in self.made:
            self.made[is_function] = self.make(self.workspace, is_function)
        return ask(self.made[is_function], self._hole(task), task.truth if self.with_truth else draft)

    def _hole(self, task: Task) -> Hole:
        protocol = protocol_for(family_of(task), task.kind, layout="published")
        protocol = protocol.within(self.workspace.generator.vocab.n_ctx)
        first = context_start_line(task, protocol, self.workspace.tokenize_many)
        return Hole(task.path, task.prefix, task.line, first)


def _bm25(workspace: Workspace, _: bool) -> Baseline:
    return CrossCodeEvalBM25(workspace.files, language=workspace.language)


def _windows(workspace: Workspace, functions: bool) -> Baseline:
    return _made("repocoder", workspace, functions)


def _repoformer(workspace: Workspace, functions: bool) -> Baseline:
    return _made("repoformer", workspace, functions)


def _made(method: str, workspace: Workspace, functions: bool) -> Baseline:
    files, tokenize_many = workspace.files, workspace.tokenize_many
    return make_baseline(method, files, tokenize_many, workspace.language, functions=functions)


def open_bm25(workspace: Workspace) -> Published:
    return Published("bm25", workspace, _bm25)


def open_bm25_oracle(workspace: Workspace) -> Published:
    return Published("bm25-oracle", workspace, _bm25, with_truth=True)


def open_repocoder(workspace: Workspace) -> Published:
    return Published("repocoder", workspace, _windows)


def open_oracle(workspace: Workspace) -> Published:
    return Published("oracle", workspace, _windows, with_truth=True)


def open_repoformer(workspace: Workspace) -> Published:
    return Published("repoformer", workspace, _repoformer)
