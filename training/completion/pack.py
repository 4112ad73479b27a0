"""Samples to token ids, by the product's own prompt builder: training sees exactly the prompts that users' models see.

`python -m training.completion.pack --work DIR --tokenizer FILE --name NAME --split train`

Reads `samples/SPLIT/`, writes `packed/NAME/NNN.npz` (`packed/NAME-SPLIT/` for other splits than train), each complete
when it has its name. Run again, it packs the samples that have come since into further shards. A shard has `ids` (n,)
uint16 or uint32, `roles` (n,) uint8 (0 snippets, paths and control tokens, 1 the file around the hole, 2 the hole with
its end token), `lengths` (samples,) int32 and `kinds` (samples,) uint8, numbers of `kinds.json`. Files that
`corpus/files.jsonl` does not list any more are left out, as samples and as snippets.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from repocoder.prompt import MAX_PATH, PromptBudget, build_prompt
from retrieval.types import Query
from training.completion.holes import MIX
from training.completion.records import SPLITS, Sample, Source, read_samples, sample_files
from training.completion.vocabulary import Vocabulary

CONTEXT, FILE, HOLE = 0, 1, 2  # roles of tokens
PLAIN = "plain"
KINDS = (*MIX, PLAIN)

LEAST, MODE, MOST = 192, 450, 1024
"""Tokens of a sample, drawn from a triangle: most have 300 to 700, which a CPU reads in half a second and a small model
can use; a few are as long as its context in training."""

SUFFIX_FIRST = 0.7  # of the samples: the order of the product; the others have the prefix first
WITHOUT_SUFFIX = 0.3  # nothing is written yet behind the hole
WITHOUT_SNIPPETS = 0.25  # no repository, or the gate said no
PLAIN_SHARE = 0.1  # of all training samples: a stretch of a file, as in the model's first training
MAX_HOLE = 160  # tokens; longer ones are left out
LEAST_PROMPT = 64  # tokens that the prompt of a long hole still gets
SHARD_TOKENS = 1_500_000
LOG = "packed.json"  # which files of samples are in the shards


@dataclass(frozen=True, slots=True)
class Packed:
    """One sample as ids; `roles` has one for each."""

    ids: list[int]
    roles: list[int]
    kind: str


@dataclass(frozen=True, slots=True)
class Lengths:
    """The triangle of tokens that a sample may have."""

    least: int = LEAST
    mode: int = MODE
    most: int = MOST

    def draw(self, rng: random.Random) -> int:
        return round(rng.triangular(self.least, self.most, self.mode))


class Log(msgspec.Struct):
    """What a folder of shards was made of."""

    sources: list[str] = msgspec.field(default_factory=list)
    shards: int = 0


@dataclass(slots=True)
class Tally:
    """What was packed, for the report."""

    samples: int = 0
    tokens: int = 0
    skipped: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    roles: Counter[int] = field(default_factory=Counter)


def pack_sample(
    sample: Sample, vocabulary: Vocabulary, rng: random.Random, lengths: Lengths, paths: frozenset[str]
) -> Packed | None:
    """A hole in its prompt; None for a hole that is too long. Snippets of files outside `paths` are left out.

    The hole is tokenised apart from the prefix, as it is met at the cursor.
    """
    hole = [*vocabulary.tokenize(sample.hole), vocabulary.end]
    if len(hole) > MAX_HOLE + 1:
        return None
    total = max(LEAST_PROMPT, lengths.draw(rng) - len(hole))
    with_suffix, with_snippets = rng.random() >= WITHOUT_SUFFIX, rng.random() >= WITHOUT_SNIPPETS
    suffix_first = rng.random() < SUFFIX_FIRST
    query = Query(
        sample.path,
        sample.language,
        sample.line,
        0,
        sample.prefix,
        sample.suffix if with_suffix else "",
        "",
        (),
    )
    shown = sample.hits if with_snippets and sample.gate else ()
    hits = [snippet.as_hit(sample.language) for snippet in shown if snippet.path in paths]
    budget = PromptBudget.for_model(vocabulary.vocab.n_ctx, 0, wanted=total)
    prompt = build_prompt(query, hits, vocabulary, budget=budget, repo_name=sample.package)
    around = _around(prompt.token_ids, vocabulary, suffix_first=suffix_first)
    if around is None:
        return None
    ids, roles = around
    return Packed([*ids, *hole], [*roles, *[HOLE] * len(hole)], sample.kind)


def _around(
    ids: Sequence[int], vocabulary: Vocabulary, *, suffix_first: bool
) -> tuple[list[int], list[int]] | None:
    """The prompt's ids, in the other order if asked, and their roles; None for one that was cut within its template."""
    marks = vocabulary.vocab.template.ids
    if any(ids.count(marks[role]) != 1 for role in ("prefix", "suffix", "middle")):
        return None
    start, turn, end = (ids.index(marks[role]) for role in ("prefix", "suffix", "middle"))
    head, suffix, prefix = ids[: start + 1], ids[turn + 1 : end], ids[end + 1 :]
    first, second = (suffix, prefix) if suffix_first else (prefix, suffix)
    # Suffix first: <prefix><suffix>S<middle>P. Prefix first: <prefix>P<suffix>S<middle>.
    pieces = (
        [(head, CONTEXT), ([ids[turn]], CONTEXT), (first, FILE), ([ids[end]], CONTEXT), (second, FILE)]
        if suffix_first
        else [(head, CONTEXT), (first, FILE), ([ids[turn]], CONTEXT), (second, FILE), ([ids[end]], CONTEXT)]
    )
    return [one for piece, _ in pieces for one in piece], [role for piece, role in pieces for _ in piece]


