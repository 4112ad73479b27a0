"""A real index of a small repository, for the tests of the channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from indexer.build import Indexer
from indexer.derived import Derived
from indexer.snapshot import Snapshot
from retrieval.postings import PostingsBuilder

OpenSnapshot = Callable[..., Snapshot]


@pytest.fixture(scope="module")
def index_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSnapshot]:
    """Write files below `at` (a new folder if left out), index them and open the snapshot."""
    opened: list[Snapshot] = []

    def index(files: Mapping[str, str], *derived: Derived, at: Path | None = None) -> Snapshot:
        home = at or tmp_path_factory.mktemp("indexed")
        root, directory = home / "repository", home / "index"
        for name, text in files.items():
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(dedent(text))
        parts: tuple[Derived, ...] = (PostingsBuilder(), *derived)
        indexer = Indexer(root, directory, derived=parts, workers=1)
        try:
            indexer.build()
        finally:
            indexer.close()
        versions = {part.name: part.version for part in parts}
        opened.append(Snapshot.open(directory, root, derived_versions=versions))
        return opened[-1]

    yield index
    for snapshot in opened:
        snapshot.close()
