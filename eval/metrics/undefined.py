"""Does a prediction use names or members that nothing defines? Static checks of ours; no published harness has them."""

from __future__ import annotations

from eval.metrics.syntax import BUDGET_SECONDS, GrowingFile
from indexer.analyze import analyze
from indexer.snapshot import Snapshot
from repocoder.verify import ARITY, MEMBERS, NAMES, Fault, faults_of, unknown_names
from repocoder.verify.language_names import LANGUAGES
from retrieval.types import Query

_NAME = "identifier"
_RATES = {"undefined_use_rate": {NAMES, MEMBERS}, "misfit_call_rate": {ARITY}}


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
    return 100.0 if undefined_names(query, prediction, snapshot) else 0.0


def undefined_names(query: Query, prediction: str, snapshot: Snapshot) -> tuple[str, ...]:
    """Those names, in order. Words of a text or comment that the hole stands in, or that begins in it, are none: what
    is a name is read off the tree of the whole file.
    """
    unknown = unknown_names(query, prediction, snapshot)
    if not unknown:
        return ()
    used = _names_in(query, prediction)
    return tuple(name for name in unknown if name in used)


def fault_rates(query: Query, prediction: str, snapshot: Snapshot) -> dict[str, float]:
    """What a user would be warned of: "undefined_use_rate" is 100 if the prediction uses a name that nothing in reach
    defines, or asks a known class or module for what it does not have; "misfit_call_rate" if it calls a known
    definition with arguments that this does not take; else 0.

    Stricter than `undefined_name_rate`: a name that only another function binds is undefined here. For the languages
    that completions are checked for; empty for others, for an empty prediction and where the file cannot be parsed.
    """
    if query.language not in LANGUAGES or not prediction.strip():
        return {}
    found = _faults(query, _whole_lines(query, prediction), snapshot)
    if found is None:
        return {}
    failed = {fault.check for fault in found}
    return {name: 100.0 if checks & failed else 0.0 for name, checks in _RATES.items()}


def _faults(query: Query, prediction: str, snapshot: Snapshot) -> tuple[Fault, ...] | None:
    whole = f"{query.prefix}{prediction}{query.suffix}".encode("utf-8", "replace")
    facts = analyze(query.path, whole, budget_s=BUDGET_SECONDS, every_use=True).facts
    return None if facts.degraded else faults_of(query, prediction, facts, snapshot)


def _whole_lines(query: Query, prediction: str) -> str:
    """A prediction that was cut has lost its line end: its last word and the next line's first must not run
    together.
    """
    ends = prediction.endswith("\n") or query.suffix.startswith("\n")
    return prediction if ends else f"{prediction}\n"


def _names_in(query: Query, prediction: str) -> set[str]:
    file = GrowingFile(query.language, query.prefix)
    tail = f"{_whole_lines(query, prediction)}{query.suffix}"
    root = file.root(tail)
    if root is None:
        return set()
    code = tail.encode()  # a tail with a tree can be encoded
    start = file.head_bytes
    end = start + len(prediction.encode())
    names: set[str] = set()
    pending = [root]
    while pending:
        node = pending.pop()
        if node.type == _NAME and node.start_byte >= start:
            names.add(code[node.start_byte - start : node.end_byte - start].decode())
        pending.extend(child for child in node.children if child.end_byte > start and child.start_byte < end)
    return names
