"""The retrieve-generate loop: a first draft at once, a second pass only where it can pay.

RepoCoder (Zhang et al., EMNLP 2023) retrieves again with the draft in the query and starts over. Its own figures
say that the second pass is worth one to two points and that later ones are worth nothing, so a further pass runs here
only if the draft is unsure of itself or names what nobody defines, *and* changes what is retrieved. It replaces the
draft only if the model finds it likelier and it names no more unknown things.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from repocoder.types import Origin, PassReport, Prompt
from repocoder.verify import Fault
from retrieval.retriever import Retrieved
from retrieval.types import Hit, Query

SURE_LOGPROB = -0.22
"""Mean log-probability of a token above which a draft is taken as it is: e^-0.22 = 0.8 a token."""

MIN_GAIN = 0.02
"""Nats a token by which a later draft must be likelier: less than that is the noise of a changed prompt."""


MENDS = 3
"""Wrong names that are replaced, one after the other: a draft with more of them is better thrown away."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What one pass wrote, after post-processing."""

    text: str
    stop_reason: str
    mean_logprob: float | None
    completion_tokens: int
    prefill_ms: float
    first_token_ms: float
    total_ms: float
    notes: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()
    reused_tokens: int = 0  # of the prompt, found in the model's cache


@dataclass(frozen=True, slots=True)
class Turn:
    """One pass: what was retrieved for it, what the model saw, what it wrote."""

    retrieved: Retrieved
    prompt: Prompt
    draft: Draft
    unknown: tuple[Fault, ...]  # what the draft uses and is not so


@dataclass(frozen=True, slots=True)
class LoopResult:
    """The kept turn, all passes in order, and the milliseconds of the parts, summed over the passes."""

    turn: Turn
    passes: tuple[PassReport, ...]
    retrieve_ms: float  # without the gate
    gate_ms: float
    first_token_ms: float  # from the start of the loop to the first token of the first pass
    last: Turn | None = None  # that was run, where it is not the kept one: its prompt is in the model's cache


class Steps(Protocol):
    """What the loop needs of the engine."""

    def retrieve(self, query: Query) -> Retrieved: ...

    def prompt(self, query: Query, hits: tuple[Hit, ...]) -> Prompt: ...

    def generate(
        self, prompt: Prompt, query: Query, on_text: Callable[[str], None] | None, cancel: threading.Event
    ) -> Draft: ...

    def faults(self, query: Query, text: str) -> tuple[Fault, ...]: ...

    def mend(
        self, query: Query, prompt: Prompt, text: str, faults: tuple[Fault, ...], cancel: threading.Event
    ) -> Draft | None: ...

    def with_definitions(self, query: Query, found: Retrieved, faults: tuple[Fault, ...]) -> Retrieved: ...


def run_loop(
    steps: Steps,
    query: Query,
    *,
    passes: int,
    on_text: Callable[[str, int], None] | None,
    cancel: threading.Event,
) -> LoopResult:
    """Run at most `passes` passes; `on_text(text so far, pass number)` is called while a pass streams."""
    started = time.monotonic()
    found = steps.retrieve(query)
    retrieve_ms, gate_ms = _since(started), found.timings.get("gate_ms", 0.0)
    kept = _take_turn(steps, query, found, _numbered(on_text, 1), cancel)
    first_token_ms = _since(started) - kept.draft.total_ms + kept.draft.first_token_ms
    kept_number, last = 1, kept
    reports = [_report(1, kept, reason="first pass")]
    for number in range(2, passes + 1):
        why = reason_to_go_on(kept)
        if why is None or cancel.is_set():
            break
        again = replace(query, draft=kept.draft.text)
        retrieving = time.monotonic()
        found = steps.with_definitions(again, steps.retrieve(again), kept.unknown)
        retrieve_ms += _since(retrieving)
        gate_ms += found.timings.get("gate_ms", 0.0)
        shown = _texts if kept.unknown else _places  # a definition may be there already, without the member
        if shown(found.hits) == shown(kept.retrieved.hits):
            break
        later = last = _take_turn(steps, again, found, _numbered(on_text, number), cancel)
        if later.draft.stop_reason == "cancelled":
            break
        better, verdict = compare(later, kept)
        reports.append(_report(number, later, reason=f"{why}; {verdict}"))
        if not better:
            break
        kept, kept_number = later, number
    for number in range(len(reports) + 1, len(reports) + 1 + (MENDS if passes > 1 else 0)):
        mended = _mended(steps, query, kept, cancel)
        if mended is None:
            break
        better, verdict = compare(mended, kept)
        named = kept.unknown[0].detail
        reports.append(
            _report(number, mended, reason=f"in the draft {named}: written anew from there; {verdict}")
        )
        if not better:
            break
        kept, kept_number = mended, number
        if on_text is not None:
            on_text(mended.draft.text, number)
    final = tuple(replace(report, kept=report.number == kept_number) for report in reports)
    return LoopResult(kept, final, retrieve_ms - gate_ms, gate_ms, first_token_ms, last)


