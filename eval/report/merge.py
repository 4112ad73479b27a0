"""Joins the shards of one run into one folder, as if it had never been split.

The lines are copied as they are, in the benchmark's order; only their places are held in memory.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec

from eval.report.samples import RUN_FILE, SAMPLE_FILES, RunInfo, numbered_lines, read_run, sample_file
from eval.types import RunConfig
from repocoder.errors import StorageError, UsageError

EXPLAINING_DETAILS = frozenset({"machine", "versions", "workers", "ray", "model"})
# ^ may differ from shard to shard: where the model's file lies, not which model it is
TIMINGS = "timings"  # what may differ between two records of the same sample
ADDED = ("tasks", "errors", "seconds")  # facts of a run that are the sum of its shards
NAMED = 3  # missing tasks that a message names


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge has done."""

    out: Path
    samples: int
    repeated: int  # records that were there more than once
    failed: int  # samples with an error
    missing_shards: tuple[str, ...] = ()
    missing_tasks: int = 0


class _Head(msgspec.Struct):
    task_id: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a record lies: a line of an unpacked file, and its name for messages."""

    stream: int  # number of the file
    offset: int
    length: int
    failed: bool
    name: str  # FILE:LINE


def merge(
    folders: Sequence[Path], out: Path, order: Sequence[str] | None = None, *, partial: bool = False
) -> Merged:
    """Joins run folders into `out`, which must not exist or be empty.

    `order`: the ids of the tasks that the whole run does, as the benchmark lists them. None: taken from the benchmark
    if its data are here; else samples keep the order of folders and files, and completeness is known by shard only.
    A sample that is there twice must be the same
    but for its timings; a failed one gives way to one that is not. Raises UsageError for runs of different
    configurations, different samples of one task, and, unless `partial`, missing shards or tasks.
    """
    if not folders:
        raise UsageError("merge: nothing: name the folders of a run's shards")
    runs = [read_run(folder) for folder in folders]
    _refuse_different(folders, runs)
    absent = missing_shards(runs)
    if absent and not partial:
        told = ", ".join(absent)
        raise UsageError(f"merge: missing shards: {told}: add their folders, or allow a partial merge")
    _refuse_occupied(out)
    with ExitStack() as stack:
        streams: list[IO[bytes]] = []
        places: dict[str, _Place] = {}
        repeated = 0
        for folder in folders:
            path = sample_file(folder)
            streams.append(stack.enter_context(_unpacked(path)))
            repeated += _add(places, streams, path)
        if order is None:
            order = task_order(runs[0].config)
            order = order if places.keys() <= set(order) else ()  # other data than those of the run
        missing = [task for task in order if task not in places]
        if missing and not partial:
            told = ", ".join(missing[:NAMED]) + (", …" if len(missing) > NAMED else "")
            raise UsageError(
                f"merge: {len(missing)} tasks have no sample: {told}: resume the shards, then merge"
            )
        chosen = list(_ordered(places, order))
        notes = _notes(absent, len(missing))
        _write(out, (_line(streams, place) for place in chosen), merged_description(runs, notes))
    failed = sum(place.failed for place in chosen)
    return Merged(out, len(chosen), repeated, failed, absent, len(missing))


def task_order(config: RunConfig) -> tuple[str, ...]:
    """The tasks of a whole run in the order of its benchmark; empty if the benchmark's data are not here."""
    from eval.datasets import load
    from eval.run.selection import choose

    try:
        tasks = load(config.benchmark).tasks
    except (UsageError, StorageError):
        return ()
    return tuple(task.id for task in choose(tasks, config.limit, config.seed))


def comparable_config(run: RunInfo) -> dict[str, Any]:
    """The configuration without what may differ between the shards of one run."""
    config = asdict(run.config)
    details = config.pop("details")
    del config["shard"]
    return config | {
        f"details.{key}": value for key, value in details.items() if key not in EXPLAINING_DETAILS
    }


def _refuse_different(folders: Sequence[Path], runs: Sequence[RunInfo]) -> None:
    first = comparable_config(runs[0])
    for folder, run in zip(folders[1:], runs[1:], strict=True):
        other = comparable_config(run)
        for key in sorted(first.keys() | other.keys()):
            if first.get(key) != other.get(key):
                raise UsageError(
                    f"merge: {folder}: {key} is {other.get(key)!r}, {folders[0]} has {first.get(key)!r}: "
                    "only shards of one run can be merged"
                )


def missing_shards(runs: Sequence[RunInfo]) -> tuple[str, ...]:
    """The shards that are not there; none if one of the folders is of the whole run."""
    named = {run.config.shard for run in runs}
    if "" in named:
        return ()
    counts = {shard.partition("/")[2] for shard in named}
    if len(counts) > 1:
        raise UsageError(
            f"merge: shards {', '.join(sorted(named))}: are of different splits: merge one split only"
        )
    (count,) = counts
    if not count.isdecimal():
        raise UsageError(f"merge: shard {next(iter(named))!r}: is not i/n: {RUN_FILE} is damaged")
    return tuple(f"{i}/{count}" for i in range(1, int(count) + 1) if f"{i}/{count}" not in named)


def _refuse_occupied(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"merge: {out}: is there already: name a new folder")


