"""Does a prediction use names that nothing defines? A static check of ours; no published harness has it. Python."""

from __future__ import annotations

from indexer.snapshot import Snapshot
from repocoder.verify import unknown_names
from retrieval.types import Query


def undefined_name_rate(query: Query, prediction: str, snapshot: Snapshot) -> float | None:
    """100 if the prediction uses a name that neither the file, itself, the language nor the index defines, else 0.

    The mean over tasks is the share of such predictions, in percent. It is a lower bound: a name that is defined
    anywhere in the repository counts as known, imported or not. `query` must hold the whole file around the hole,
    also where the model saw its left side only; `prediction` is what is scored (`eval.metrics.cut`).
    None for other languages and for an empty prediction, which says nothing. There is no variant without an index:
    names from star imports would all be wrong alarms.
    """
    if query.language != "python" or not prediction.strip():
        return None
    return 100.0 if unknown_names(query, prediction, snapshot) else 0.0
