"""Holes of packages with what our own retriever finds for them, as text: a model with any tokenizer can use them.

`python -m training.completion.samples --work DIR --split train --count N --workers 2 --seed S [--packages NAME …]`
`python -m training.completion.samples --work DIR --split train --count N --without-retrieval`

Reads `corpus/files.jsonl` and `corpus/packages/`, keeps indexes in `index/`, writes
`samples/SPLIT/PACKAGE-SEED.jsonl.gz`, each complete when it has its name. What exists is not made again. The buffer is
the file without the hole, the lines of the hole are excluded as in our benchmarks, and so is the file behind it: the
truth is in no snippet of its own file.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from training.completion.records import (
    SPLITS,
    Sample,
    Snippet,
    Source,
    read_samples,
    read_sources,
    sample_files,
    trim,
    write_samples,
)
from training.completion.sampler import MAX_FILE_BYTES, PackageSampler, bare_samples, count_seen

__all__ = [
    "Order",
    "Sample",
    "Snippet",
    "Source",
    "main",
    "read_samples",
    "read_sources",
    "sample_files",
    "shares",
]

HOLES_PER_FILE = 2
"""At most. More holes of a file cost less, as it is read once, but then each is the context of the others: samples of
3 to 6 holes a file were learnt by heart (1.2 to 1.7 nats a token where other packages' holes had 2.4)."""

FOREIGN_SHARE = (
    0.05  # of training samples: with the snippets of another hole, so that a model learns to ignore them
)


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is asked for: samples of one package."""

    work: Path
    package: str
    split: str
    count: int
    seed: int
    kinds: tuple[str, ...] = ()  # () for all
    retrieval: bool = True
    per_file: int = HOLES_PER_FILE
    languages: tuple[str, ...] = ()  # () for all


def shares(sources: Sequence[Source], count: int, per_file: int = HOLES_PER_FILE) -> dict[str, int]:
    """Samples of each package: by the square root of its bytes, at most what its files give."""
    sizes: dict[str, int] = {}
    room: dict[str, int] = {}
    for source in sources:
        sizes[source.package] = sizes.get(source.package, 0) + source.bytes
        if source.bytes <= MAX_FILE_BYTES:
            room[source.package] = room.get(source.package, 0) + per_file
    left, given = count, {}
    for package in sorted(room, key=lambda name: room[name] / math.sqrt(sizes[name])):
        weight = math.sqrt(sizes[package])
        rest = sum(math.sqrt(sizes[name]) for name in room if name not in given)
        given[package] = min(room[package], round(left * weight / rest))
        left -= given[package]
    return {package: number for package, number in sorted(given.items()) if number}


def with_foreign(samples: Sequence[Sample], rng: random.Random) -> list[Sample]:
    """The same, but `FOREIGN_SHARE` of them with the hits of a hole in another file."""
    result = []
    for sample in samples:
        other = rng.choice(samples)
        if rng.random() < FOREIGN_SHARE and other.path != sample.path:
            hits = tuple(hit for hit in other.hits if hit.path != sample.path)
            seen = count_seen(sample.names, hits)
            sample = msgspec.structs.replace(sample, hits=hits, seen=seen, is_foreign=True)
        result.append(sample)
    return result


def make_package(order: Order) -> tuple[Order, int, float]:
    """Write the samples of one package; gives how many and the seconds."""
    started = time.monotonic()
    rng = random.Random(f"{order.seed} {order.split} {order.package}")  # noqa: S311
    sources = [one for one in read_sources(order.work, order.split) if one.package == order.package]
    sources = [one for one in sources if not order.languages or one.language in order.languages]
    sources.sort(key=lambda one: rng.random() ** (1 / math.sqrt(one.bytes + 1)), reverse=True)
    samples: list[Sample] = []
    with ExitStack() as stack:
        draw = _drawer(order, stack)
        for source in sources:
            if len(samples) >= order.count:
                break
            quota = min(order.per_file, order.count - len(samples))
            for sample in draw(source, rng, quota):
                samples.append(trim(sample) if order.split == "train" else sample)
    if order.split == "train" and order.retrieval:
        samples = with_foreign(samples, rng)
    write_samples(place_of(order), samples)
    return order, len(samples), time.monotonic() - started


def _drawer(order: Order, stack: ExitStack) -> Callable[[Source, random.Random, int], Iterator[Sample]]:
    """What makes the samples of one file; `stack` closes it."""
    root = order.work / "corpus" / "packages" / order.package
    if not order.retrieval:
        return partial(bare_samples, root)
    sampler = stack.enter_context(PackageSampler(root, order.work / "index" / order.package))
    return partial(sampler.samples, kinds=order.kinds)


def place_of(order: Order) -> Path:
    """Where the samples of an order are written."""
    form = "" if order.retrieval else "bare-"
    return order.work / "samples" / order.split / f"{order.package}-{form}{order.seed}.jsonl.gz"


def make(orders: Sequence[Order], workers: int, say: Callable[[str], None]) -> int:
    """Run the orders whose samples are not there yet; gives the number of samples written."""
    todo = [order for order in orders if not place_of(order).exists()]
    total = 0
    for done, (order, count, seconds) in enumerate(_results(todo, workers), 1):
        total += count
        say(f"{done}/{len(todo)} {order.package}: {count} samples in {seconds:.0f} s, {total} in all")
    return total


def _results(orders: Sequence[Order], workers: int) -> Iterator[tuple[Order, int, float]]:
    """What `make_package` gives for each, as they end; in this process where one worker is enough."""
    if workers == 1:
        yield from map(make_package, orders)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(make_package, order) for order in orders]):
            yield future.result()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.completion.samples", description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--count", type=int, required=True, help="samples of all packages together")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--holes-per-file", type=int, default=HOLES_PER_FILE, help="at most")
    parser.add_argument("--languages", nargs="+", default=[], help="only files in these")
    parser.add_argument("--packages", nargs="+", default=[], help="only these")
    parser.add_argument("--kinds", nargs="+", default=[], help="only these kinds of holes")
    parser.add_argument(
        "--without-retrieval", action="store_true", help="no snippets, at a tenth of the cost"
    )
    options = parser.parse_args(arguments)
    sources = read_sources(options.work, options.split)
    sources = [one for one in sources if not options.packages or one.package in options.packages]
    sources = [one for one in sources if not options.languages or one.language in options.languages]
    orders = [
        Order(
            options.work,
            package,
            options.split,
            count,
            options.seed,
            tuple(options.kinds),
            retrieval=not options.without_retrieval,
            per_file=options.holes_per_file,
            languages=tuple(options.languages),
        )
        for package, count in shares(sources, options.count, options.holes_per_file).items()
    ]
    random.Random(options.seed).shuffle(orders)  # noqa: S311
    made = make(orders, options.workers, lambda line: print(line, file=sys.stderr, flush=True))
    print(f"{made} new samples of {len(orders)} packages in {options.work / 'samples' / options.split}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
