"""Files that say the same again, and held-out files that say what the training data says.

Copies are found by their code, near copies by MinHash over shingles with banding (Broder, 1997; Leskovec et al.,
Mining of Massive Datasets, chapter 3), held-out files that lie inside of larger ones by their passages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.corpus.catalogue import Split
from training.corpus.fingerprint import PERMUTATIONS, Hashes, Signature

SAME_SPLIT = 0.8
"""Estimated Jaccard similarity of the shingles from which a file is a near copy of one in its own split."""

ACROSS_SPLITS = 0.5
"""The same against a split that is trained on: what is held out must be further away than what is only repeated."""

INSIDE = 0.3
"""Share of a held-out file's passages that stand in the training data, from which it is left out."""

MIN_PASSAGES = 5
"""So many sampled passages must be shared: fewer are an idiom."""

BANDS = 40
ROWS = PERMUTATIONS // BANDS
"""40 bands of 3 rows: a pair of similarity 0.5 is compared with a probability of 0.995, one of 0.8 of 1 - 4e-13."""

_ORDER: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}


@dataclass(frozen=True, slots=True)
class Print:
    """What a file is compared by."""

    key: str  # package and path
    split: Split
    digest: bytes  # of its code
    signature: Signature
    passages: Hashes  # sorted, without repeats


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A file that is left out, and why."""

    key: str
    split: Split
    reason: str  # "copy", "near-copy", "inside"
    of: str  # the file that stays, "" for "inside": many may hold it
    of_split: Split
    similarity: float  # 1 for a copy; estimated Jaccard; share of the passages


def find_duplicates(prints: Iterable[Print]) -> list[Duplicate]:
    """What to leave out, so that no two files that stay are near copies. Of two the earlier one stays, and one that
    is trained on stays before one that is held out.
    """
    ordered = sorted(prints, key=lambda one: (_ORDER[one.split], one.key))
    train = together([one.passages for one in ordered if one.split == "train"])
    kept, found = _Kept(), []
    digests: dict[bytes, Print] = {}
    for one in ordered:
        duplicate = _copy(one, digests) or kept.near(one) or _inside(one, train)
        if duplicate is not None:
            found.append(duplicate)
            continue
        digests[one.digest] = one
        kept.add(one)
    return found


def together(passages: Sequence[Hashes]) -> Hashes:
    """All of them together: sorted, without repeats."""
    return np.unique(np.concatenate(passages)) if passages else np.zeros(0, dtype=np.uint64)


def shared(hashes: Hashes, known: Hashes) -> NDArray[np.bool_]:
    """Which of `hashes` stand in `known` (sorted): (len(hashes),) bool."""
    if not len(known):
        return np.zeros(len(hashes), dtype=np.bool_)
    places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.asarray(known[places] == hashes)


def _copy(one: Print, digests: dict[bytes, Print]) -> Duplicate | None:
    first = digests.get(one.digest)
    return None if first is None else Duplicate(one.key, one.split, "copy", first.key, first.split, 1.0)


def _inside(one: Print, train: Hashes) -> Duplicate | None:
    if one.split == "train" or not len(one.passages):
        return None
    count = int(shared(one.passages, train).sum())
    share = count / len(one.passages)
    if count < MIN_PASSAGES or share < INSIDE:
        return None
    return Duplicate(one.key, one.split, "inside", "", "train", round(share, 3))


class _Kept:
    """The files that stay, found again by bands of their signatures."""

    def __init__(self) -> None:
        self._files: list[Print] = []
        self._signatures = np.zeros((1024, PERMUTATIONS), dtype=np.uint64)
        self._buckets: dict[bytes, list[int]] = defaultdict(list)

    def add(self, one: Print) -> None:
        number = len(self._files)
        if number == len(self._signatures):
            self._signatures = np.concatenate([self._signatures, np.zeros_like(self._signatures)])
        self._files.append(one)
        self._signatures[number] = one.signature
        for band in _bands(one.signature):
            self._buckets[band].append(number)

    def near(self, one: Print) -> Duplicate | None:
        """The most similar file that stays, if it is near enough."""
        buckets = self._buckets
        numbers = sorted({number for band in _bands(one.signature) for number in buckets.get(band, ())})
        if not numbers:
            return None
        similarities = (self._signatures[numbers] == one.signature).mean(axis=1)
        for place in np.argsort(-similarities, kind="stable"):
            other, similarity = self._files[numbers[place]], float(similarities[place])
            if similarity >= (SAME_SPLIT if other.split == one.split else ACROSS_SPLITS):
                return Duplicate(
                    one.key, one.split, "near-copy", other.key, other.split, round(similarity, 3)
                )
        return None


def _bands(signature: Signature) -> list[bytes]:
    rows = signature.reshape(BANDS, ROWS)
    return [number.to_bytes(1, "little") + row.tobytes() for number, row in enumerate(rows)]
