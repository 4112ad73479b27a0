"""Pairs of texts that belong together, from sources alone; no label is needed.

    python -m training.embedder.pairs --work build/training

Reads `corpus/files.jsonl` and `corpus/packages`, indexes each package with repocoder's own indexer (call sites
and their definitions are edges of its graph; the indexes lie in `index/`, where the samples of the completion
model find them too), writes `embedder/pairs/SPLIT/PACKAGE-DIGEST.jsonl.gz`, one `Pair` a line. What was made from the
same list of files stays: a run that was ended goes on where it was.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import itertools
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from indexer.build import Indexer
from indexer.errors import LockedError, WorkerError
from indexer.languages import LANGUAGES, Language
from indexer.snapshot import Snapshot
from indexer.types import Symbol
from retrieval.dense import passage
from retrieval.postings import PostingsBuilder
from training.embedder import texts

KINDS = ("docstring", "call", "next", "comment", "masked")

DEFINITIONS = ("function", "method", "class")
MIN_CHARACTERS = 60
"""Of code: less is a line that could be anywhere."""

CALLS_OF_ONE = {"train": 8, "validation": 3, "test": 3}
"""Call sites of one definition at most: a logger's `info` would be a tenth of all."""

SHARES = {"next": 0.5, "comment": 0.7, "masked": 0.35}
"""Of the pairs of a kind, those that are kept: there are more than the others need. Docstrings and calls: all."""

MASKED_SHARE = 0.5
"""Of the names of a chunk, those that are left out."""

MAX_PACKAGE_BYTES = 10_000_000
"""Of a package, for all kinds but calls: three of them would be a third of the corpus."""

TRIES, WAIT_S = 20, 10.0
"""Of indexing a package that another process indexes."""

_LANGUAGES: Mapping[str, Language] = {language.name: language for language in LANGUAGES}


class Source(msgspec.Struct, frozen=True):
    """One line of `files.jsonl`."""

    package: str
    path: str
    language: str
    bytes: int
    split: str


class Pair(msgspec.Struct, frozen=True):
    """Two texts of one package that belong together: `positive` is what is looked for with `anchor`."""

    kind: str  # one of KINDS
    package: str
    anchor: str
    positive: str
    name: str = ""  # of what is looked for, "" where it has none
    path: str = ""  # of the file that has `positive`


def read_sources(corpus: Path) -> dict[str, dict[str, list[Source]]]:
    """split -> package -> its files."""
    found: dict[str, dict[str, list[Source]]] = defaultdict(lambda: defaultdict(list))
    with (corpus / "files.jsonl").open("rb") as stream:
        for line in stream:
            source = msgspec.json.decode(line, type=Source)
            found[source.split][source.package].append(source)
    return {split: dict(packages) for split, packages in found.items()}


def read_pairs(work: Path, split: str) -> Iterator[Pair]:
    """The pairs of one split, package by package."""
    for place in sorted((work / "embedder" / "pairs" / split).glob("*.jsonl.gz")):
        with gzip.open(place, "rb") as stream:
            for line in stream:
                yield msgspec.json.decode(line, type=Pair)


def pairs_of(
    snapshot: Snapshot, package: str, paths: Iterable[str], calls: int, chance: random.Random
) -> Iterator[Pair]:
    """All pairs of an indexed package, from these of its files; `calls`: of one definition, at most."""
    wanted = sorted(set(paths) & snapshot.paths())
    left = MAX_PACKAGE_BYTES
    for path in chance.sample(wanted, len(wanted)):
        language = _LANGUAGES[snapshot.language(path)]
        if language.grammar and left > 0:
            left -= len(snapshot.content(path))
            yield from _docstrings(snapshot, package, path, language)
            yield from _chunk_pairs(snapshot, package, path, language, chance)
            text = snapshot.content(path).decode("utf-8", "replace")
            for words, code in texts.comment_blocks(text, language):
                yield Pair("comment", package, passage(words), passage(code), path=path)
    yield from _calls(snapshot, package, frozenset(wanted), calls, chance)


def _docstrings(snapshot: Snapshot, package: str, path: str, language: Language) -> Iterator[Pair]:
    for symbol in snapshot.symbols_of(path):
        if symbol.kind not in ("function", "method") or not symbol.doc:
            continue
        code = text_of(snapshot, symbol)
        found = texts.split_docstring(code) if language.name == "python" else (symbol.doc, code)
        if found is not None and texts.says_something(found[0]):
            yield Pair("docstring", package, passage(found[0]), passage(found[1]), symbol.name, path)


