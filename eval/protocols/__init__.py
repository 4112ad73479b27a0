"""How a benchmark asks a model: the published budgets (`repocoder.published.budgets`), and RepoEval's tasks with both
sides.
"""

from __future__ import annotations

from dataclasses import replace

from eval.types import Task
from repocoder.published.budgets import Layout, Protocol, protocol_for

INFILL_RIGHT_LINES = 50
"""Of what follows the hole, in the fill-in-the-middle variant of RepoEval."""


def as_infill(task: Task) -> Task:
    """The fill-in-the-middle variant of a task: a whole-line target leaves its indentation to the prompt, and of what
    follows the next 50 lines are shown.
    """
    indent = task.truth[: len(task.truth) - len(task.truth.lstrip(" \t"))] if task.column == 0 else ""
    suffix = "".join(task.suffix.splitlines(keepends=True)[:INFILL_RIGHT_LINES])
    return replace(
        task,
        prefix=task.prefix + indent,
        truth=task.truth[len(indent) :],
        column=task.column + len(indent),
        suffix=suffix,
    )


__all__ = ["INFILL_RIGHT_LINES", "Layout", "Protocol", "as_infill", "protocol_for"]