def pack_plain(source: Source, text: str, vocabulary: Vocabulary, rng: random.Random, most: int) -> Packed:
    """A stretch of a file of at most `most` tokens, from its start or from any line; ended where the file ends."""
    lines = text.splitlines(keepends=True)
    first = 0 if rng.random() < 0.5 else rng.randrange(max(1, len(lines)))
    head = [vocabulary.vocab.template.ids["file"], *vocabulary.tokenize(f"{source.path[-MAX_PATH:]}\n")]
    room = most - len(head)
    stretch = "".join(lines[first:])[: room * 16]
    is_whole = len(stretch) == len("".join(lines[first:]))
    body = vocabulary.tokenize(stretch)[:room]
    if is_whole and len(body) < room:
        body = [*body, vocabulary.end]
    return Packed([*head, *body], [CONTEXT] * len(head) + [FILE] * len(body), PLAIN)


def packed_samples(
    samples: Sequence[Sample], listed: Sequence[Source], work: Path, vocabulary: Vocabulary, rng: random.Random,
    lengths: Lengths, plain_share: float,
) -> Iterator[Packed | None]:  # fmt: skip
    """The samples of listed files in their order, with plain ones strewn in."""
    paths = {name: frozenset(one) for name, one in _paths(listed).items()}
    weights = np.cumsum([source.bytes**0.5 for source in listed])
    for sample in samples:
        known = paths.get(sample.package, frozenset())
        if sample.path in known:
            yield pack_sample(sample, vocabulary, rng, lengths, known)
            if rng.random() < plain_share / (1 - plain_share):
                source = listed[int(np.searchsorted(weights, rng.random() * weights[-1]))]
                text = _text(work, source)
                yield pack_plain(source, text, vocabulary, rng, lengths.most) if text else None


def _paths(listed: Iterable[Source]) -> dict[str, set[str]]:
    paths: dict[str, set[str]] = {}
    for source in listed:
        paths.setdefault(source.package, set()).add(source.path)
    return paths


