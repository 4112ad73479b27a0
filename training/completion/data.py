"""Packed samples from disk to batches of a fixed number of tokens, in an order that a resumed run repeats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.completion.weights import TrainingError

CONTEXT, FILE, HOLE = 0, 1, 2
"""Roles of tokens: snippets and paths; the file around the hole; the hole with its end token."""

LOOKAHEAD = 48
"""Samples among which one is sought that still fits: with 48 of 100 to 1,000 tokens under 1 % of a pack is empty."""

PAD_ID = 4  # <|fim_pad|>


@dataclass(frozen=True, slots=True)
class Sample:
    """`ids` (n,) int64 and `roles` (n,) uint8."""

    ids: NDArray[np.int64]
    roles: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Batch:
    """A pack: `ids` and `roles` (tokens,), samples of `lengths` in a row, the last one padding."""

    ids: NDArray[np.int64]
    roles: NDArray[np.uint8]
    lengths: tuple[int, ...]
    used: int  # tokens that are no padding


@dataclass(slots=True)
class Cursor:
    """Where a run is: so many samples of shard number `shard` of the pass number `epoch` were taken."""

    epoch: int = 0
    shard: int = 0
    taken: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def shards_of(folder: Path) -> list[Path]:
    """The shards that are complete, in order; TrainingError if there is none."""
    found = sorted(folder.glob("*.npz"))
    if not found:
        raise TrainingError(f"packed samples: none in {folder}: run training.completion.pack first")
    return found


def read_shard(path: Path) -> list[Sample]:
    """All samples of a shard."""
    with np.load(path, allow_pickle=False) as arrays:
        ids, roles, lengths = arrays["ids"].astype(np.int64), arrays["roles"], arrays["lengths"]
    ends = np.cumsum(lengths)[:-1]
    return [Sample(*pair) for pair in zip(np.split(ids, ends), np.split(roles, ends), strict=True)]


def batches(folder: Path, tokens: int, cursor: Cursor, *, once: bool = False) -> Iterator[Batch]:
    """Packs of exactly `tokens` tokens from the cursor on, which moves along; endless unless `once`.

    The folder is listed again at each shard, so that shards may still be arriving; later passes shuffle the
    samples of a shard by the number of the pass. A sample longer than a pack is cut. A batch never spans shards,
    which makes the cursor exact.
    """
    while True:
        files = shards_of(folder)
        if cursor.shard >= len(files):
            if once:
                return
            cursor.epoch, cursor.shard, cursor.taken = cursor.epoch + 1, 0, 0
        samples = read_shard(files[cursor.shard])
        if cursor.epoch:
            order = np.random.default_rng([cursor.epoch, cursor.shard]).permutation(len(samples))
            samples = [samples[number] for number in order]
        packs = fill(samples, tokens)
        for number in range(cursor.taken, len(packs)):
            cursor.taken = number + 1
            yield pack(packs[number], tokens)
        cursor.shard, cursor.taken = cursor.shard + 1, 0


def fill(samples: list[Sample], tokens: int) -> list[list[Sample]]:
    """Share samples out to packs of at most `tokens`, first come first served among the next `LOOKAHEAD`."""
    waiting = list(reversed(samples))
    packs: list[list[Sample]] = []
    while waiting:
        chosen, room = [], tokens
        while True:
            near = range(len(waiting) - 1, max(-1, len(waiting) - 1 - LOOKAHEAD), -1)
            fitting = next((i for i in near if min(len(waiting[i].ids), tokens) <= room), None)
            if fitting is None:
                break
            chosen.append(waiting.pop(fitting))
            room -= len(chosen[-1].ids)
        packs.append(chosen)
    if len(packs) > 1 and sum(len(sample.ids) for sample in packs[-1]) < tokens // 2:
        packs.pop()  # a last pack that is mostly empty would weigh its few samples too much
    return packs


def pack(samples: list[Sample], tokens: int) -> Batch:
    """One batch of these samples, padded to `tokens`."""
    ids = np.concatenate([sample.ids for sample in samples])[:tokens]
    roles = np.concatenate([sample.roles for sample in samples])[:tokens]
    lengths = [len(sample.ids) for sample in samples]
    lengths[-1] -= sum(lengths) - len(ids)
    used, left = len(ids), tokens - len(ids)
    if left:
        ids = np.concatenate([ids, np.full(left, PAD_ID, dtype=np.int64)])
        roles = np.concatenate([roles, np.full(left, CONTEXT, dtype=np.uint8)])
        lengths.append(left)
    return Batch(ids, roles, tuple(lengths), used)
