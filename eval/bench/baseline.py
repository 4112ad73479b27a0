"""semble as a baseline: installed into a folder of its own, and a static model that both sides can use."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from eval.bench.processes import ChildError, Run, run_child

PINNED = Path(__file__).with_name("baselines.txt")
DIM = 256
"""Width of the static model: that of the model semble comes with."""

VOCABULARY = 30_000
"""Tokens of the static model. What a token's vector says does not matter here, only that there is one."""

INSTALL_S = 600.0

Matrix = NDArray[np.float32]


class MissingError(Exception):
    """What a row needs is not on this machine. The message is the reason that the table shows."""


class Semble:
    """semble in a folder of its own. Its caches go to `scratch`."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._folder = folder
        self._scratch = scratch

    def child(self, module: str, *arguments: str) -> dict[str, Any]:
        """What a module of ours says that runs with the baselines on its path. Raises ChildError."""
        return run_child(module, arguments, environment={"PYTHONPATH": str(self._folder)}).result

    def run(self, *arguments: str, workers: int = 0) -> Run:
        """Run one mode of `eval.bench.semble_child`. Raises ChildError."""
        environment = {
            "PYTHONPATH": str(self._folder),
            "SEMBLE_CACHE_LOCATION": str(self._scratch / "semble"),
            "XDG_CACHE_HOME": str(self._scratch / "cache"),  # its grammars are unpacked there once
            "HF_HUB_OFFLINE": "1",
            "SEMBLE_INDEX_WORKERS": str(workers),
        }
        return run_child("eval.bench.semble_child", arguments, environment=environment)


def open_semble(scratch: Path) -> Semble:
    """Install semble where it is missing, unpack its grammars. Raises MissingError."""
    digest = hashlib.sha256(PINNED.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = Path(platformdirs.user_cache_dir("repocoder")) / "baselines" / digest
    if not (folder / "semble").is_dir():
        _install(folder)
    semble = Semble(folder, scratch)
    tiny = scratch / "tiny"
    tiny.mkdir()
    (tiny / "tiny.py").write_text("def tiny():\n    return 1\n")
    try:
        semble.run("warm", str(tiny))
    except ChildError as error:
        raise MissingError(f"semble does not run here ({error})") from None
    return semble


def _install(folder: Path) -> None:
    """Raises MissingError. The folder gets its name when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="installing-") as place:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        command += ["--target", place, "--only-binary", ":all:", "--no-deps", "--requirement", str(PINNED)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        except subprocess.TimeoutExpired:
            raise MissingError(f"semble: not installed within {INSTALL_S:.0f} s") from None
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
            raise MissingError(f"semble cannot be installed ({reason[:200]})")
        shutil.rmtree(folder, ignore_errors=True)
        Path(place).rename(folder)
        Path(place).mkdir()  # for the temporary folder's own removal


def make_model(semble: Semble, tree: Path, folder: Path) -> Path:
    """A static model of random vectors, with a vocabulary learned from a sample of the tree."""
    try:
        semble.run("model", str(tree), str(folder), str(DIM), str(VOCABULARY))
    except ChildError as error:
        raise MissingError(f"no static model ({error})") from None
    return folder


class StaticEmbedder:
    """The same static model for repocoder: the mean of the token vectors (`retrieval.embed.Embedder`)."""

    def __init__(self, folder: Path) -> None:
        """Raises MissingError if the tokeniser's library is not installed."""
        if importlib.util.find_spec("tokenizers") is None:
            raise MissingError("tokenizers is not installed")
        from tokenizers import Tokenizer

        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._vectors = _read_vectors(folder / "model.safetensors")  # (n_tokens, dim) float32
        self.id = f"static@{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
        self.dim = int(self._vectors.shape[1])

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Shape (len(texts), dim) float32, each row of length 1, or 0 for a text without tokens."""
        result = np.zeros((len(texts), self.dim), dtype=np.float32)
        encoded = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        for row, one in enumerate(encoded):
            if one.ids:
                result[row] = self._vectors[one.ids].mean(axis=0)
        lengths = np.linalg.norm(result, axis=1, keepdims=True)
        np.divide(result, lengths, out=result, where=lengths > 0)
        return result


def _read_vectors(place: Path) -> Matrix:
    """The only two-dimensional tensor of a safetensors file, as float32."""
    data = place.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    types: dict[str, Any] = {"F32": np.float32, "F16": np.float16}
    for name, entry in header.items():
        if name != "__metadata__" and len(entry["shape"]) == 2 and entry["dtype"] in types:
            start, end = entry["data_offsets"]
            raw = np.frombuffer(data[8 + size + start : 8 + size + end], dtype=types[entry["dtype"]])
            return np.asarray(raw.reshape(entry["shape"]), dtype=np.float32)
    raise MissingError(f"{place.name}: no vectors")