def _chunk_pairs(
    snapshot: Snapshot, package: str, path: str, language: Language, chance: random.Random
) -> Iterator[Pair]:
    chunks = snapshot.chunks_of(path)
    for chunk, after in itertools.pairwise(chunks):
        yield Pair("next", package, passage(chunk.text), passage(after.text), path=path)
    for chunk in chunks:
        text = passage(chunk.text)
        anchor = texts.masked(text, language.keywords, MASKED_SHARE, chance)
        yield Pair("masked", package, anchor, text, chunk.name, path)


def _calls(
    snapshot: Snapshot, package: str, wanted: frozenset[str], most: int, chance: random.Random
) -> Iterator[Pair]:
    """Call sites with the definitions that our resolver finds for them in other files."""
    sites: dict[int, list[tuple[str, int]]] = defaultdict(list)
    paths = {symbol.id: symbol for symbol in snapshot.all_symbols() if symbol.path in wanted}
    for edge in snapshot.all_edges():
        source, target = paths.get(edge.source), paths.get(edge.target)
        if edge.kind == "calls" and edge.line and source and target and source.path != target.path:
            sites[edge.target].append((source.path, edge.line))
    for number, found in sites.items():
        target = paths[number]
        if target.kind not in DEFINITIONS:
            continue
        code = passage(text_of(snapshot, target))
        for path, line in chance.sample(found, min(most, len(found))):
            lines = snapshot.content(path).decode("utf-8", "replace").split("\n")
            anchor = texts.around_call(lines, line)
            if target.name in anchor:
                yield Pair("call", package, passage(anchor), code, target.name, target.path)


def text_of(snapshot: Snapshot, symbol: Symbol) -> str:
    """A definition as the file has it, from the start of its first line."""
    content = snapshot.content(symbol.path)
    start = content.rfind(b"\n", 0, symbol.span.start_byte) + 1
    return content[start : symbol.span.end_byte].decode("utf-8", "replace")


def chosen(pairs: Iterable[Pair], chance: random.Random) -> Iterator[Pair]:
    """None twice, none without code, of some kinds only a share."""
    seen: set[bytes] = set()
    for pair in pairs:
        if len(pair.positive) < MIN_CHARACTERS or not pair.anchor.strip():
            continue
        if chance.random() >= SHARES.get(pair.kind, 1.0):
            continue
        words = f"{pair.kind}\0{' '.join(pair.anchor.split())}"
        key = hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=12).digest()
        if key not in seen:
            seen.add(key)
            yield _encodable(pair)


def _encodable(pair: Pair) -> Pair:
    """Without lone surrogates, which JSON cannot hold."""
    anchor, positive = (
        text.encode("utf-8", "replace").decode("utf-8") for text in (pair.anchor, pair.positive)
    )
    return msgspec.structs.replace(pair, anchor=anchor, positive=positive)


def index_package(root: Path, directory: Path, derived: PostingsBuilder) -> None:
    """Bring the index up to date; waits for another process that does so.

    Files that a busy machine gave up, as too slow to parse, are tried again.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with Indexer(root, directory, derived=(derived,)) as indexer:
                indexer.build(retry_skipped=True)
            return
        except (LockedError, WorkerError):  # of a machine so busy that parsers do not come up in time
            if not tries_left:
                raise
            time.sleep(WAIT_S)


def write_package(work: Path, split: str, package: str, sources: Sequence[Source], seed: int = 5) -> int:
    """Write the pairs of one package, if that was not done for these files; returns how many it wrote."""
    paths = sorted(source.path for source in sources)
    digest = hashlib.sha256("\0".join(paths).encode()).hexdigest()[:8]
    folder = work / "embedder" / "pairs" / split
    place = folder / f"{package}-{digest}.jsonl.gz"
    if place.exists():
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{package}-????????.jsonl.gz"):
        old.unlink()
    root = (work / "corpus" / "packages" / package).resolve()
    directory, derived = work / "index" / package, PostingsBuilder()
    index_package(root, directory, derived)
    chance = random.Random(f"{seed} {package}")  # noqa: S311 (a sample, no secret)
    with (
        Snapshot.open(directory, root, derived_versions={derived.name: derived.version}) as snapshot,
        gzip.open(place.with_suffix(".part"), "wb", compresslevel=1) as stream,
    ):
        count = 0
        for pair in chosen(pairs_of(snapshot, package, paths, CALLS_OF_ONE[split], chance), chance):
            stream.write(msgspec.json.encode(pair) + b"\n")
            count += 1
    place.with_suffix(".part").rename(place)
    return count


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.embedder.pairs", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--splits", nargs="+", default=["validation", "test", "train"])
    options = parser.parse_args(arguments)
    sources = read_sources(options.work / "corpus")
    for split in options.splits:
        packages = sorted(sources.get(split, {}).items())
        for number, (package, files) in enumerate(packages, 1):
            count = write_package(options.work, split, package, files)
            print(
                f"{split}: {number} of {len(packages)}, {package}: {count:,} pairs",
                file=sys.stderr,
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
