"""The nouns of retrieval: what is asked, what is found, and why."""

from __future__ import annotations

from dataclasses import dataclass, field

from indexer.types import Chunk, FileFacts


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Lines of a file that must not be retrieved: the hole, or what benchmark rules forbid. 1-based inclusive."""

    path: str
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Place:
    """Code that a user can point at: a file, a definition of it, or lines of it (1-based inclusive)."""

    path: str
    qualname: str = ""
    lines: tuple[int, int] | None = None
    mark: str = field(
        default="", compare=False
    )  # of its lines when they were chosen: see `retrieval.places.mark_of`

    def __str__(self) -> str:
        if self.qualname:
            return f"{self.path}::{self.qualname}"
        return f"{self.path}:{self.lines[0]}-{self.lines[1]}" if self.lines else self.path


@dataclass(frozen=True, slots=True)
class Query:
    """What the engine knows at the cursor. Built by `retrieval.query.query_at`."""

    path: str
    language: str
    line: int  # 1-based
    column: int  # 0-based characters
    prefix: str  # text of the buffer before the cursor
    suffix: str  # text after it
    scope: str  # qualname of the enclosing definition, "" at top level
    identifiers: tuple[str, ...]  # dotted names near the hole, nearest first, as written
    facts: FileFacts | None = None  # of the buffer; None where it has no grammar
    draft: str = ""  # text of an earlier pass
    exclusions: tuple[Exclusion, ...] = ()
    pins: tuple[Place, ...] = ()  # what the user wants to be shown, first pinned first
    hidden: tuple[Place, ...] = ()  # what the user wants never to be shown
    buffers: tuple[tuple[str, str], ...] = ()  # path and unsaved text of other open files


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why one channel found a hit."""

    source: str  # pinned | definitions | similar | dense | recent; of a search: symbols | lexical | dense
    rank: int  # 1-based within the channel
    score: float  # in the channel's own unit
    why: str  # in words: "defines `parse_args`, imported at line 3"


@dataclass(frozen=True, slots=True)
class Hit:
    """A snippet that was found. `text` is what a prompt shows: a whole chunk, its continuation, or a definition
    without its body; `start_line` and `end_line` say which lines of the file it stands for."""

    chunk: Chunk
    score: float
    evidence: tuple[Evidence, ...]
    text: str
    start_line: int
    end_line: int

    @property
    def path(self) -> str:
        return self.chunk.path


@dataclass(frozen=True, slots=True)
class Considered:
    """One candidate of a query, and what became of it."""

    hit: Hit
    stage: str  # kept | leak-guard | excluded | channel | threshold | same-text | file-cap | limit | gate | budget
    why: str  # in words: why it was kept or dropped
    features: dict[str, float] = field(default_factory=dict)  # what its score is made of

    @property
    def kept(self) -> bool:
        return self.stage == "kept"


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Retrieve at all? The reason is a sentence for the user."""

    retrieve: bool
    score: float
    threshold: float
    reason: str
    features: dict[str, float] = field(default_factory=dict)