def _unpacked(path: Path) -> IO[bytes]:
    """The file of lines as one that can be read from any place."""
    try:
        if path.suffix == ".jsonl":
            return path.open("rb")
        spool = TemporaryFile("w+b")  # noqa: SIM115  # the caller closes it
        for _, line in numbered_lines(path):
            spool.write(line if line.endswith(b"\n") else line + b"\n")
        spool.seek(0)
    except OSError as error:
        raise StorageError(f"merge: {path}: {error.strerror}: check the file and the disk") from None
    return spool


def _add(places: dict[str, _Place], streams: Sequence[IO[bytes]], path: Path) -> int:
    """Notes where the records of the last stream are; how many of them were known already."""
    stream, offset, repeated = streams[-1], 0, 0
    decoder = msgspec.json.Decoder(_Head)
    for number, line in enumerate(stream, start=1):
        start, offset = offset, offset + len(line)
        if not line.strip():
            continue
        try:
            head = decoder.decode(line)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            if not line.endswith(b"\n"):
                break  # torn by a kill
            raise UsageError(f"samples: {path}:{number}: {error}: the record is not one of a run") from None
        place = _Place(len(streams) - 1, start, len(line), head.error is not None, f"{path}:{number}")
        known = places.get(head.task_id)
        places[head.task_id] = place if known is None else _better(streams, head.task_id, known, place)
        repeated += known is not None
    return repeated


def _better(streams: Sequence[IO[bytes]], task: str, known: _Place, place: _Place) -> _Place:
    """Which of two records of one task stays."""
    if known.failed != place.failed:
        return place if known.failed else known
    position = streams[-1].tell()  # the caller is in the middle of it
    first, second = (_content(_line(streams, entry)) for entry in (known, place))
    streams[-1].seek(position)
    if first != second:
        differing = next(
            key for key in sorted(first.keys() | second.keys()) if first.get(key) != second.get(key)
        )
        raise UsageError(
            f"merge: task {task}: {known.name} and {place.name} differ in {differing}: "
            "remove the folder that is wrong"
        )
    return known


def _line(streams: Sequence[IO[bytes]], place: _Place) -> bytes:
    stream = streams[place.stream]
    stream.seek(place.offset)
    return stream.read(place.length).rstrip(b"\r\n") + b"\n"


def _content(line: bytes) -> dict[str, Any]:
    """A record without its timings, at any depth."""
    return {key: _untimed(value) for key, value in json.loads(line).items() if key != TIMINGS}


def _untimed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _untimed(entry) for key, entry in value.items() if key != TIMINGS}
    return [_untimed(entry) for entry in value] if isinstance(value, list) else value


def _ordered(places: Mapping[str, _Place], order: Sequence[str]) -> Iterator[_Place]:
    if not order:
        yield from places.values()
        return
    foreign = places.keys() - set(order)
    if foreign:
        task = min(foreign)
        raise UsageError(
            f"merge: {places[task].name}: task {task} is not one of the run: check its benchmark"
        )
    yield from (places[task] for task in order if task in places)


def _notes(absent: Sequence[str], missing_tasks: int) -> list[str]:
    notes = [f"incomplete: shards {', '.join(absent)} are missing"] if absent else []
    return notes + ([f"incomplete: {missing_tasks} tasks have no sample"] if missing_tasks else [])


def merged_description(runs: Sequence[RunInfo], more_notes: Sequence[str] = ()) -> dict[str, Any]:
    """The `run.json` of the whole: what the shards agree on, and under `shards` what each of them says."""
    facts = [run.facts for run in runs]
    agreed = {
        key: value for key, value in facts[0].items() if all(other.get(key) == value for other in facts)
    }
    notes = dict.fromkeys([*(note for run in runs for note in run.notes), *more_notes])
    totals = {
        "started": min((fact["started"] for fact in facts if "started" in fact), default=None),
        "finished": max((fact["finished"] for fact in facts if "finished" in fact), default=None),
        **{key: _sum(facts, key) for key in ADDED},
    }
    agreed |= {key: value for key, value in totals.items() if value is not None}
    shards = [
        {"shard": run.config.shard}
        | {key: value for key, value in run.facts.items() if key not in agreed or key in totals}
        for run in runs
    ]
    return {
        "config": asdict(runs[0].config) | {"shard": ""},
        **agreed,
        "notes": list(notes),
        "shards": shards,
    }


def _sum(facts: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [fact[key] for fact in facts if isinstance(fact.get(key), int | float)]
    return round(sum(values), 1) if len(values) == len(facts) else None


def _write(out: Path, lines: Iterator[bytes], description: Mapping[str, Any]) -> None:
    """Writes the folder beside its place and moves it there, so that a cut merge leaves nothing."""
    part = out.with_name(out.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name, content in (
            (SAMPLE_FILES[0], lines),
            (RUN_FILE, iter([json.dumps(description, indent=2).encode("ascii") + b"\n"])),
        ):
            with (part / name).open("wb") as file:
                file.writelines(content)
                file.flush()
                os.fsync(file.fileno())
        if out.is_dir():
            out.rmdir()
        part.replace(out)
    except OSError as error:
        raise StorageError(f"merge: {out}: {error.strerror}: check the disk and its permissions") from None
