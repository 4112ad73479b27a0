"""What an engine keeps from one key to the next, for requests that come while one types.

Only requests that say so (`CompletionRequest.live`) see any of it: the answer to all others depends on the request, the
repository and the settings alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from repocoder.answers import Answers, rest_of
from repocoder.buffer import Buffer
from repocoder.choices import Choices
from repocoder.loop import Draft, LoopResult
from repocoder.steps import EngineSteps
from repocoder.sticky import Ground, Sticky, finished_names, ground_of
from repocoder.types import Completion, Prompt
from repocoder.verify import Fault
from retrieval.retriever import Retrieved
from retrieval.types import Hit, Query

Context = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class LiveSteps:
    """`repocoder.loop.Steps` of which the first pass is given the snippets that are held for the line."""

    steps: EngineSteps
    sticky: Sticky

    def retrieve(self, query: Query) -> Retrieved:
        if query.draft:
            return self.steps.retrieve(query)
        ground, names = self.ground(query), finished_names(query)
        # To ask the model whether it wants snippets costs the cache of its prompt: once a line.
        gates = self.steps.gates
        asks_model = self.steps.request.retrieval == "auto" and gates.asks_model
        held = self.sticky.held(ground, None if asks_model else names)
        if held is not None:
            return replace(held, timings={})
        fresh = self.steps.retrieve(query)
        if gates.cancel is not None and gates.cancel.is_set():
            return fresh  # the model's answer may be missing in it
        return self.sticky.settle(ground, names, fresh)

    def prompt(self, query: Query, hits: tuple[Hit, ...]) -> Prompt:
        return self.steps.prompt(query, hits)

    def generate(
        self, prompt: Prompt, query: Query, on_text: Callable[[str], None] | None, cancel: threading.Event
    ) -> Draft:
        return self.steps.generate(prompt, query, on_text, cancel)

    def faults(self, query: Query, text: str) -> tuple[Fault, ...]:
        return self.steps.faults(query, text)

    def mend(
        self, query: Query, prompt: Prompt, text: str, faults: Sequence[Fault], cancel: threading.Event
    ) -> Draft | None:
        return self.steps.mend(query, prompt, text, faults, cancel)

    def with_definitions(self, query: Query, found: Retrieved, faults: tuple[Fault, ...]) -> Retrieved:
        return self.steps.with_definitions(query, found, faults)

    def read(self, query: Query, cancel: threading.Event) -> None:
        """What comes before the first token of a completion, so that the next key on the line finds it done."""
        found = self.retrieve(query)
        if not cancel.is_set():
            self.steps.read(self.prompt(query, found.hits if found.gate.retrieve else ()), cancel)

    def ground(self, query: Query) -> Ground:
        """What the snippets of a query without a draft stand on."""
        steps = self.steps
        return ground_of(query, steps.request, steps.settings, steps.snapshot.generation)


class Live:
    """Of one engine. One completion at a time."""

    def __init__(self, choices: Choices, changes: Callable[[], int]) -> None:
        """`changes`: a number that is another one when git sees other changes."""
        self.keeps_snippets = self.keeps_answers = (
            True  # each can be left out, so that its worth can be measured
        )
        self._choices = choices
        self._changes = changes
        self._sticky = Sticky()
        self._answers = Answers()

    def known(self, context: Context, buffer: Buffer, started: float) -> Completion | None:
        """The answer, where an earlier one gives it. `started` is on the monotonic clock."""
        if not self.keeps_answers:
            return None
        found = self._answers.find(context, buffer.around[0])
        if found is None:
            return None
        completion, typed = found
        return rest_of(completion, typed, buffer, 1000 * (time.monotonic() - started))

    def steps(self, steps: EngineSteps) -> LiveSteps:
        """The steps of the loop for a request whose answer is not known."""
        return LiveSteps(steps, self._sticky if self.keeps_snippets else Sticky())

    def keep(
        self, context: Context, steps: LiveSteps, query: Query, result: LoopResult, completion: Completion
    ) -> None:
        """Keep an answer for `known`, under the context that it was begun in; and the snippets of the last
        prompt, which is in the model's cache."""
        self._sticky.adopt(steps.ground(query), (result.last or result.turn).retrieved)
        self._answers.put(context, query.prefix, completion)

    def context(self, steps: EngineSteps, buffer: Buffer) -> Context:
        """All that an answer depends on but the text before the cursor."""
        after = buffer.around[1]
        request = replace(steps.request, path=buffer.path, text=None, line=0, column=None)
        return (
            request,
            after,
            steps.settings,
            steps.generator.info,
            steps.snapshot.generation,
            None if steps.memory is None else steps.memory.state,
            None if (limit := steps.limit) is None else limit.tokens,
            steps.gates.basis,
            self._choices.places("pin"),
            self._choices.places("exclude"),
            self._changes(),
        )
