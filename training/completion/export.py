"""A trained decoder as a GGUF that llama.cpp runs, and the comparison of both.

    python -m training.completion.export MODEL_DIR OUT.gguf [--type Q8_0]
    python -m training.completion.export --check MODEL_DIR OUT.gguf [--prompts 50]

Weights keep their names and order, so only their type changes: F32, F16, BF16, or a block format that the `gguf`
package can quantise. Nothing of the time or the machine goes in: the same model gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, LlamaFileType

from indexer.errors import RepocoderError
from repocoder.fim import EMBEDDED_MARK
from repocoder.llm.gate import AREA_KEY, NO_KEY, QUESTION_KEY, THRESHOLD_KEY, YES_KEY
from training.completion.model import EPSILON, Decoder, Shape
from training.completion.weights import TrainingError, load, plain_state

TYPES = ("F32", "F16", "BF16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0")
"""What `--type` takes: the types that llama.cpp runs on every CPU and that `gguf` can write."""

FOUR_AND_FIVE_BITS = ("Q5_1", "Q5_0", "Q4_1", "Q4_0")
EMBEDDING_TYPE = "Q8_0"
"""Of the tied embeddings where the rest has four or five bits: they are the output layer too (`llama-quantize` does
likewise), and in a vocabulary of code the rare names live on small differences."""

LICENCE = "apache-2.0"
PRE_TOKENIZER = "qwen2"
END = "<|endoftext|>"
FIM_TOKENS = {
    "fim_pre": "<|fim_prefix|>",
    "fim_suf": "<|fim_suffix|>",
    "fim_mid": "<|fim_middle|>",
    "fim_pad": "<|fim_pad|>",
    "fim_rep": "<|repo_name|>",
    "fim_sep": "<|file_sep|>",
}
"""Key of the metadata (`tokenizer.ggml.KEY_token_id`) -> text of the token."""

GATE_TOKENS = {QUESTION_KEY: "<|repo_name|>", YES_KEY: "<|file_sep|>", NO_KEY: "<|fim_middle|>"}
"""The question after a prompt without snippets, and its two answers, where `model.json` says `gate: true`."""

NOT_TRAINING = ("shape", "name", "gate", "gate_threshold", "gate_area", "description", "licence")
"""Facts of `model.json` with a key of their own; all other numbers and texts go to `repocoder.training.*`."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a GGUF holds of a byte-level BPE. `kinds` are llama.cpp's token types."""

    tokens: list[str]
    kinds: list[int]
    merges: list[str]
    ids: Mapping[str, int]


def read_vocabulary(tokenizer: bytes, size: int) -> Vocabulary:
    """Of a tokenizer.json, with unused entries up to `size`. TrainingError: not a BPE that llama.cpp can run alike."""
    found = json.loads(tokenizer)
    model = found["model"]
    if model["type"] != "BPE" or found.get("normalizer") or model.get("byte_fallback"):
        raise TrainingError(
            "tokenizer.json: not a byte-level BPE without normalizer: train one with `tokenizer`"
        )
    special = {entry["content"] for entry in found["added_tokens"] if entry["special"]}
    ids: dict[str, int] = dict(model["vocab"])
    ids |= {entry["content"]: entry["id"] for entry in found["added_tokens"]}
    texts = {number: text for text, number in ids.items()}
    if max(texts) >= size:
        raise TrainingError(
            f"tokenizer.json: {max(texts) + 1} entries, the model has {size}: not its tokenizer"
        )
    tokens, kinds = [], []
    for number in range(size):
        text = texts.get(number)
        tokens.append(f"[UNUSED{number}]" if text is None else text)
        kind = gguf.TokenType.CONTROL if text in special else gguf.TokenType.NORMAL
        kinds.append(int(gguf.TokenType.UNUSED if text is None else kind))
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return Vocabulary(tokens, kinds, merges, ids)


