"""Held-out samples as tasks: a place, the text that was there, and what retrieval found for it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieval.types import Hit, Query
from training.completion.samples import Sample, read_samples, sample_files
from training.completion.weights import TrainingError

KINDS = ("line", "rest", "call")
"""What is asked of a completion model here: see `training.completion.holes`."""


@dataclass(frozen=True, slots=True)
class Task:
    """One hole. `key` is the same for the same hole, whatever file of samples it came from."""

    key: str
    sample: Sample

    @property
    def hits(self) -> tuple[Hit, ...]:
        """What was found, best first."""
        return tuple(snippet.as_hit(self.sample.language) for snippet in self.sample.hits)

    def query(self, *, right: bool) -> Query:
        """The place; with `right` the text after the hole is known."""
        sample = self.sample
        suffix = sample.suffix if right else ""
        column = len(sample.prefix) - sample.prefix.rfind("\n") - 1
        return Query(sample.path, sample.language, sample.line, column, sample.prefix, suffix, "", ())


def key_of(sample: Sample) -> str:
    """Of the place and its text, 16 hexadecimal digits."""
    place = "\0".join(
        (sample.package, sample.path, sample.kind, str(sample.line), sample.prefix[-200:], sample.hole)
    )
    return hashlib.sha256(place.encode()).hexdigest()[:16]


def read_tasks(
    work: Path, split: str, *, kinds: Collection[str] = KINDS, seeds: Collection[int] = ()
) -> list[Task]:
    """The tasks of all samples of a split, or of those drawn with certain seeds; each hole once, by key.

    TrainingError if there is none.
    """
    files = sample_files(work, split)
    endings = tuple(f"-{seed}.jsonl.gz" for seed in seeds)
    found: dict[str, Task] = {}
    for path in files:
        if not endings or path.name.endswith(endings):
            for sample in read_samples(path):
                if sample.kind in kinds and not sample.is_foreign:
                    found.setdefault(key_of(sample), Task(key_of(sample), sample))
    if not found:
        raise TrainingError(
            f"samples: none of {', '.join(kinds)} in {work / 'samples' / split}: run training.completion.samples first"
        )
    return [found[key] for key in sorted(found)]


def draw(tasks: Sequence[Task], count: int, seed: int) -> list[Task]:
    """At most `count` tasks, kinds equally often, and within a kind packages in turn.

    A larger draw of the same seed begins with the smaller one, so what was measured before counts for it.
    """
    groups: dict[str, dict[str, list[Task]]] = defaultdict(lambda: defaultdict(list))
    for task in sorted(tasks, key=lambda task: _rank(seed, task.key)):
        groups[task.sample.kind][task.sample.package].append(task)
    turns = [_in_turn([groups[kind][name] for name in sorted(groups[kind])]) for kind in sorted(groups)]
    return list(_in_turn([list(turn) for turn in turns]))[:count]


def _in_turn(rows: Sequence[Sequence[Task]]) -> Iterator[Task]:
    """The first of each, then the second of each, and so on."""
    for place in range(max(map(len, rows), default=0)):
        yield from (row[place] for row in rows if place < len(row))


def _rank(seed: int, key: str) -> str:
    return hashlib.sha256(f"{seed} {key}".encode()).hexdigest()
