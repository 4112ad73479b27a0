"""No retrieval: what a model makes of the file alone."""

from __future__ import annotations

from eval.types import Task
from eval.workspace import Workspace
from repocoder.published.retrieval import NOTHING
from retrieval.retriever import Retrieved


class InFile:
    name = "in-file"

    def retrieve(self, task: Task, draft: str = "") -> Retrieved:
        return NOTHING


def open_in_file(_: Workspace) -> InFile:
    return InFile()
