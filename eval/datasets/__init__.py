"""The benchmarks, read from any copy: the official releases, restored and resampled ones."""

from __future__ import annotations

from pathlib import Path

from eval.datasets.crosscodeeval import LANGUAGES, load_crosscodeeval
from eval.datasets.places import data_folder
from eval.datasets.repoeval import SETTINGS, load_repoeval
from eval.datasets.sources import target_text
from eval.types import Benchmark
from repocoder.errors import UsageError

NAMES = (*SETTINGS, *LANGUAGES)
"""Names of all benchmarks."""


def load(name: str, data: Path | None = None) -> Benchmark:
    """A benchmark from the folder `data`, else from `$REPOCODER_BENCHMARKS`, else from what was fetched.

    The layouts that `data` may have are in `eval.datasets.places`. Raises UsageError if there is no such benchmark,
    if it is not there or if it is damaged; StorageError if it cannot be read or unpacked.
    """
    if name not in NAMES:
        raise UsageError(f"benchmark: {name}: no such one: choose one of {', '.join(NAMES)}")
    folder = data_folder(data)
    return load_repoeval(name, folder) if name in SETTINGS else load_crosscodeeval(name, folder)


__all__ = ["NAMES", "load", "target_text"]
