"""Which gate decides, and retrieval under its decision: the same for the product and for eval.

- `auto`: the gate token where the model has one that is worth it, else weights calibrated on this repository, else
  those of the package, else the free rule. Weights count only for the model and the use of memory that they were made
  with: a better model makes more of snippets than the one that was asked.
- The logistic gate looks at what the free rule let through, after retrieval: the snippets' tokens are what costs, and
  nothing that retrieval takes milliseconds for would be saved by guessing before it. No draft is asked for: it costs
  the prompt of the file, more than most snippets do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from indexer.languages import language_named
from indexer.secrets import mask_text
from repocoder.gate.features import features_of
from repocoder.gate.token_gate import CANNOT_BE_ASKED, ModelGate
from repocoder.gate.weights import Weights, read_weights, shipped
from repocoder.llm.generator import Generator
from repocoder.memory.repository import RepositoryMemory
from retrieval.gate import Mode
from retrieval.retriever import Retrieved, decided
from retrieval.trace import Trace
from retrieval.types import GateDecision, Query

NO_WEIGHTS = (
    "there are no weights for this model, `repocoder calibrate` makes them, so the free rule decides: "
)

LEAST_AREA = 0.6
"""Under the curve, on packages that it was not trained on, from which on a gate token decides unasked."""

Setting = Literal["auto", "free", "logistic", "token"]
Find = Callable[[Mode], Retrieved]
"""Retrieval under a mode of the free rule."""


@dataclass(slots=True)
class Gates:
    """The gates of one request. A cancelled question to the model is answered with no."""

    setting: Setting
    generator: Generator
    directory: Path  # of the index, with the repository's own weights
    repo_name: str
    memory_setting: str  # of `repocoder.config.MEMORIES`
    memory: RepositoryMemory | None = None
    cancel: threading.Event | None = None
    _token: ModelGate | None = None

    def retrieve(self, query: Query, find: Find, trace: Trace | None = None) -> Retrieved:
        """What was found under the decision. Raises what `find` raises, ModelError, WorkerError."""
        asked = self._model_gate()
        if asked is not None:
            return self._by_token(asked, query, find, trace)
        if self.setting == "token":
            return _explained(find("auto"), CANNOT_BE_ASKED)
        chosen = self._weights() if self.setting != "free" else None
        found = find("auto")
        if chosen is None:
            return _explained(found, NO_WEIGHTS) if self.setting == "logistic" else found
        if not found.gate.retrieve or len(found.hits) == found.pins:
            return found
        weights, whose = chosen
        foretold = None if self.memory is None else self.memory.foretell(query)
        decision = weights.decide(features_of(query, found, foretold))
        return decided(found, replace(decision, reason=f"{whose}: {decision.reason}"), trace)

    @property
    def asks_model(self) -> bool:
        """Is the model asked, which costs the cache of its last prompt?"""
        return self._model_gate() is not None

    @property
    def basis(self) -> object:
        """What a decision rests on beside the query and the settings: another value where other weights decide."""
        return None if self.setting == "free" else self._weights()

    def _model_gate(self) -> ModelGate | None:
        """The model as the gate, where it is wanted and can be asked; the same for all passes of a request."""
        if self.setting not in ("auto", "token") or not self.generator.can_score:
            return None
        tokens = self.generator.vocab.gate
        if tokens is None or (self.setting == "auto" and tokens.area < LEAST_AREA):
            return None
        if self._token is None:
            self._token = ModelGate(self.generator, tokens, self.repo_name, self.cancel)
        return self._token

    def _by_token(self, gate: ModelGate, query: Query, find: Find, trace: Trace | None) -> Retrieved:
        found = find("always")
        decision, milliseconds = gate.decide(masked(query))
        features = {**found.gate.features, **decision.features}
        timings = {**found.timings, "gate_ms": found.timings.get("gate_ms", 0.0) + milliseconds}
        return decided(replace(found, timings=timings), replace(decision, features=features), trace)

    def _weights(self) -> tuple[Weights, str] | None:
        """The weights for this model, and whose they are in words."""
        model, memory = self.generator.info, self.memory_setting
        for whose, gates in (
            ("calibrated on this repository", read_weights(self.directory)),
            ("by the weights of the package", shipped().gates),
        ):
            for one in gates:
                if one.fits(model, memory):
                    return one, whose
        return None


def masked(query: Query) -> Query:
    """The query as a prompt may show it: what is in the index is masked already, the buffer is not."""
    config = not language_named(query.language).grammar
    prefix, suffix = (mask_text(text, config=config) for text in (query.prefix, query.suffix))
    return replace(query, prefix=prefix, suffix=suffix)


def _explained(found: Retrieved, why: str) -> Retrieved:
    gate: GateDecision = replace(found.gate, reason=why + found.gate.reason)
    return replace(found, gate=gate)
