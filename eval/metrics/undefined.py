"""Does a prediction use names that nothing defines? A static check of ours; no published harness has it. Python."""

from __future__ import annotations

from eval.metrics.syntax import GrowingFile
from indexer.snapshot import Snapshot
from repocoder.verify import unknown_names
from retrieval.types import Query

_NAME = "identifier"


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


def _names_in(query: Query, prediction: str) -> set[str]:
    file = GrowingFile(query.language, query.prefix)
    # A prediction that was cut has lost its line end: its last word and the next line's first must not run together.
    joint = "" if prediction.endswith("\n") or query.suffix.startswith("\n") else "\n"
    tail = f"{prediction}{joint}{query.suffix}"
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
