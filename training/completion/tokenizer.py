"""A byte-level BPE for code, in the form that llama.cpp calls `qwen2`: its pre-tokenizer splits as ours does.

`python -m training.completion.tokenizer --work DIR --size 16384 --megabytes 60`

Reads a sample of the train split of `corpus/`, writes `tokenizer/SIZE/tokenizer.json`. The control tokens have the
first ids, in the order of the first embedded model: `<|endoftext|>` 0 to `<|file_sep|>` 6.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from repocoder.llm.fake import CONTROL_TOKENS
from training.completion.records import Source, read_sources

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Qwen2's pre-tokenizer, as in the `tokenizer.json` of Qwen2.5-Coder; llama.cpp has it under `qwen2`."""

MIN_FREQUENCY = 3  # of a pair that is merged


def train_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of at most `size` entries, control tokens and the 256 bytes among them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=[AddedToken(name, special=True, normalized=False) for name in CONTROL_TOKENS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def texts_of(work: Path, sources: Sequence[Source], megabytes: float, seed: int) -> Iterator[str]:
    """Files of a split in random order, until they have so many bytes."""
    order = list(sources)
    random.Random(seed).shuffle(order)  # noqa: S311
    left = megabytes * 1e6
    for source in order:
        if left <= 0:
            return
        data = (work / "corpus" / "packages" / source.package / source.path).read_bytes()
        left -= len(data)
        yield data.decode("utf-8", "replace")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="training.completion.tokenizer", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--size", type=int, default=16384, help="entries, control tokens among them")
    parser.add_argument("--megabytes", type=float, default=60, help="of text")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    texts = texts_of(options.work, read_sources(options.work, "train"), options.megabytes, options.seed)
    tokenizer = train_tokenizer(texts, options.size)
    place: Path = options.work / "tokenizer" / str(options.size) / "tokenizer.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(place))
    print(f"{place}: {tokenizer.get_vocab_size()} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
