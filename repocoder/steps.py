"""The steps of the loop over the real parts: retriever, prompt, generator, post-processing, checks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from indexer.snapshot import Snapshot
from repocoder import verify
from repocoder.buffer import Buffer
from repocoder.config import Settings
from repocoder.gate.choice import Gates, masked
from repocoder.hole import hole_of
from repocoder.llm.generator import Generated, GenerateRequest, Generator
from repocoder.llm.messages import Remember
from repocoder.loop import Draft, LoopResult
from repocoder.memory.repository import RepositoryMemory
from repocoder.mending import gap_of, mend
from repocoder.postprocess import Finished, StopRule, finish
from repocoder.prompt import PromptBudget, build_prompt
from repocoder.rates import Limit, Rates
from repocoder.types import Completion, CompletionRequest, ModelInfo, Prompt, RetrievalMode, Timings
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
    rates: Rates | None = None  # by which a prompt is cut to what the model reads in time

    def retrieve(self, query: Query, trace: Trace | None = None) -> Retrieved:
        def find(mode: RetrievalMode) -> Retrieved:
            return self.retriever.retrieve(query, k=self.settings.k, mode=mode, trace=trace)

        if self.request.retrieval != "auto":
            return find(self.request.retrieval)
        return self.gates.retrieve(query, find, trace)

    @property
    def limit(self) -> Limit | None:
        """What a prompt may have for the sake of time; None where nothing says so."""
        if self.rates is None or not self.settings.latency_ms:
            return None
        return self.rates.limit(self.generator.info, self.settings.threads, self.settings.latency_ms)

    def prompt(self, query: Query, hits: tuple[Hit, ...]) -> Prompt:
        budget, limit = self._budget(self.settings.prompt_tokens), self.limit
        why = ""
        if limit is not None and limit.tokens < budget.total:
            why = f"{limit.tokens:,} of {budget.total:,} tokens: {limit.why}"
            budget = self._budget(limit.tokens)
        prompt = build_prompt(
            masked(query),
            hits,
            self.generator,
            budget=budget,
            repo_name=self.repo_name,
            heals=self.generator.can_retype,
        )
        return replace(prompt, limit=why)

    def _budget(self, tokens: int) -> PromptBudget:
        return PromptBudget.for_model(
            self.generator.vocab.n_ctx,
            self.request.max_tokens,
            wanted=tokens,
            snippets=self.settings.snippet_tokens,
        )

    def generate(
        self, prompt: Prompt, query: Query, on_text: Callable[[str], None] | None, cancel: threading.Event
    ) -> Draft:
        remembered = self._remembered(query, prompt)
        order = GenerateRequest(
            prompt.token_ids,
            self.request.max_tokens,
            StopRule(query),
            may_be_empty=not hole_of(query).wants_text,
            memory=remembered,
            typed=prompt.typed,
        )
        written = self.generator.generate(order, on_text, cancel)
        self._note_rate(prompt, written)
        draft = _drafted(finish(written.text, query, written.stop_reason), written)
        draft = replace(draft, mean_logprob=written.mean_logprob_of(len(draft.text)))
        if self.memory is None or remembered is None:
            return draft
        origins = self.memory.origins(written, len(draft.text), remembered, masked(query))
        return replace(draft, origins=origins)

    def _remembered(self, query: Query, prompt: Prompt, text: str = "") -> Remember | None:
        """What the memory may say after the prompt and this text of the model."""
        if self.memory is None:
            return None
        shown = masked(query)
        return self.memory.order(replace(shown, prefix=shown.prefix.removesuffix(prompt.typed) + text))

    def mend(
        self, query: Query, prompt: Prompt, text: str, faults: Sequence[verify.Fault], cancel: threading.Event
    ) -> Draft | None:
        """The draft `text` with another name in the place of the first wrong one, and what the model writes after it,
        of which its figures tell; None where no other name is known, or it was cancelled.
        """
        gap = gap_of(query, text, faults)
        if gap is None:
            return None

        mended = mend(
            gap,
            prompt,
            self.generator,
            stop=StopRule(query),
            max_tokens=self.request.max_tokens,
            memory=lambda text: self._remembered(query, prompt, text),
            cancel=cancel,
        )
        if mended is None or mended.written.stop_reason == "cancelled":
            return None
        draft = _drafted(finish(mended.text, query, mended.written.stop_reason), mended.written)
        return replace(draft, completion_tokens=len(self.generator.tokenize(mended.text)))

    def read(self, prompt: Prompt, cancel: threading.Event) -> None:
        """Have the model read a prompt, which is in its cache then. A remote one is not asked for nothing."""
        if self.generator.can_remember:
            self._note_rate(
                prompt, self.generator.generate(GenerateRequest(prompt.token_ids, 1), None, cancel)
            )

    def _note_rate(self, prompt: Prompt, written: Generated) -> None:
        if self.rates is not None and written.token_ids:
            read = len(prompt.token_ids) - written.reused_tokens
            self.rates.note(self.generator.info, self.settings.threads, read, written.prefill_ms)

    def faults(self, query: Query, text: str) -> tuple[verify.Fault, ...]:
        return verify.faults(query, text, self.snapshot, self.parse)

    def with_definitions(self, query: Query, found: Retrieved, faults: tuple[verify.Fault, ...]) -> Retrieved:
        return replace(
            found, hits=verify.lead_with(verify.definitions_for(faults, query, self.snapshot), found.hits)
        )


def _drafted(finished: Finished, written: Generated) -> Draft:
    return Draft(
        text=finished.text,
        stop_reason=finished.stop_reason,
        mean_logprob=written.mean_logprob,
        completion_tokens=written.n_tokens,
        prefill_ms=written.prefill_ms,
        first_token_ms=written.first_token_ms,
        total_ms=written.total_ms,
        notes=finished.notes,
        reused_tokens=written.reused_tokens,
    )


def completed(
    buffer: Buffer, query: Query, result: LoopResult, model: ModelInfo, index_ms: float, total_ms: float
) -> Completion:
    """What a loop came to, with everything that explains it."""
    turn, draft = result.turn, result.turn.draft
    return Completion(
        text=draft.text,
        stop_reason=draft.stop_reason,
        path=buffer.path,
        line=buffer.line,
        column=buffer.column,
        passes=result.passes,
        gate=turn.retrieved.gate,
        hits=turn.retrieved.hits,
        prompt=turn.prompt,
        checks=verify.check(query, draft.text, turn.unknown),
        completion_tokens=draft.completion_tokens,
        mean_logprob=draft.mean_logprob,
        timings=Timings(
            index_ms=index_ms,
            retrieve_ms=result.retrieve_ms,
            gate_ms=result.gate_ms,
            prefill_ms=draft.prefill_ms,
            first_token_ms=result.first_token_ms,
            total_ms=total_ms,
        ),
        model=model,
        base_sha256=buffer.sha256,
        notes=(*turn.retrieved.notes, *draft.notes),
        origins=draft.origins,
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
