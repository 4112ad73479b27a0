"""Reads what a run has left: `run.json` and one record for each sample.

The records are read one at a time and only the fields that a table needs are kept, so that a folder with thousands of
prompts fits in little memory. Whatever is wrong is one line that names the file and the line in it.
"""

from __future__ import annotations

import gzip
import lzma
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from eval.types import RunConfig
from repocoder.errors import StorageError, UsageError

RUN_FILE = "run.json"
_OPENERS: dict[str, Callable[..., Any]] = {".xz": lzma.open, ".gz": gzip.open}
SAMPLE_FILES = ("samples.jsonl", "samples.jsonl.xz", "samples.jsonl.gz")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """`run.json`: what was asked for, and on what machine it ran."""

    config: RunConfig
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)  # everything else: started, machine, versions, …


@dataclass(frozen=True, slots=True)
class SampleEvidence:
    """Which channel found a snippet."""

    source: str


@dataclass(frozen=True, slots=True)
class SampleHit:
    """A snippet, as far as a table needs it."""

    in_prompt: bool = False
    evidence: tuple[SampleEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class SampleGate:
    """What the gate decided."""

    retrieve: bool
    score: float
    threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class SamplePass:
    """One pass of one sample. Scores are percent; likelihood is in nats, summed over the tokens of the truth."""

    number: int  # 1-based
    scores: dict[str, float | None]
    hits: tuple[SampleHit, ...] = ()
    prompt_tokens: int | None = None
    context_tokens: int | None = None
    truth_log_likelihood: float | None = None
    truth_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One record without its texts."""

    task_id: str
    benchmark: str
    method: str
    repository: str
    passes: tuple[SamplePass, ...]
    gate: SampleGate | None = None
    timings: dict[str, float | None] = field(default_factory=dict)  # milliseconds
    origin: str = ""  # of the task: official, restored, resampled, …
    error: str | None = None


def read_run(folder: Path) -> RunInfo:
    """`run.json` of a run folder. Raises UsageError where there is none or it is not one."""
    path = folder / RUN_FILE
    if not path.is_file():
        raise UsageError(f"run: {folder}: has no {RUN_FILE}: name a folder that `repocoder eval` has written")
    try:
        return run_info(msgspec.json.decode(path.read_bytes(), type=dict[str, Any]))
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"run: {path}: {error}: the file is damaged or of another version") from None
    except OSError as error:
        raise StorageError(f"run: {path}: {error.strerror}: check that it can be read") from None


def run_info(data: dict[str, Any]) -> RunInfo:
    """The content of a `run.json`: `config`, `notes`, facts. Raises msgspec.ValidationError."""
    facts = dict(data)
    config = msgspec.convert(facts.pop("config", {}), RunConfig)
    notes = msgspec.convert(facts.pop("notes", ()), tuple[str, ...])
    return RunInfo(config=config, notes=notes, facts=facts)


def sample_file(folder: Path) -> Path:
    """The file of samples of a run folder, compressed or not."""
    found = [folder / name for name in SAMPLE_FILES if (folder / name).is_file()]
    if len(found) != 1:
        told = " and ".join(path.name for path in found) or "no samples"
        raise UsageError(f"run: {folder}: has {told}: one of {', '.join(SAMPLE_FILES)} is needed")
    return found[0]


@contextmanager
def open_lines(path: Path) -> Iterator[BinaryIO]:
    """Opens a file of lines for reading, unpacking `.xz` and `.gz` on the way."""
    try:
        with cast(BinaryIO, _OPENERS.get(path.suffix, open)(path, "rb")) as stream:
            yield stream
    except (lzma.LZMAError, EOFError, gzip.BadGzipFile) as error:
        raise UsageError(f"samples: {path}: {error}: the file is cut or damaged") from None
    except OSError as error:
        raise StorageError(f"samples: {path}: {error.strerror}: check that it can be read") from None


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(1-based number, line) of the lines that are not blank; a last line that was never finished is left out."""
    with open_lines(path) as stream:
        for number, line in enumerate(stream, start=1):
            if not line.endswith(b"\n") and not _is_json(line):
                return  # torn by a kill: the run does it again when it resumes
            if line.strip():
                yield number, line


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError:
        return False
    return True


def read_samples(folder: Path) -> Iterator[Sample]:
    """The samples of a run folder in the order of its file, checked against its `run.json`.

    Raises UsageError `samples: FILE:LINE: …` at the first record that is not one.
    """
    config = read_run(folder).config
    path = sample_file(folder)
    decoder = msgspec.json.Decoder(Sample)
    for number, line in numbered_lines(path):
        try:
            sample = decoder.decode(line)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise _bad(path, number, str(error)) from None
        fault = _fault(sample, config)
        if fault:
            raise _bad(path, number, fault)
        yield sample


def _bad(path: Path, number: int, fault: str) -> UsageError:
    return UsageError(f"samples: {path}:{number}: {fault}: the record is not one of this run")


def _fault(sample: Sample, config: RunConfig) -> str:
    """What is wrong with a record that has the right fields, "" if nothing is."""
    for name in ("benchmark", "method"):
        if getattr(sample, name) != getattr(config, name):
            return f"{name} is {getattr(sample, name)!r}, run.json says {getattr(config, name)!r}"
    if not sample.passes and sample.error is None:
        return "there is neither a pass nor an error"
    numbers = [entry.number for entry in sample.passes]
    if numbers != list(range(1, len(numbers) + 1)):
        return f"passes are numbered {numbers}"
    for entry in sample.passes:
        for metric, value in entry.scores.items():
            if value is not None and not math.isfinite(value):
                return f"{metric} of pass {entry.number} is {value}"
    return ""
