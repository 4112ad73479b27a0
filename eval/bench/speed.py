"""How fast is the index, how much memory and disk does it take, beside semble and rank_bm25 in the same run?

A tree is indexed in a fresh process for every run, ours and theirs in turn, with the same number of workers. Copies
that are edited lie in a temporary folder; nothing is written into a given tree.
"""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from eval.bench.baseline import MissingError, Semble
from eval.bench.index_child import bytes_below
from eval.bench.processes import ChildError, Run, run_child

PACKAGE = "transformers"
"""The default tree: an installed package of more than a million lines."""

FILES = 3000
"""Of the tree for the rows on small changes."""

EDITS = 50
SEMBLE_EDITS = 3
"""Of the baselines, whose full rebuild takes seconds."""

WORD = "tokenizer config"
SEED = 5


@dataclass(frozen=True, slots=True)
class Source:
    """What the measured files are together."""

    files: int
    lines: int
    bytes: int


@dataclass(slots=True)
class Speeds:
    """Results of all runs, as the children gave them. None: not measured, `notes` says why."""

    tree: Source
    small: Source | None = None
    workers: int = 0
    ours: list[dict[str, Any]] = field(default_factory=list)
    ours_vectors: list[dict[str, Any]] = field(default_factory=list)
    semble: list[dict[str, Any]] = field(default_factory=list)
    unchanged: list[float] = field(default_factory=list)  # seconds of `repocoder index`, start included
    semble_cached: list[float] = field(default_factory=list)
    edits: dict[str, Any] = field(default_factory=dict)
    semble_edits: dict[str, Any] = field(default_factory=dict)
    rank_bm25_rebuild: float | None = None
    disk: list[tuple[str, int, int]] = field(
        default_factory=list
    )  # tree, bytes on disk, bytes of the indexed files
    notes: list[str] = field(default_factory=list)


