"""A completion by a published method: its own retrieval, prompt and passes, in place of the product's.

RepoCoder makes as many passes as it is told, each with the text of the one before in its query, and the last one is the
answer: it compares nothing. Repoformer makes one, and asks its gate where the model has one: after the suffix, before
any snippet. In-file shows the text above the hole and nothing else. What is inserted in the end is cut and trimmed by
the product's rules.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from indexer.snapshot import Snapshot
from repocoder.gate.choice import masked
from repocoder.gate.token_gate import decision_of
from repocoder.llm.generator import GenerateRequest
from repocoder.loop import Draft, LoopResult, Turn
from repocoder.published.budgets import Protocol, protocol_for
from repocoder.published.endings import DRAFT_LINES, StopAfterLines
from repocoder.published.layouts import limits_for, published_prompt, question_prompt
from repocoder.published.retrieval import NOTHING, TOGETHER, ask, hole_of, make_baseline
from repocoder.steps import EngineSteps
from repocoder.types import PassReport, Prompt
from retrieval import places
from retrieval.baselines.types import Baseline
from retrieval.retriever import Retrieved
from retrieval.trace import Trace
from retrieval.types import GateDecision, Hit, Query

PublishedMethod = Literal["repocoder", "repoformer", "in-file"]


class Baselines:
    """The retriever that was made last: making one reads and tokenises all files of a language."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[object, ...] = ()
        self._made: Baseline | None = None

    def of(self, method: str, steps: EngineSteps, language: str) -> Baseline:
        """For the files of this generation of the index. Raises ModelError, WorkerError."""
        key = (method, language, steps.snapshot.generation, steps.generator.info.sha256)
        with self._lock:
            if self._made is None or self._key != key:
                files = files_of(steps.snapshot, language)
                self._made = make_baseline(method, files, steps.generator.tokenize_many, language)
                self._key = key
            return self._made


@dataclass(frozen=True, slots=True)
class PublishedSteps:
    """What `explain` and `run_passes` need. `inner` are the product's steps for the same request."""

    inner: EngineSteps
    method: PublishedMethod
    baselines: Baselines

    @property
    def limits(self) -> Protocol:
        """The published budgets, for this model. Raises ModelError where it has no room for them."""
        whole = protocol_for("repoeval", "line", both_sides=self.method == "repoformer", layout="published")
        whole = replace(whole, context_after_suffix=self.method == "repoformer")
        return limits_for(whole, self.inner.generator)

    def retrieve(self, query: Query, trace: Trace | None = None) -> Retrieved:
        """Hits under the gate, if there is one; what the user excluded is left out, and told to the trace."""
        if self.method == "in-file" or self.inner.request.retrieval == "never":
            return NOTHING
        asked = masked(query)
        baseline = self.baselines.of(self.method, self.inner, query.language)
        hole = hole_of(asked, self.limits, self.inner.generator.tokenize_many)
        found = ask(baseline, hole, query.draft)
        found = replace(found, hits=tuple(self._allowed(query, found.hits, trace)))
        if self.method == "repoformer" and self.inner.request.retrieval == "auto":
            return self._gated(asked, found)
        return found

    def prompt(self, query: Query, hits: tuple[Hit, ...]) -> Prompt:
        return published_prompt(self.limits, masked(query), hits, self.inner.generator)

    def draft(self, prompt: Prompt, cancel: threading.Event) -> str:
        """The text of a pass that another one follows, as the model wrote it; "" if cancelled."""
        order = GenerateRequest(prompt.token_ids, self.limits.new_tokens, StopAfterLines(DRAFT_LINES))
        written = self.inner.generator.generate(order, None, cancel)
        return "" if written.stop_reason == "cancelled" else written.text

    def generate(
        self, prompt: Prompt, query: Query, on_text: Callable[[str], None] | None, cancel: threading.Event
    ) -> Draft:
        request = replace(self.inner.request, max_tokens=self.limits.new_tokens)
        return replace(self.inner, request=request, memory=None).generate(prompt, query, on_text, cancel)

    def _allowed(self, query: Query, hits: tuple[Hit, ...], trace: Trace | None) -> list[Hit]:
        bans = dict(places.resolve(query.hidden, self.inner.snapshot).lines)
        for one in query.exclusions:
            bans[one.path] = (*bans.get(one.path, ()), (one.start_line, one.end_line))
        kept: list[Hit] = []
        for hit in hits:
            if not any(
                low <= hit.end_line and hit.start_line <= high for low, high in bans.get(hit.path, ())
            ):
                kept.append(hit)
            elif trace is not None:
                trace.drop(hit, "excluded", "excluded by you")
        return kept

    def _gated(self, query: Query, found: Retrieved) -> Retrieved:
        """Repoformer's gate, where the model has one."""
        generator = self.inner.generator
        tokens = generator.vocab.gate if generator.can_score else None
        ids = None if tokens is None else question_prompt(self.limits, query, generator)
        if tokens is None or ids is None:
            return replace(
                found,
                gate=replace(found.gate, reason="the model has no gate token: this method always retrieves"),
            )
        started, cancel = time.monotonic(), self.inner.gates.cancel
        answers = [
            generator.score((*ids, tokens.question), (one,), cancel) for one in (tokens.yes, tokens.no)
        ]
        if not all(answers):
            gate = GateDecision(False, 0.0, tokens.threshold, "cancelled while the model was asked")
        else:
            gate = decision_of(answers[0][0], answers[1][0], tokens.threshold, len(ids) + 1)
        timings = {**found.timings, "gate_ms": (time.monotonic() - started) * 1000}
        return replace(found, gate=gate, timings=timings)


