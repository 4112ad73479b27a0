"""Vectors as faiss keeps them: float32, or int8 on one scale, which is a quarter of the disk and exact to 0.01.

Both are searched in full. Int8 is stable: what was read and is written again, as when segments merge, has the same
bytes, so that an index that was updated answers as one that was built from nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.embed import Matrix

if TYPE_CHECKING:
    import faiss

Storage = Literal["float32", "int8"]

STEPS = 256.0
"""Of int8 for one. The elements of a vector of length 1 and 256 dimensions are about 1/16; beyond 127/256 they are
cut, as those of texts of one or two words may be. Rounding moves a cosine by 0.001 on average.
"""


def to_index(vectors: Matrix, storage: Storage) -> faiss.Index:
    """An index of rows of length 1 (or 0), shape (n, dim) float32, for inner products."""
    import faiss

    native: Any = faiss  # its stubs do not know what its Python layer accepts
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if storage == "float32":
        index: Any = native.IndexFlatIP(rows.shape[1])
    else:
        index = native.IndexScalarQuantizer(
            rows.shape[1], native.ScalarQuantizer.QT_8bit_direct_signed, native.METRIC_INNER_PRODUCT
        )
        rows = np.clip(np.rint(rows * STEPS), -127, 127)
    index.add(rows)
    found: faiss.Index = index
    return found


def write(vectors: Matrix, place: Path, storage: Storage) -> None:
    """Write rows of length 1 (or 0), shape (n, dim) float32."""
    import faiss

    faiss.write_index(to_index(vectors, storage), str(place))


def search(index: faiss.Index, vector: Matrix, k: int, live: NDArray[np.bool_]) -> list[tuple[int, float]]:
    """The k rows with the largest product with a vector, (dim,) float32, as (row, product), among the live ones.

    `live` has a value for each row. Int8 rows are multiplied with the vector rounded to int8 on a scale of its own.
    """
    import faiss

    native: Any = faiss
    scale = 1.0
    asked = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
    if not _is_float(index):
        own = 127.0 / max(float(np.abs(asked).max()), 1e-6)
        asked = np.rint(asked * np.float32(own))
        scale = own * STEPS
    bitmap = np.packbits(live, bitorder="little")
    chosen = native.SearchParameters(sel=native.IDSelectorBitmap(bitmap))
    scores, rows = index.search(asked, k, params=chosen)
    return [
        (int(row), float(score) / scale) for score, row in zip(scores[0], rows[0], strict=True) if row >= 0
    ]


def rows_of(index: faiss.Index, first: int, count: int) -> Matrix:
    """The stored vectors from row `first` on, (count, dim) float32."""
    rows: Matrix = index.reconstruct_n(first, count)
    return rows if _is_float(index) else np.asarray(rows / np.float32(STEPS), dtype=np.float32)


def _is_float(index: faiss.Index) -> bool:
    import faiss

    return isinstance(index, faiss.IndexFlat)