def default_tree(folder: Path) -> Path:
    """A copy of the installed package below `folder`, in a folder of its name, without caches."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingError(f"{PACKAGE} is not installed: name a tree of Python files")
    place = Path(spec.submodule_search_locations[0])
    shutil.copytree(place, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def measure_source(root: Path, suffix: str = "") -> Source:
    """Size of the files below a folder; lines of those that end with `suffix`."""
    files = [place for place in root.rglob(f"*{suffix}") if place.is_file() and ".git" not in place.parts]
    lines = sum(place.read_bytes().count(b"\n") for place in files)
    return Source(len(files), lines, sum(place.stat().st_size for place in files))


def copy_part(root: Path, folder: Path, count: int) -> Path:
    """A copy of `count` Python files of the tree, drawn by a fixed seed; of all where there are no more."""
    places = sorted(place for place in root.rglob("*.py") if place.is_file())
    random.Random(SEED).shuffle(places)  # noqa: S311 (a sample, no secret)
    for place in places[:count]:
        to = folder / place.relative_to(root)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place, to)
    return folder


class Bench:
    """Runs the children and keeps what they say."""

    def __init__(self, root: Path, scratch: Path, workers: int, runs: int) -> None:
        self.root = root
        self.scratch = scratch
        self.speeds = Speeds(measure_source(root, ".py"), workers=workers)
        self._workers = workers
        self._runs = runs
        self._made = 0

    def full(self, semble: Semble | None, model: Path | None, embedder: str | None) -> None:
        """Walk to searchable: ours without and with vectors, and semble, in turn. Raises ChildError."""
        encoder = embedder or (f"static:{model}" if model else None)
        for number in range(self._runs):
            last = number == self._runs - 1
            self._full_ours(self.speeds.ours, [], keep=last)
            if encoder is not None:
                self._try("with vectors", lambda: self._full_ours(self.speeds.ours_vectors, [encoder]))
            if semble is not None and model is not None:
                run = semble.run(
                    "full", str(self.root), str(model), WORD, str(int(last)), workers=self._workers
                )
                self.speeds.semble.append(_with_memory(run))
        for name, results in (
            ("without vectors", self.speeds.ours),
            ("with vectors", self.speeds.ours_vectors),
        ):
            if results:
                self.speeds.disk.append((name, results[-1]["disk_bytes"], results[-1]["source_bytes"]))

    @property
    def directory(self) -> Path:
        """The index that the last full run without vectors left."""
        return self.scratch / "index-kept"

    def _full_ours(self, results: list[dict[str, Any]], model: Sequence[str], keep: bool = False) -> None:
        directory = self.directory if keep else self._new_folder()
        run = run_child(
            "eval.bench.index_child",
            ["full", str(self.root), str(directory), str(self._workers), WORD, *model],
        )
        results.append(_with_memory(run))
        if not keep:
            shutil.rmtree(directory)

    def unchanged(self, small: Path, semble: Semble | None, model: Path | None) -> None:
        """Nothing changed: the whole command, and semble's start with a cache that is up to date."""
        self.speeds.small = measure_source(small, ".py")
        environment = {
            "XDG_CACHE_HOME": str(self.scratch / "ours"),
            "REPOCODER_WORKERS": str(self._workers),
        }
        command = ["index", str(small), "--json"]
        run_child("repocoder", command, environment=environment)
        for _ in range(2 * self._runs + 1):
            run = run_child("repocoder", command, environment=environment)
            if run.result["changed"]:
                raise ChildError("repocoder index: something changed that should not")
            self.speeds.unchanged.append(run.seconds)
        self.speeds.disk.append(
            ("3,000 files", bytes_below(self.scratch / "ours"), measure_source(small).bytes)
        )
        if semble is not None and model is not None:
            semble.run("full", str(small), str(model), WORD, "1", workers=self._workers)
            for _ in range(self._runs):
                run = semble.run("cached", str(small), str(model), workers=self._workers)
                self.speeds.semble_cached.append(run.seconds)

    def edit(self, small: Path, semble: Semble | None, model: Path | None) -> None:
        """One file saved -> searchable. Last, because the copy is changed."""
        arguments = ["edits", str(small), str(self._new_folder()), str(self._workers), str(EDITS)]
        self.speeds.edits = run_child("eval.bench.index_child", arguments).result
        self.speeds.rank_bm25_rebuild = rebuild_rank_bm25(small)
        if semble is not None and model is not None:
            file = next(path for path in sorted(small.rglob("*.py")) if path.stat().st_size > 2000)
            self.speeds.semble_edits = semble.run(
                "edits",
                str(small),
                str(model),
                str(file.relative_to(small)),
                str(SEMBLE_EDITS),
                workers=self._workers,
            ).result

    def _new_folder(self) -> Path:
        self._made += 1
        return self.scratch / f"index-{self._made}"

    def _try(self, what: str, run: Callable[[], None]) -> None:
        try:
            run()
        except ChildError as error:
            self.speeds.notes.append(f"{what}: {error}")


def rebuild_rank_bm25(root: Path) -> float:
    """Seconds to split all files into chunks of 20 lines, count their words and index them with rank_bm25."""
    from rank_bm25 import BM25Okapi

    from indexer.tokens import terms

    started = time.perf_counter()
    chunks: list[list[str]] = []
    for place in sorted(root.rglob("*.py")):
        lines = place.read_text(encoding="utf-8", errors="replace").splitlines()
        chunks.extend(terms("\n".join(lines[at : at + 20])) for at in range(0, len(lines), 20))
    BM25Okapi(chunks)
    return time.perf_counter() - started


def _with_memory(run: Run) -> dict[str, Any]:
    tree = max(run.tree_bytes, int(run.result["main_bytes"]))
    return {**run.result, "process_seconds": run.seconds, "tree_bytes": tree}


def middle(results: Sequence[dict[str, Any]], key: str) -> float:
    return float(median(result[key] for result in results))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next(
                (line.partition(":")[2].strip() for line in file if line.startswith("model name")), ""
            )
    except OSError:
        pass
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": sys.version.split()[0],
    }
