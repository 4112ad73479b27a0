"""The steps of the loop over the real parts: retriever, prompt, generator, post-processing, checks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from indexer.snapshot import Snapshot
from repocoder import verify
from repocoder.config import Settings
from repocoder.gate.choice import Gates, masked
from repocoder.hole import hole_of
from repocoder.llm.generator import GenerateRequest, Generator
from repocoder.loop import Draft
from repocoder.memory.repository import RepositoryMemory
from repocoder.postprocess import StopRule, finish
from repocoder.prompt import PromptBudget, build_prompt
from repocoder.types import CompletionRequest, Prompt, RetrievalMode
from retrieval.retriever import Retrieved, Retriever
from retrieval.trace import Trace, key
from retrieval.types import Considered, Hit, Query


@dataclass(frozen=True, slots=True)
class EngineSteps:
    """`repocoder.loop.Steps` for one request."""

    snapshot: Snapshot
    retriever: Retriever
    generator: Generator
    settings: Settings
    request: CompletionRequest
    repo_name: str
    gates: Gates
    parse: verify.Parse | None = None  # of buffers, in a worker; without it a draft's text alone is checked
    memory: RepositoryMemory | None = None  # of what the repository says comes next

    def retrieve(self, query: Query, trace: Trace | None = None) -> Retrieved:
        def find(mode: RetrievalMode) -> Retrieved:
            return self.retriever.retrieve(query, k=self.settings.k, mode=mode, trace=trace)

        if self.request.retrieval != "auto":
            return find(self.request.retrieval)
        return self.gates.retrieve(query, find, trace)

    def prompt(self, query: Query, hits: tuple[Hit, ...]) -> Prompt:
        budget = PromptBudget.for_model(
            self.generator.vocab.n_ctx,
            self.request.max_tokens,
            wanted=self.settings.prompt_tokens,
            snippets=self.settings.snippet_tokens,
        )
        return build_prompt(masked(query), hits, self.generator, budget=budget, repo_name=self.repo_name)

    def generate(
        self, prompt: Prompt, query: Query, on_text: Callable[[str], None] | None, cancel: threading.Event
    ) -> Draft:
        remembered = None if self.memory is None else self.memory.order(masked(query))
        order = GenerateRequest(
            prompt.token_ids,
            self.request.max_tokens,
            StopRule(query),
            may_be_empty=not hole_of(query).wants_text,
            memory=remembered,
        )
        written = self.generator.generate(order, on_text, cancel)
        finished = finish(written.text, query, written.stop_reason)
        return Draft(
            text=finished.text,
            stop_reason=finished.stop_reason,
            mean_logprob=written.mean_logprob_of(len(finished.text)),
            completion_tokens=len(written.token_ids),
            prefill_ms=written.prefill_ms,
            first_token_ms=written.first_token_ms,
            total_ms=written.total_ms,
            notes=finished.notes,
            origins=()
            if self.memory is None or remembered is None
            else self.memory.origins(written, len(finished.text), remembered, masked(query)),
        )

    def faults(self, query: Query, text: str) -> tuple[verify.Fault, ...]:
        return verify.faults(query, text, self.snapshot, self.parse)

    def with_definitions(self, query: Query, found: Retrieved, faults: tuple[verify.Fault, ...]) -> Retrieved:
        return replace(
            found, hits=verify.lead_with(verify.definitions_for(faults, query, self.snapshot), found.hits)
        )


def considered(trace: Trace, found: Retrieved, prompt: Prompt) -> tuple[Considered, ...]:
    """Every candidate of a request with what became of it in the end: in the prompt, or dropped at which stage."""
    shown = {key(hit) for hit in prompt.hits}
    without_room = {key(dropped.hit): dropped.why for dropped in prompt.dropped}
    judged: list[Considered] = []
    for one in trace.all(found.hits):
        if one.kept and key(one.hit) not in shown:
            why = without_room.get(key(one.hit))
            stage = "gate" if why is None else "budget"
            one = replace(one, stage=stage, why=found.gate.reason if why is None else why)
        judged.append(one)
    return tuple(judged)
