"""No retrieval: what a model makes of the file alone."""

from __future__ import annotations

from eval.types import Task
from eval.workspace import Workspace
from retrieval.retriever import Retrieved
from retrieval.types import GateDecision

NOTHING = Retrieved((), GateDecision(False, 0.0, 0.0, "retrieval is switched off"), {})


class InFile:
    name = "in-file"

    def retrieve(self, task: Task, draft: str = "") -> Retrieved:
        return NOTHING


def open_in_file(_: Workspace) -> InFile:
    return InFile()