def reason_to_go_on(turn: Turn) -> str | None:
    """Why another pass may pay, in words; None if it cannot."""
    draft = turn.draft
    if not turn.retrieved.gate.retrieve or not draft.text.strip() or draft.stop_reason == "cancelled":
        return None
    if turn.unknown:
        return f"in the draft {'; '.join(fault.detail for fault in turn.unknown[:3])}"
    if draft.mean_logprob is not None and draft.mean_logprob < SURE_LOGPROB:
        return f"the draft is unsure ({draft.mean_logprob:.2f} nats a token)"
    return None


def compare(later: Turn, earlier: Turn) -> tuple[bool, str]:
    """Is the later turn to replace the earlier one, and why."""
    new, old = later.draft, earlier.draft
    if not new.text.strip():
        return False, "the new draft is empty"
    if len(later.unknown) > len(earlier.unknown):
        return False, "more checks of the new draft fail"
    if len(later.unknown) < len(earlier.unknown):
        return True, "fewer checks of the new draft fail"
    if new.mean_logprob is None or old.mean_logprob is None:
        return False, "the model gives no log-probabilities to compare"
    gain = new.mean_logprob - old.mean_logprob
    if gain < MIN_GAIN:
        return False, f"the new draft is not likelier ({gain:+.2f} nats a token)"
    return True, f"the new draft is likelier ({gain:+.2f} nats a token)"


def _take_turn(
    steps: Steps,
    query: Query,
    found: Retrieved,
    on_text: Callable[[str], None] | None,
    cancel: threading.Event,
) -> Turn:
    hits = found.hits if found.gate.retrieve else ()
    prompt = steps.prompt(query, hits)
    draft = steps.generate(prompt, query, on_text, cancel)
    is_cancelled = draft.stop_reason == "cancelled"  # whoever cancels does not wait for a check
    return Turn(found, prompt, draft, () if is_cancelled else steps.faults(query, draft.text))


def _mended(steps: Steps, query: Query, turn: Turn, cancel: threading.Event) -> Turn | None:
    """The turn with a name that is there in the place of one that is not; None if none is known."""
    if not turn.unknown or cancel.is_set():
        return None
    draft = steps.mend(query, turn.prompt, turn.draft.text, turn.unknown, cancel)
    return None if draft is None else replace(turn, draft=draft, unknown=steps.faults(query, draft.text))


def _numbered(on_text: Callable[[str, int], None] | None, number: int) -> Callable[[str], None] | None:
    return None if on_text is None else lambda text: on_text(text, number)


def _places(hits: tuple[Hit, ...]) -> list[tuple[str, int, int]]:
    return [(hit.path, hit.start_line, hit.end_line) for hit in hits]


def _texts(hits: tuple[Hit, ...]) -> list[tuple[str, int, str]]:
    return [(hit.path, hit.start_line, hit.text) for hit in hits]


def _report(number: int, turn: Turn, *, reason: str) -> PassReport:
    return PassReport(
        number=number,
        text=turn.draft.text,
        mean_logprob=turn.draft.mean_logprob,
        prompt_tokens=len(turn.prompt.token_ids),
        completion_tokens=turn.draft.completion_tokens,
        reused_tokens=turn.draft.reused_tokens,
        hits=tuple(f"{hit.path}:{hit.start_line}-{hit.end_line}" for hit in turn.prompt.hits),
        kept=False,
        reason=reason,
    )


def _since(moment: float) -> float:
    return (time.monotonic() - moment) * 1000
