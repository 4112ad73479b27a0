"""Did snippets help? Repoformer's label (Wu et al., ICML 2024): the edit similarity of what the model itself writes
with them, and without, greedily.

The text of the file is the same in both prompts, so that its length is no shortcut; only the snippets are added.
Prompt, stop rules, post-processing and memory are the product's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from indexer.snapshot import Snapshot
from repocoder.config import Settings
from repocoder.gate.choice import masked
from repocoder.gate.features import draft_features, features_of
from repocoder.gate.holes import Hole
from repocoder.hole import hole_of
from repocoder.llm.generator import GenerateRequest, Generator
from repocoder.memory.repository import RepositoryMemory
from repocoder.postprocess import StopRule, finish
from repocoder.prompt import PREFIX_SHARE, PromptBudget, build_prompt
from repocoder.types import CompletionRequest, Prompt
from retrieval.retriever import Retrieved
from retrieval.types import Query

MAX_TOKENS = 64  # of a completion: holes are single lines


class Label(msgspec.Struct, frozen=True):
    """One hole with both completions. Similarities and matches in percent, tokens of the whole prompts."""

    key: str
    kind: str
    path: str
    shown: int  # snippets in the prompt; 0: the free rule said no, or none had room, and both completions are one
    features: dict[str, float]
    draft: dict[str, float]
    similarity_with: float
    similarity_without: float
    exact_with: float
    exact_without: float
    tokens_with: int
    tokens_without: int

    @property
    def gain(self) -> float:
        """Points of edit similarity that snippets add."""
        return self.similarity_with - self.similarity_without

    @property
    def helped(self) -> bool:
        """Repoformer's rule."""
        return self.gain > 0


@dataclass(frozen=True, slots=True)
class Subject:
    """What holes are labelled with: the engine's parts (`repocoder.engine.Engine.subject`)."""

    snapshot: Snapshot
    generator: Generator
    settings: Settings
    repo_name: str
    query: Callable[[CompletionRequest], Query]
    retrieve: Callable[[Query], Retrieved]  # with the free rule
    memory: RepositoryMemory | None


def label(hole: Hole, subject: Subject, cancel: threading.Event) -> Label | None:
    """Complete a hole both ways; None if cancelled. Raises ModelError, WorkerError."""
    query = subject.query(hole.request)
    found = subject.retrieve(query)
    features = features_of(query, found, None if subject.memory is None else subject.memory.foretell(query))
    without, shown = prompts(query, found, subject)
    draft, doubts = _complete(query, without, subject, cancel)
    if draft is None:
        return None
    similarity, exact = edit_similarity(draft, hole.truth), exact_match(draft, hole.truth)
    both = (similarity, exact)
    if shown.hits:
        text, _ = _complete(query, shown, subject, cancel)
        if text is None:
            return None
        both = edit_similarity(text, hole.truth), exact_match(text, hole.truth)
    return Label(
        hole.key, hole.kind, hole.path, len(shown.hits), features, doubts, both[0], similarity, both[1], exact,
        len(shown.token_ids), len(without.token_ids),
    )  # fmt: skip


def prompts(query: Query, found: Retrieved, subject: Subject) -> tuple[Prompt, Prompt]:
    """Without snippets and with them, the same text of the file in both."""
    generator, name, wanted = subject.generator, subject.repo_name, subject.settings
    whole = PromptBudget.for_model(
        generator.vocab.n_ctx, MAX_TOKENS, wanted=wanted.prompt_tokens, snippets=wanted.snippet_tokens
    )
    plain = masked(query)
    alone = PromptBudget(whole.total - whole.snippets, whole.suffix, 0)
    without = build_prompt(plain, (), generator, budget=alone, repo_name=name)
    hits = found.hits if found.gate.retrieve else ()
    if not hits:
        return without, without
    room = min(without.prefix_tokens, int(whole.total * PREFIX_SHARE))
    same = replace(plain, prefix=_tail(plain.prefix.replace("\r\n", "\n"), room, generator))
    shown = build_prompt(same, hits, generator, budget=whole, repo_name=name)
    again = build_prompt(same, (), generator, budget=whole, repo_name=name)
    return again, shown


def exact_match(text: str, truth: str) -> float:
    """RepoCoder's: 100 where the first lines, stripped, are those of the truth, else 0."""
    wanted = _lines(truth)
    return 100.0 if _lines(text)[: len(wanted)] == wanted else 0.0


def edit_similarity(text: str, truth: str) -> float:
    """RepoCoder's, in percent: 1 - Levenshtein distance / longer length, of as many lines as the truth has."""
    wanted = _lines(truth)
    said, true = "\n".join(_lines(text)[: len(wanted)]), "\n".join(wanted)
    longer = max(len(said), len(true))
    return 100.0 if not longer else 100.0 * (1.0 - _distance(said, true) / longer)


def _complete(
    query: Query, prompt: Prompt, subject: Subject, cancel: threading.Event
) -> tuple[str | None, dict[str, float]]:
    """The text as it would be inserted, None if cancelled, and what its tokens say of it."""
    order = GenerateRequest(
        prompt.token_ids,
        MAX_TOKENS,
        StopRule(query),
        may_be_empty=not hole_of(query).wants_text,
        memory=None if subject.memory is None else subject.memory.order(masked(query)),
        with_doubt=True,
    )
    written = subject.generator.generate(order, None, cancel)
    if written.stop_reason == "cancelled" or cancel.is_set():
        return None, {}
    text = finish(written.text, query, written.stop_reason).text
    starts = (0, *written.token_ends)
    kept = [value for start, value in zip(starts, written.token_logprobs, strict=False) if start < len(text)]
    known = query.prefix + query.suffix
    return text, draft_features(text, kept, written.margin, written.entropy, known)


def _tail(text: str, tokens: int, generator: Generator) -> str:
    """The last whole lines of a text in at most so many tokens; all of its last line."""
    lines = text.split("\n")
    sizes = [len(ids) for ids in generator.tokenize_many([line + "\n" for line in lines[-tokens - 1 :]])]
    used, kept = 0, 0
    for size in reversed(sizes):
        if kept and used + size > tokens:
            break
        used, kept = used + size, kept + 1
    return "\n".join(lines[len(lines) - kept :])


def _lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.splitlines()) if line]


def _distance(left: str, right: str) -> int:
    """Levenshtein's: characters inserted, deleted or replaced."""
    row = list(range(len(right) + 1))
    for number, character in enumerate(left, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(right, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (character != other)),
            )
    return row[-1]
