"""What is derived from the chunks of an index: postings, vectors. The indexer calls it without knowing it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from indexer.bags import Bags


class ChunkText(msgspec.Struct, frozen=True):
    """One chunk as a derived structure gets it."""

    id: int
    path: str
    text: str


class Changes(Protocol):
    """What a build changed."""

    @property
    def removed(self) -> NDArray[np.int64]:
        """Ids of the chunks that are gone, ascending. Shape (n_removed,) int64."""
        ...

    @property
    def added(self) -> Iterable[ChunkText]:
        """The new chunks, in no promised order. May be iterated more than once; texts are read while it is."""
        ...

    @property
    def words(self) -> Bags:
        """The words of the new chunks, which were counted when their files were parsed."""
        ...

    @property
    def total_chunks(self) -> int:
        """Number of chunks in the index after the change."""
        ...


class Derived(Protocol):
    """A structure that is kept as files beside the database, one folder for each generation."""

    @property
    def name(self) -> str:
        """Folder inside the generation, "postings"."""
        ...

    @property
    def version(self) -> str:
        """Format and parameters, "bm25/1"; a folder of another version is built anew."""
        ...

    def build(self, target: Path, previous: Path | None, changes: Changes) -> None:
        """Write files into `target`, which exists and is empty.

        `previous` is this structure's folder in the last generation: verified, of the same version, not to be
        written; its files may be hard-linked. None: `changes.added` is every chunk of the index.
        """
        ...