def write_gguf(folder: Path, target: Path, kind: str = "Q8_0") -> None:
    """Write the model of a folder as a GGUF, whole or not at all. TrainingError: something is missing."""
    model, tokenizer, facts = load(folder)
    vocabulary = read_vocabulary(tokenizer, model.shape.vocabulary)
    part = target.with_suffix(".part")
    writer = GGUFWriter(part, model.shape.architecture)
    _describe(writer, model.shape, facts, kind)
    _add_shape(writer, model.shape)
    _add_vocabulary(writer, vocabulary)
    if facts.get("gate"):
        _add_gate(writer, vocabulary, facts)
    for name, data, tensor_type in tensors(model, kind):
        writer.add_tensor(name, data, raw_dtype=tensor_type)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def tensors(model: Decoder, kind: str) -> Iterator[tuple[str, npt.NDArray[Any], Type]]:
    """(name, data, type) in a fixed order. Norms stay F32; a row that blocks do not divide becomes F16."""
    for name, weight in plain_state(model).items():
        values = weight.detach().float().cpu().numpy()
        if values.ndim == 1:
            yield name, values, Type.F32
            continue
        wanted = EMBEDDING_TYPE if kind in FOUR_AND_FIVE_BITS and name == "token_embd.weight" else kind
        tensor_type = Type[wanted]
        if values.shape[1] % gguf.GGML_QUANT_SIZES[tensor_type][0]:
            tensor_type = Type.F16
        if tensor_type == Type.F32:
            yield name, values, tensor_type
        elif tensor_type == Type.F16:
            yield name, values.astype(np.float16), tensor_type
        else:
            yield name, gguf.quantize(values, tensor_type), tensor_type


def _describe(writer: GGUFWriter, shape: Shape, facts: Mapping[str, Any], kind: str) -> None:
    name = str(facts.get("name", "decoder"))
    # The product knows its own models, and how their prompts look, by this word.
    writer.add_name(name if EMBEDDED_MARK in name.lower() else f"{EMBEDDED_MARK}-{name}")
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_description(
        str(facts.get("description", "Code completion with fill-in-the-middle and other files"))
    )
    writer.add_license(str(facts.get("licence", LICENCE)))
    writer.add_size_label(f"{shape.parameters / 1e6:.1f}M")
    writer.add_file_type(LlamaFileType["ALL_F32" if kind == "F32" else f"MOSTLY_{kind}"])
    if kind not in ("F32", "F16", "BF16"):
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for key in sorted(set(facts).difference(NOT_TRAINING)):
        value, where = facts[key], f"repocoder.training.{key}"
        if isinstance(value, bool):
            writer.add_bool(where, value)
        elif isinstance(value, int):
            writer.add_int64(where, value)
        elif isinstance(value, float):
            writer.add_float64(where, value)
        elif isinstance(value, str):
            writer.add_string(where, value)


def _add_shape(writer: GGUFWriter, shape: Shape) -> None:
    writer.add_vocab_size(shape.vocabulary)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head)
    writer.add_value_length(shape.head)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_rope_dimension_count(shape.head)


def _add_vocabulary(writer: GGUFWriter, vocabulary: Vocabulary) -> None:
    missing = [text for text in (END, *FIM_TOKENS.values()) if text not in vocabulary.ids]
    if missing:
        raise TrainingError(
            f"tokenizer.json: no {', '.join(missing)}: train the tokenizer with these control tokens"
        )
    writer.add_tokenizer_model("gpt2")  # llama.cpp's name for byte-level BPE
    writer.add_tokenizer_pre(PRE_TOKENIZER)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.kinds)
    writer.add_token_merges(vocabulary.merges)
    end = vocabulary.ids[END]
    writer.add_eos_token_id(end)
    writer.add_eot_token_id(end)
    writer.add_pad_token_id(vocabulary.ids[FIM_TOKENS["fim_pad"]])
    writer.add_add_bos_token(False)
    for key, text in FIM_TOKENS.items():
        writer.add_uint32(f"tokenizer.ggml.{key}_token_id", vocabulary.ids[text])


def _add_gate(writer: GGUFWriter, vocabulary: Vocabulary, facts: Mapping[str, Any]) -> None:
    for key, text in GATE_TOKENS.items():
        writer.add_uint32(key, vocabulary.ids[text])
    if "gate_threshold" in facts:
        writer.add_float32(THRESHOLD_KEY, float(facts["gate_threshold"]))
    if "gate_area" in facts:
        writer.add_float32(AREA_KEY, float(facts["gate_area"]))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="weights.safetensors, model.json, tokenizer.json")
    parser.add_argument("gguf", type=Path)
    parser.add_argument("--type", choices=TYPES, default="Q8_0")
    parser.add_argument("--check", action="store_true", help="compare an exported file with PyTorch")
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--new", type=int, default=32, help="tokens to complete for each prompt")
    parser.add_argument(
        "--sources", type=Path, help="folder of code for the prompts; this repository by default"
    )
    parser.add_argument("--json", type=Path, help="keep the figures of the comparison in this file too")
    given = parser.parse_args(arguments)
    try:
        if given.check:
            from training.completion.parity import check

            return check(given.folder, given.gguf, given)
        write_gguf(given.folder, given.gguf, given.type)
    except RepocoderError as error:
        print(f"export: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{given.gguf}: {given.gguf.stat().st_size / 1e6:.1f} MB, {given.type}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
