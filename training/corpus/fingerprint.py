"""What two texts are compared by: hashes of passages of code, and MinHash signatures.

Only what is code counts, without white space: neither comments (licences), nor imports, nor layout are evidence
that one text was taken from another. All hashes are 64 bits wide and the same on every machine and in every run.
"""

from __future__ import annotations

import re
from typing import NewType

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
"""(n,) uint64."""

Signature = NewType("Signature", NDArray[np.uint64])
"""(PERMUTATIONS,) uint64."""

PASSAGE = 160
"""Bytes of code without white space: four to eight lines. A hash of so many says where a text comes from."""

PASSAGES_ONE_IN = 16
"""Of the passages that start at each byte, those with a hash divisible by 16 are compared: the same in every text."""

SHINGLE = 24
"""Bytes of a shingle of MinHash: about five tokens, as in the de-duplication of The Stack (Kocetkov et al., 2022)."""

SHINGLES_ONE_IN = 8
"""Of the shingles, those that enter a signature: eight times less work, the similarity is that of the sampled sets."""

PERMUTATIONS = 120
"""How many minima a signature has: the estimate of a Jaccard similarity of 0.8 is off by 0.037 (one sigma)."""

_NOISE = re.compile(
    r"^[ \t]*(?:\#|//|/\*|\*|import\b|from[ \t]+[\w.]+[ \t]+import\b|package\b|using\b|use\b|mod\b).*$",
    re.MULTILINE,
)

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so it has an inverse modulo 2^64
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # of splitmix64
_POWERS: dict[int, tuple[Hashes, Hashes]] = {}


def code_of(text: str) -> bytes:
    """The text without white space and without lines that are a comment or an import, in UTF-8."""
    return "".join(_NOISE.sub("", text).split()).encode("utf-8", "surrogatepass")


def windows(code: bytes, width: int) -> Hashes:
    """The hash of each run of `width` bytes: (max(0, n - width + 1),) uint64, in order.

    A polynomial in an odd base modulo 2^64, from differences of one running sum, then mixed (splitmix64).
    """
    count = len(code)
    if count < width:
        return np.zeros(0, dtype=np.uint64)
    powers, inverses = _powers(count)
    sums = np.zeros(count + 1, dtype=np.uint64)
    np.cumsum(_OF_BYTE[np.frombuffer(code, dtype=np.uint8)] * powers, out=sums[1:])
    return mix((sums[width:] - sums[:-width]) * inverses[: count - width + 1])


def passages(code: bytes) -> Hashes:
    """The sampled hashes of a text's passages: sorted, without repeats."""
    return np.unique(sampled(windows(code, PASSAGE), PASSAGES_ONE_IN))


def mix(hashes: Hashes) -> Hashes:
    """Each bit of the result depends on each bit of the argument (the finisher of splitmix64)."""
    mixed = (hashes ^ (hashes >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    return mixed ^ (mixed >> np.uint64(31))


def sampled(hashes: Hashes, one_in: int) -> Hashes:
    """The hashes that are 0 modulo `one_in`: the same ones in every text that has them (a modulo sketch)."""
    chosen: Hashes = hashes[hashes % np.uint64(one_in) == 0]
    return chosen


def signature(code: bytes) -> Signature:
    """The MinHash (Broder, 1997) of a text's shingles; a text of less than one has that of itself as a whole."""
    width = max(1, min(SHINGLE, len(code)))
    every = windows(code, width)
    few = sampled(every, SHINGLES_ONE_IN)
    unique = np.unique(few if len(few) else every)
    minima = np.full(PERMUTATIONS, np.iinfo(np.uint64).max, dtype=np.uint64)
    for start in range(0, len(unique), 1024):  # (PERMUTATIONS, 1024) uint64: 1 MB
        permuted = unique[None, start : start + 1024] * _MULTIPLIERS[:, None] + _ADDENDS[:, None]
        np.minimum(minima, permuted.min(axis=1), out=minima)
    return Signature(minima)


def similarity(left: Signature, right: Signature) -> float:
    """The estimated Jaccard similarity of two texts' shingles, 0 to 1."""
    return float((left == right).mean())


def _powers(count: int) -> tuple[Hashes, Hashes]:
    """`_BASE` and its inverse to the powers 0 … count - 1; made once for the longest text so far."""
    if not _POWERS or len(_POWERS[0][0]) < count:
        made = []
        for base in (_BASE, _INVERSE):
            powers = np.full(max(count, 1 << 18), base, dtype=np.uint64)
            powers[0] = 1
            made.append(np.multiply.accumulate(powers))
        _POWERS[0] = (made[0], made[1])
    powers, inverses = _POWERS[0]
    return powers[:count], inverses[:count]


_OF_BYTE = mix(np.arange(1, 257, dtype=np.uint64))
_MULTIPLIERS = mix(np.arange(1, PERMUTATIONS + 1, dtype=np.uint64)) | np.uint64(1)
_ADDENDS = mix(np.arange(PERMUTATIONS + 1, 2 * PERMUTATIONS + 1, dtype=np.uint64))
