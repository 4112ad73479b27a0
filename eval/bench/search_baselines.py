"""What a retrieval is compared with: bm25s on the same chunks and terms, semble on the same tree; each in a process of
its own, warm, over the same places.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from eval.bench.baseline import MissingError, make_model, open_semble
from eval.bench.processes import ChildError

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds."""

    p50: float
    p95: float
    max: float


def spread(work: Callable[[Item], object], items: Sequence[Item]) -> Spread:
    """Time `work` on each item, once; the first run of the first item warms up."""
    if items:
        work(items[0])
    times = []
    for item in items:
        started = time.perf_counter()
        work(item)
        times.append((time.perf_counter() - started) * 1000)
    return spread_of(times)


def spread_of(times: Sequence[float]) -> Spread:
    ordered = sorted(times) or [0.0]
    return Spread(
        ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], ordered[-1]
    )


def measured(root: Path, directory: Path, scratch: Path, texts: Sequence[str]) -> dict[str, Spread | str]:
    """Each baseline, or why it was not measured. `directory`: of our index; `texts`: what semble is asked, by place.

    bm25s builds its index of all chunks anew for any change, semble too but for its own small changes.
    """
    found: dict[str, Spread | str] = {}
    try:
        semble = open_semble(scratch)
    except MissingError as error:
        return {"bm25s, semble": f"skipped: {error}"}
    try:
        run = semble.child("eval.bench.bm25s_child", str(root), str(directory), str(len(texts)))
        found[f"bm25s, built in {run['build_seconds']:.1f} s"] = spread_of(run["milliseconds"])
    except ChildError as error:
        found["bm25s"] = f"skipped: {error}"
    try:
        model = make_model(semble, root, scratch / "model")
        asked = scratch / "asked.json"
        asked.write_text(json.dumps(list(texts)), encoding="utf-8")
        run = semble.run("search", str(root), str(model), str(asked)).result
        found[f"semble, built in {run['build_seconds']:.1f} s"] = spread_of(run["milliseconds"])
    except (MissingError, ChildError) as error:
        found["semble"] = f"skipped: {error}"
    return found
