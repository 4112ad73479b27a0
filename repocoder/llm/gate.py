"""The control tokens with which a model is asked whether it wants other files, as its own file names them.

Repoformer (Wu et al., ICML 2024) lets the model itself say so: one token after the code around the hole. Which ids
these are is in the metadata of a GGUF that was trained for it, under `repocoder.gate.*`.
"""

from __future__ import annotations

from dataclasses import dataclass

from repocoder.gguf import GgufHeader

QUESTION_KEY = "repocoder.gate.question_token_id"
YES_KEY = "repocoder.gate.yes_token_id"
NO_KEY = "repocoder.gate.no_token_id"
THRESHOLD_KEY = "repocoder.gate.threshold"
AREA_KEY = "repocoder.gate.area"

DEFAULT_THRESHOLD = 0.5
"""Of a file that names none: what was trained with both answers equally often is balanced there."""


@dataclass(frozen=True, slots=True)
class GateTokens:
    """Ids of one vocabulary, from which score on other files are wanted, 0 to 1, and how well the score tells the holes
    that they help: the area under the curve on held-out packages, 0 where the file does not say."""

    question: int
    yes: int
    no: int
    threshold: float = DEFAULT_THRESHOLD
    area: float = 0.0


def gate_tokens(header: GgufHeader) -> GateTokens | None:
    """What the header names; None without it, and where an id is not one of three tokens of the vocabulary."""
    found = [header.metadata.get(key) for key in (QUESTION_KEY, YES_KEY, NO_KEY)]
    ids = [value for value in found if isinstance(value, int) and 0 <= value < len(header.tokens)]
    if len(set(ids)) != len(found):
        return None
    question, yes, no = ids
    threshold = header.metadata.get(THRESHOLD_KEY)
    if not isinstance(threshold, float) or not 0.0 <= threshold <= 1.0:
        threshold = DEFAULT_THRESHOLD
    area = header.metadata.get(AREA_KEY)
    return GateTokens(
        question, yes, no, threshold, area if isinstance(area, float) and 0 <= area <= 1 else 0.0
    )
