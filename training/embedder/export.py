"""Write a trained embedder into the package: int8 rows with a factor each, and the tokenizer.

    python -m training.embedder.export --work build/training

Writes `repocoder/assets/embedder/` in the format of sentence-transformers, which multiplies the rows with their factors
when it loads them (as for model2vec's folders). `training.ship` makes its card, with the digests that are trusted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from repocoder.embedders import FOLDER

MAX_BYTES = 12_000_000

MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"},
    {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"},
]

CONFIG = {"model_type": "SentenceTransformer", "prompts": {}, "similarity_fn_name": "cosine"}


def quantize(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Rows as int8 and the factor of each: (n, dim) float32 -> (n, dim) int8, (n,) float32."""
    factors = np.maximum(np.abs(vectors).max(axis=1), 1e-12).astype(np.float32) / np.float32(127)
    return np.rint(vectors / factors[:, None]).astype(np.int8), factors


def write_folder(vectors: NDArray[np.float32], tokenizer: str, folder: Path) -> None:
    """Everything but the card. `tokenizer`: the text of its file."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, factors = quantize(vectors)
    safetensors.save_file({"embeddings": rows, "weights": factors}, folder / "model.safetensors")
    (folder / "model.safetensors").chmod(0o644)  # its library writes for the owner alone
    compact = json.dumps(json.loads(tokenizer), ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json").write_text(compact, encoding="utf-8")
    (folder / "modules.json").write_bytes(msgspec.json.format(msgspec.json.encode(MODULES)) + b"\n")
    config = msgspec.json.format(msgspec.json.encode(CONFIG)) + b"\n"
    (folder / "config_sentence_transformers.json").write_bytes(config)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.embedder.export", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--name", default="model")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    source = options.work / "embedder" / options.name
    vectors = safetensors.load_file(source / "model.safetensors")["embedding.weight"]
    write_folder(vectors, (source / "tokenizer.json").read_text(encoding="utf-8"), options.out)
    size = sum(place.stat().st_size for place in options.out.rglob("*") if place.is_file())
    print(f"{size / 1e6:.2f} MB of {MAX_BYTES / 1e6:.0f}", file=sys.stderr, flush=True)
    return 0 if size <= MAX_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
