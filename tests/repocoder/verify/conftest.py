"""A real index and a real parse worker for the checks of completions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from indexer.build import Indexer
from indexer.languages import language_of
from indexer.parse import ParsePool
from indexer.snapshot import Snapshot
from indexer.types import FileFacts, Skip
from repocoder import verify
from repocoder.verify import Fault
from retrieval.types import Query

OPEN, CLOSE = "«", "»"  # around the completion in the text of a buffer


@pytest.fixture(scope="session")
def parse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[verify.Parse]:
    with ParsePool(tmp_path_factory.mktemp("buffers"), workers=1) as pool:

        def facts(path: str, data: bytes) -> FileFacts | None:
            parsed = pool.parse_buffer(path, data)
            return None if isinstance(parsed, Skip) else parsed.facts

        yield facts


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Mapping[str, str]], Snapshot]]:
    """Write files, index them, open the snapshot."""
    opened: list[Snapshot] = []

    def build(files: Mapping[str, str]) -> Snapshot:
        home = tmp_path_factory.mktemp("indexed")
        root: Path = home / "repository"
        for name, text in files.items():
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(dedent(text))
        indexer = Indexer(root, home / "index", derived=(), workers=1)
        try:
            indexer.build()
        finally:
            indexer.close()
        opened.append(Snapshot.open(home / "index", root, derived_versions={}))
        return opened[-1]

    yield build
    for snapshot in opened:
        snapshot.close()


@pytest.fixture(scope="session")
def faults(parse: verify.Parse) -> Callable[[Snapshot, str, str], tuple[Fault, ...]]:
    """The faults of the completion between « and » in a buffer of that path."""

    def find(snapshot: Snapshot, path: str, marked: str) -> tuple[Fault, ...]:
        before, _, rest = dedent(marked).partition(OPEN)
        completion, _, after = rest.partition(CLOSE)
        language = language_of(path)
        assert language is not None
        query = Query(path, language.name, before.count("\n") + 1, 0, before, after, "", ())
        return verify.faults(query, completion, snapshot, parse)

    return find
