"""Results that are kept in the repository: a readable summary and, beside it, the scores of every task.

    eval/results/<benchmark>/<method>.<model or "retrieval">[.<variant>].json
    eval/results/<benchmark>/<method>.<model or "retrieval">[.<variant>].scores.xz

The variant names what differs from the protocol: context, layout, budget, embedder. From the scores every table, test
and plot can be made again; prompts and predictions stay in the run folder.
"""

from __future__ import annotations

import json
import lzma
import math
import os
import re
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from eval.report.samples import RunInfo, run_info
from eval.report.scores import DECIMALS, Columns, RunScores, Timing, scores_of
from eval.report.summary import Estimate, PassSummary, Results, by_repository, summarise
from eval.types import RunConfig
from repocoder.errors import StorageError, UsageError

FORMAT = 1
SUMMARY, SCORES = ".json", ".scores.xz"
RETRIEVAL = "retrieval"  # in place of a model's name
MEAN_DECIMALS = 6
REPOSITORIES_SHOWN = 16  # with more of them their means are left to the scores
MAX_SCORES_BYTES = 256 << 20  # unpacked; 10,000 tasks with 20 scores take 2 MB


class _Kept(msgspec.Struct):
    """The content of a `.scores.xz`: columns, in the order of `tasks`."""

    format: int
    tasks: tuple[str, ...]
    repositories: tuple[str, ...]  # names
    repository: tuple[int, ...]  # of each task, an index of `repositories`
    passes: tuple[dict[str, list[float | None]], ...]
    gate_retrieve: list[float | None] = []
    gate_score: list[float | None] = []


class _Pass(msgspec.Struct):
    number: int
    metrics: dict[str, Estimate]
    repositories: dict[str, dict[str, tuple[float, int]]] = {}


class _Summary(msgspec.Struct):
    """The content of a summary."""

    format: int
    run: dict[str, Any]  # as in `run.json`
    tasks: int
    failed: dict[str, str]
    timings: dict[str, Timing]
    sources: dict[str, int]
    origins: dict[str, int]
    passes: tuple[_Pass, ...]


def publish(folder: Path, into: Path) -> Path:
    """Writes the results of a run folder below `into`; the summary's path. Older ones of that name are replaced."""
    run = scores_of(folder)
    if not run.passes:
        raise UsageError(f"publish: {folder}: has no sample with scores: finish the run first")
    return write_results(summarise(run), into)


def write_results(results: Results, into: Path) -> Path:
    """The two files of a run. Raises StorageError."""
    path = into / results.run.config.benchmark / (results_name(results.run.config) + SUMMARY)
    summary = msgspec.json.format(msgspec.json.encode(summary_of(results)), indent=1) + b"\n"
    kept = lzma.compress(msgspec.json.encode(_kept(results.run)), preset=9 | lzma.PRESET_EXTREME)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for place, content in ((scores_path(path), kept), (path, summary)):
            part = place.with_name(place.name + ".part")
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(place)
    except OSError as error:
        raise StorageError(f"results: {path}: {error.strerror}: check the disk and its permissions") from None
    return path


def load_results(root: Path) -> list[Results]:
    """All results below a folder, by path; none if there is no such folder. Raises UsageError for a damaged one."""
    return [read_results(path) for path in sorted(root.glob(f"*/*{SUMMARY}"))]


def read_results(path: Path) -> Results:
    """The results of one summary and the scores beside it."""
    try:
        summary = msgspec.json.decode(path.read_bytes(), type=_Summary)
        kept = msgspec.json.decode(_unpack(scores_path(path)), type=_Kept)
        info = run_info(summary.run)
    except (msgspec.DecodeError, msgspec.ValidationError, lzma.LZMAError, EOFError) as error:
        raise UsageError(f"results: {path}: {error}: publish the run again") from None
    except OSError as error:
        raise StorageError(f"results: {error.filename}: {error.strerror}: publish the run again") from None
    if summary.format != FORMAT or kept.format != FORMAT:
        raise UsageError(f"results: {path}: format {summary.format}, not {FORMAT}: publish the run again")
    if summary.tasks != len(kept.tasks) or len(summary.passes) != len(kept.passes):
        raise UsageError(f"results: {path}: the scores beside it are of another run: publish the run again")
    passes = tuple(PassSummary(number=entry.number, metrics=entry.metrics) for entry in summary.passes)
    return Results(run=_run(info, kept, summary), passes=passes)