def run_passes(
    steps: PublishedSteps,
    query: Query,
    *,
    passes: int,
    on_text: Callable[[str, int], None] | None,
    cancel: threading.Event,
) -> LoopResult:
    """RepoCoder's `passes` turns, one of the others. The last one is kept; a pass without text ends it early."""
    started = time.monotonic()
    count = passes if steps.method == "repocoder" else 1
    reports: list[PassReport] = []
    retrieve_ms = gate_ms = 0.0
    asked = query
    for number in range(1, count + 1):
        retrieving = time.monotonic()
        found = steps.retrieve(asked)
        retrieve_ms += (time.monotonic() - retrieving) * 1000
        gate_ms += found.timings.get("gate_ms", 0.0)
        prompt = steps.prompt(asked, found.hits if found.gate.retrieve else ())
        text = "" if number == count or cancel.is_set() else steps.draft(prompt, cancel)
        if not text.strip():
            break
        reports.append(_report(number, prompt, text, None, 0))
        asked = replace(query, draft=text)
    told = None if on_text is None else lambda text: on_text(text, len(reports) + 1)
    begun = (time.monotonic() - started) * 1000
    draft = steps.generate(prompt, asked, told, cancel)
    reports.append(_report(len(reports) + 1, prompt, draft.text, draft.mean_logprob, draft.completion_tokens))
    final = (*reports[:-1], replace(reports[-1], kept=True))
    return LoopResult(
        Turn(found, prompt, draft, ()), final, retrieve_ms - gate_ms, gate_ms, begun + draft.first_token_ms
    )


def files_of(snapshot: Snapshot, language: str) -> Mapping[str, str]:
    """Path -> text of the indexed files of a language, secrets masked, with those that it shares names with."""
    wanted = next((group for group in TOGETHER if language in group), frozenset({language}))
    paths = [path for path in sorted(snapshot.paths()) if snapshot.language(path) in wanted]
    return {path: _text(snapshot, path) for path in paths}


def _text(snapshot: Snapshot, path: str) -> str:
    return snapshot.content(path).decode("utf-8-sig", "replace").replace("\r\n", "\n")


def _report(number: int, prompt: Prompt, text: str, logprob: float | None, tokens: int) -> PassReport:
    return PassReport(
        number=number,
        text=text,
        mean_logprob=logprob,
        prompt_tokens=len(prompt.token_ids),
        completion_tokens=tokens,
        hits=tuple(f"{hit.path}:{hit.start_line}-{hit.end_line}" for hit in prompt.hits),
        kept=False,
        reason="first pass" if number == 1 else "a published method makes every pass that it is told",
    )
