"""The nouns of a completion: one object for the TUI, `complete --json` and the logs of eval."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from indexer.types import Skip
from retrieval.types import Considered, Exclusion, GateDecision, Hit, Query

RetrievalMode = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Complete at a place. `text` is the unsaved buffer; None reads the file."""

    path: str  # relative to the repository root
    line: int  # 1-based
    column: int | None = None  # 0-based characters; None is the end of the line
    text: str | None = None
    max_tokens: int = 96
    passes: int = 2
    retrieval: RetrievalMode = "auto"
    exclusions: tuple[Exclusion, ...] = ()
    open_buffers: tuple[tuple[str, str], ...] = ()  # path and unsaved text of other files that are open
    live: bool = (
        False  # asked while one types: snippets may stay put, and the answer may be one that is known
    )


@dataclass(frozen=True, slots=True)
class DroppedHit:
    """A hit that did not enter the prompt, and why."""

    hit: Hit
    why: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is given. `text` is for display only: the ids are what is run."""

    token_ids: tuple[int, ...]
    text: str
    hits: tuple[Hit, ...]  # in the prompt, in its order
    dropped: tuple[DroppedHit, ...]
    prefix_tokens: int
    suffix_tokens: int
    snippet_tokens: int
    template: str  # name of the FIM template
    hit_tokens: tuple[
        int, ...
    ] = ()  # of each hit as it stands in the prompt, which may be its first lines only
    limit: str = ""  # why it is shorter than the settings allow, for the sake of time
    typed: str = ""  # what is left out at its end and written again: see `repocoder.llm.retyping`


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds on the monotonic clock."""

    index_ms: float = 0.0
    retrieve_ms: float = 0.0
    gate_ms: float = 0.0
    prefill_ms: float = 0.0
    first_token_ms: float = 0.0
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Words of a completion that the repository's memory foretold, and one of the places where it learnt them."""

    path: str
    line: int  # 1-based
    text: str
    share: float  # of their probability that was the memory's, 0 to 1


@dataclass(frozen=True, slots=True)
class Check:
    """A finding about the text of a completion, shown to the user."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    name: str
    sha256: str
    bytes: int = 0  # of its file; 0 where that is not known


@dataclass(frozen=True, slots=True)
class PassReport:
    """One turn of the retrieve-generate loop."""

    number: int  # 1-based
    text: str
    mean_logprob: float | None
    prompt_tokens: int
    completion_tokens: int
    hits: tuple[str, ...]  # "path:start-end" of the hits in the prompt
    kept: bool
    reason: str  # why this pass ran, and why it was kept or not
    reused_tokens: int = 0  # of the prompt, found in the model's cache


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer, and everything that explains it."""

    text: str
    stop_reason: str  # end | length | cancelled | indent | suffix | empty
    path: str
    line: int
    column: int
    passes: tuple[PassReport, ...]
    gate: GateDecision
    hits: tuple[Hit, ...]  # everything retrieved, best first
    prompt: Prompt
    checks: tuple[Check, ...]
    completion_tokens: int
    mean_logprob: float | None
    timings: Timings
    model: ModelInfo
    base_sha256: str  # of the buffer the completion was made for: applying it to other bytes is refused
    notes: tuple[str, ...] = field(default=())
    origins: tuple[Origin, ...] = ()  # what the repository's memory foretold
    known: bool = False  # the rest of an earlier answer, whose beginning was typed: the model was not run

    @property
    def prompt_tokens(self) -> int:
        return len(self.prompt.token_ids)


@dataclass(frozen=True, slots=True)
class SearchResult:
    hits: tuple[Hit, ...]
    timings: dict[str, float]  # milliseconds of each step


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would be retrieved and shown to the model; the model is not run (its tokenizer is)."""

    query: Query
    gate: GateDecision
    hits: tuple[Hit, ...]
    prompt: Prompt
    timings: dict[str, float]  # milliseconds of each step
    model: ModelInfo
    candidates: tuple[
        Considered, ...
    ] = ()  # all of them: those that are kept in the order of `hits`, then the others
    notes: tuple[str, ...] = ()  # pins that show nothing, and why


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The index as it is on disk. Counts are 0 where there is none."""

    root: str
    directory: str
    exists: bool
    stale: bool
    generation: int
    files: int
    chunks: int
    symbols: int
    edges: int
    bytes_on_disk: int
    skips: tuple[Skip, ...]
