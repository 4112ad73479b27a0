"""The nouns of this recipe's data on disk: files of the corpus, holes with what was found for them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from indexer.types import Chunk, Span
from retrieval.types import Evidence, Hit

KEPT_BEFORE, KEPT_AFTER = (
    6_000,
    2_500,
)  # characters of a training sample around the hole: 1,500 and 600 tokens
SPLITS = ("train", "validation", "test")


class Source(msgspec.Struct, frozen=True):
    """A line of `files.jsonl`: a file that may be used. `path` is relative to its package's folder."""

    package: str
    path: str
    language: str
    bytes: int
    split: str


class Snippet(msgspec.Struct, frozen=True):
    """A hit, with all that `repocoder.prompt` asks of it."""

    path: str
    text: str
    line: int  # first line in its file, 1-based
    is_definition: bool

    def as_hit(self, language: str) -> Hit:
        """As the prompt builder takes it."""
        last = self.line + self.text.count("\n")
        chunk = Chunk(-1, self.path, Span(self.line, last, 0, 0), language, "text", "", "", self.text)
        source = "definitions" if self.is_definition else "similar"
        return Hit(chunk, 0.0, (Evidence(source, 1, 0.0, ""),), self.text, self.line, last)


class Sample(msgspec.Struct, frozen=True):
    """A hole with its surroundings. `prefix + hole + suffix` is the file, cut at lines in a training sample."""

    package: str
    path: str
    language: str
    kind: str  # a key of `training.completion.holes.MIX`
    line: int  # of the cursor in the whole file, 1-based
    prefix: str
    hole: str
    suffix: str
    hits: tuple[Snippet, ...]  # best first
    gate: bool  # whether the product's gate finds them worth a prompt
    names: tuple[str, ...]  # names of the hole that another file of the package defines
    seen: int  # how many of these the hits show
    is_foreign: bool = False  # the hits are those of another hole


def read_sources(work: Path, split: str) -> list[Source]:
    """The files of a split, as listed now."""
    decoder = msgspec.json.Decoder(Source)
    with (work / "corpus" / "files.jsonl").open("rb") as lines:
        return [source for line in lines if (source := decoder.decode(line)).split == split]


def sample_files(work: Path, split: str) -> list[Path]:
    """The complete files of samples, by name."""
    return sorted((work / "samples" / split).glob("*.jsonl.gz"))


def read_samples(path: Path) -> Iterator[Sample]:
    """The samples of one file."""
    decoder = msgspec.json.Decoder(Sample)
    with gzip.open(path, "rb") as lines:
        for line in lines:
            yield decoder.decode(line)


def write_samples(place: Path, samples: Sequence[Sample]) -> None:
    """Write a file of samples, under another name first."""
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_suffix(".part")
    with gzip.open(unfinished, "wb", compresslevel=3) as file:
        for sample in samples:
            file.write(msgspec.json.encode(sample) + b"\n")
    unfinished.rename(place)


def trim(sample: Sample) -> Sample:
    """The sample with no more text around its hole than a training prompt may use, cut at lines."""
    prefix, suffix = sample.prefix[-KEPT_BEFORE:], sample.suffix[:KEPT_AFTER]
    if len(prefix) < len(sample.prefix):
        prefix = prefix[prefix.find("\n") + 1 :]
    if len(suffix) < len(sample.suffix):
        suffix = suffix[: suffix.rfind("\n") + 1] or suffix
    return msgspec.structs.replace(sample, prefix=prefix, suffix=suffix)
