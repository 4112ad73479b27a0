"""The embedder's tokenizer: parts of names (`getHTTPName_2` -> get http name 2), lower case, then WordPiece.

    python -m training.embedder.vocabulary --work build/training

Reads the pairs for training, writes `embedder/tokenizer.json` and `embedder/frequencies.npy`, how often each token
occurs in a sample of their texts. What is no letter and no digit separates, and is dropped: it says little.
A piece inside a word is the same entry as at its start, so `filename` may be written as file + name.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from retrieval.static import Words
from training.embedder.pairs import read_pairs

SIZE = 40_000
"""Entries. With 256 bytes each and the tokenizer's file it is 11.4 MB, of 12 that are allowed."""

UNKNOWN = "[UNK]"

HUMPS = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
"""Where a name in camel case is cut: `get|HTTP|Server`."""

PARTS = r"[a-z]+|[0-9]{1,3}|[^\W0-9a-z_]+"
"""What is tokenised, of lower-cased text. Digits in threes: a vocabulary of numbers would be wasted."""

SAMPLE = 5
"""One text of so many teaches the vocabulary."""

MAX_WORD = 64
"""Characters of a part; a longer one is data and unknown."""


def train_vocabulary(texts: Iterator[str], size: int = SIZE) -> Tokenizer:
    """A tokenizer with at most `size` entries, learnt from the texts."""
    tokenizer = Tokenizer(
        models.WordPiece(unk_token=UNKNOWN, continuing_subword_prefix="", max_input_chars_per_word=MAX_WORD)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(HUMPS), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PARTS), "removed", invert=True)
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=3,
        special_tokens=[UNKNOWN],
        limit_alphabet=400,
        continuing_subword_prefix="",
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return Tokenizer.from_str(_without_added(tokenizer))


def _without_added(tokenizer: Tokenizer) -> str:
    """The tokenizer's file without its special token: `[UNK]` in a text is text."""
    settings = msgspec.json.decode(tokenizer.to_str())
    settings["added_tokens"] = []
    return msgspec.json.encode(settings).decode()


def sample(work: Path, every: int) -> Iterator[str]:
    """Both texts of each pair whose number is a multiple of `every`; a text that two pairs share may come twice."""
    for number, pair in enumerate(read_pairs(work, "train")):
        if number % every == 0:
            yield pair.anchor
            yield pair.positive


def count_tokens(tokenizer: Tokenizer, texts: Iterator[str]) -> np.ndarray:
    """How often each entry occurs, (n_vocabulary,) int64."""
    words = Words(tokenizer)
    counts = np.zeros(tokenizer.get_vocab_size(), dtype=np.int64)
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == 1024:
            counts += np.bincount(words.tokens(batch)[0], minlength=len(counts))
            batch.clear()
    return counts + np.bincount(words.tokens(batch)[0], minlength=len(counts))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.embedder.vocabulary", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--every", type=int, default=SAMPLE)
    options = parser.parse_args(arguments)
    folder = options.work / "embedder"
    tokenizer = train_vocabulary(sample(options.work, options.every), options.size)
    tokenizer.save(str(folder / "tokenizer.json"))
    counts = count_tokens(tokenizer, sample(options.work, options.every))
    np.save(folder / "frequencies.npy", counts, allow_pickle=False)
    share = counts[tokenizer.token_to_id(UNKNOWN)] / max(1, counts.sum())
    print(
        f"{len(counts):,} entries, unknown {share:.3%} of {counts.sum():,} tokens",
        file=sys.stderr,
        flush=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