def _text(work: Path, source: Source) -> str:
    try:
        text = (work / "corpus" / "packages" / source.package / source.path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return text


def write_shard(place: Path, samples: Sequence[Packed], vocabulary_size: int) -> None:
    """Write one shard under another name first."""
    dtype = np.uint16 if vocabulary_size <= 1 << 16 else np.uint32
    unfinished = place.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(
            file,
            ids=np.concatenate([np.array(sample.ids, dtype) for sample in samples]),
            roles=np.concatenate([np.array(sample.roles, np.uint8) for sample in samples]),
            lengths=np.array([len(sample.ids) for sample in samples], np.int32),
            kinds=np.array([KINDS.index(sample.kind) for sample in samples], np.uint8),
        )
    unfinished.rename(place)


def pack(
    samples: Iterable[Packed | None], folder: Path, first: int, vocabulary_size: int, shard_tokens: int
) -> tuple[Tally, int]:
    """Write shards from number `first` on; gives what is in them, and the number of the next."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kinds.json").write_text(json.dumps(KINDS))
    tally, waiting, size = Tally(), list[Packed](), 0
    for sample in samples:
        if sample is None:
            tally.skipped += 1
            continue
        waiting.append(sample)
        size += len(sample.ids)
        tally.kinds[sample.kind] += 1
        tally.roles.update(sample.roles)
        if size >= shard_tokens:
            write_shard(folder / f"{first:03d}.npz", waiting, vocabulary_size)
            first, waiting, size = first + 1, [], 0
    if waiting:
        write_shard(folder / f"{first:03d}.npz", waiting, vocabulary_size)
        first += 1
    tally.samples, tally.tokens = sum(tally.kinds.values()), sum(tally.roles.values())
    return tally, first


def _report(tally: Tally, folder: Path, seconds: float) -> str:
    roles = ", ".join(
        f"role {role} {count / tally.tokens:.1%}" for role, count in sorted(tally.roles.items())
    )
    kinds = ", ".join(f"{kind} {tally.kinds[kind]}" for kind in KINDS)
    return (
        f"{folder}: {tally.samples} samples ({kinds}), {tally.skipped} left out; {tally.tokens} tokens ({roles}); "
        f"{1000 * seconds / tally.samples:.1f} ms a sample"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.completion.pack", description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json of the model")
    parser.add_argument("--name", required=True, help="of the folder below packed/")
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lengths", type=int, nargs=3, default=[LEAST, MODE, MOST], metavar="TOKENS",
                        help="least, commonest and most tokens of a sample")  # fmt: skip
    parser.add_argument("--repeat", type=int, default=1, help="forms of each hole, drawn anew")
    parser.add_argument("--shard-tokens", type=int, default=SHARD_TOKENS)
    options = parser.parse_args(arguments)
    started = time.monotonic()
    is_train = options.split == "train"
    folder: Path = options.work / "packed" / (options.name if is_train else f"{options.name}-{options.split}")
    place = folder / LOG
    log = msgspec.json.decode(place.read_bytes(), type=Log) if place.exists() else Log()
    files = [path for path in sample_files(options.work, options.split) if path.name not in log.sources]
    if not files:
        print("nothing new to pack: run training.completion.samples first", file=sys.stderr)
        return 0
    samples = [sample for path in files for sample in read_samples(path)] * options.repeat
    rng = random.Random(f"{options.seed} {log.shards}")  # noqa: S311
    rng.shuffle(samples)
    vocabulary = Vocabulary(options.tokenizer)
    lines = (options.work / "corpus" / "files.jsonl").read_bytes().splitlines()
    listed = [one for line in lines if (one := msgspec.json.decode(line, type=Source)).split == options.split]
    packed = packed_samples(
        samples,
        listed,
        options.work,
        vocabulary,
        rng,
        Lengths(*options.lengths),
        PLAIN_SHARE if is_train else 0.0,
    )
    tally, shards = pack(packed, folder, log.shards, vocabulary.vocab.size, options.shard_tokens)
    place.write_bytes(msgspec.json.encode(Log([*log.sources, *(path.name for path in files)], shards)))
    print(_report(tally, folder, time.monotonic() - started))
    return 0


if __name__ == "__main__":
    sys.exit(main())
