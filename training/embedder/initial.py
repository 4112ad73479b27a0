"""Where the vectors of the tokens start: at what all-MiniLM-L6-v2 makes of each token alone, or at chance.

The encoder's vectors of the 40,000 strings are centred, turned to their principal axes, and cut to the wanted width
(model2vec's distillation); a token's length falls with its frequency (Arora et al. 2017, SIF), since what is
everywhere tells nothing. Half of each vector is chance: a name that the teacher holds for much like another must
still be told from it, which is where BM25 wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

SIF = 1e-3
"""a of a / (a + p): a token that is one of a thousand weighs half."""

ENCODER_BATCH = 512


def frequency_weights(counts: NDArray[np.int64]) -> Matrix:
    """a / (a + p) for each token, (n_vocabulary,) float32."""
    share = counts / max(1, counts.sum())
    return np.asarray(SIF / (SIF + share), dtype=np.float32)


def random_vectors(size: int, dim: int, seed: int) -> Matrix:
    """(size, dim) float32, rows of length about 1."""
    rows = np.random.default_rng(seed).normal(size=(size, dim)) / np.sqrt(dim)
    return np.asarray(rows, dtype=np.float32)


def encode_tokens(tokens: Sequence[str], model: Any) -> Matrix:
    """What a sentence-transformers encoder makes of each token, (n_vocabulary, its width) float32."""
    vectors = model.encode(
        list(tokens), batch_size=ENCODER_BATCH, convert_to_numpy=True, normalize_embeddings=True
    )
    return cast(Matrix, np.asarray(vectors, dtype=np.float32))


def principal(vectors: Matrix, dim: int) -> Matrix:
    """Centred, in the order of the principal axes, the first `dim`, rows of length 1."""
    centred = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    turned = centred @ axes[:, np.argsort(-values)[:dim]]
    lengths = np.linalg.norm(turned, axis=1, keepdims=True)
    return np.asarray(turned / np.maximum(lengths, 1e-6), dtype=np.float32)
