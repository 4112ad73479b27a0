"""Did other files help? The label of Repoformer (Wu et al., ICML 2024): the edit similarity of what the model itself
writes with snippets, and without.

The text of the file around the hole is the same in both prompts, so that its length is no shortcut; only the snippets
are added. Prompts are short, since thousands of holes are needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from repocoder.errors import ModelError
from repocoder.gate.token_gate import question
from repocoder.llm.gate import GateTokens
from repocoder.llm.generator import Generator
from repocoder.prompt import PromptBudget, build_prompt
from retrieval.types import Query
from training.completion.measure import complete, likelihood, scores
from training.completion.tasks import Task
from training.completion.weights import TrainingError

FILE_TOKENS, SNIPPET_TOKENS, SUFFIX_TOKENS = 350, 350, 100
"""Of a prompt without snippets; more with them; and of the first for what follows the hole. A prompt of 700 tokens
takes 0.2 s on one core for the smallest model."""

MAX_TOKENS = 64  # of a completion: a line, or a call of some lines
WITHOUT_RIGHT = 0.3  # of the holes have nothing behind them yet, as in the training samples

LABELLED_KINDS = ("line", "rest", "call", "block")


class Label(msgspec.Struct, frozen=True):
    """One hole: scores of both completions in percent, nats of the truth with its end, and both texts."""

    model: str  # first 16 hexadecimal digits of the file's SHA-256
    task: str
    package: str
    kind: str
    right: bool  # was the text behind the hole shown?
    similarity_with: float
    similarity_without: float
    exact_with: float
    exact_without: float
    nats_with: float
    nats_without: float
    tokens: int  # of the truth, its end included
    text_with: str
    text_without: str

    @property
    def helped(self) -> bool:
        """Repoformer's rule."""
        return self.similarity_with > self.similarity_without

    @property
    def likelier(self) -> bool:
        """The same of the truth's likelihood."""
        return self.nats_with < self.nats_without


def shows_right(task: Task) -> bool:
    """Is the text behind the hole shown? Drawn by the key, so that question and label agree."""
    return int(task.key[:8], 16) / 2**32 >= WITHOUT_RIGHT


def label(task: Task, generator: Generator, digest: str) -> Label | None:
    """Complete a hole both ways; None where nothing was found or the hole is too long for a completion."""
    if not task.sample.hits:
        return None
    query = task.query(right=shows_right(task))
    package = task.sample.package
    without = build_prompt(
        query, (), generator, budget=PromptBudget(FILE_TOKENS, SUFFIX_TOKENS, 0), repo_name=package
    )
    same = replace(query, prefix=generator.detokenize(without.token_ids[-without.prefix_tokens :]))
    budget = PromptBudget(FILE_TOKENS + SNIPPET_TOKENS, SUFFIX_TOKENS, SNIPPET_TOKENS)
    shown = build_prompt(same, task.hits, generator, budget=budget, repo_name=package)
    if not shown.hits:
        return None
    sides = []
    for prompt in (shown, without):
        try:
            nats, end_nats, tokens = likelihood(prompt, task.sample.hole, generator)
        except ModelError:
            return None
        text, _ = complete(query, prompt, generator, MAX_TOKENS)
        sides.append((scores(text, task.sample.hole), nats + end_nats, text))
    (with_it, nats_with, text_with), (plain, nats_without, text_without) = sides
    return Label(
        digest, task.key, package, task.sample.kind, bool(query.suffix), with_it[1], plain[1], with_it[0], plain[0],
        nats_with, nats_without, tokens + 1, text_with, text_without,
    )  # fmt: skip


def question_ids(task: Task, generator: Generator, tokens: GateTokens) -> tuple[int, ...]:
    """What the product would ask about this hole, ending with the token that asks."""
    query: Query = task.query(right=shows_right(task))
    return question(query, generator, tokens, repo_name=task.sample.package)


def labels_file(work: Path, name: str) -> Path:
    return work / "gate" / f"{name}.jsonl"


def read_labels(path: Path) -> dict[str, Label | None]:
    """By the task's key; None for a hole that was looked at and cannot be labelled. A half written last line is left
    out."""
    found: dict[str, Label | None] = {}
    if path.exists():
        for line in path.read_bytes().split(b"\n")[:-1]:
            row = json.loads(line)
            found[row["task"]] = None if len(row) == 1 else msgspec.json.decode(line, type=Label)
    return found


def append(path: Path, rows: Sequence[tuple[str, Label | None]]) -> None:
    """Add rows, after dropping a last line that was not finished."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and (data := path.read_bytes()) and not data.endswith(b"\n"):
        path.write_bytes(data[: data.rfind(b"\n") + 1])
    with path.open("ab") as file:
        for key, row in rows:
            file.write(msgspec.json.encode({"task": key} if row is None else row) + b"\n")


def labelled(tasks: Sequence[Task], path: Path) -> Iterator[tuple[Task, Label]]:
    """The tasks that have a label, in their order. TrainingError if none has."""
    known = read_labels(path)
    found = [(task, row) for task in tasks if (row := known.get(task.key)) is not None]
    if not found:
        raise TrainingError(
            f"labels: none in {path} for these samples: run training.completion.gate label first"
        )
    yield from found
