"""The gate that the model itself is: asked with one short prompt, before any snippet, whether it wants other files.

Repoformer (Wu et al., ICML 2024): one step after the code around the hole, and a threshold on what the model says.
Only models that were trained for it can be asked; `repocoder.llm.gate` says which.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field, replace

from repocoder.llm.gate import GateTokens
from repocoder.llm.generator import Generator
from repocoder.prompt import PromptBudget, build_prompt
from retrieval.types import GateDecision, Query

QUESTION_TOKENS = 384
"""Of the whole question, at most: what stands near the hole decides, and a question must cost less than the snippets
that it may spare, up to 512 of the model's 1,024 tokens."""

QUESTION_SUFFIX = 96
"""Of these, for what follows the hole."""

CANNOT_BE_ASKED = "the model has no gate token, so the free rule decides: "


@dataclass(slots=True)
class ModelGate:
    """Asks about one request. The answer is kept: a second pass has the same code around its hole."""

    generator: Generator
    tokens: GateTokens
    repo_name: str
    cancel: threading.Event | None = None
    _last: tuple[Query, GateDecision] | None = field(default=None, repr=False)

    def decide(self, query: Query) -> tuple[GateDecision, float]:
        """The decision, and the milliseconds that it took. A `query` shows what a prompt may show: secrets masked.

        `score` is P(yes) / (P(yes) + P(no)) of the token after the question. Raises ModelError, WorkerError.
        """
        started = time.monotonic()
        asked = replace(query, draft="")
        if self._last is None or self._last[0] != asked:
            decision = self._ask(asked)
            self._last = (asked, decision)
        return self._last[1], (time.monotonic() - started) * 1000

    def _ask(self, query: Query) -> GateDecision:
        ids = question(query, self.generator, self.tokens, repo_name=self.repo_name)
        logprobs: list[float] = []
        for answer in (self.tokens.yes, self.tokens.no):  # the second one finds the prompt in the cache
            scored = self.generator.score(ids, (answer,), self.cancel)
            if not scored:
                return GateDecision(False, 0.0, self.tokens.threshold, "cancelled while the model was asked")
            logprobs.append(scored[0])
        return decision_of(logprobs[0], logprobs[1], self.tokens.threshold, len(ids))


def question(query: Query, generator: Generator, tokens: GateTokens, *, repo_name: str) -> tuple[int, ...]:
    """The ids of the question: the prompt without snippets, in its own small budget, and the token that asks."""
    room = max(1, min(QUESTION_TOKENS, generator.vocab.n_ctx - 1) - 1)
    budget = PromptBudget(room, min(QUESTION_SUFFIX, room), 0)
    prompt = build_prompt(query, (), generator, budget=budget, repo_name=repo_name)
    return (*prompt.token_ids, tokens.question)


def decision_of(yes: float, no: float, threshold: float, question_tokens: int = 0) -> GateDecision:
    """From the log-probabilities of both answers, in nats."""
    score = 1.0 / (1.0 + math.exp(min(no - yes, 700.0)))
    features = {"yes_logprob": yes, "no_logprob": no, "question_tokens": float(question_tokens)}
    retrieve = score >= threshold
    word = "at least" if retrieve else "less than"
    verb = "asks for other files" if retrieve else "wants no other files"
    reason = f"the model {verb}: {score:.2f} of its answer, {word} {threshold:.2f}"
    return GateDecision(retrieve, score, threshold, reason, features)
