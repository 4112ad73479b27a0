"""What a text of the corpus shares with the benchmarks, by content: passages of code without its layout."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from indexer.errors import StorageError
from training.corpus.benchmarks import BenchmarkFile, texts_of
from training.corpus.duplicates import shared
from training.corpus.fingerprint import Hashes, code_of, passages

MAX_PASSAGES = 4
"""Sampled passages that a file may share: five of them are some 220 bytes of code in a row, six lines or more."""


@dataclass(frozen=True, slots=True)
class BenchmarkIndex:
    """Everything that the benchmarks say, as hashes of passages: (n,) uint64, sorted, without repeats."""

    passages: Hashes

    def overlap(self, of_file: Hashes) -> int:
        """How many of a file's passages (sorted, without repeats) the benchmarks have."""
        return int(shared(of_file, self.passages).sum())


def index_texts(texts: Iterable[str]) -> BenchmarkIndex:
    """The index of some texts."""
    found, pending = np.zeros(0, np.uint64), []
    for text in texts:
        pending.append(passages(code_of(text)))
        if len(pending) == 4096:  # task files repeat what the repositories say
            found, pending = np.unique(np.concatenate([found, *pending])), []
    return BenchmarkIndex(np.unique(np.concatenate([found, *pending])))


def index_benchmarks(folder: Path, files: list[BenchmarkFile], cache: Path) -> BenchmarkIndex:
    """The index of all benchmark files, kept in the folder `cache` for as long as neither they nor the rules change.

    Raises StorageError if it cannot be kept.
    """
    kept = cache / f"benchmarks-{_state(files)}.npz"
    try:
        with np.load(BytesIO(kept.read_bytes()), allow_pickle=False) as arrays:
            return BenchmarkIndex(arrays["passages"])
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):  # not there, or a stump
        pass
    index = index_texts(text for file in files for text in texts_of(folder, file))
    try:
        cache.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part.npz")
        np.savez(part, passages=index.passages)
        part.rename(kept)
    except OSError as error:
        raise StorageError(f"corpus: {kept}: {error.strerror}: name a folder that can be written") from error
    return index


def _state(files: list[BenchmarkFile]) -> str:
    state = hashlib.sha256(Path(__file__).with_name("fingerprint.py").read_bytes())
    for file in files:
        state.update(file.sha256.encode())
    return state.hexdigest()[:16]