def results_name(config: RunConfig) -> str:
    """`repocoder.qwen2.5-coder-0.5b`, `bm25.retrieval.budget-512`: a file name without its ending."""
    budget = f"budget-{config.budget}" if config.budget else ""
    standard = RunConfig(benchmark="", method="")
    context = config.context if config.context != standard.context else ""
    layout = config.layout if config.layout != standard.layout else ""
    memory = f"memory-{config.memory}" if config.memory != standard.memory else ""
    gate = f"gate-{config.gate}" if config.gate != standard.gate else ""
    without = "-".join(f"without-{name}" for name in config.without)
    embedder = PurePath(str(config.details.get("embedder", ""))).name
    variant = "-".join(part for part in (context, layout, memory, gate, without, budget, embedder) if part)
    parts = (config.method, PurePath(config.model).name or RETRIEVAL, variant)
    return ".".join(re.sub(r"[^A-Za-z0-9._-]+", "-", part) for part in parts if part)


def scores_path(summary: Path) -> Path:
    """Where the scores of a summary are."""
    return summary.with_name(summary.name.removesuffix(SUMMARY) + SCORES)


def summary_of(results: Results) -> dict[str, Any]:
    """The summary as JSON data."""
    run = results.run
    listed = len(set(run.repositories)) <= REPOSITORIES_SHOWN
    return {
        "format": FORMAT,
        "run": _without_places(
            {"config": asdict(run.config), "notes": list(run.info.notes), **run.info.facts}
        ),
        "tasks": len(run.tasks),
        "failed": run.failed,
        "timings": {stage: _rounded(asdict(timing)) for stage, timing in run.timings.items()},
        "sources": run.sources,
        "origins": run.origins,
        "passes": [
            {
                "number": entry.number,
                "metrics": {name: _rounded(asdict(found)) for name, found in entry.metrics.items()},
                "repositories": _rounded(by_repository(run, entry.number)) if listed else {},
            }
            for entry in results.passes
        ],
    }


def _without_places(value: Any) -> Any:
    """Absolute paths become their last part: where a file lay on one machine says nothing to others."""
    if isinstance(value, dict):
        return {key: _without_places(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_places(entry) for entry in value]
    if isinstance(value, str) and re.match(r"(/|~|[A-Za-z]:[\\/])", value):
        return re.split(r"[\\/]", value.rstrip("\\/"))[-1]
    return value


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return round(value, MEAN_DECIMALS) if isinstance(value, float) else value


def _kept(run: RunScores) -> _Kept:
    names = sorted(set(run.repositories))
    places = {name: place for place, name in enumerate(names)}
    return _Kept(
        format=FORMAT,
        tasks=run.tasks,
        repositories=tuple(names),
        repository=tuple(places[name] for name in run.repositories),
        passes=tuple({name: _listed(columns[name]) for name in sorted(columns)} for columns in run.passes),
        gate_retrieve=_listed(run.gate_retrieve),
        gate_score=_listed(run.gate_score),
    )


def _listed(column: NDArray[np.float64]) -> list[float | None]:
    """Numbers as short as they can be written; all-missing columns are left out."""
    if np.isnan(column).all():
        return []
    return [
        None if math.isnan(value) else int(value) if value.is_integer() else round(value, DECIMALS)
        for value in column.tolist()
    ]


def _run(info: RunInfo, kept: _Kept, summary: _Summary) -> RunScores:
    count = len(kept.tasks)

    def column(values: list[float | None]) -> NDArray[np.float64]:
        if values and len(values) != count:
            raise UsageError(
                f"results: {info.config.benchmark}: a column of another length: publish the run again"
            )
        return np.array(values or [None] * count, dtype=np.float64)

    passes: tuple[Columns, ...] = tuple(
        {name: column(values) for name, values in columns.items()} for columns in kept.passes
    )
    return RunScores(
        info=info,
        tasks=kept.tasks,
        repositories=tuple(kept.repositories[place] for place in kept.repository),
        passes=passes,
        gate_retrieve=column(kept.gate_retrieve),
        gate_score=column(kept.gate_score),
        failed=summary.failed,
        timings=summary.timings,
        sources=summary.sources,
        origins=summary.origins,
    )


def _unpack(path: Path) -> bytes:
    unpacker = lzma.LZMADecompressor()
    content = unpacker.decompress(path.read_bytes(), max_length=MAX_SCORES_BYTES)
    if not unpacker.eof:
        raise EOFError(f"{path.name} is cut or too large")
    return content


def is_results(path: Path) -> bool:
    """Is it a summary that `publish` wrote, rather than a run folder?"""
    return path.is_file() and path.suffix == SUMMARY and scores_path(path).is_file()


def as_json(value: Any) -> str:
    """JSON for people and programs: NaN becomes null."""
    return json.dumps(_finite(value), indent=1, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
