"""The engine's own retrieval: one channel, or all of them fused, as the product has them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eval.types import Task
from eval.workspace import Workspace
from repocoder.types import RetrievalMode
from retrieval.retriever import Retrieved


@dataclass(frozen=True, slots=True)
class Channels:
    """The gate decides where all channels are on; a channel alone is always asked."""

    name: str
    workspace: Workspace
    mode: RetrievalMode

    def retrieve(self, task: Task, draft: str = "") -> Retrieved:
        request = replace(self.workspace.request(task), retrieval=self.mode)
        return self.workspace.engine.retrieve(request, draft=draft)


def open_definitions(workspace: Workspace) -> Channels:
    return Channels("definitions", workspace, "always")


def open_similar(workspace: Workspace) -> Channels:
    return Channels("similar", workspace, "always")


def open_dense(workspace: Workspace) -> Channels:
    return Channels("dense", workspace, "always")


def open_hybrid(workspace: Workspace) -> Channels:
    return Channels("hybrid", workspace, "always" if workspace.gate == "always" else "auto")
