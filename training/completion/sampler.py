"""The samples of one package: its holes, and what our own retriever finds at each, as in the product."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from indexer.build import Indexer
from indexer.secrets import mask_text
from indexer.snapshot import Snapshot
from indexer.types import FileFacts, Skip
from repocoder.config import Settings
from retrieval.postings import PostingsBuilder
from retrieval.query import query_at
from retrieval.retriever import RetrievalSettings, Retrieved, Retriever
from retrieval.types import Exclusion, Hit
from training.completion.holes import Hole, choose, find_holes
from training.completion.records import Sample, Snippet, Source

CHANNELS = ("definitions", "similar")  # what every user has; vectors are an option
MAX_FILE_BYTES = 200_000  # a larger buffer takes too long to parse for each of its holes
MAX_DEFINING_FILES = 8  # a name that more files define says little, unless the file imports it
MIN_NAME = 3  # characters of a name that is looked up

_NAME = re.compile(r"[^\W\d]\w*")


class PackageSampler:
    """One package: its index, the retriever on it, and the parser of buffers. For one thread; close it."""

    def __init__(self, root: Path, directory: Path) -> None:
        directory.parent.mkdir(parents=True, exist_ok=True)
        derived = (PostingsBuilder(),)
        self._root = root
        self._indexer = Indexer(root, directory, derived=derived, workers=1)
        if self._indexer.is_stale():
            self._indexer.build()
        versions = {part.name: part.version for part in derived}
        self._snapshot = Snapshot.open(directory, root, derived_versions=versions)
        self._retriever = Retriever(self._snapshot, settings=RetrievalSettings(channels=CHANNELS))
        self._defining = lru_cache(maxsize=None)(
            lambda name: frozenset(row.path for row in self._snapshot.named(name))
        )

    def __enter__(self) -> PackageSampler:
        return self

    def __exit__(self, *_: object) -> None:
        self._snapshot.close()
        self._indexer.close()

    def samples(
        self, source: Source, rng: random.Random, count: int, kinds: Sequence[str] = ()
    ) -> Iterator[Sample]:
        """At most `count` samples of one file; none where it cannot be read, is large, or shows a secret."""
        if source.bytes > MAX_FILE_BYTES:
            return
        text = _read(self._root / source.path)
        facts = self._snapshot.facts(source.path)
        if text is None or facts is None:
            return
        data = text.encode()
        holes = [hole for hole in find_holes(data, source.language, rng) if not kinds or hole.kind in kinds]

        def is_wanted(hole: Hole) -> bool:
            return bool(self.names(data[hole.start : hole.end].decode(), facts))

        for hole in choose(holes, rng, count, is_wanted):
            yield self._sample(source, data, hole, facts)

    def names(self, text: str, facts: FileFacts) -> tuple[str, ...]:
        """The names of a text that another file of the package defines, each once."""
        imported = {name for one in facts.imports for name in (one.name, one.alias)}
        found = dict.fromkeys(name for name in _NAME.findall(text) if len(name) >= MIN_NAME)
        return tuple(name for name in found if self._is_elsewhere(name, facts.path, name in imported))

    def _is_elsewhere(self, name: str, path: str, is_imported: bool) -> bool:
        if name.startswith("__"):
            return False
        paths = self._defining(name)
        return bool(paths) and path not in paths and (is_imported or len(paths) <= MAX_DEFINING_FILES)

    def _sample(self, source: Source, data: bytes, hole: Hole, facts: FileFacts) -> Sample:
        sample = _cut(source, data, hole)
        found = self._retrieve(sample)
        hits = tuple(_snippet(hit) for hit in found.hits)
        names = self.names(sample.hole, facts)
        return msgspec.structs.replace(
            sample, hits=hits, gate=found.gate.retrieve, names=names, seen=count_seen(names, hits)
        )

    def _retrieve(self, sample: Sample) -> Retrieved:
        buffer = sample.prefix + sample.suffix
        parsed = self._indexer.pool.parse_buffer(sample.path, buffer.encode())
        last = sample.line + sample.hole.count("\n")
        query = query_at(
            sample.path,
            buffer,
            sample.line,
            len(sample.prefix) - sample.prefix.rfind("\n") - 1,
            facts=None if isinstance(parsed, Skip) else parsed.facts,
            exclusions=(Exclusion(sample.path, sample.line, last),),
        )
        return self._retriever.retrieve(query, k=Settings().k, mode="auto")


def bare_samples(root: Path, source: Source, rng: random.Random, count: int) -> Iterator[Sample]:
    """At most `count` samples of one file without snippets, at a tenth of the cost: for those that show none."""
    text = _read(root / source.path)
    if text is None or source.bytes > MAX_FILE_BYTES:
        return
    data = text.encode()
    for hole in choose(find_holes(data, source.language, rng), rng, count, lambda _: False):
        yield _cut(source, data, hole)


def _cut(source: Source, data: bytes, hole: Hole) -> Sample:
    """The sample of a hole before anything is retrieved."""
    prefix, text, suffix = (
        part.decode() for part in (data[: hole.start], data[hole.start : hole.end], data[hole.end :])
    )
    line = prefix.count("\n") + 1
    return Sample(
        source.package, source.path, source.language, hole.kind, line, prefix, text, suffix, (), False, (), 0
    )  # fmt: skip


def _read(path: Path) -> str | None:
    """The text of a file; None where a prompt would not show it as it is."""
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    is_plain = "\r" not in text and "\0" not in text and not text.startswith("\ufeff")
    return text if is_plain and mask_text(text, config=False) == text else None


def _snippet(hit: Hit) -> Snippet:
    is_definition = any(evidence.source == "definitions" for evidence in hit.evidence)
    return Snippet(hit.path, hit.text, hit.start_line, is_definition)


def count_seen(names: Sequence[str], hits: Sequence[Snippet]) -> int:
    """How many of the names the hits show."""
    shown = {name for hit in hits for name in _NAME.findall(hit.text)} if names else set()
    return sum(name in shown for name in names)
