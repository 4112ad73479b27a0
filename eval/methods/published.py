"""The retrieval that a benchmark ships with its tasks."""

from __future__ import annotations

from dataclasses import dataclass

from eval.types import PublishedChunk, Task
from eval.workspace import Workspace
from indexer.types import Chunk, Span
from repocoder.errors import UsageError
from repocoder.published.retrieval import always
from retrieval.retriever import Retrieved
from retrieval.types import Evidence, Hit


@dataclass(frozen=True, slots=True)
class Published:
    """`kind` is the key of `Task.published`."""

    name: str
    kind: str

    def retrieve(self, task: Task, draft: str = "") -> Retrieved:
        """Raises UsageError where the data has no such lists."""
        if self.kind not in task.published:
            raise UsageError(
                f"no published retrieval: {task.benchmark}: its data has no {self.kind} lists: choose another method"
            )
        hits = tuple(_hit(task, chunk, rank) for rank, chunk in enumerate(task.published[self.kind], 1))
        return always(hits, 0.0)


def _hit(task: Task, published: PublishedChunk, rank: int) -> Hit:
    n_lines = published.text.count("\n") + 1
    span = Span(1, n_lines, 0, 0)  # where it stands in its file is not published
    chunk = Chunk(-1, published.path, span, task.language, "window", "", "", published.text)
    evidence = Evidence("published", rank, published.score, "in the benchmark's own list")
    return Hit(chunk, published.score, (evidence,), published.text, span.start_line, span.end_line)


def open_published(_: Workspace) -> Published:
    return Published("published", "bm25")


def open_published_oracle(_: Workspace) -> Published:
    return Published("published-oracle", "bm25-oracle")
