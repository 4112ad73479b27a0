"""Weights and tokenizer out of a GGUF, so that a training can go on from a model that is there.

python -m training.completion.initial FIRST.gguf FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from repocoder.errors import RepocoderError
from training.completion.model import Decoder, Shape
from training.completion.weights import TrainingError, save

QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How llama.cpp's pre-tokenizer `qwen2` cuts text before the merges (Qwen2's tokenizer.json)."""

CONTROL = 3
"""`tokenizer.ggml.token_type` of control tokens (llama.cpp's LLAMA_TOKEN_TYPE_CONTROL)."""


def byte_level(vocabulary: dict[str, int], merges: list[tuple[str, str]], control: list[str]) -> Tokenizer:
    """A byte-level BPE that cuts and merges as llama.cpp does with `tokenizer.ggml.pre = qwen2`."""
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in control])
    return tokenizer


def read_gguf(path: Path) -> tuple[Decoder, Tokenizer]:
    """The decoder (float32, quantised weights multiplied out) and the tokenizer of a `llama` GGUF."""
    from gguf import GGUFReader, dequantize

    try:
        reader = GGUFReader(path)
    except (OSError, ValueError) as error:
        raise TrainingError(f"initial model: {path}: {error}: give a GGUF file") from error

    def fact(key: str) -> Any:
        field = reader.get_field(key)
        if field is None:
            raise TrainingError(
                f"initial model: {path}: no {key}: a model of the `llama` architecture is needed"
            )
        return field.contents()

    if fact("general.architecture") != "llama":
        raise TrainingError(f"initial model: {path}: not of the `llama` architecture")
    width, heads = fact("llama.embedding_length"), fact("llama.attention.head_count")
    tokens: list[str] = fact("tokenizer.ggml.tokens")
    shape = Shape(
        architecture="llama",
        vocabulary=len(tokens),
        width=width,
        layers=fact("llama.block_count"),
        heads=heads,
        kv_heads=fact("llama.attention.head_count_kv"),
        head=width // heads,
        feed_forward=fact("llama.feed_forward_length"),
        context=fact("llama.context_length"),
        rope_base=fact("llama.rope.freq_base"),
    )
    model = Decoder(shape)
    weights = {
        tensor.name: torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32))
        for tensor in reader.tensors
    }
    model.load_state_dict(weights)
    types = fact("tokenizer.ggml.token_type")
    control = [token for token, kind in zip(tokens, types, strict=True) if kind == CONTROL]
    merges = [tuple(merge.split(" ")) for merge in fact("tokenizer.ggml.merges")]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return model, byte_level(vocabulary, merges, control)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("gguf", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args(arguments)
    try:
        model, tokenizer = read_gguf(given.gguf)
    except RepocoderError as error:
        print(f"initial: {error}", file=sys.stderr)
        return error.exit_code
    digest = hashlib.sha256(given.gguf.read_bytes()).hexdigest()
    facts = {"name": given.gguf.stem, "sha256_of_gguf": digest, "tokens": 0, "steps": 0}
    save(given.folder, model, tokenizer.to_str(pretty=False).encode(), facts)
    print(f"{given.folder}: {model.shape.parameters:,} parameters, {model.shape.vocabulary:,} tokens")
    return 0


if __name__ == "__main__":
    sys.exit(main())
