"""The nouns of the evaluation: a benchmark, its tasks, and what is kept of each sample.

A *task* is one hole of one file of a repository. A *sample* is what one method did at one task; it is the truth that
every table comes from. All scores are percentages, 0 to 100, so that they read as in the papers; `None` means that a
score is not defined for the task (a line without any name of another file has no identifier coverage).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Kind = Literal["line", "api", "function"]
Family = Literal["repoeval", "crosscodeeval", "mined"]

Scores = dict[str, float | None]
"""Name of the metric in full -> percent (or the unit that its name says), None where it is not defined."""


@dataclass(frozen=True, slots=True)
class PublishedChunk:
    """A retrieved chunk as a benchmark ships it, best first in its list."""

    path: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Task:
    """One hole. The file is `prefix + truth + suffix`; a method must never see `truth`, nor, where the protocol has a
    left context only, `suffix`.
    """

    id: str  # unique within the benchmark
    benchmark: str  # "repoeval-line"
    kind: Kind
    language: str  # name of `indexer.languages`
    repository: str  # one index for each
    path: str  # of the file, in the repository, with "/"
    prefix: str  # the file up to the cursor, never cut
    truth: str
    suffix: str  # the file after the truth
    line: int  # 1-based, of the cursor
    column: int  # 0-based characters
    origin: str  # official | restored | resampled | mined, or the word of `metadata.restoration`
    function: str = ""  # kind "function": whose body is the truth
    context_start_line: int = 1  # 1-based line at which the published prompt begins; 1 if it was never cut
    published: Mapping[str, tuple[PublishedChunk, ...]] = field(default_factory=dict)
    # ^ retrieval that comes with the data: "bm25", "bm25-oracle"


class Sources(Protocol):
    """Where the repositories of a benchmark are."""

    def folder(self, repository: str) -> Path:
        """The unpacked repository. Raises `repocoder.errors.UsageError` if the data has no sources."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Tasks in their published order, and the sources that they are holes of."""

    name: str
    family: Family
    language: str
    tasks: tuple[Task, ...]
    sources: Sources
    notes: tuple[str, ...] = ()  # what a reader of a table must know: resampled, restored, left out


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a run was asked for; the first line of what it writes, and the name of its results."""

    benchmark: str
    method: str
    passes: int = 1
    model: str = ""  # name; "" where no model was run
    model_sha256: str = ""
    budget: int = 0  # tokens of the whole prompt, 0: the protocol's
    context: str = "left"  # left | both: is what follows the hole shown?
    layout: str = "published"  # published | native: how snippets are put before the file
    memory: str = "off"  # mixed | drafts | off: the repository's own text as a second predictor
    gate: str = "free"  # free | logistic | token | auto | always: what decides where our channels retrieve
    without: tuple[str, ...] = ()  # parts of the engine that were left out: see `eval.ablations`
    limit: int | None = None
    seed: int = 0
    shard: str = ""  # "i/n"
    commit: str = ""
    details: dict[str, Any] = field(
        default_factory=dict
    )  # protocol, machine, versions: whatever explains a number
