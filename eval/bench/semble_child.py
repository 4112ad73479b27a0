"""What runs in a process of its own with semble on its path. Knows nothing of repocoder.

python -m eval.bench.semble_child warm TREE
python -m eval.bench.semble_child model TREE FOLDER DIM VOCABULARY
python -m eval.bench.semble_child full TREE MODEL WORD SAVE        index in memory, one search; SAVE 1: then to disk
python -m eval.bench.semble_child cached TREE MODEL                 start with a cache that is up to date
python -m eval.bench.semble_child search TREE MODEL ASKED            each text of the JSON file ASKED, warm
python -m eval.bench.semble_child edits TREE MODEL FILE RUNS        after each edit: a full rebuild, and its own update
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval.bench.processes import own_peak_bytes, say

SAMPLE_BYTES = 8 << 20
"""Of the tree's source that the vocabulary is learned from."""


def main(arguments: list[str]) -> int:
    modes: dict[str, Callable[..., dict[str, Any]]] = {
        "warm": warm,
        "model": make_model,
        "full": full,
        "cached": cached,
        "search": search,
        "edits": edits,
    }
    say(modes[arguments[0]](*arguments[1:]))
    return 0


def warm(tree: str) -> dict[str, Any]:
    """Unpack the grammar; return the versions that are compared with."""
    chunking = importlib.import_module("semble.chunking.chunking")
    place = next(Path(tree).glob("*.py"))
    if not chunking.chunk_source(place.read_text(), place.name, "python"):
        raise SystemExit("semble made no chunk")
    return {"version": importlib.import_module("semble.version").__version__}


def make_model(tree: str, folder: str, dim: str, vocabulary: str) -> dict[str, Any]:
    numpy: Any = importlib.import_module("numpy")
    tokenizers: Any = importlib.import_module("tokenizers")
    model2vec: Any = importlib.import_module("model2vec")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=int(vocabulary), special_tokens=["[PAD]", "[UNK]"], show_progress=False
    )
    tokenizer.train_from_iterator(_sample(Path(tree)), trainer)
    size = tokenizer.get_vocab_size()
    vectors = numpy.random.default_rng(1).standard_normal((size, int(dim)), dtype=numpy.float32)
    model = model2vec.StaticModel(vectors, tokenizer, normalize=True)
    model.save_pretrained(folder)
    return {"tokens": size}


def _sample(tree: Path) -> list[str]:
    texts: list[str] = []
    left = SAMPLE_BYTES
    for place in sorted(tree.rglob("*.py"), key=lambda place: hash_of(place.relative_to(tree))):
        if left <= 0:
            break
        if place.is_file():
            texts.append(place.read_text(encoding="utf-8", errors="replace"))
            left -= len(texts[-1])
    return texts


def hash_of(path: Path) -> int:
    """An order of paths that is the same on every machine but not that of the alphabet."""
    return sum((position + 1) * byte for position, byte in enumerate(os.fsencode(path))) % 7919


def full(tree: str, model: str, word: str, save: str) -> dict[str, Any]:
    semble: Any = importlib.import_module("semble")
    started = time.perf_counter()
    index = semble.SembleIndex.from_path(tree, model_path=model)
    built = time.perf_counter()
    found = index.search(word, top_k=10)
    searched = time.perf_counter()
    result = {
        "seconds": searched - started,
        "build_seconds": built - started,
        "found": len(found),
        "chunks": len(index.chunks),
        "main_bytes": own_peak_bytes(),
    }
    if save == "1":
        importlib.import_module("semble.cache").save_index_to_cache(index, tree)
        result["save_seconds"] = time.perf_counter() - searched
        cache = Path(os.environ["SEMBLE_CACHE_LOCATION"])
        result["disk_bytes"] = sum(place.stat().st_size for place in cache.rglob("*") if place.is_file())
    return result


def cached(tree: str, model: str) -> dict[str, Any]:
    semble: Any = importlib.import_module("semble")
    started = time.perf_counter()
    index = semble.SembleIndex.from_path(tree, model_path=model)
    if not index.loaded_from_disk:
        raise SystemExit("the cache was not used")
    return {"seconds": time.perf_counter() - started, "main_bytes": own_peak_bytes()}


def search(tree: str, model: str, asked: str) -> dict[str, Any]:
    """Milliseconds of each search."""
    semble: Any = importlib.import_module("semble")
    texts: list[str] = json.loads(Path(asked).read_text(encoding="utf-8"))
    started = time.perf_counter()
    index = semble.SembleIndex.from_path(tree, model_path=model)
    built = time.perf_counter() - started
    milliseconds = []
    for number, text in enumerate([texts[0], *texts] if texts else []):
        started = time.perf_counter()
        index.search(text, top_k=16)
        if number:  # the first warms up
            milliseconds.append((time.perf_counter() - started) * 1000)
    return {"milliseconds": milliseconds, "build_seconds": built, "chunks": len(index.chunks)}


def edits(tree: str, model: str, file: str, runs: str) -> dict[str, Any]:
    """Seconds until a new word is found, in a running process: all anew, and with its cache of before."""
    semble: Any = importlib.import_module("semble")
    cache: Any = importlib.import_module("semble.cache")
    place = Path(tree, file)
    before = place.read_text(encoding="utf-8")
    times: dict[str, list[float]] = {"rebuild": [], "update": []}
    cache.save_index_to_cache(semble.SembleIndex.from_path(tree, model_path=model), tree)
    for number in range(int(runs)):
        for kind in ("update", "rebuild"):
            if kind == "rebuild":
                shutil.rmtree(os.environ["SEMBLE_CACHE_LOCATION"])
            word = f"zebra{kind}" + "x" * (number + 1)
            place.write_text(f"{before}\n\ndef {word}():\n    return {number}\n", encoding="utf-8")
            started = time.perf_counter()
            index = semble.SembleIndex.from_path(tree, model_path=model)
            found = index.search(word, top_k=50)  # its vectors are random here, and count in the ranking
            times[kind].append(time.perf_counter() - started)
            if not any(word in hit.chunk.content for hit in found):
                raise SystemExit(f"semble did not find {word}")
            cache.save_index_to_cache(index, tree)
    place.write_text(before, encoding="utf-8")
    return times


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
