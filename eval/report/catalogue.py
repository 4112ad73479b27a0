"""The metrics by name: what a table calls them, in which table they stand, and which way is better.

A score that is not named here is shown under its own name among the completions, higher being better.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from eval.methods import METHODS, ORACLES
from eval.types import RunConfig

Group = Literal["completion", "context"]

EXACT_MATCH = "exact_match"
COVERAGE = "identifier_coverage"
GOLD = "gold_definition_hit"
TRUTH_NATS = "truth_nats_per_token"
LADDER_METRICS = frozenset({EXACT_MATCH, "edit_similarity_levenshtein", TRUTH_NATS, COVERAGE})
"""By which the order of RepoCoder's paper is looked for."""


@dataclass(frozen=True, slots=True)
class Metric:
    """How one metric is shown."""

    name: str
    title: str
    group: Group = "completion"
    higher_is_better: bool = True
    tested: bool = False  # is its difference to in-file in the table of differences?
    exponential: bool = False  # averaged as it is, shown as exp(mean)
    decimals: int = 2
    is_size: bool = False  # says how much was shown, not how well: neither more nor less of it helps or harms

    @property
    def title_of_mean(self) -> str:
        """Where the mean itself is shown and not its exponential."""
        return "nats a token of the truth" if self.exponential else self.title


METRICS: tuple[Metric, ...] = (
    Metric("exact_match", "EM", tested=True),
    Metric("edit_similarity_levenshtein", "ES (Levenshtein)", tested=True),
    Metric("edit_similarity_fuzz", "ES (fuzz.ratio)", tested=True),
    Metric("identifier_exact_match", "identifier EM"),
    Metric("identifier_f1", "identifier F1"),
    Metric("code_token_exact_match", "code-token EM"),
    Metric("pass_rate", "pass rate", tested=True),
    Metric("undefined_name_rate", "undefined names", higher_is_better=False),
    Metric("undefined_use_rate", "undefined names or members", higher_is_better=False),
    Metric("misfit_call_rate", "calls that do not fit", higher_is_better=False),
    Metric(
        TRUTH_NATS,
        "perplexity of the truth",
        higher_is_better=False,
        tested=True,
        exponential=True,
    ),
    Metric("identifier_coverage", "identifier coverage", group="context", tested=True),
    Metric("gold_definition_hit", "gold definition hit", group="context", tested=True),
    Metric("gold_definition_coverage", "gold definition coverage", group="context"),
    Metric("context_precision", "context precision", group="context"),
    Metric("context_snippets", "snippets", group="context", decimals=1, is_size=True),
    Metric("context_tokens", "context tokens", group="context", decimals=0, is_size=True),
    Metric("prompt_tokens", "prompt tokens", group="context", decimals=0, is_size=True),
)

_BY_NAME = {metric.name: metric for metric in METRICS}
_ORDER = {metric.name: place for place, metric in enumerate(METRICS)}


def metric(name: str) -> Metric:
    """How the metric of that name is shown."""
    return _BY_NAME.get(name) or Metric(name, name.replace("_", " "))


def in_order(names: set[str]) -> list[Metric]:
    """The metrics of these names as tables order them: the known ones first, others by name."""
    return [metric(name) for name in sorted(names, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))]


IN_FILE = "in-file"
_PLACES = {name: place for place, name in enumerate(METHODS)}


def method_order(name: str) -> tuple[bool, int, str]:
    """A key that sorts methods as tables do: those known here in their order, upper bounds last."""
    return (name in ORACLES, _PLACES.get(name, len(_PLACES)), name)


def method_label(config: RunConfig) -> str:
    """The method as tables name it, with its encoder, the memory's part and the gate if it was given one."""
    embedder = PurePath(str(config.details.get("embedder", ""))).name
    memory = "" if config.memory == "off" else f"memory {config.memory}"
    gate = "" if config.gate == "free" else f"gate {config.gate}"
    gone = f"without {' and '.join(config.without)}" if config.without else ""
    more = ", ".join(part for part in (embedder, memory, gate, gone) if part)
    return f"{config.method} ({more})" if more else config.method
