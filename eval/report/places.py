"""What a user names on the command line: run folders, shards of a run, results that are kept, folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from eval.report.merge import comparable_config, merged_description, missing_shards
from eval.report.results import is_results, load_results, read_results
from eval.report.samples import RUN_FILE, RunInfo, read_run, read_samples, run_info
from eval.report.scores import collect
from eval.report.summary import Results, summarise
from repocoder.errors import UsageError


def read_places(places: Sequence[Path]) -> list[Results]:
    """The results of all places, in their order; shards of one run count as one. Raises UsageError."""
    if not places:
        raise UsageError("report: nothing: name folders of runs, or results")
    found: list[Results] = []
    shards: list[tuple[RunInfo, list[Path]]] = []
    for place in places:
        if (place / RUN_FILE).is_file():
            _add_folder(shards, place)
        elif is_results(place):
            found.append(read_results(place))
        elif place.is_dir() and (kept := load_results(place)):
            found.extend(kept)
        else:
            raise UsageError(f"report: {place}: is neither a run's folder nor results: name one of these")
    return [*(_measured(folders) for _, folders in shards), *found]


def _add_folder(shards: list[tuple[RunInfo, list[Path]]], folder: Path) -> None:
    info = read_run(folder)
    for other, folders in shards:
        both_are_shards = other.config.shard and info.config.shard
        if both_are_shards and comparable_config(other) == comparable_config(info):
            folders.append(folder)
            return
    shards.append((info, [folder]))


def _measured(folders: Sequence[Path]) -> Results:
    runs = [read_run(folder) for folder in folders]
    missing = missing_shards(runs)
    notes = [f"incomplete: shards {', '.join(missing)} are missing"] if missing else []
    info = run_info(merged_description(runs, notes)) if len(runs) > 1 else replace(runs[0])
    if missing and len(runs) == 1:
        info = replace(info, notes=(*info.notes, *notes))
    samples = chain.from_iterable(read_samples(folder) for folder in folders)
    return summarise(collect(info, samples, ", ".join(str(folder) for folder in folders)))
