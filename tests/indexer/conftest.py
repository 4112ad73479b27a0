"""Small repositories, indexes of them, and what an index says apart from its ids."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from indexer import build
from indexer.build import Indexer
from indexer.check import check
from indexer.parse import ParsePool
from indexer.snapshot import Snapshot
from retrieval.postings import Postings, PostingsBuilder

VERSIONS = {PostingsBuilder.name: PostingsBuilder.version}
WORDS = (
    "vocab",
    "token",
    "parser",
    "merge",
    "score",
    "bucket",
    "window",
    "graph",
    "lookup",
    "budget",
    "prompt",
)


def module_text(number: int, total: int, chance: random.Random) -> str:
    """A module that imports and uses others of the same repository."""
    others = sorted({chance.randrange(total) for _ in range(3)} - {number})
    word = chance.choice(WORDS)
    lines = [f'"""Module {number}."""', ""]
    lines += [f"from pkg.mod{other} import Thing{other}, make_{other}" for other in others]
    lines += ["", "", f"class Thing{number}:", f'    """Holds a {word}."""', ""]
    lines += [
        f"    def {word}_of(self, value: int) -> int:",
        f"        return value + {chance.randrange(9)}",
        "",
    ]
    lines += ["", f"def make_{number}() -> Thing{number}:", f"    return Thing{number}()", ""]
    lines += ["", f"def run_{number}() -> None:"]
    lines += [f"    make_{other}().{chance.choice(WORDS)}_of({other})" for other in others] or ["    pass"]
    return "\n".join(lines) + "\n"


@dataclass
class Repository:
    """A generated repository; all changes come from its own random numbers."""

    root: Path
    size: int
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        (self.root / "pkg").mkdir(parents=True)
        self.write("pkg/__init__.py", "")
        self.write("README.md", "# Words\n\nA vocab and a token.\n")
        for number in range(self.size):
            self.write(f"pkg/mod{number}.py", module_text(number, self.size, self.chance))

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def change(self) -> None:
        """Edit, add, remove, rename or break a file."""
        number = self.chance.randrange(self.size)
        place = self.root / f"pkg/mod{number}.py"
        match self.chance.randrange(6):
            case 0 | 1:
                self.write(f"pkg/mod{number}.py", module_text(number, self.size, self.chance))
            case 2 if place.exists():
                text = place.read_text(encoding="utf-8")
                self.write(f"pkg/mod{number}.py", f"# {self.chance.random()}\n{text}")
            case 3:
                self.write(f"pkg/extra{number}/mod{number}.py", module_text(number, self.size, self.chance))
            case 4:
                place.unlink(missing_ok=True)
            case _:
                self.write(f"pkg/mod{number}.py", "def broken(:\n    x = = 3\n")


def dump(snapshot: Snapshot) -> dict[str, Any]:
    """All that an index says, in terms that do not depend on ids or on how it came about."""
    names = {s.id: (s.path, s.qualname, s.span.start_line) for s in snapshot.all_symbols()}
    files = {}
    for path in sorted(snapshot.paths()):
        chunks = [(c.span, c.kind, c.name, c.signature, c.text) for c in snapshot.chunks_of(path)]
        symbols = [(s.qualname, s.kind, s.span, s.signature, s.doc) for s in snapshot.symbols_of(path)]
        files[path] = (snapshot.digest(path), snapshot.content(path), snapshot.facts(path), chunks, symbols)
    edges = sorted((names[e.source], names[e.target], e.kind, e.weight, e.line) for e in snapshot.all_edges())
    return {"files": files, "edges": edges, "skips": snapshot.skips(), "searches": _searches(snapshot)}


def _searches(snapshot: Snapshot) -> dict[str, Any]:
    folder = snapshot.derived_dir("postings")
    assert folder is not None
    postings = Postings.open(folder)
    found = {}
    for word in WORDS:
        hits = [(snapshot.chunk(number), score) for number, score in postings.search({word: 1.0}, 1000)]
        found[word] = sorted((chunk.path, chunk.span.start_byte, round(score, 6)) for chunk, score in hits)
    return found


@dataclass
class Workbench:
    """A repository and the folder of its index. All builds share a parse pool: starting one costs 0.3 s."""

    repository: Repository
    directory: Path
    scratch: Path

    @property
    def root(self) -> Path:
        return self.repository.root

    def indexer(self, directory: Path | None = None) -> Indexer:
        return Indexer(self.root, directory or self.directory, derived=(PostingsBuilder(),), workers=1)

    def open(self, directory: Path | None = None) -> Snapshot:
        return Snapshot.open(directory or self.directory, self.root, derived_versions=VERSIONS)

    def state(self, directory: Path | None = None) -> dict[str, Any]:
        """What the index says, after it was found sound."""
        assert check(directory or self.directory, self.root) == []
        with self.open(directory) as snapshot:
            return dump(snapshot)

    def clean_state(self) -> dict[str, Any]:
        """What a clean build of the files as they are says."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.indexer(self.scratch).build()
        with self.open(self.scratch) as snapshot:
            return dump(snapshot)


class SharedPool(ParsePool):
    """Stays open when an indexer is closed."""

    def close(self) -> None:
        pass

    def end(self) -> None:
        super().close()


@pytest.fixture
def make_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Workbench]]:
    """Makes a workbench with so many modules; its index is not built yet."""
    pools: dict[Path, SharedPool] = {}
    monkeypatch.setattr(build, "ParsePool", lambda root, *args, **kwargs: pools[root])

    def make(size: int) -> Workbench:
        repository = Repository(tmp_path / f"repository{len(pools)}", size)
        pools[repository.root] = SharedPool(repository.root, 1)
        return Workbench(repository, tmp_path / f"index{len(pools)}", tmp_path / "clean")

    yield make
    for pool in pools.values():
        pool.end()


@pytest.fixture
def bench(make_bench: Callable[[int], Workbench]) -> Workbench:
    """A workbench with 12 modules, indexed once."""
    bench = make_bench(12)
    bench.indexer().build()
    return bench
